"""Transcription beside transformers and faster-whisper; the job of scripts/bench that it names.

Every side hears the same 30 seconds from a file, writes greedily and makes exactly as many new tokens. The weights are
random, so what is written means nothing, and sides part where rounding decides.
"""
import json
import math
import statistics
import struct
import subprocess
import tempfile
import wave

from measuring import HFT, Peer, ceiling, check_ceiling, check_idle, model, ratio, rounds, seconds_of, show

NAME, NEW = "whisper-small", 64
TYPES = {"float32": ["--dtype", "float32"], "int8": ["--dtype", "float32", "--quantize", "dynamic"]}


def sound(folder, seconds):
    """Something like a voice: harmonics that glide and pause."""
    file, rate = f"{folder}/sound.wav", 16000
    samples, phase = [], 0.0
    for i in range(seconds * rate):
        t = i / rate
        phase += 2 * math.pi * (120 + 40 * math.sin(1.7 * t)) / rate
        loud = max(0.0, math.sin(2.3 * t)) * (0.6 + 0.4 * math.sin(19 * t))
        samples.append(int(6000 * loud * sum(math.sin(k * phase) / k for k in range(1, 9))))
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file


def command(file, kind, times):
    return [HFT, "transcribe", "-q", "-m", model(NAME), *TYPES[kind], "--num-beams", "1", "--min-new-tokens", str(NEW),
            "--max-new-tokens", str(NEW), "--language", "en", "--task", "transcribe", "--batch-size", "1", "--json",
            *[file] * times]


def transcribe(pairs):
    """Whisper-small's shape, one sound of 30 seconds at a time, 64 new tokens."""
    model(f"{NAME}.ct2")
    check_idle()
    with tempfile.TemporaryDirectory() as temporary:
        before = ceiling()
        file = sound(temporary, 30)
        peers = {title: Peer("transcribing_peers.py", title, model(NAME), file, str(NEW))
                 for title in ("transformers float32", "faster-whisper float32", "faster-whisper int8")}
        sides = {title: lambda p=peer: p.ask("run")["seconds"] for title, peer in peers.items()}
        for kind in TYPES:
            for times in (1, 2):
                sides[kind, times] = lambda c=command(file, kind, times): seconds_of(c)[0]
            sides[kind, 1]()
        found = rounds(pairs, sides)
        rows = [("hft", "process", "steady", "beside", "its time", "ratio process", "ratio steady")]
        for kind in TYPES:
            process = found[kind, 1]
            steady = [two - one for two, one in zip(found[kind, 2], process)]
            rows += [(kind, f"{statistics.median(process):.2f} s", f"{statistics.median(steady):.2f} s", title,
                      f"{statistics.median(found[title]):.2f} s", ratio(found[title], process), ratio(found[title], steady))
                     for title in peers if kind in title]
        show(rows)
        ours = json.loads(subprocess.run(command(file, "float32", 1), capture_output=True, check=True).stdout)["output"]["text"]
        for title, peer in peers.items():
            text = peer.ask("run")["text"]
            same = next((i for i, (a, b) in enumerate(zip(ours, text)) if a != b), min(len(ours), len(text)))
            print(f"parity: the first {same} of {len(ours)} characters are those of {title}")
            peer.close()
        check_ceiling(before, ceiling())
