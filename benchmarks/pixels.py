"""Photos from JPEG files to normalised tensors beside the image processors of transformers; a job of scripts/bench.

As a peer (`pixels.py KIND FOLDER FILE...`, KIND slow or fast): each line asks for one pass over the files, answered with
its seconds. The slow classes need Pillow, the fast ones torchvision, whose compiled part may be missing.
"""
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COUNT, SIZES = 48, ((500, 375), (640, 480), (1024, 768), (1920, 1080))
SETTINGS = {"size": {"height": 224, "width": 224}, "do_resize": True}


def photos(folder):
    """Photos of several sizes, COUNT in all, as cameras and web sites write them."""
    import numpy as np
    import PIL.Image
    rng = np.random.default_rng(3)
    files = []
    for i in range(COUNT):
        width, height = SIZES[i % len(SIZES)]
        y, x = np.mgrid[0:height, 0:width]
        waves = [127 + 70 * np.sin(x / 97 + y / 61 + c + i) + 30 * np.sin(x / (13 + c) - y / 29) for c in range(3)]
        noisy = np.stack(waves, -1) + rng.normal(0, 5, (height, width, 3))
        files.append(f"{folder}/photo-{i}.jpg")
        PIL.Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(files[-1], quality=85)
    return files


def peer(kind, folder, files):
    sys.path.insert(0, str(ROOT / "scripts"))
    import torch
    if kind == "fast":
        from golden import pictures
        declared = pictures.declare_torchvision()  # noqa: F841, kept for as long as it is used
    else:
        sys.modules["torchvision"] = None
    import transformers
    from transformers.image_utils import load_image
    torch.set_num_threads(1)
    name = "ViTImageProcessor" + ("Fast" if kind == "fast" else "")
    processor = getattr(transformers, name).from_pretrained(folder)
    print(json.dumps(name), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for file in files:
            processor(load_image(file), return_tensors="pt")
        print(json.dumps(time.perf_counter() - start), flush=True)


def pixels(pairs):
    from measuring import REFERENCE, Peer, check_idle, ratio, rounds, show
    program = str(ROOT / "build" / "bench_pixels")
    subprocess.run([ROOT / "scripts" / "build", "release", "bench_pixels"], check=True)
    check_idle()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([REFERENCE, __file__, "photos", folder], check=True)
        files = sorted(map(str, Path(folder).glob("*.jpg")))
        rows = [("photos of 0.2 to 2 megapixels, 224 x 224", "hft", "beside", "ratio")]
        for kind in ("slow", "fast"):
            own = Path(folder) / kind
            own.mkdir()
            name = "ViTImageProcessor" + ("Fast" if kind == "fast" else "")
            (own / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": name, **SETTINGS}))
            other = Peer("pixels.py", kind, str(own), *files)

            def ours(threads, own=own):
                done = subprocess.run([program, own, str(threads), "1", *files], capture_output=True, check=True)
                return float(done.stdout.split()[1]) * len(files) / 1000

            times = rounds(pairs, {"one": lambda: ours(1), "peer": lambda: other.ask("pass"), "two": lambda: ours(2)})
            other.close()
            for threads, key in ((1, "one"), (2, "two")):
                speeds = [COUNT / min(times[side]) for side in (key, "peer")]
                rows.append((f"{threads} thread{'s' * (threads > 1)}", f"{speeds[0]:.0f}/s", f"{name} {speeds[1]:.0f}/s",
                             ratio(times["peer"], times[key])))
        show(rows)


if __name__ == "__main__":
    if sys.argv[1] == "photos":
        photos(sys.argv[2])
    else:
        peer(sys.argv[1], sys.argv[2], sys.argv[3:])
