"""Writes tests/golden/torch-files: one state dict as torch.save writes it in each format, and what is
in it as safetensors; and a small one to be broken byte by byte. The same bytes each
time."""
import collections
import io
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "torch-files"
STORED = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32",
          "uint64", "float8_e4m3fn", "float8_e5m2"]


def any_bits(name, *shape):
    """Numbers of every kind, NaN and infinity among them."""
    dtype = getattr(torch, name)
    count = torch.Size(shape).numel() * torch.empty(0, dtype=dtype).element_size()
    return torch.randint(0, 256, (count,), dtype=torch.uint8).view(dtype).reshape(shape)


def state_dict():
    """Every type, shared storages, and views that are not contiguous."""
    torch.manual_seed(0)
    tensors = collections.OrderedDict()
    for name in STORED:
        tensors["type." + name] = any_bits(name, 3, 2)
    tensors["type.bool"] = torch.tensor([True, False, True])
    base, deep = any_bits("float32", 4, 6), any_bits("bfloat16", 2, 3, 4)
    tensors["base"] = base
    tensors["tied"] = base.view(4, 6)
    tensors["row"] = base[1]
    tensors["transposed"] = base.t()
    tensors["stepped"] = base[::2, 1::2]
    tensors["turned"] = deep.permute(2, 0, 1)
    tensors["half.column"] = any_bits("float16", 5, 3)[:, 1]
    tensors["expanded"] = torch.arange(3).expand(2, 3)
    tensors["one.row"] = torch.arange(12).reshape(3, 4)[1:2]
    tensors["scalar"] = torch.tensor(0.5)
    tensors["empty"] = torch.empty(0, 3, dtype=torch.float16)
    tensors["parameter"] = torch.nn.Parameter(torch.randn(2, 2))
    tensors["größe"] = torch.tensor([1.5])
    tensors["steps"] = 7
    tensors._metadata = collections.OrderedDict({"": {"version": 1}})
    return tensors


class Numbered(type):
    """Stands for str in torch.serialization, whose older format names storages by their address and
    sorts them by that name: here by their turn, so that the bytes are the same each time."""
    seen = []

    def __instancecheck__(cls, value):
        return isinstance(value, str)

    def __call__(cls, value):
        if not isinstance(value, int):
            return str(value)
        if value not in cls.seen:
            cls.seen.append(value)
        return f"{94_000_000_000_000 + cls.seen.index(value)}"


class NumberedStr(metaclass=Numbered):
    pass


def saved(value, zipped, protocol=2):
    out = io.BytesIO()
    Numbered.seen.clear()
    torch.serialization.str = str if zipped else NumberedStr
    torch.save(value, out, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    return out.getvalue()


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    full = state_dict()
    small = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.nn.Parameter(torch.ones(2, dtype=torch.float16))}
    small["c"] = small["a"].t()
    files = {
        "zip.bin": saved(full, True),
        "zip-protocol-4.bin": saved(full, True, 4),
        "legacy.bin": saved(full, False),
        "small-zip.bin": saved(small, True),
        "small-legacy.bin": saved(small, False),
    }
    for name, data in files.items():
        (ROOT / name).write_bytes(data)
    for name, tensors in (("full", full), ("small", small)):
        copies = {k: v.detach().contiguous().clone() for k, v in tensors.items() if torch.is_tensor(v)}
        save_file(copies, ROOT / f"{name}.safetensors", metadata={"format": "pt"})
