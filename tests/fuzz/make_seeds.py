#!/usr/bin/env python3
"""Inputs for the fuzzers to start from, taken from the goldens: make_seeds.py FOLDER."""
import base64
import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"


def shortened(tokenizer):
    """A tokenizer.json with the start of its vocabulary, so that a mutation reaches the rest."""
    model = tokenizer["model"]
    if isinstance(model["vocab"], list):
        model["vocab"] = model["vocab"][:40]
    else:
        model["vocab"] = dict(list(model["vocab"].items())[:60])
        merges = [m if isinstance(m, list) else m.split(" ") for m in model.get("merges", [])]
        kept = [m for m in merges if all(t in model["vocab"] for t in (*m, "".join(m)))]
        if "merges" in model:
            model["merges"] = kept
    return tokenizer


def seeds():
    for file in sorted(GOLDEN.glob("tokenizers/*/tokenizer.json")):
        yield "tokenizer_json", json.dumps(shortened(json.loads(file.read_text())), ensure_ascii=False, separators=(",", ":")).encode()
    for number, file in enumerate(sorted(GOLDEN.glob("tokenizers/*/cases.jsonl"))):
        for line in file.read_text().splitlines()[:8]:
            yield "encode", bytes([number]) + json.loads(line)["text"].encode()
    for source, _ in json.loads((GOLDEN / "templates" / "cases.json").read_text())["cases"]:
        yield "template", source.encode()
    for file in sorted(GOLDEN.glob("torch-files/*.bin")):
        yield "torch_file", file.read_bytes()
    for number, file in enumerate(sorted(GOLDEN.glob("tokenizer-classes/*.model"))):
        yield "spm", bytes([number]) + file.read_bytes()[:2000]
        yield "spm", bytes([number]) + file.read_bytes()
    for picture in json.loads((GOLDEN / "pictures" / "pictures.json").read_text())["files"]:
        yield "image", base64.b64decode(picture["bytes"])
    for sound in json.loads((GOLDEN / "sounds" / "sounds.json").read_text())["files"]:
        if not sound["ffmpeg"]:
            yield "sound", base64.b64decode(sound["bytes"])

    for pattern in (r"^(a|b{2,3}|[^c-e\d])*$", r"\p{Lu}\u00e9(?<n>\S+?)\x41|", "(25[0-5]|1?[0-9]{1,2})(\\.[0-9]+){3}"):
        yield "constraint", b"0" + pattern.encode()
    for schema in ({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"enum": ["x", 1, [None]]}}, "required": ["b"], "minProperties": 2},
                   {"type": "array", "items": {"oneOf": [{"type": "integer", "minimum": -5}, {"format": "date"}]}, "contains": {"const": 3}},
                   {"anyOf": [{"not": {"type": "string"}}, {"pattern": "^a", "maxLength": 9}], "if": {"const": 1}, "then": False}):
        yield "constraint", b"1" + json.dumps(schema).encode()


def main():
    out = Path(sys.argv[1])
    for target, data in seeds():
        (out / target).mkdir(parents=True, exist_ok=True)
        (out / target / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    main()
