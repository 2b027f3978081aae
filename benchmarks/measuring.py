"""What every job of scripts/bench measures with: whole processes, warm peers, rounds and ratios."""
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = Path(os.environ.get("HFT_REFERENCE", ROOT / ".venv-reference")) / "bin" / "python"
HFT = os.environ.get("HFT", str(ROOT / "build" / "hft"))
MODELS = ROOT / "build" / "bench-models"


def model(name):
    if not (MODELS / name).exists():
        subprocess.run([REFERENCE, ROOT / "benchmarks" / "make_models.py", name], check=True)
    return str(MODELS / name)


def seconds_of(command, env=None):
    """(seconds, peak resident MiB) of a whole process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {process.returncode}:\n"
                 + errors.decode(errors="replace")[-2000:])
    return seconds, usage.ru_maxrss / 1024


class Peer:
    """A warm peer, a script of benchmarks/ that answers each line with a line of JSON."""

    def __init__(self, script, *arguments):
        self.process = subprocess.Popen(
            [REFERENCE, ROOT / "benchmarks" / script, *arguments], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.line()

    def line(self):
        text = self.process.stdout.readline()
        if not text:
            sys.exit("bench: a peer ended; is the reference installed? (scripts/setup --reference)")
        return json.loads(text)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.line()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ceiling():
    peer = Peer("peers.py", "ceiling", "-", os.devnull)
    found = peer.ask("answers")
    peer.close()
    return found


def idle():
    """The share of the last half second in which the processors had nothing to do."""
    def read():
        with open("/proc/stat") as file:
            numbers = [int(n) for n in file.readline().split()[1:]]
        return numbers[3] + numbers[4], sum(numbers)
    a = read()
    time.sleep(0.5)
    b = read()
    return (b[0] - a[0]) / max(1, b[1] - a[1])


def check_idle():
    share = idle()
    if share < 0.9:
        print(f"warning: the machine is only {share:.0%} idle; take these figures with care")


def check_ceiling(before, after):
    print("ceiling: " + ", ".join(f"{k} {before[k]:.0f} -> {after[k]:.0f}" for k in before))
    if any(abs(after[k] / before[k] - 1) > 0.1 for k in before):
        print("warning: the ceiling moved by more than 10 % during the run")


def rounds(count, sides):
    """Runs every side once a round; {name: [values]}."""
    found = {name: [] for name in sides}
    for _ in range(count):
        for name, run in sides.items():
            found[name].append(run())
    return found


def show(rows):
    """rows: (what, unit text, peer, ratios)."""
    widths = [max(len(str(r[i])) for r in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("| " + " | ".join(str(c).ljust(w) for c, w in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (w + 2) for w in widths) + "|")


def ratio(peer, ours):
    each = [p / o for p, o in zip(peer, ours)]
    return f"{statistics.median(each):.2f}x ({min(each):.2f}-{max(each):.2f})"


def per_second(count, seconds):
    return f"{count / statistics.median(seconds):.1f}/s"
