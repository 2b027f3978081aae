"""Holds what hft generate writes under random JSON Schemas, regular expressions and choices against jsonschema and re.

usage: scripts/compare constraints [FOLDER...] [--schemas N] [--patterns N] [--seed N]
FOLDER: by default three decoders of tests/golden. Needs jsonschema. Prints the first texts that do not conform, and how
many were cut at the maximum length.
"""
import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
NAMES = ["a", "name", "age", "tags", "id", "é", "x y", "kind"]
PATTERNS = ["^[a-z]{1,4}$", "^\\d{2}-\\d{2}$", "a", "^(ab|cd)+$", "[0-9]$", "^\\w+@\\w+\\.com$", "^[^x]{2,3}$", "^\\S\\s?$"]
FORMATS = ["date", "time", "date-time", "uuid", "email", "ipv4", "ipv6", "hostname", "duration"]
WHOLE = ["[a-c]{3,6}", "(yes|no|maybe)( (yes|no))?", "\\d{3}-\\d{4}", "-?(0|[1-9]\\d{0,4})(\\.\\d+)?", "[^\\d\\s]{2,9}", "(é|ü|東京)+!",
         "[A-Z][a-z]+( [A-Z][a-z]+){0,2}\\.", "\\W{3}", "\\D?\\S{2,4}", ".{0,12}", "(a|b)*c", "\\w+@\\w+\\.(com|org)", "(\\[\\d,\\d\\]){2}"]


def number(rng):
    return rng.choice([rng.randint(-20, 200), round(rng.uniform(-5, 50), rng.randint(1, 2))])


def value(rng, depth=0):
    kinds = [lambda: rng.choice(["red", "a b", "é\"", "", "0"]), lambda: number(rng), lambda: None, lambda: rng.random() < .5]
    if depth < 1:
        kinds += [lambda: [value(rng, 1) for _ in range(rng.randint(0, 2))],
                  lambda: {rng.choice(NAMES): value(rng, 1) for _ in range(rng.randint(0, 2))}]
    return rng.choice(kinds)()


def string(rng):
    schema = {"type": "string"}
    kind = rng.random()
    if kind < .3:
        schema["pattern"] = rng.choice(PATTERNS)
    elif kind < .55:
        return schema | {"format": rng.choice(FORMATS)}
    low = rng.randint(0, 3)
    return schema | {"minLength": low, "maxLength": low + rng.randint(3, 12)}


def numeric(rng):
    schema = {"type": rng.choice(["integer", "number"])}
    low = number(rng)
    if rng.random() < .8:
        schema[rng.choice(["minimum", "exclusiveMinimum"])] = low
    if rng.random() < .8:
        schema[rng.choice(["maximum", "exclusiveMaximum"])] = low + rng.randint(2, 300)
    if rng.random() < .2:
        schema["multipleOf"] = rng.choice([2, 3, 5, .5])
    return schema


def array(rng, depth):
    schema = {"type": "array", "maxItems": rng.randint(1, 4)}
    schema["minItems"] = rng.randint(0, schema["maxItems"])
    kind = rng.random()
    if kind < .2:
        return schema | {"items": {"enum": ["r", "g", "b", 1, None]}, "uniqueItems": True}
    if kind < .4:
        return schema | {"prefixItems": [any_of_types(rng, depth + 1), any_of_types(rng, depth + 1)], "items": numeric(rng)}
    if kind < .5:
        return schema | {"items": {"type": "integer", "maximum": 99}, "contains": {"minimum": 10}, "minItems": 1}
    return schema | {"items": any_of_types(rng, depth + 1)}


def object_(rng, depth):
    names = rng.sample(NAMES, rng.randint(1, 4))
    schema = {"type": "object", "properties": {n: any_of_types(rng, depth + 1) for n in names}}
    schema["required"] = [n for n in names if rng.random() < .6]
    kind = rng.random()
    if kind < .7:
        schema["additionalProperties"] = False
    elif kind < .8:
        schema |= {"additionalProperties": numeric(rng), "propertyNames": {"maxLength": 5}, "maxProperties": 4}
    elif kind < .9:
        schema |= {"patternProperties": {"^x.{0,3}$": {"type": "boolean"}}, "additionalProperties": False, "maxProperties": 5}
    if len(names) > 2 and rng.random() < .3:
        schema["dependentRequired"] = {names[0]: [names[1]]}
    return schema


