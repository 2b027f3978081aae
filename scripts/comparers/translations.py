"""Compares `hft summarize` and `hft translate` with transformers' pipelines: the golden checkpoints of
encoder-decoders with other weights and sizes, under random settings.

usage: scripts/compare translations [--settings N] [--texts N] [--seed S] [GOLDEN…]
For each checkpoint and setting: texts of mixed length in one run, the same with --batch-size 1, and the
pipeline one by one. Prints what differs; exit 1 if anything does.
"""
import argparse
import dataclasses
import json
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import transformers as tf

import make_golden
from golden import seq2seq, texts

HFT = Path(__file__).resolve().parents[2] / "build" / "hft"


def varied(golden, draw, seed):
    """The golden with other weights, depths and activations."""
    if "num_layers" in golden.config:
        layers = draw.randint(1, 3)
        changed = {"num_layers": layers, "num_decoder_layers": draw.randint(1, layers), "d_ff": draw.choice([12, 33, 40]),
                   "relative_attention_num_buckets": draw.choice([4, 8, 32]), "num_heads": draw.randint(1, 4)}
    else:
        changed = {"encoder_layers": draw.randint(1, 3), "decoder_layers": draw.randint(1, 3),
                   "encoder_ffn_dim": draw.choice([12, 33, 40]), "decoder_ffn_dim": draw.choice([12, 33, 40]),
                   "activation_function": draw.choice(["gelu", "relu", "swish"])}
    return dataclasses.replace(golden, name=f"{golden.name}-{seed}", config={**golden.config, **changed})


def settings(draw, number):
    """Flags; greedy, 2, 4 and 6 beams take turns."""
    beams = (1, 2, 4, 6)[number % 4]
    most = draw.randint(8, 24)
    flags = ["--num-beams", str(beams), draw.choice(["--max-new-tokens", "--max-length"]), str(most)]
    maybe = {"--no-repeat-ngram-size": "123", "--min-length": ["4", str(most // 2)], "--repetition-penalty": ["0.9", "1.3"],
             "--forced-bos-token-id": "56", "--forced-eos-token-id": "27", "--min-new-tokens": "35",
             "--suppress-tokens": ["8,9,10"], "--encoder-no-repeat-ngram-size": "23"}
    if beams > 1:
        maybe |= {"--length-penalty": ["-1.0", "0.0", "0.6", "2.0"], "--early-stopping": ["true", "false", "never"],
                  "--num-return-sequences": ["2"]}
    for name, values in maybe.items():
        if draw.random() < 0.35:
            flags += [name, draw.choice(values)]
    return flags


def said(draw, count, tokenizer, most):
    """Texts of 0 to 20 words of the goldens' sentences that the model takes whole."""
    words = " ".join(texts.corpus()).split()
    found = ["", *texts.ODD[2:4]]
    while len(found) < count:
        at = draw.randrange(len(words))
        found.append(" ".join(words[at:at + draw.randint(1, 20)]))
    return [t for t in found if len(tokenizer(t).input_ids) <= most - 12]


def ours(folder, args, inputs, *more):
    done = subprocess.run([HFT, *args, "-q", "-m", folder, "--json", "-i", "-", "--input-format", "jsonl", *more],
                          input="".join(json.dumps(row) + "\n" for row in inputs), text=True, capture_output=True)
    if done.returncode:
        return [done.stderr.strip()] * len(inputs)
    return [json.loads(line)["output"] for line in done.stdout.splitlines()]


def compare(golden, options, draw):
    commands = [c.args[:c.args.index("--tgt-lang") + 2] if "--tgt-lang" in c.args else c.args[:3] for c in golden.cases]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        make_golden.save(golden, Path(folder))
        tokenizer = tf.AutoTokenizer.from_pretrained(folder)
        limits = [golden.max_length or 160, golden.config.get("max_position_embeddings", 160)]
        if golden.tokenizer == "m2m":  # its positions have no end
            limits.pop()
        for number in range(options.settings):
            args = [*draw.choice(commands), *settings(draw, number)]
            if "--tgt-lang" in args and "--forced-bos-token-id" in args:  # the language is
                del args[(at := args.index("--forced-bos-token-id")):at + 2]
            inputs = [{"text": t} for t in said(draw, options.texts, tokenizer, min(limits))]
            wanted = seq2seq.answers(golden, folder, args, inputs)
            together, apart = ours(folder, args, inputs), ours(folder, args, inputs, "--batch-size", "1")
            bad = [i for i in range(len(inputs)) if together[i] != wanted[i] or apart[i] != wanted[i]]
            wrong += bool(bad)
            for i in bad[:2]:
                print(f"  {golden.name} {golden.config}\n  {' '.join(args)}: {inputs[i]}\n    together  {together[i]}\n"
                      f"    apart     {apart[i]}\n    reference {wanted[i]}")
            if bad:
                print(f"  {len(bad)} of {len(inputs)} texts differ")
    print(f"{golden.name}: {options.settings - wrong} of {options.settings} settings agree", flush=True)
    return wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=int, default=4)
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    tf.logging.set_verbosity_error()
    make_golden.torch.set_num_threads(1)
    every = True
    for golden in seq2seq.SEQ2SEQ:
        if not options.names or golden.name in options.names:
            draw = random.Random(f"{golden.name} {options.seed}")
            every &= compare(varied(golden, draw, options.seed), options, draw)
    sys.exit(not every)


if __name__ == "__main__":
    main()
