"""Writes tests/golden/sounds/sounds.json: small sounds of every kind, some of the samples that ffmpeg gives the
reference of them, and some of the numbers that its feature extractors make of a signal. Needs soundfile."""
import base64
import json
import tempfile
from pathlib import Path

from golden import sounds

ROOT = Path(__file__).resolve().parents[2]


def some(values, count):
    """Values evenly spread, the first among them, and their distance."""
    step = max(1, len(values) // count)
    return {"step": step, "values": [float(f"{x:.7g}") for x in values[::step]]}


def main():
    out = {"files": [], "features": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for by_ffmpeg, make in ((False, sounds.files), (True, sounds.files_of_ffmpeg)):
            inner = folder / str(by_ffmpeg)
            inner.mkdir()
            for name, file in make(inner):
                samples = sounds.decoded(file)
                out["files"].append({"name": name, "ffmpeg": by_ffmpeg, "count": len(samples), **some(samples, 25),
                                     "bytes": base64.b64encode(file.read_bytes()).decode()})
    for settings, n, gain in sounds.extractors():
        values = sounds.numbers(settings, sounds.samples_of(n, gain))
        out["features"].append({"settings": settings, "samples": n, "gain": gain, "shape": values.shape,
                                **some(values.reshape(-1), 97)})
    target = ROOT / "tests" / "golden" / "sounds" / "sounds.json"
    target.parent.mkdir(exist_ok=True)
    lists = [f' "{key}": [\n' + ",\n".join("  " + json.dumps(one, separators=(",", ":")) for one in rows) + "]"
             for key, rows in out.items()]
    target.write_text("{\n" + ",\n".join(lists) + "}\n")
