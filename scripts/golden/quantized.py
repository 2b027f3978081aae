"""Golden checkpoints whose weights are stored in codes; what their numbers are says the library of each format, or its
published formula. PYTHONPATH has bitsandbytes 0.50 and compressed-tensors beside transformers."""
import json

import torch
from safetensors.torch import load_file, save_file

from golden.decoders import GREEDY, PROMPTS
from golden.models import Case, Golden, text

SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
         "intermediate_size": 96, "max_position_embeddings": 128, "tie_word_embeddings": True}
CASES = [Case([*GREEDY, "--max-new-tokens", "12"], text(PROMPTS)),
         Case([*GREEDY, "--max-new-tokens", "8", "--num-beams", "2"], text(PROMPTS[:2]))]


def golden(name, about, how, config=None, model="LlamaForCausalLM", tokenizer="llama3", std=0.25, **more):
    return Golden(name, about, model, tokenizer, {**SIZES, **(config or {})}, CASES, max_length=128, std=std, codes=how, **more)


CODED = [
    golden("bnb-nf4", "NF4 with quantised scales", {"method": "bitsandbytes", "type": "nf4", "nest": True}),
    golden("bnb-fp4", "FP4, runs that cross the ends of rows", {"method": "bitsandbytes", "type": "fp4", "nest": False},
           {"hidden_size": 40, "intermediate_size": 52, "num_attention_heads": 3, "num_key_value_heads": 1}),
    golden("bnb-int8", "LLM.int8()", {"method": "bitsandbytes", "type": "int8"}, std=0.08),
    golden("bnb-gpt2", "NF4 of weights that GPT-2 has the other way round", {"method": "bitsandbytes", "type": "nf4", "nest": False},
           {"n_embd": 56, "n_layer": 2, "n_head": 4, "n_positions": 128}, "GPT2LMHeadModel", "gpt2", 0.2),
    golden("gptq-act-order", "GPTQ, 4 bits, groups of inputs that lie apart, a group that is not full",
           {"method": "gptq", "bits": 4, "group": 64, "act_order": True, "sym": False}),
    golden("gptq-3", "GPTQ, 3 bits, which cross the ends of words", {"method": "gptq", "bits": 3, "group": 32, "sym": True}),
    golden("gptq-8", "GPTQ, 8 bits, one group, the second format", {"method": "gptq", "bits": 8, "group": -1, "sym": True, "v2": True}),
    golden("gptq-2", "GPTQ, 2 bits", {"method": "gptq", "bits": 2, "group": 32, "sym": False}),
    golden("awq", "AWQ", {"method": "awq", "bits": 4, "group": 32, "sym": False}),
    golden("fp8-blocks", "FP8 with a scale for each block, the last of them not whole", {"method": "fp8", "block": [64, 40]},
           model="Qwen3ForCausalLM", tokenizer="qwen2"),
    golden("fp8-channels", "FP8 with a scale for each output", {"method": "compressed-tensors", "type": "float"}),
    golden("packed-4", "compressed-tensors, 4 bits with zeros", {"method": "compressed-tensors", "type": "packed", "bits": 4, "group": 32}),
    golden("packed-8", "compressed-tensors, 8 bits packed, an output's together", {"method": "compressed-tensors", "type": "packed", "bits": 8, "group": None}),
    golden("mxfp4", "MXFP4: experts of gpt-oss, two numbers in a byte", {"method": "mxfp4"},
           {"intermediate_size": 32, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 12, "tie_word_embeddings": False},
           model="GptOssForCausalLM", tokenizer="qwen2"),
    golden("channels-int8", "compressed-tensors, 8 bits, an output's together", {"method": "compressed-tensors", "type": "int"}),
]


def bitsandbytes(module, w, how):
    import bitsandbytes.functional as F
    if how["type"] == "int8":
        codes, sizes, _ = F.int8_vectorwise_quant(w.half())
        return ({f"{module}.weight": codes, f"{module}.SCB": sizes, f"{module}.weight_format": torch.tensor(0, dtype=torch.uint8)},
                F.int8_vectorwise_dequant(codes, sizes))
    codes, state = F.quantize_4bit(w, quant_type=how["type"], compress_statistics=how["nest"])
    tensors = {f"{module}.weight": codes, **{f"{module}.weight.{k}": v for k, v in state.as_dict(packed=True).items()}}
    return tensors, F.dequantize_4bit(codes, state)


