"""Pictures of every kind that is read, and what the reference makes of them: its pixels, and the numbers
of its image processors. torchvision's compiled part is not needed; its operators are declared only.
As a kind of make_golden.py: writes tests/golden/pictures/pictures.json, small ones with their checksums."""
import base64
import io
import json
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps


ROOT = Path(__file__).resolve().parents[2]
KEPT = """turned-3.jpg turned-6.jpg turned-5.png turned-8.webp turned-2.tif turned-7.tif jpeg-0-75 jpeg-1-98
jpeg-2-35 jpeg-progressive-2-75 jpeg-grey jpeg-cmyk jpeg-rgb jpeg-restart jpeg-1x1 png-1x1 webp-3x3 bmp-3x3 gif-1x90
png-palette-3 png-palette-16 gif-3 gif-16 gif-clear gif-grey gif-animated bmp-palette-2 bmp-palette-16 bmp-one bmp-alpha
tiff-palette-16 png-one png-grey.png png-grey-alpha png-alpha png-clear png-grey-16 png-16-2 png-16-4 png-16-6
png-grey-2 png-grey-4 png-animated webp-lossy.webp webp-lossy-alpha webp-lossless webp-animated tiff-grey-16
tiff-tiff_lzw tiff-tiff_adobe_deflate tiff-packbits tiff-jpeg tiff-grey-None tiff-one tiff-alpha tiff-cmyk""".split()


