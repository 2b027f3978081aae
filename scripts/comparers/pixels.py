"""Compares the pixels of pictures, and what image processors make of them, with the reference, bit for
bit: Pillow for reading and for the slow classes, torchvision's arithmetic for the "Fast" ones.
usage: scripts/compare pixels [--sizes N] [--seed N] [--only read|slow|fast]
"""
import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import PIL.Image

from golden import pictures

ROOT = Path(__file__).resolve().parents[2]


class Ours:
    def __init__(self):
        self.process = subprocess.Popen([ROOT / "build" / "dump_pixels"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, folder, image):
        self.process.stdin.write(f"{folder}\t{image}\n".encode())
        self.process.stdin.flush()
        channels, height, width = struct.unpack("<3i", self.process.stdout.read(12))
        if channels < 0:
            return self.process.stdout.read(width).decode()
        if not folder:
            data = np.frombuffer(self.process.stdout.read(3 * height * width), np.uint8)
            return data.reshape(height, width, 3)
        data = np.frombuffer(self.process.stdout.read(4 * 3 * height * width), np.float32)
        return data.reshape(3, height, width)


def same(what, ours, reference):
    if isinstance(ours, str):
        print(f"{what}: {ours}")
        return False
    if ours.shape != reference.shape:
        print(f"{what}: shape {ours.shape}, wanted {reference.shape}")
        return False
    if not np.array_equal(ours, reference):
        apart = ours.astype(np.float64) - reference
        print(f"{what}: {np.count_nonzero(apart)} of {apart.size} differ, by at most {np.abs(apart).max()}")
        return False
    return True


def compare_reading(ours, folder, args):
    good = total = 0
    for name, file in pictures.files(folder, args.seed):
        total += 1
        good += same(name, ours.ask("", file), pictures.reference_pixels(file))
    return good, total


def compare_processors(ours, folder, args, fast):
    rng = np.random.default_rng(args.seed)
    good = total = 0
    cases = list(pictures.processors(fast))
    for i in range(args.sizes):
        name, settings = cases[i % len(cases)]
        own = folder / f"{name}-{i % len(cases)}{'-fast' if fast else ''}"
        if not own.exists():
            own.mkdir()
            (own / ("config.json" if "pretrained_cfg" in settings else "preprocessor_config.json")).write_text(json.dumps(settings))
        width, height = (int(x) for x in np.exp(rng.uniform(np.log(8), np.log(900), 2)))
        file = folder / f"photo.{'png' if i % 2 else 'jpg'}"
        pictures.photo(width, height, rng).save(file, **({} if i % 2 else {"quality": 90}))
        try:
            reference = pictures.reference_numbers(settings, file)
        except Exception as error:  # what the reference cannot do says nothing
            print(f"{name} {width} x {height}: the reference fails: {str(error)[:90]}")
            continue
        total += 1
        good += same(f"{name} {settings.get('resample')} {width} x {height} {file.suffix}",
                     ours.ask(own, file), reference)
    return good, total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=["read", "slow", "fast"])
    args = parser.parse_args()
    ours = Ours()
    declared = pictures.declare_torchvision()  # noqa: F841, kept for as long as it is used
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ["read", "slow", "fast"] if not args.only else [args.only]:
            good, total = (compare_reading(ours, folder, args) if part == "read" else
                           compare_processors(ours, folder, args, part == "fast"))
            print(f"{part}: {good} of {total} equal")
            bad += total - good
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
