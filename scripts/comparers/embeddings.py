"""Compares the vectors of `hft embed` with those of sentence-transformers on 500 texts of every kind:
empty, one word, very long, emoji, scripts without spaces, combining marks, invisible characters.

usage: scripts/compare embeddings [MODEL]     (default: models/all-MiniLM-L6-v2)
Exits 1 when a vector differs by more than 1e-5, or by a cosine below 0.999 with --quantize dynamic.
"""
import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HFT = os.environ.get("HFT", str(ROOT / "build" / "hft"))
TOLERANCE = 1e-5
QUANTISED = 0.999

WORDS = ("the harbour engine quietly measures Berlin's river and 1998 reports, (unbelievable) café "
         "naïve résumé e-mail http://example.org/a?b=c $12.50 Straße İstanbul Привет мир γειά שלום "
         "مرحبا สวัสดี नमस्ते 한국어 ﬁnd ½ Ⅷ ｆｕｌｌ don't NASA iPhone ... ?! #tag @name").split()
CJK = "東京大学的人工智能研究日本語漢字仮名交じり文カタカナ中文测试文本"
EMOJI = ["🎉", "🙂", "👩‍👩‍👧", "🇳🇴", "👍🏽", "❤️", "😀"]
MARKS = ["\u0301", "\u0308", "\u0323", "\u0327", "\u20dd"]
INVISIBLE = ["\u00a0", "\u200b", "\ufeff", "\u00ad", "\t", "\n", "\u2028", "\x07", "\x00"]


def mixed_texts(count=500):
    """The same texts every time; the first ones are the extremes."""
    draw = random.Random(1)
    words = lambda low, high: [draw.choice(WORDS) for _ in range(draw.randint(low, high))]
    texts = ["", " ", "word", "🎉", "東", "a\u0301\u0308\u0323", "\u200b", "x" * 5000,
             " ".join(words(10000, 10000)), CJK * 100, "🎉" * 600, "e\u0301" * 3000, "!" * 2000]
    kinds = [
        lambda: " ".join(words(1, 1)), lambda: " ".join(words(2, 12)),
        lambda: " ".join(words(13, 120)), lambda: " ".join(words(150, 400)),
        lambda: "".join(draw.choice(CJK) for _ in range(draw.randint(1, 80))),
        lambda: " ".join(w + draw.choice(EMOJI) for w in words(1, 20)),
        lambda: "".join(c + draw.choice(MARKS) * draw.randint(0, 3) for c in " ".join(words(1, 10))),
        lambda: draw.choice(INVISIBLE).join(words(2, 30)),
        lambda: "".join(chr(draw.randint(0x21, 0x2fff)) for _ in range(draw.randint(1, 60))),
    ]
    while len(texts) < count:
        texts.append(kinds[len(texts) % len(kinds)]())
    return texts


THEIRS = """
import json, sys
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
for line in open(sys.argv[2]):
    print(json.dumps([float(x) for x in model.encode(json.loads(line)["text"])]))
"""


def vectors(command):
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"compare embeddings: {command[0]} ended with {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def cosine(a, b):
    size = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return sum(x * y for x, y in zip(a, b)) / size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=str(ROOT / "models" / "all-MiniLM-L6-v2"))
    model = parser.parse_args().model
    texts = mixed_texts()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.jsonl"
        file.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
        ours = [HFT, "embed", "-m", model, "-i", str(file), "--json"]
        records = vectors(ours)
        quantised = vectors(ours + ["--quantize", "dynamic"])
        theirs = vectors([sys.executable, "-W", "ignore", "-c", THEIRS, model, str(file)])
    if len(records) != len(theirs):
        sys.exit(f"compare embeddings: {len(records)} records, wanted {len(theirs)}")
    worst, at = 0.0, 0
    for i, (record, wanted) in enumerate(zip(records, theirs)):
        ours = record.get("output")
        if ours is None or len(ours) != len(wanted):
            sys.exit(f"compare embeddings: text {i}: {record.get('error', 'another length')}")
        gap = max(abs(a - b) for a, b in zip(ours, wanted))
        if gap > TOLERANCE:
            print(f"text {i} differs by {gap:.1e}: {texts[i][:60]!r}")
        worst, at = max((worst, at), (gap, i))
    print(f"{len(texts)} texts: greatest difference {worst:.1e} (text {at}), wanted {TOLERANCE:.0e}")
    cosines = [cosine(record["output"], wanted) for record, wanted in zip(quantised, theirs)]
    print(f"--quantize dynamic: least cosine {min(cosines):.5f} (text {cosines.index(min(cosines))}), "
          f"mean {sum(cosines) / len(cosines):.5f}, wanted {QUANTISED}")
    sys.exit(worst > TOLERANCE or min(cosines) < QUANTISED)


if __name__ == "__main__":
    main()
