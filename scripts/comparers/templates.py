"""Renders templates with hft and with jinja2 (as transformers configures it) and counts differences.

usage: scripts/compare templates chats TEMPLATES.json   every template over made conversations
       scripts/compare templates [fuzz [N [SEED]]]      random expressions
TEMPLATES.json: {name: {"template", "variables"}}.
"""
import copy
import json
import random
import subprocess
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore", category=SyntaxWarning)  # of the code jinja2 writes
from golden.jinja_reference import NOW, render

ROOT = Path(__file__).resolve().parents[2]
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Wetter für <Ort>", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "description": "the city"},
                                     "days": {"type": "integer", "enum": [1, 2]},
                                     "units": {"type": ["string", "null"]},
                                     "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["city"]}, "return": {"type": "string"}}}


def call(arguments):
    return {"type": "function", "id": "abcdefghi", "function": {"name": "get_weather", "arguments": arguments}}


def conversations():
    user, again = {"role": "user", "content": "Hi there 🌍\n"}, {"role": "user", "content": "And \"now\"? <b>"}
    bot = {"role": "assistant", "content": " Grüß dich.  "}
    system = {"role": "system", "content": "You are\nterse."}
    think = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nDone", "reasoning_content": "hm"}
    asks = {"role": "assistant", "content": "", "tool_calls": [call({"city": "Köln", "days": 2, "ok": True, "z": None})]}
    asks_text = {"role": "assistant", "content": None, "tool_calls": [call('{"city": "Bonn"}'), call({"a": [1.0, 2e20]})]}
    tool = {"role": "tool", "name": "get_weather", "content": "{\"t\": 1}", "tool_call_id": "abcdefghi"}
    parts = {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image"}, {"type": "text", "text": "ok?"}]}
    lists = [[user], [system, user], [user, bot, again], [system, user, bot, again, bot], [bot, user], [user, user], [system],
             [], [user, asks, tool], [user, asks, tool, bot, again], [user, asks_text, tool, tool], [parts], [system, parts, bot],
             [{"role": "user", "content": ""}], [{"role": "user"}], [{"role": "user", "content": None}], [{"content": "x"}],
             [user, think, again], [user, think], [{"role": "developer", "content": "dev"}, user], [{"role": "odd", "content": "x"}],
             [{"role": "user", "content": 5}], [user, {"role": "assistant", "content": "a", "tool_calls": []}, again]]
    for messages in lists:
        for more in ({}, {"tools": [TOOL]}, {"tools": None, "documents": [{"title": "T", "text": "x"}]}, {"enable_thinking": False},
                     {"date_string": "26 Jul 2024", "tools": [TOOL, TOOL]}):
            for prompt in (False, True):
                yield {"messages": messages, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>",
                       "unk_token": "<unk>", **more}


ATOMS = ["0", "1", "-3", "7", "2.5", "1e16", "0.1", "'abc'", "'Hello World'", "''", "'é🌍ß'", "' x y '", "true", "false", "none", "missing",
         "[]", "[3, 1, 2]", "['b', 'A', 'a']", "(1, 'x')", "{}", "{'a': 1, 'b': [1, 2]}", "{'k': none}", "range(4)", "n", "s", "l", "d",
         "l[0]", "d.x", "d['y']", "people", "'12'", "'a,b,c'", "[[1, 2], [3]]", "'%s|%r'", "'{}-{}'"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", "not in", "**"]
FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "list", "string", "int", "float", "abs", "first", "last", "join", "join('-')",
           "sort", "unique|list", "reverse|list", "tojson", "tojson(indent=2)", "sum", "min", "max", "round", "round(1)", "default('d')",
           "default('d', true)", "replace('a', 'b')", "items|list", "dictsort", "batch(2)|list", "slice(2)|list", "map('string')|list",
           "map('upper')|join", "select|list", "reject('none')|list", "select('odd')|list", "map(attribute='name')|list",
           "selectattr('age')|list", "selectattr('age', 'gt', 26)|list", "groupby('age')", "sort(attribute='age')", "indent(2)", "escape",
           "center(9)", "wordcount", "urlencode", "format(1, 2)", "truncate(5)", "safe", "map('int')|sum", "sort(reverse=true)",
           "map('length')|list", "unique(true)|list", "min(attribute='age')", "string|reverse", "tojson(sort_keys=true)", "filesizeformat", "xmlattr"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "mapping", "sequence", "iterable", "true", "false", "odd", "even",
         "divisibleby(2)", "in([1, 'abc'])", "eq(1)", "lt(3)", "boolean", "lower", "upper", "callable", "not none"]
METHODS = ["upper()", "lower()", "strip()", "split()", "split(',')", "rsplit('l', 1)", "startswith('a')", "endswith('d')", "find('l')", "count('l')",
           "replace('l', '')", "title()", "capitalize()", "join(['a', 'b'])", "items()", "keys()|list", "values()|list", "get('a')",
           "get('zz', 4)", "index(1)", "count(1)", "splitlines()", "lstrip('H')", "zfill(6)", "center(8, '*')", "partition('l')",
           "isdigit()", "isalpha()", "swapcase()", "format(1, 2)", "rjust(7)", "append(1)", "a", "x", "name", "removeprefix('H')",
           "rfind('o')", "casefold()", "isupper()", "istitle()", "expandtabs()", "rpartition(' ')", "islower()"]
SLICES = ["[0]", "[-1]", "[1:]", "[:2]", "[::-1]", "['a']", "[1:3]", "[-2:]", "[::2]", "[9]", "[-9:9]", "[3:0:-1]"]
VARIABLES = {"n": 7, "s": "Hello, World", "l": ["x", 2, None, 1.5], "d": {"x": "y", "y": [1, {"z": "é"}]},
             "people": [{"name": "Ann", "age": 30}, {"name": "bob", "age": 25}, {"name": "Cy"}]}


def expression(rng, depth):
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(ATOMS)
    inner = expression(rng, depth - 1)
    kind = rng.randrange(9)
    if kind == 0:
        return f"({inner} {rng.choice(BINARY)} {expression(rng, depth - 1)})"
    if kind in (1, 2, 3):
        return f"({inner})|{rng.choice(FILTERS)}"
    if kind == 4:
        return f"({inner} is {rng.choice(TESTS)})"
    if kind in (5, 6):
        return f"({inner}).{rng.choice(METHODS)}"
    if kind == 7:
        return f"({inner}){rng.choice(SLICES)}"
    return f"({inner} if {expression(rng, depth - 1)} else {expression(rng, depth - 1)})"


def fuzz_cases(count, seed):
    rng = random.Random(seed)
    for i in range(count):
        text = expression(rng, rng.randrange(1, 5))
        template = "{{ " + text + " }}"
        if i % 4 == 0:
            template = "{% for i in " + text + " %}{{ loop.index }}{{ i }}{{ loop.last }};{% else %}none{% endfor %}"
        yield f"fuzz {seed}.{i}", template, VARIABLES


def chat_cases(file):
    for name, one in json.loads(Path(file).read_text()).items():
        for i, variables in enumerate([one["variables"], *conversations()]):
            yield f"{name} #{i}", one["template"], variables


def explained(wanted, got):
    """Differences that are meant: integers beyond 64 bits, addresses in what is printed, complex numbers,
    slices of literals that have none (jinja2's constant folding makes them undefined), and the type of what
    escape and safe give, which is plain text here."""
    message = got.get("error", "")
    if any(word in message for word in ("64 bits", "complex numbers", "too large", "limit", "cannot be sliced")):
        return True
    return isinstance(wanted, str) and (" at 0x" in wanted or "Markup(" in wanted)


def main():
    if "--help" in sys.argv:
        sys.exit(__doc__)
    cases = list(chat_cases(sys.argv[2]) if sys.argv[1:2] == ["chats"] else
                 fuzz_cases(int(sys.argv[2]) if len(sys.argv) > 2 else 20000, int(sys.argv[3]) if len(sys.argv) > 3 else 1))
    now = int(time.mktime(NOW.timetuple()))
    lines = "".join(json.dumps({"template": t, "variables": v, "now": now}) + "\n" for _, t, v in cases)
    ran = subprocess.run([ROOT / "build/render_templates"], input=lines, capture_output=True, text=True)
    got = [json.loads(line) for line in ran.stdout.split("\n") if line]
    if len(got) != len(cases):
        sys.exit(f"render_templates ended after {len(got)} of {len(cases)}: {cases[len(got)]}")
    texts = differences = passed_over = 0
    for (name, template, variables), result in zip(cases, got):
        wanted = render(template, copy.deepcopy(variables))  # indent changes a list it is given
        failed = isinstance(wanted, Exception)
        texts += not failed
        if (failed and "error" in result) or (not failed and result.get("text") == wanted):
            continue
        if explained(wanted, result):
            passed_over += 1
            continue
        differences += 1
        if differences <= 40:
            shown = template if len(template) < 200 else "…"
            print(f"{name}: {shown}\n   hft    {str(result)[:300]}\n   wanted {wanted!r:.300}")
    print(f"{len(cases)} renderings ({texts} of them without an error), {passed_over} explained, {differences} different")
    sys.exit(differences > 0)


if __name__ == "__main__":
    main()
