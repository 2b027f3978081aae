"""Compares hft loglikelihood and its evaluation with lm-evaluation-harness' own code, on random questions.

usage: scripts/compare choices [FOLDER...] [--rows N] [--seed N]
FOLDER: by default three decoders of tests/golden. Needs lm_eval. Prints the first differences of each kind.
"""
import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
WORDS = "the harbour master counts nine red boats before storm Ada repairs a clock again é 東京 🎉 it's 42 , . ?".split()


def words(rng, low, high):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def questions(rng, count):
    for i in range(count):
        context = "" if rng.random() < .05 else words(rng, 1, 20) + rng.choice(["", "", " ", "\n", ": "])
        choices = list(dict.fromkeys(words(rng, 1, 5) for _ in range(rng.randint(2, 5))))
        yield {"id": i, "text": context, "choices": choices, "label": rng.randrange(len(choices))}


def hft(*arguments):
    ran = subprocess.run([ROOT / "build" / "hft", *map(str, arguments)], capture_output=True, text=True)
    if ran.returncode:
        sys.exit(ran.stderr)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def close(a, b):
    return abs(a - b) <= 1e-4 * max(1, abs(b))


def compare(folder, rows, texts, scratch):
    lm = HFLM(pretrained=str(folder), dtype="float32", device="cpu", batch_size=1)
    data, whole = scratch / "rows.jsonl", scratch / "texts.jsonl"
    data.write_text("".join(json.dumps(r) + "\n" for r in rows))
    whole.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    bad = []
    ours = [r["output"] for r in hft("loglikelihood", "-m", folder, "-i", data, "--json", "--dtype", "float32")]
    right, right_norm = 0, 0
    for row, got in zip(rows, ours):
        requests = [Instance("loglikelihood", row, (row["text"], " " + c), i) for i, c in enumerate(row["choices"])]
        wanted = lm.loglikelihood(requests, disable_tqdm=True)
        for choice, (value, greedy) in zip(got, wanted):
            if not close(choice["loglikelihood"], value) or choice["is_greedy"] != greedy:
                bad.append(f"{row}: {choice}, wanted {value} {greedy}")
        likely = numpy.array([w[0] for w in wanted])
        right += numpy.argmax(likely) == row["label"]
        right_norm += numpy.argmax(likely / [float(len(c)) for c in row["choices"]]) == row["label"]
    result = hft("eval", "--task", "multiple-choice", "-m", folder, "-i", data, "--json", "--dtype", "float32")[0]
    for name, count in (("acc", right), ("acc_norm", right_norm)):
        if result["metrics"][name]["value"] != count / len(rows):
            bad.append(f"{name}: {result['metrics'][name]['value']}, wanted {count / len(rows)}")
    rolling = lm.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, (t,), 0) for t in texts], disable_tqdm=True)
    for text, record, value in zip(texts, hft("loglikelihood", "-m", folder, "-i", whole, "--json", "--dtype", "float32"), rolling):
        if not close(record["output"]["loglikelihood"], value):
            bad.append(f"{text[:60]!r}: {record['output']}, wanted {value}")
    return bad


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folders", nargs="*", default=[GOLDEN / f"{n}-generate" for n in ("gpt2", "llama", "opt")], type=Path)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, total = random.Random(options.seed), 0
    for folder in options.folders:
        rows = list(questions(rng, options.rows))
        texts = [words(rng, 1, 12) for _ in range(10)] + [words(rng, 40, 80) for _ in range(5)]
        with tempfile.TemporaryDirectory() as scratch:
            bad = compare(folder, rows, texts, Path(scratch))
        print("\n".join(bad[:3]))
        print(f"{folder.name}: {options.rows} questions, {len(texts)} texts, {len(bad)} differ")
        total += len(bad)
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