def any_of_types(rng, depth=0):
    kinds = [string, numeric, lambda r: {"enum": [value(r) for _ in range(r.randint(1, 4))]}, lambda r: {"const": value(r)},
             lambda r: {"type": ["boolean", "null"]}]
    if depth < 3:
        kinds += [lambda r: array(r, depth), lambda r: object_(r, depth)] * 2
        kinds += [lambda r: {"anyOf": [any_of_types(r, depth + 1), any_of_types(r, depth + 1)]},
                  lambda r: {"oneOf": [string(r), numeric(r), {"type": "null"}]},
                  lambda r: {"allOf": [object_(r, depth), {"minProperties": 1}]}]
    return rng.choice(kinds)(rng)


def recursive(rng):
    return {"$defs": {"node": {"type": "object", "properties": {"v": numeric(rng), "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                               "required": ["v", "next"], "additionalProperties": False}}, "$ref": "#/$defs/node"}


def hft(*arguments):
    return subprocess.run([ROOT / "build" / "hft", "generate", *map(str, arguments)], capture_output=True, text=True)


def outputs(folder, rng, *flags):
    strategy = rng.choice([["--no-do-sample"], ["--do-sample", "--seed", rng.randrange(99)], ["--no-do-sample", "--num-beams", "3"],
                           ["--do-sample", "--top-k", "5", "--num-beams", "2", "--seed", rng.randrange(99)],
                           ["--do-sample", "--temperature", "2", "--num-return-sequences", "3", "--seed", rng.randrange(99)]])
    prompt = rng.choice(["The harbour master", "JSON:", "Ada repairs 42", "東京 and"])
    ran = hft("-m", folder, prompt, "--no-full-text", "--json", "--max-new-tokens", 110, *strategy, *flags)
    if ran.returncode:
        return ran.stderr.strip(), []
    return None, json.loads(ran.stdout)["output"]


def conforms(check, text):
    try:
        return check(text)
    except (ValueError, RecursionError):
        return False


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folders", nargs="*", default=[GOLDEN / f"{n}-generate" for n in ("gpt2", "llama", "qwen2")], type=Path)
    parser.add_argument("--schemas", type=int, default=200)
    parser.add_argument("--patterns", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, whole, cut, refused, bad = random.Random(options.seed), 0, 0, [], []
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(options.schemas + options.patterns):
            folder = options.folders[i % len(options.folders)]
            if i < options.schemas:
                said = recursive(rng) if i % 20 == 0 else any_of_types(rng)
                file = Path(scratch) / "schema.json"
                file.write_text(json.dumps(said))
                flags = ["--json-schema", file]
                validator = Draft202012Validator(said, format_checker=Draft202012Validator.FORMAT_CHECKER)
                check = lambda text: validator.is_valid(json.loads(text))
            elif i % 4:
                said = rng.choice(WHOLE)
                flags, check = ["--regex", said], lambda text: re.fullmatch(said, text) is not None
            else:
                said = [value(rng) for _ in range(3)]
                said = [json.dumps(v, ensure_ascii=False) for v in said]
                flags, check = ["--choices", json.dumps(said)], lambda text: text in said
            error, texts = outputs(folder, rng, *flags)
            if error:
                refused.append(f"{json.dumps(said, ensure_ascii=False)}: {error}")
            for one in texts:
                if one["finish_reason"] == "length":
                    cut += 1
                elif conforms(check, one["generated_text"]):
                    whole += 1
                else:
                    bad.append(f"{json.dumps(said, ensure_ascii=False)}: {one['generated_text']!r}")
    for line in refused[:10] + bad[:20]:
        print(line)
    print(f"{whole} texts conform, {len(bad)} do not; {cut} were cut at the maximum length, {len(refused)} schemas refused")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