def stream(codes, bits):
    """[n, columns] codes as words of 32 bits, the lowest first, along the first dimension."""
    n, columns = codes.shape
    words = torch.zeros((n * bits + 31) // 32 + 1, columns, dtype=torch.int64)
    for i in range(n):
        word, shift = divmod(i * bits, 32)
        both = codes[i].long() << shift
        words[word] |= both & 0xffffffff
        words[word + 1] |= both >> 32
    return signed(words[:-1])


def signed(words):
    return torch.where(words >= 2**31, words - 2**32, words).int()


def grouped(w, how, generator):
    """Codes, zeros [groups, out], scales [groups, out] and the group of each input."""
    out, depth = w.shape
    group = how["group"] if how["group"] and how["group"] > 0 else depth
    of = torch.arange(depth) // group
    if how.get("act_order"):
        of = of[torch.randperm(depth, generator=generator)]
    groups, most = int(of.max()) + 1, 2 ** how["bits"] - 1
    scales, zeros = torch.empty(groups, out), torch.empty(groups, out)
    for g in range(groups):
        part = w[:, of == g]
        low, high = part.min(1).values.clamp(max=0), part.max(1).values.clamp(min=0)
        if how["sym"]:
            high = torch.maximum(high, -low)
            low = -high
        scales[g] = (high - low) / most
        zeros[g] = (most + 1) / 2 if how["sym"] else (-low / scales[g]).round().clamp(1, most)
    scales = scales.half()
    codes = (w / scales.float()[of].T + zeros[of].T).round().clamp(0, most).int()
    return codes, zeros.int(), scales, of


def gptq(module, w, how, generator):
    codes, zeros, scales, of = grouped(w, how, generator)
    numbers = scales[of].T * (codes - zeros[of].T).half()  # as gptqmodel widens them, in float16
    stored = zeros if how.get("v2") else zeros - 1
    return {f"{module}.qweight": stream(codes.T, how["bits"]), f"{module}.qzeros": stream(stored.T, how["bits"]).T,
            f"{module}.scales": scales, f"{module}.g_idx": of.int()}, numbers


def awq(module, w, how, generator):
    codes, zeros, scales, of = grouped(w, how, generator)

    def pack(rows):
        eights = rows.view(rows.shape[0], -1, 8).long()
        return signed(sum(eights[:, :, o] << 4 * i for i, o in enumerate((0, 2, 4, 6, 1, 3, 5, 7))))
    return {f"{module}.qweight": pack(codes.T.contiguous()), f"{module}.qzeros": pack(zeros), f"{module}.scales": scales}, \
        (codes - zeros[of].T).half() * scales[of].T


def fp8(module, w, how, _):
    rows, columns = how["block"]
    scales = torch.stack([torch.stack([part.abs().max() / 448 for part in band.split(columns, 1)]) for band in w.split(rows)])
    wide = scales.repeat_interleave(rows, 0)[:w.shape[0]].repeat_interleave(columns, 1)[:, :w.shape[1]]
    codes = (w / wide).to(torch.float8_e4m3fn)
    return {f"{module}.weight": codes, f"{module}.weight_scale_inv": scales}, codes.float() * wide


def compressed(module, w, how, _):
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    kind = how["type"]
    bits = how.get("bits", 8)
    args = QuantizationArgs(num_bits=bits, type="float" if kind == "float" else "int", symmetric=kind != "packed" or bits == 8,
                            strategy="group" if how.get("group") else "channel", group_size=how.get("group"))
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    form = {"packed": "pack-quantized", "int": "int-quantized", "float": "float-quantized"}[kind]
    group = how.get("group") or w.shape[1]
    parts = w.view(w.shape[0], -1, group)
    most = {"float": 448.0}.get(kind, 2.0 ** (bits - 1) - 1)
    zeros = torch.zeros(parts.shape[:2], dtype=torch.int8)
    if args.symmetric:
        scales = (parts.abs().amax(2) / most).bfloat16()
    else:
        low, high = parts.amin(2), parts.amax(2)
        scales = ((high - low) / 15).bfloat16()
        zeros = (-8 - low / scales.float()).round().clamp(-8, 7).to(torch.int8)
    state = {"weight": w, "weight_scale": scales, "weight_zero_point": zeros}
    codec = BaseCompressor.get_value_from_registry(form)
    stored = codec.compress(state, scheme)
    numbers = codec.decompress(dict(stored), scheme)["weight"]
    return {f"{module}.{k}": v for k, v in stored.items()}, numbers


def mxfp4(module, w, how, _):
    from transformers.integrations.mxfp4 import FP4_VALUES, convert_moe_packed_tensors
    rows = w.transpose(1, 2).contiguous()  # [experts, out, in]
    parts = rows.view(*rows.shape[:2], -1, 32)
    exponents = (parts.abs().amax(-1) / 6).log2().ceil()
    codes = ((parts / 2 ** exponents[..., None])[..., None] - torch.tensor(FP4_VALUES)).abs().argmin(-1).to(torch.uint8)
    stored = {f"{module}_blocks": codes[..., ::2] | codes[..., 1::2] << 4, f"{module}_scales": (exponents + 127).to(torch.uint8)}
    return stored, convert_moe_packed_tensors(*stored.values())


METHODS = {"mxfp4": mxfp4, "gptq": gptq, "awq": awq, "fp8": fp8, "compressed-tensors": compressed}


def settings(how):
    """quantization_config as the tools write it."""
    method = how["method"]
    if method == "bitsandbytes":
        eight = how["type"] == "int8"
        return {"quant_method": method, "load_in_8bit": eight, "load_in_4bit": not eight, "_load_in_8bit": eight,
                "_load_in_4bit": not eight, "bnb_4bit_quant_type": how["type"] if not eight else "fp4",
                "bnb_4bit_use_double_quant": how.get("nest", False), "llm_int8_threshold": 6.0}
    if method == "fp8":
        return {"quant_method": method, "activation_scheme": "dynamic", "weight_block_size": how["block"]}
    if method == "compressed-tensors":
        form = {"packed": "pack-quantized", "int": "int-quantized", "float": "float-quantized"}[how["type"]]
        return {"quant_method": method, "format": form, "ignore": ["lm_head"], "config_groups": {}}
    if method == "mxfp4":
        return {"quant_method": method, "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "lm_head"]}
    more = {"desc_act": bool(how.get("act_order")), "sym": how["sym"], "checkpoint_format": "gptq_v2" if how.get("v2") else "gptq"}
    return {"quant_method": method, "bits": how["bits"], "group_size": how["group"],
            **(more if method == "gptq" else {"version": "gemm", "zero_point": True})}


def write(folder, twin, how):
    """Puts codes in place of the weights of products in `folder`, and into `twin` the numbers that they stand for."""
    import shutil
    shutil.copytree(folder, twin)
    tensors, wide = load_file(folder / "model.safetensors"), {}
    stored = {}
    generator = torch.Generator().manual_seed(5)
    for name, w in sorted(tensors.items()):
        turned = any(part in name for part in (".c_attn.", ".c_proj.", ".c_fc."))
        of_experts = how["method"] == "mxfp4"
        if not name.endswith("_proj" if of_experts else "_proj.weight") and not (turned and name.endswith("weight")):
            stored[name] = wide[name] = w
            continue
        module = name.removesuffix(".weight")
        w = w.T.contiguous() if turned else w
        codes, numbers = (bitsandbytes(module, w, how) if how["method"] == "bitsandbytes"
                          else METHODS[how["method"]](module, w, how, generator))
        stored.update(codes)
        wide[name] = numbers.to(torch.float32).T if turned else numbers.to(torch.float32)
    for place, all_tensors in ((folder, stored), (twin, wide)):
        save_file({k: v.contiguous() for k, v in all_tensors.items()}, place / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": settings(how)}, indent=2) + "\n")
