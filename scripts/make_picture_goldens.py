#!/usr/bin/env python3
"""Writes tests/golden/pictures/pictures.json: small pictures of every kind, the sizes and checksums of their
pixels as the reference reads them, and of what its image processors make of some of them.
usage: PYTHON scripts/make_picture_goldens.py    (the Python of scripts/setup --reference, with torchvision)"""
import base64
import json
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from golden import pictures  # noqa: E402

KEPT = """turned-3.jpg turned-6.jpg turned-5.png turned-8.webp turned-2.tif turned-7.tif jpeg-0-75 jpeg-1-98
jpeg-2-35 jpeg-progressive-2-75 jpeg-grey jpeg-cmyk jpeg-rgb jpeg-restart jpeg-1x1 png-1x1 webp-3x3 bmp-3x3 gif-1x90
png-palette-3 png-palette-16 gif-3 gif-16 gif-clear gif-grey gif-animated bmp-palette-2 bmp-palette-16 bmp-one bmp-alpha
tiff-palette-16 png-one png-grey.png png-grey-alpha png-alpha png-clear png-grey-16 png-16-2 png-16-4 png-16-6
png-grey-2 png-grey-4 png-animated webp-lossy.webp webp-lossy-alpha webp-lossless webp-animated tiff-grey-16
tiff-tiff_lzw tiff-tiff_adobe_deflate tiff-packbits tiff-jpeg tiff-grey-None tiff-one tiff-alpha tiff-cmyk""".split()


def main():
    declared = pictures.declare_torchvision()  # noqa: F841, kept for as long as it is used
    out = {"files": [], "processors": []}
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for name, file in pictures.files(folder, 1, size=(23, 17)):
            if any(name.startswith(kept) for kept in KEPT):
                pixels = pictures.reference_pixels(file)
                out["files"].append({"name": name, "shape": pixels.shape[:2], "crc": zlib.crc32(pixels.tobytes()),
                                     "bytes": base64.b64encode(file.read_bytes()).decode()})
        photos = []
        for width, height in ((61, 40), (37, 90), (90, 7), (3, 3)):
            file = folder / f"photo-{width}x{height}.jpg"
            pictures.photo(width, height, rng).save(file, quality=70)
            photos.append(file)
            out["files"].append({"name": file.name, "shape": [height, width],
                                 "crc": zlib.crc32(pictures.reference_pixels(file).tobytes()),
                                 "bytes": base64.b64encode(file.read_bytes()).decode()})
        for fast in (False, True):
            for _, settings in pictures.processors(fast):
                for photo in photos:
                    try:
                        numbers = pictures.reference_numbers(settings, photo)
                    except Exception:  # no size, or a height that the slow classes take for channels
                        continue
                    out["processors"].append({"file": photo.name, "settings": settings, "shape": numbers.shape,
                                              "crc": zlib.crc32(np.ascontiguousarray(numbers, np.float32).tobytes())})
    target = ROOT / "tests" / "golden" / "pictures" / "pictures.json"
    target.parent.mkdir(exist_ok=True)
    lists = [f' "{key}": [\n' + ",\n".join("  " + json.dumps(one, separators=(",", ":")) for one in rows) + "]"
             for key, rows in out.items()]
    target.write_text("{\n" + ",\n".join(lists) + "}\n")


if __name__ == "__main__":
    main()
