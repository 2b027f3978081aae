"""Compares ids, type ids, offsets, words and decoded text with the reference's, on texts meant to
find differences.

usage: scripts/compare tokenizers [FOLDER...] [--lines N] [--bytes N] [--seed N] [--text FILE...]
                             [--jsonl FILE...] [--long]
FOLDER: by default those of tests/golden/tokenizers. Texts: samples made to be awkward, the lines
of text files, {"text"} of JSON lines (benchmarks/texts.py lines 20000), N random texts, N random
byte strings (of which hft must refuse those that Python refuses, at the same byte), and with --long
some of 1 MB. Prints the first differences of each kind.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ["RUST_BACKTRACE"] = "0"
import transformers  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

transformers.logging.set_verbosity_error()

SAMPLES = [
    "", " ", "\n", "Hello, world!", "  leading and trailing  ", "don't won't I'm you're it's we'll he'd they've",
    "The quick brown fox jumps over the lazy dog. 1234567890", "naïve café résumé Ångström Zürich", "e\u0301a\u0308\u0323o\u0323\u0308",
    "日本語のテキストと漢字。カタカナ", "中文测试，没有空格。", "한국어 텍스트입니다", "Привет, как дела?", "Γειά σου Κόσμε ΣΊΣΥΦΟΣ",
    "مرحبا بالعالم ١٢٣", "שלום עולם", "नमस्ते दुनिया १२३", "สวัสดีชาวโลก", "ሰላም ልዑል", "Բարեւ աշխարհ", "გამარჯობა", "வணக்கம்",
    "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 e⃣ ❤️", "zero\u200bwidth\u200djoin\ufeffbom\u00adsoft", "\ue000\uf8ff private \U000f0000",
    "tabs\tand\r\nCRLF\r\n\r\n\x0b\x0c\x1c\x85\u2028\u2029", "a\u00a0b\u2003c\u3000d", "x" * 300, "ab" * 200, "1" * 150,
    "if (x == 1) { return y[2] << 3; } // comment", "def f(x):\n    return x ** 2\n\n\tclass A: pass", "http://example.com/a?b=c&d=%20#e",
    "İstanbul ıspanak ẞß ﬁﬂ Ⅳ ½ ² ㎏ ＦＵＬＬ", "[MASK] [CLS] <mask> </s> <s> <unk> <pad> <|endoftext|> <|im_start|>user", "a[MASK]b  [SEP]  c<mask> d",
    "\u0000nul\u0001\u001f\u007f\u0080", "\ufffd replacement", "▁already▁metaspace ▁", "<0x41><0xFF>", "Hello\u0301\u0302\u0303\u0304", "\u0301start",
    "ＡＢＣ ａｂｃ １２３", "ǅ Ǆ ǆ ᾳ ᾼ", "a @-@ b ... c.. d ''e'' `f` \u00ab g \u00bb 5 % 1,000 (x ) .\u2019", "Mr. A. B. lives at No. 5 etc. U.S.A. and", "<FILL_ME> x", "def f(<FILL_ME>):",
    "a.b,c;d:e!f?g-h_i/j\\k|l~m`n@o#p$q%r^s&t*u(v)w+x=y{z}", "MixedCASE camelCase snake_case kebab-case",
    "\u1100\u1161\u11a8 각 \uac00\u11a8", "\u0915\u094d\u0937\u093f", "\u0e01\u0e33\u0e49", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙 𐐀𐐨 𞤀𞤢 𑢠𑣀", "\U0001f9d1\u200d\U0001f680\u20e3\u2460",
]
RANGES = [(0x20, 0x7f), (0x20, 0x7f), (0x20, 0x7f), (0, 0x20), (0x80, 0x250), (0x250, 0x600), (0x600, 0x1000), (0x1000, 0x2000), (0x2000, 0x2c00),
          (0x2c00, 0xd800), (0xe000, 0x10000), (0x10000, 0x20000), (0x20000, 0x32000), (0x300, 0x370), (0x1f300, 0x1fa00), (0xe0000, 0xe0200), (0x0, 0x110000)]


def random_text(rng, specials):
    kind = rng.random()
    if kind < 0.15 and specials:
        parts = [rng.choice(specials) if rng.random() < 0.4 else random_text(rng, []) for _ in range(rng.randint(1, 6))]
        return "".join(p + rng.choice(["", "", " ", "  ", "\n"]) for p in parts)
    if kind < 0.3:
        return "".join(rng.choice(SAMPLES)[: rng.randint(1, 40)] for _ in range(rng.randint(1, 5)))
    if kind < 0.5:
        return "".join(rng.choice("abcdefghij ABC '1290.,!?-_\n\t  \r\u00e9\u0301中") for _ in range(rng.randint(1, 60)))
    picks = rng.sample(RANGES, rng.randint(1, 3))
    out = []
    for _ in range(rng.randint(1, 40)):
        low, high = rng.choice(picks)
        c = rng.randrange(low, high)
        out.append(" " if rng.random() < 0.15 else chr(0x41 if 0xD800 <= c < 0xE000 else c))
    return "".join(out)


def cases(rng, lines, specials, files, jsonl):
    for text in SAMPLES:
        yield {"text": text}
        yield {"text": text, "special": False}
        yield {"text": text, "split_special": True}
        yield {"text": text, "pair": "and the second, [SEP] one >>fr<< no"}
        yield {"text": text, "pair": ""}
        yield {"text": text, "max_length": 8, "stride": 2, "truncation": "longest_first"}
    for file in files:
        for line in open(file, encoding="utf-8", errors="replace", newline=""):
            yield {"text": line.rstrip("\n") if rng.random() < 0.8 else line}
    for file in jsonl:
        for line in open(file):
            case = json.loads(line)
            if rng.random() < 0.1:
                case["special"] = False
            yield case
    for _ in range(lines):
        case = {"text": random_text(rng, specials)}
        kind = rng.random()
        if kind < 0.1:
            case["pair"] = random_text(rng, specials)
        elif kind < 0.2:
            case.update(pair=random_text(rng, specials), max_length=rng.randint(10, 40), stride=rng.randint(0, 3),
                        truncation=rng.choice(["longest_first", "only_second", "only_first"]))
        elif kind < 0.25:
            case = {"words": [w for w in random_text(rng, specials).split(" ")]}
        elif kind < 0.3:
            case.update(max_length=rng.randint(8, 30), stride=rng.randint(0, 4), truncation="longest_first")
        elif kind < 0.35:
            case["split_special"] = True
        yield case


def long_cases(rng):
    """1 MB without a space and the like."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for text in ("".join(rng.choice(letters) for _ in range(1_000_000)), "ab" * 500_000, "中" * 333_333, " " * 300_000,
                 "\u0301" * 100_000, "x\r\n" * 100_000, "👍🏽" * 50_000, "a\u200b" * 100_000, "7" * 300_000):
        yield {"text": text}


