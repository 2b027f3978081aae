"""Text generation beside transformers and llama.cpp; the jobs of scripts/bench that it names.

Every side gets the same prompt of so many tokens and makes exactly as many new ones, greedily. hft is
streamed, and what a new token takes is the time from the first to the last of 33. Reading is timed by
whole processes: the difference of a long and a short prompt. Peers are warm processes with the model
loaded.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import (HFT, REFERENCE, Peer, ceiling, check_ceiling, check_idle, model, ratio, rounds,
                       seconds_of, show)

NEW = 32
WORDS = "The harbour keeps its boats until spring and every captain writes the day into a book . ".split()


def greedy(folder, prompt, new, *more):
    return [HFT, "generate", "-m", folder, "--no-do-sample", "--max-new-tokens", str(new), "--min-new-tokens",
            str(new), "--json", "-i", prompt, *more]


def streamed(command):
    """When each line of its output was there."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
        return [time.perf_counter() for _ in run.stdout]


def made(peer, ids, new):
    """{"seconds", "ids"} of so many new tokens of a peer."""
    return peer.ask(json.dumps({"ids": ids, "new": new}))


class Prompts:
    """Texts of a wanted number of tokens, as files for hft and as ids for the peers."""

    def __init__(self, name, folder):
        self.model, self.folder = model(name), Path(folder)

    def ids(self, text):
        done = subprocess.run([HFT, "tokenize", "-m", self.model, "--ids-only", text], capture_output=True, check=True)
        return json.loads(done.stdout)["output"]

    def text(self, count):
        """Every word of WORDS is one token of both tokenizers, with the space before it."""
        text = " ".join((WORDS * (count // len(WORDS) + 1))[:count])
        found = len(self.ids(text))
        if found != count:
            sys.exit(f"bench: a prompt of {count} words has {found} tokens")
        return text

    def file(self, *counts):
        file = self.folder / ("-".join(map(str, counts)) + ".jsonl")
        file.write_text("".join(json.dumps({"text": self.text(n)}) + "\n" for n in counts))
        return str(file)


def per_second(seconds):
    return f"{1 / statistics.median(seconds):.1f}/s"


def same_ids(prompts, peers, dtype):
    """How many of 32 greedy tokens are the reference's (random weights in bfloat16 part sooner or later)."""
    text = prompts.text(64)
    file = prompts.folder / "parity.jsonl"
    file.write_text(json.dumps({"text": text}) + "\n")
    done = subprocess.run(greedy(prompts.model, str(file), NEW, "--dtype", dtype, "--no-full-text"), capture_output=True,
                          check=True)
    ours = prompts.ids(json.loads(done.stdout)["output"][0]["generated_text"])
    for name, peer in peers.items():
        theirs = made(peer, prompts.ids(text), NEW)["ids"]
        if not theirs:
            continue
        same = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        print(f"parity: the first {same} of {NEW} greedy tokens are those of {name}")


def token_times(pairs, prompts, depth, dtype, peers, more=()):
    """Seconds a new token takes after `depth` tokens, of each side."""
    file, ids = prompts.file(depth), prompts.ids(prompts.text(depth))

    def each(times):
        return (times[NEW] - times[0]) / NEW
    sides = {"hft": lambda: each(streamed(greedy(prompts.model, file, NEW + 1, "--dtype", dtype, "--stream", *more)))}
    sides["hft"]()
    for name, peer in peers.items():
        sides[name] = lambda p=peer: each(made(p, ids, NEW + 1)["times"])
    return rounds(pairs, sides)


def reading_times(pairs, prompts, count, dtype, peers, more=()):
    """Seconds a token of a prompt of `count` takes, of each side."""
    short, long = prompts.file(2), prompts.file(count)
    few, many = prompts.ids(prompts.text(2)), prompts.ids(prompts.text(count))

    def ours(file):
        return seconds_of(greedy(prompts.model, file, 1, "--dtype", dtype, *more))[0]
    ours(long)
    sides = {"hft": lambda: (ours(long) - ours(short)) / (count - 2)}
    for name, peer in peers.items():
        sides[name] = lambda p=peer: (made(p, many, 1)["seconds"] - made(p, few, 1)["seconds"]) / (count - 2)
    return rounds(pairs, sides)


def rows_of(job, found):
    ours = found.pop("hft")
    return [(job, per_second(ours), name, per_second(theirs), ratio(theirs, ours)) for name, theirs in found.items()]


def generate(pairs):
    """Decoding and reading, Qwen2.5-0.5B in bfloat16 and GPT-2 in float32."""
    check_idle()
    head = [("job", "hft tokens", "beside", "its tokens", "ratio")]
    with tempfile.TemporaryDirectory() as folder:
        before = ceiling()
        qwen = Prompts("qwen2.5-0.5b", folder)
        for name in ("qwen2.5-0.5b", "qwen2.5-0.5b.gguf", "gpt2"):
            cached(Path(model(name)))
        peers = {"transformers": Peer("generating_peers.py", "transformers", qwen.model, "bfloat16"),
                 "llama.cpp": Peer("generating_peers.py", "llama", model("qwen2.5-0.5b.gguf"))}
        rows = rows_of("Qwen2.5-0.5B bf16, decode at 64", token_times(pairs, qwen, 64, "bfloat16", peers))
        rows += rows_of("Qwen2.5-0.5B bf16, read 512", reading_times(pairs, qwen, 512, "bfloat16", peers))
        show(head + rows)
        same_ids(qwen, peers, "bfloat16")
        deep = rows_of("Qwen2.5-0.5B bf16, decode at 4096", token_times(pairs, qwen, 4096, "bfloat16", peers))
        for peer in peers.values():
            peer.close()
        gpt2 = Prompts("gpt2", folder)
        peers = {"transformers": Peer("generating_peers.py", "transformers", gpt2.model, "float32")}
        deep += rows_of("GPT-2 f32, decode at 64", token_times(pairs, gpt2, 64, "float32", peers))
        deep += rows_of("GPT-2 f32, read 512", reading_times(pairs, gpt2, 512, "float32", peers))
        show(head + deep)
        same_ids(gpt2, peers, "float32")
        peers["transformers"].close()
        check_ceiling(before, ceiling())


def bits(pairs):
    """Qwen2.5-0.5B in 8 and 4 bits beside llama.cpp's, the table of words in bfloat16 on both sides; a quantised
    folder, so that nothing is quantised while it is timed; memory beside the bytes of the file."""
    check_idle()
    with tempfile.TemporaryDirectory() as folder:
        before = ceiling()
        rows, peaks = [("job", "hft tokens", "beside", "its tokens", "ratio")], [("folder", "file", "peak resident")]
        for flag, kind, name in (("--load-in-8bit", "q8_0", "LLM.int8()"), ("--load-in-4bit", "q4_0", "NF4")):
            coded = Path(folder) / kind
            subprocess.run([HFT, "convert", model("qwen2.5-0.5b"), "-o", coded, flag, "--dtype", "bfloat16", "-q"], check=True)
            prompts = Prompts("qwen2.5-0.5b", folder)
            prompts.model = str(coded)
            gguf = model(f"qwen2.5-0.5b.{kind}.gguf")
            cached(coded), cached(Path(gguf))
            peers = {f"llama.cpp {kind}": Peer("generating_peers.py", "llama", gguf)}
            rows += rows_of(f"{name}, decode at 64", token_times(pairs, prompts, 64, "bfloat16", peers))
            peers["transformers bf16"] = Peer("generating_peers.py", "transformers", model("qwen2.5-0.5b"), "bfloat16")
            rows += rows_of(f"{name}, read 512", reading_times(pairs, prompts, 512, "bfloat16", peers))
            for peer in peers.values():
                peer.close()
            size = sum(f.stat().st_size for f in coded.glob("*.safetensors")) / 2**20
            peaks.append((name, f"{size:.0f} MiB", f"{seconds_of(greedy(str(coded), prompts.file(64), 33))[1]:.0f} MiB"))
        show(rows)
        show(peaks)
        check_ceiling(before, ceiling())


FIRST = ("import torch; from transformers import pipeline; import json, sys; "
         "p = pipeline('text-generation', model={!r}); "
         "p(json.loads(open({!r}).readline())['text'], max_new_tokens=1, do_sample=False)")


def cached(path):
    """Reads weights from the disk, so that a run finds them in the page cache; as a program wrote them, they
    may lie there in smaller pieces, from which all sides decode up to 12 % slower."""
    for file in [path] if path.is_file() else path.glob("*.safetensors"):
        with open(file, "rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while opened.read(1 << 24):
                pass


def together(pairs):
    """16 prompts together beside one by one; the first token of a fresh process; memory."""
    check_idle()
    with tempfile.TemporaryDirectory() as folder:
        qwen = Prompts("qwen2.5-0.5b", folder)
        cached(Path(qwen.model))
        sixteen, one = qwen.file(*range(20, 52, 2)), qwen.file(16)
        found = rounds(pairs, {
            "together": lambda: seconds_of(greedy(qwen.model, sixteen, 65))[0] - seconds_of(greedy(qwen.model, sixteen, 1))[0],
            "one by one": lambda: seconds_of(greedy(qwen.model, sixteen, 65, "--batch-size", "1"))[0]
            - seconds_of(greedy(qwen.model, sixteen, 1, "--batch-size", "1"))[0]})
        show([("job", "together", "one by one", "ratio"),
              ("16 prompts, 64 new tokens each", f"{16 * 64 / statistics.median(found['together']):.1f} tokens/s",
               f"{16 * 64 / statistics.median(found['one by one']):.1f} tokens/s",
               ratio(found["one by one"], found["together"]))])
        found = rounds(min(pairs, 5), {
            "hft": lambda: seconds_of(greedy(qwen.model, one, 1))[0],
            "python": lambda: seconds_of([REFERENCE, "-c", FIRST.format(qwen.model, one)])[0]})
        show([("job", "hft", "Python pipeline", "ratio"),
              ("first token, whole process", f"{statistics.median(found['hft']) * 1e3:.0f} ms",
               f"{statistics.median(found['python']):.2f} s", ratio(found["python"], found["hft"]))])
        size = sum(f.stat().st_size for f in Path(qwen.model).glob("*.safetensors")) / 2**20
        peaks = {name: seconds_of(command)[1] for name, command in {
            "decode at 64": greedy(qwen.model, qwen.file(64), 33), "read 512": greedy(qwen.model, qwen.file(512), 1),
            "16 prompts": greedy(qwen.model, sixteen, 65), "decode at 4096": greedy(qwen.model, qwen.file(4096), 33)}.items()}
        show([("job", "peak resident", f"allowed: 1.15 x {size:.0f} + 200 MiB")]
             + [(name, f"{peak:.0f} MiB", f"{1.15 * size + 200:.0f} MiB") for name, peak in peaks.items()])