def photo(width, height, rng):
    """Something like a photo: smooth areas, edges and a little noise."""
    coarse = rng.integers(0, 256, (max(2, height // 24), max(2, width // 24), 3), dtype=np.uint8)
    image = PIL.Image.fromarray(coarse).resize((width, height), PIL.Image.BICUBIC)
    noisy = np.asarray(image).astype(np.int16) + rng.integers(-9, 10, (height, width, 3))
    if width > 6 and height > 6:
        noisy[height // 3:height // 2, width // 4:width // 2] = rng.integers(0, 256, 3)
    return PIL.Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def reference_pixels(file):
    """What load_image of transformers makes of a file."""
    image = PIL.ImageOps.exif_transpose(PIL.Image.open(file))
    return np.asarray(image.convert("RGB"))


def with_orientation(orientation):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def files(folder, seed, size=(53, 37)):
    """(name, file) of every kind of picture."""
    rng = np.random.default_rng(seed)
    width, height = size
    image = photo(width, height, rng)
    grey = image.convert("L")
    alpha = PIL.Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))
    translucent = image.copy()
    translucent.putalpha(alpha)
    made = {}
    for o in range(1, 9):
        for kind, suffix in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("TIFF", "tif")):
            made[f"turned-{o}.{suffix}"] = encoded(image, kind, exif=with_orientation(o))
    for sampling in (0, 1, 2):
        for quality in (35, 75, 98):
            made[f"jpeg-{sampling}-{quality}.jpg"] = encoded(image, "JPEG", quality=quality, subsampling=sampling)
            made[f"jpeg-progressive-{sampling}-{quality}.jpg"] = encoded(
                image, "JPEG", quality=quality, subsampling=sampling, progressive=True)
    made["jpeg-restart.jpg"] = encoded(image, "JPEG", restart_marker_blocks=2)
    made["jpeg-grey.jpg"] = encoded(grey, "JPEG")
    made["jpeg-cmyk.jpg"] = encoded(image.convert("CMYK"), "JPEG", quality=90)
    made["jpeg-rgb.jpg"] = encoded(image, "JPEG", keep_rgb=True)
    for shape in ((1, 1), (3, 3), (1, 90), (90, 1), (8, 8), (17, 16)):
        small = photo(*shape, rng)
        name = f"{shape[0]}x{shape[1]}"
        made[f"jpeg-{name}.jpg"] = encoded(small, "JPEG")
        made[f"png-{name}.png"] = encoded(small, "PNG")
        made[f"webp-{name}.webp"] = encoded(small, "WEBP", lossless=True)
        made[f"bmp-{name}.bmp"] = encoded(small, "BMP")
        made[f"gif-{name}.gif"] = encoded(small.quantize(16), "GIF")
    for colors in (2, 3, 16, 200):
        made[f"png-palette-{colors}.png"] = encoded(image.quantize(colors), "PNG")
        made[f"gif-{colors}.gif"] = encoded(image.quantize(colors), "GIF", interlace=colors % 2)
        made[f"bmp-palette-{colors}.bmp"] = encoded(image.quantize(colors), "BMP")
        made[f"tiff-palette-{colors}.tif"] = encoded(image.quantize(colors), "TIFF")
    made["png-one.png"] = encoded(grey.convert("1"), "PNG")
    made["png-grey.png"] = encoded(grey, "PNG")
    made["png-grey-alpha.png"] = encoded(translucent.convert("LA"), "PNG")
    made["png-alpha.png"] = encoded(translucent, "PNG")
    made["png-clear.png"] = encoded(image.quantize(16), "PNG", transparency=3)
    wide = rng.integers(0, 65536, (height, width), dtype=np.uint16)
    wide[0, :5] = [0, 100, 255, 256, 65535]
    made["png-grey-16.png"] = encoded(PIL.Image.fromarray(wide), "PNG")
    made["tiff-grey-16.tif"] = encoded(PIL.Image.fromarray(wide), "TIFF")
    for kind, channels in ((2, 3), (4, 2), (6, 4)):
        made[f"png-16-{kind}.png"] = raw_png(rng.integers(0, 256, (height, width, 2 * channels), dtype=np.uint8), kind, 16)
    for depth in (2, 4):
        packed = rng.integers(0, 256, (height, (width * depth + 7) // 8), dtype=np.uint8)
        made[f"png-grey-{depth}.png"] = raw_png(packed[:, :, None], 0, depth, width=width)
    made["png-animated.png"] = encoded(image, "PNG", save_all=True, append_images=[image.rotate(90)])
    made["gif-animated.gif"] = encoded(image.quantize(9), "GIF", save_all=True, append_images=[grey])
    made["gif-clear.gif"] = encoded(image.quantize(9), "GIF", transparency=2)
    made["gif-grey.gif"] = encoded(grey, "GIF")
    made["webp-lossy.webp"] = encoded(image, "WEBP", quality=60)
    made["webp-lossy-alpha.webp"] = encoded(translucent, "WEBP", quality=60)
    made["webp-lossless.webp"] = encoded(translucent, "WEBP", lossless=True, exact=True)
    made["webp-animated.webp"] = encoded(image, "WEBP", save_all=True, append_images=[image.rotate(90)], lossless=True)
    made["bmp-grey.bmp"] = encoded(grey, "BMP")
    made["bmp-one.bmp"] = encoded(grey.convert("1"), "BMP")
    made["bmp-alpha.bmp"] = encoded(translucent, "BMP")
    for how in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        made[f"tiff-{how}.tif"] = encoded(image, "TIFF", compression=how)
        made[f"tiff-grey-{how}.tif"] = encoded(grey, "TIFF", compression=how)
    made["tiff-one.tif"] = encoded(grey.convert("1"), "TIFF")
    made["tiff-alpha.tif"] = encoded(translucent, "TIFF", compression="tiff_lzw")
    made["tiff-cmyk.tif"] = encoded(image.convert("CMYK"), "TIFF", compression="tiff_lzw")
    for name, data in made.items():
        (folder / name).write_bytes(data)
        yield name, folder / name


def raw_png(rows, kind, depth, width=None):
    """A PNG of unfiltered rows [H, W, bytes]."""
    height = rows.shape[0]
    width = width or rows.shape[1]
    lines = b"".join(b"\0" + rows[y].tobytes() for y in range(height))

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def processors(fast):
    """(class, settings) over classes, filters and spellings."""
    for name, settings in timm_processors() if not fast else ():
        yield name, {"image_processor_type": "TimmWrapperImageProcessor", "pretrained_cfg": settings}
    for name, settings in plain_processors(fast):
        yield name, {"image_processor_type": f"{name}ImageProcessor{'Fast' if fast else ''}", **settings}


def timm_processors():
    yield "timm", {"input_size": [3, 48, 48], "crop_pct": 0.875, "interpolation": "bilinear"}
    yield "timm", {"input_size": [3, 47, 47], "crop_pct": 0.95, "mean": [0.5, 0.5, 0.5], "std": [0.3, 0.4, 0.5]}
    yield "timm", {"input_size": [3, 40, 64], "crop_pct": 0.9, "crop_mode": "squash", "interpolation": "lanczos"}


def plain_processors(fast):
    edge, square = {"shortest_edge": 70}, {"height": 64, "width": 48}
    crop = {"crop_size": {"height": 60, "width": 62}}
    filters = (0, 1, 2, 3) if fast else (0, 1, 2, 3, 4, 5)
    for resample in filters:
        yield "ViT", {"size": square, "resample": resample}
        yield "CLIP", {"size": edge, "resample": resample, **crop}
        yield "Detr", {"size": {"shortest_edge": 90, "longest_edge": 140}, "resample": resample}
    yield "ViT", {"size": 50}
    yield "ViT", {"size": 50, "do_normalize": False}
    yield "ViT", {"size": 50, "do_rescale": False}
    yield "ViT", {"size": 50, "do_rescale": False, "do_normalize": False}
    yield "ViT", {"size": 50, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.9, 0.8, 0.7]}
    yield "DeiT", {"size": {"height": 40, "width": 50}, **crop}
    yield "Beit", {"size": 61, "crop_size": 50}
    yield "Bit", {"size": edge, "crop_size": 71}
    yield "Bit", {"size": edge, "crop_size": {"height": 100, "width": 101}}
    yield "ConvNext", {"size": {"shortest_edge": 61}}
    yield "ConvNext", {"size": 50, "crop_pct": 0.9, "resample": 3}
    yield "ConvNext", {"size": {"shortest_edge": 384}}
    yield "Siglip", {"size": square}
    yield "Segformer", {"size": 77, "reduce_labels": True}
    yield "MobileNetV1", {"size": edge, "crop_size": 64}
    yield "MobileNetV2", {"size": edge, "crop_size": 64}
    yield "MobileViT", {"size": edge, "crop_size": 64}
    yield "EfficientNet", {"size": square}
    yield "EfficientNet", {"size": square, "rescale_offset": True, "rescale_factor": 1 / 127.5, "include_top": False}
    yield "Levit", {"size": edge, "crop_size": 64}
    yield "Pvt", {"size": square}
    yield "Blip", {"size": square}
    yield "Detr", {"size": 60, "max_size": 100}
    yield "Detr", {"size": {"shortest_edge": 60, "longest_edge": 80}, "pad_size": {"height": 90, "width": 91}}
    yield "ConditionalDetr", {"size": {"shortest_edge": 33, "longest_edge": 99}}
    yield "DeformableDetr", {"size": {"max_height": 80, "max_width": 70}}
    yield "RTDetr", {"size": {"height": 96, "width": 64}}
    yield "Yolos", {"size": {"shortest_edge": 64, "longest_edge": 99}}
    yield "MaskFormer", {"size": {"shortest_edge": 90, "longest_edge": 130}}
    yield "Mask2Former", {"size": square, "size_divisor": 16}
    yield "Mask2Former", {"size": {"shortest_edge": 90, "longest_edge": 130}}
    yield "Donut", {"size": {"height": 64, "width": 48}}
    yield "Donut", {"size": [90, 60], "do_align_long_axis": True, "resample": 3}
    yield "Donut", {"size": square, "do_thumbnail": False, "do_pad": False}
    yield "Vilt", {"size": {"shortest_edge": 64}, "size_divisor": 16}
    yield "Vilt", {"size": 96}


_made = {}


def reference_numbers(settings, file):
    """pixel_values of the reference's class for one picture."""
    import transformers
    key = str(settings)
    if key not in _made:
        kind = getattr(transformers, settings["image_processor_type"])
        own = {k: v for k, v in settings.items() if k != "image_processor_type"}
        _made[key] = kind.from_dict(own)
    image = transformers.image_utils.load_image(str(file))
    if "pretrained_cfg" in settings:
        return np.asarray(_made[key](image)["pixel_values"][0])
    fast = settings["image_processor_type"].endswith("Fast")
    out = _made[key](image, return_tensors="pt" if fast else "np", input_data_format="channels_last" if not fast else None)
    return np.asarray(out["pixel_values"][0])


def declare_torchvision():
    """Imports torchvision where its compiled operators do not load: those used here are torch's own."""
    import torch
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def main():
    declared = declare_torchvision()  # noqa: F841, kept for as long as it is used
    out = {"files": [], "processors": []}
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for name, file in files(folder, 1, size=(23, 17)):
            if any(name.startswith(kept) for kept in KEPT):
                pixels = reference_pixels(file)
                out["files"].append({"name": name, "shape": pixels.shape[:2], "crc": zlib.crc32(pixels.tobytes()),
                                     "bytes": base64.b64encode(file.read_bytes()).decode()})
        photos = []
        for width, height in ((61, 40), (37, 90), (90, 7), (3, 3)):
            file = folder / f"photo-{width}x{height}.jpg"
            photo(width, height, rng).save(file, quality=70)
            photos.append(file)
            out["files"].append({"name": file.name, "shape": [height, width],
                                 "crc": zlib.crc32(reference_pixels(file).tobytes()),
                                 "bytes": base64.b64encode(file.read_bytes()).decode()})
        for fast in (False, True):
            for _, settings in processors(fast):
                for taken in photos:
                    try:
                        numbers = reference_numbers(settings, taken)
                    except Exception:  # no size, or a height that the slow classes take for channels
                        continue
                    out["processors"].append({"file": taken.name, "settings": settings, "shape": numbers.shape,
                                              "crc": zlib.crc32(np.ascontiguousarray(numbers, np.float32).tobytes())})
    target = ROOT / "tests" / "golden" / "pictures" / "pictures.json"
    target.parent.mkdir(exist_ok=True)
    lists = [f' "{key}": [\n' + ",\n".join("  " + json.dumps(one, separators=(",", ":")) for one in rows) + "]"
             for key, rows in out.items()]
    target.write_text("{\n" + ",\n".join(lists) + "}\n")
