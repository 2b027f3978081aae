#!/usr/bin/env python3
"""Writes core/checkpoint/imagenet_labels.inc: the words of the 1000 classes of ImageNet, in the order of their numbers,
as timm's classifiers mean them whose config.json names no labels."""
from pathlib import Path

from timm.data import ImageNetInfo

info = ImageNetInfo("imagenet-1k")
words = info.label_descriptions(as_dict=True)
out = Path(__file__).resolve().parent.parent.parent / "core" / "checkpoint" / "imagenet_labels.inc"
lines = ['"' + words[name].replace("\\", "\\\\").replace('"', '\\"') + '\\n"' for name in info.label_names()]
assert len(lines) == 1000
out.write_text("\n".join(lines) + "\n")
