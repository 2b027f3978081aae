"""Compares the metrics of core/metrics with those of the Python packages, on random cases (scripts/golden/metrics.py).

usage: scripts/compare metrics [NAME...] [--cases N] [--seed N]
Needs scikit-learn, SciPy, statsmodels, seqeval, rouge_score, sacrebleu, jiwer, pycocotools and ranx.
"""
import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

from golden import metrics

ROOT = Path(__file__).resolve().parents[2]


def different(got, wanted):
    if isinstance(wanted, dict):
        return [f"{k}: {d}" for k in wanted for d in different(got.get(k), wanted[k])]
    if isinstance(wanted, list):
        if not isinstance(got, list) or len(got) != len(wanted):
            return [f"{got} is not {wanted}"]
        return [f"{i}: {d}" for i, (g, w) in enumerate(zip(got, wanted)) for d in different(g, w)]
    if isinstance(wanted, (int, float)) and isinstance(got, (int, float)):
        return [] if math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12) else [f"{got!r} is not {wanted!r}"]
    return [] if got == wanted else [f"{got!r} is not {wanted!r}"]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("names", nargs="*", default=list(metrics.METRICS))
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bad = 0
    for name in options.names:
        cases = list(metrics.cases(name, options.cases, options.seed))
        lines = "".join(json.dumps({"metric": c["metric"], "input": c["input"]}) + "\n" for c in cases)
        ran = subprocess.run([ROOT / "build" / "dump_metrics"], input=lines, capture_output=True, text=True, check=True)
        shown = 0
        for case, line in zip(cases, ran.stdout.splitlines()):
            found = different(json.loads(line), case["wanted"])
            shown += bool(found)
            if found and shown <= 3:
                print(f"{name}: {found[0]}\n  {json.dumps(case['input'], ensure_ascii=False)[:600]}")
        print(f"{name}: {len(cases)} cases, {shown} differ")
        bad += shown
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
