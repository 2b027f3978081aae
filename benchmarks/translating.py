"""Translation and summaries beside transformers and CTranslate2; the jobs of scripts/bench that it names.

Every side gets the same texts, searches with 4 beams in float32 and makes exactly as many new tokens of each
text. The weights are random, so what is made means nothing, and sides part where rounding decides.
"""
import json
import random
import statistics
import subprocess
import tempfile

from measuring import HFT, Peer, ceiling, check_ceiling, check_idle, model, ratio, rounds, seconds_of, show


def texts(count, length):
    """Texts of words that are one token each; length(i) words."""
    draw = random.Random(1)
    return [" ".join(f"w{draw.randint(5, 50000)}" for _ in range(length(i))) for i in range(count)]


def write(folder, name, lines):
    file = f"{folder}/{name}.jsonl"
    with open(file, "w") as out:
        out.writelines(json.dumps({"text": line}) + "\n" for line in lines)
    return file


def beams(command, folder, file, new, *more):
    return [HFT, command, "-q", "-m", folder, "--num-beams", "4", "--min-new-tokens", str(new), "--max-new-tokens",
            str(new), "--json", "-i", file, *more]


def same_beginning(command, name, peers, file, new):
    done = subprocess.run(beams(command, model(name), file, new), capture_output=True, check=True)
    ours = [next(iter(json.loads(line)["output"][0].values())).split() for line in done.stdout.splitlines()]
    for title, peer in peers.items():
        theirs = [text.split() for text in peer.ask(json.dumps({"new": new}))["texts"]]
        same = sum(a == b for a, b in zip(ours, theirs))
        print(f"parity: {same} of {len(ours)} texts of {new} tokens are those of {title}")


def beside(pairs, command, name, lines, new, *more):
    """A row for each peer: texts a second of hft, of the peer, and the ratio."""
    folder = model(name)
    model(f"{name}.ct2")
    check_idle()
    with tempfile.TemporaryDirectory() as temporary:
        before = ceiling()
        once, twice = write(temporary, "once", lines), write(temporary, "twice", lines * 2)
        peers = {title: Peer("translating_peers.py", title, folder, once) for title in ("transformers", "ctranslate2")}
        sides = {title: lambda p=peer: p.ask(json.dumps({"new": new}))["seconds"] for title, peer in peers.items()}
        sides |= {file: lambda f=file: seconds_of(beams(command, folder, f, new, *more))[0] for file in (once, twice)}
        sides[once]()
        found = rounds(pairs, sides)
        process = found[once]
        steady = [two - one for two, one in zip(found[twice], process)]
        speed = lambda seconds: f"{len(lines) * new / statistics.median(seconds):.0f} tokens/s"
        show([("job", "process", "steady", "beside", "its speed", "ratio process", "ratio steady")]
             + [(name, speed(process), speed(steady), title, speed(found[title]), ratio(found[title], process),
                 ratio(found[title], steady)) for title in peers])
        same_beginning(command, name, peers, once, 4)
        for peer in peers.values():
            peer.close()
        check_ceiling(before, ceiling())


def translate(pairs):
    """OPUS-MT's shape, 256 sentences of 5 to 54 words, 32 new tokens each."""
    beside(pairs, "translate", "opus-mt", texts(256, lambda i: 5 + i * 37 % 50), 32)


def summarize(pairs):
    """BART-large, texts of 256 tokens one at a time, 64 new tokens each."""
    beside(pairs, "summarize", "bart-large", texts(1, lambda i: 255), 64, "--batch-size", "1")
