"""Writes tests/golden/timm-mobilenet/cases.json: what timm's MobileNets V3 make of a picture, their weights and the picture
numbers of a formula, since a checkpoint of them would be large. tests/core/models/timm_mobilenet_test.cc fills the same in."""
import json
from pathlib import Path

import torch

from golden.vision import LIBRARY  # noqa: F401: what makes torchvision importable

NAMES = ["mobilenetv3_small_100", "mobilenetv3_small_050", "mobilenetv3_large_075", "tf_mobilenetv3_small_minimal_100",
         "tf_mobilenetv3_large_100"]
CLASSES = 7


def numbers(name, shape):
    """Those of a tensor: sines whose beginning follows from its name."""
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    first = sum(name.encode()) % 97
    if len(shape) > 1:
        fan_in = torch.Size(shape[1:]).numel()
        return (torch.sin(i * i % 1009 + first) * (3 / fan_in) ** 0.5).view(shape)
    small = 0.2 * torch.sin(1.3 * i + first)
    if name.endswith("running_var"):
        return 1 + small.abs()
    return 1 + small if name.endswith("weight") else small


def main():
    import timm
    cases = []
    for name in NAMES:
        model = timm.create_model(name, num_classes=CLASSES).eval()
        model.load_state_dict({k: v if "num_batches" in k else numbers(k, v.shape) for k, v in model.state_dict().items()})
        for height, width in ((64, 64), (65, 48)):
            picture = torch.sin(torch.arange(3 * height * width, dtype=torch.float64) * 0.01).float().view(1, 3, height, width)
            with torch.no_grad():
                logits = model(picture)[0].tolist()
            cases.append({"name": name, "height": height, "width": width, "logits": logits})
    file = Path(__file__).resolve().parents[2] / "tests" / "golden" / "timm-mobilenet" / "cases.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text("[" + ",\n ".join(json.dumps(case) for case in cases) + "]\n")
