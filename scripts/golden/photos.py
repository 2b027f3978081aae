"""tests/golden/pictures: small pictures of odd sizes and kinds, what the goldens of image models look at."""
from pathlib import Path

import numpy
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent.parent / "tests" / "golden" / "pictures"


def scene(height, width, seed, channels=3):
    """Soft colours with a few hard edges, so that resizing and JPEG both have something to do."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    image = numpy.zeros((height, width, channels))
    for c in range(channels):
        a, b, phase = random.uniform(0.05, 0.35, 3)
        image[..., c] = 128 + 90 * numpy.sin(a * x + 9 * phase) * numpy.cos(b * y)
    for _ in range(4):
        top, left = random.integers(0, height), random.integers(0, width)
        image[top:top + max(1, height // 3), left:left + max(1, width // 3)] = random.uniform(0, 255, channels)
    return numpy.clip(image, 0, 255).astype(numpy.uint8)


def make():
    FOLDER.mkdir(parents=True, exist_ok=True)

    def save(name, array, mode=None, **how):
        image = Image.fromarray(array)
        (image.convert(mode) if mode else image).save(FOLDER / name, **how)

    save("wide.png", scene(30, 47, 1))
    save("tall.jpg", scene(61, 35, 2), quality=88)
    save("grey.png", scene(26, 26, 3, 1)[..., 0])
    save("palette.png", scene(33, 20, 4), "P")
    save("clear.png", scene(24, 31, 5, 4))
    save("half.jpg", scene(40, 40, 6), quality=60, subsampling=2)
    turned = Image.fromarray(scene(28, 44, 7))
    exif = turned.getexif()
    exif[274] = 6
    turned.save(FOLDER / "turned.jpg", quality=90, exif=exif)


NAMES = ["wide.png", "tall.jpg", "grey.png", "palette.png", "clear.png", "half.jpg", "turned.jpg"]
