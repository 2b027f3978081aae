"""Weights and what bitsandbytes makes of them: tests/golden/codes.safetensors."""
from pathlib import Path

import torch
from safetensors.torch import save_file

SHAPES = [(1, 1), (1, 2), (3, 5), (1, 63), (1, 64), (1, 65), (2, 64), (5, 127), (7, 9), (13, 64), (4, 96), (3, 100), (16, 128),
          (8, 65), (33, 33), (2, 300), (9, 256), (6, 130), (65, 3), (20, 64)]


def weight(shape, i):
    """Wide and narrow rows, exact midpoints and zeros among them."""
    w = torch.randn(shape) * (10.0 ** torch.randint(-3, 2, (shape[0], 1)))
    flat = w.view(-1)
    if i % 4 == 1:
        flat[:len(flat) // 3] = 0
    if i % 4 == 2:
        flat[::7] = flat.abs().max() * -0.5
    if i % 4 == 3:
        flat[:] = (flat * 8 / flat.abs().max()).round() / 8
    return w


def main():
    import bitsandbytes.functional as F
    torch.manual_seed(11)
    tensors = {}
    for i, shape in enumerate(SHAPES):
        w = weight(shape, i)
        dtype = (torch.float32, torch.float16, torch.bfloat16)[i % 3]
        w = w.to(dtype)
        tensors[f"{i}.weight"] = w
        for kind in ("nf4", "fp4"):
            codes, state = F.quantize_4bit(w, quant_type=kind)
            nested_codes, nested = F.quantize_4bit(w, quant_type=kind, compress_statistics=True)
            tensors[f"{i}.{kind}.codes"], tensors[f"{i}.{kind}.sizes"] = codes, state.absmax
            tensors[f"{i}.{kind}.numbers"] = F.dequantize_4bit(codes, state).reshape(shape)  # one byte looks like a row to it
            tensors[f"{i}.{kind}.nested.codes"], tensors[f"{i}.{kind}.nested.sizes"] = nested.absmax, nested.state2.absmax
            tensors[f"{i}.{kind}.nested.numbers"] = F.dequantize_4bit(nested_codes, nested).reshape(shape)
        codes, sizes, _ = F.int8_vectorwise_quant(w.half())
        tensors[f"{i}.int8.codes"], tensors[f"{i}.int8.sizes"] = codes, sizes
        tensors[f"{i}.int8.numbers"] = F.int8_vectorwise_dequant(codes, sizes)
    tensors["map"] = F.create_dynamic_map()
    root = Path(__file__).resolve().parents[2] / "tests" / "golden"
    save_file({k: v.contiguous() for k, v in tensors.items()}, root / "codes.safetensors")