def byte_cases(rng, count):
    """Valid UTF-8 with a byte or two changed, lost or added; sequences that almost are UTF-8."""
    odd = [b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\xff", b"\xfe", b"\xf0\x9f\x91", b"\xc1\xbf",
           b"\xe0\x9f\xbf", b"\xf8\x88\x80\x80\x80", b"\xef\xbf\xbe", b"\xf0\x80\x80\x80"]
    for _ in range(count):
        data = bytearray(random_text(rng, []).encode())
        for _ in range(rng.randint(1, 3)):
            at = rng.randint(0, len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[at:at] = rng.choice(odd)
            elif kind == 1:
                data[at:at] = bytes([rng.randrange(256)])
            elif kind == 2:
                del data[at:at + 1]
            elif at < len(data):
                data[at] = rng.randrange(256)
        yield {"bytes": list(data)}


def expected(tok, case):
    if "bytes" in case:
        try:
            case = {"text": bytes(case["bytes"]).decode()}
        except UnicodeDecodeError as error:
            return {"error": f"byte {error.start} of the text is not UTF-8"}
    args = {}
    if "max_length" in case:
        args = dict(max_length=case["max_length"], stride=case["stride"], truncation=case["truncation"], return_overflowing_tokens=tok.is_fast)
    if "split_special" in case:
        args["split_special_tokens"] = case["split_special"]
    texts = (case["words"],) if "words" in case else (case["text"], case["pair"]) if "pair" in case else (case["text"],)
    try:
        e = tok(*texts, is_split_into_words="words" in case, add_special_tokens=case.get("special", True), verbose=False, **args)
    except BaseException as error:  # a panic of the Rust library is no Exception
        return {"error": str(error), "panic": type(error).__name__ == "PanicException"}
    if not tok.is_fast:  # a class without a fast twin has ids alone
        return [dict(ids=e["input_ids"])]
    return [dict(ids=x.ids, type_ids=x.type_ids, offsets=[list(o) for o in x.offsets], words=[-1 if w is None else w for w in x.word_ids],
                 sequences=[-1 if s is None else s for s in x.sequence_ids]) for x in e.encodings]


def compare(folder, args):
    tok = transformers.AutoTokenizer.from_pretrained(folder)
    rng = random.Random(args.seed)
    specials = [t for t in list(tok.added_tokens_encoder)[:50] if t]
    todo = [c for c in cases(rng, args.lines, specials, args.text, args.jsonl)]
    todo += byte_cases(rng, args.bytes)
    if args.long:
        todo += long_cases(rng)
    # Classes without a fast twin cut pairs in Python, to other lengths.
    if not tok.is_fast:
        todo = [c for c in todo if "words" not in c and ("pair" not in c or "max_length" not in c)]
    wanted = [expected(tok, c) for c in todo]
    for w, c in list(zip(wanted, todo))[:: max(1, len(todo) // 3000)]:
        if isinstance(w, list):
            ids = list(w[0]["ids"])
            rng.random() < 0.3 and rng.shuffle(ids)
            skip = rng.random() < 0.5
            try:
                wanted.append(tok.decode(ids, skip_special_tokens=skip))
            except BaseException:  # some decoders of the reference panic on no tokens at all
                continue
            todo.append({"decode": ids, "skip_special": skip})
    text = "".join(json.dumps(c) + "\n" for c in todo)
    ran = subprocess.run([ROOT / "build" / "dump_tokens", folder], input=text, capture_output=True, text=True)
    if ran.returncode:
        print(folder, "FAILED", ran.returncode, ran.stderr[-300:])
        return 1
    bad, panics = {}, 0
    for c, want, line in zip(todo, wanted, ran.stdout.split("\n")):
        got = json.loads(line)
        kind = None
        if isinstance(want, dict) or isinstance(got, dict):
            # The Python class refuses words without add_prefix_space; the library does not.
            refused = isinstance(want, dict) and "to use it with pretokenized" in want["error"]
            both = isinstance(want, dict) and isinstance(got, dict) and ("bytes" not in c or want == got)
            panics += isinstance(want, dict) and want.get("panic", False) and not both
            kind = None if refused or both or (isinstance(want, dict) and want.get("panic")) else "error"
        elif isinstance(want, str):
            kind = None if want == got else "decode"
        elif not tok.is_fast:
            kind = None if want[0]["ids"] == got[0]["ids"] else "ids"
        elif len(want) != len(got):
            kind = "windows"
        else:
            for i, (w, g) in enumerate(zip(want, got)):
                keys = ["ids", "offsets", "words", "type_ids"] + ([] if i else ["sequences"])
                kind = kind or next((k for k in keys if w[k] != g[k]), None)
        if kind:
            bad.setdefault(kind, []).append((c, want, got))
    refused = sum(isinstance(w, dict) for w in wanted)
    if bad or not getattr(args, "quiet", False):
        print(f"{folder}: {len(todo)} cases ({refused} of them errors in the reference, {panics} only there), {sum(map(len, bad.values()))} differ",
              {k: len(v) for k, v in bad.items()}, flush=True)
    for kind, found in bad.items():
        for c, want, got in sorted(found, key=lambda f: len(json.dumps(f[0])))[: args.show]:
            print(" ", kind, json.dumps(c)[:300])
            pick = lambda r: r if isinstance(r, (str, dict)) else [x.get(kind, x["ids"]) for x in r]
            print("    wanted", json.dumps(pick(want))[:400], "\n    got   ", json.dumps(pick(got))[:400])
    return len(bad)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", default=sorted(map(str, ROOT.glob("tests/golden/tokenizers/*/"))))
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=2)
    parser.add_argument("--text", nargs="*", default=[])
    parser.add_argument("--jsonl", nargs="*", default=[])
    parser.add_argument("--bytes", type=int, default=200)
    parser.add_argument("--long", action="store_true")
    args = parser.parse_args()
    sys.exit(1 if sum([compare(folder, args) for folder in args.folders]) else 0)


if __name__ == "__main__":
    main()
