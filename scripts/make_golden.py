#!/usr/bin/env python3
"""Writes tests/golden/NAME: a tiny checkpoint with wide random weights in the Hub's layout, and
golden.json, what the Python pipelines answer for it. tests/cli/golden_test.cc compares hft's answers.

usage: make_golden.py [NAME...]    (default: all checkpoints; needs the Python of scripts/setup --reference, and for
                                    those named v5-… one with transformers 5)
       make_golden.py KIND         what other tests compare with: generation, templates, tokenizer_parts,
                                   tokenizer_classes, torch_files, sentence_cases, pictures, sounds, speech, metrics, codes, train,
                                   tables, device_maps, timm_mobilenet
                                   (a module of scripts/golden each)
"""
import copy
import importlib
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parent))
from golden import answers, audio, documents, nomic_bert, photos, quantized, tokenizers_of, vision_language, whisper
from golden.blip import BLIP, sizes as blip_sizes
from golden.decoders import DECODERS
from golden.defaults import DEFAULTS
from golden.models import GOLDENS as ENCODERS
from golden.quantized import CODED
from golden.seq2seq import SEQ2SEQ
from golden.version5 import VERSION_5
from golden.vision import TIMM, VISION

GOLDENS = (ENCODERS + DECODERS + SEQ2SEQ + DEFAULTS + VISION + TIMM + BLIP + documents.DOCUMENTS + vision_language.VISION_LANGUAGE + audio.AUDIO + whisper.WHISPER +
           CODED + VERSION_5)
KINDS = ("generation", "templates", "tokenizer_parts", "tokenizer_classes", "torch_files", "sentence_cases",
         "pictures", "sounds", "speech", "metrics", "codes", "train", "tables", "device_maps", "timm_mobilenet")
ROOT = Path(__file__).resolve().parent.parent / "tests" / "golden"


def widen(model, std):
    """Seeded weights wide enough that answers are decided by far more than rounding."""
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            if not p.requires_grad:  # sinusoidal positions
                continue
            noise = torch.randn(p.shape)
            if p.dim() > 1:
                p.copy_(noise * std)
            else:
                p.copy_(noise * 0.2 + (1.0 if ("norm" in name.lower() or "ln_" in name or "_ln" in name or ".bn" in name) and "weight" in name else 0.0))
        for name, buffer in sorted(model.named_buffers()):
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.3)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.normal_(0, 0.5)


def build(golden, vocab_size, tokenizer=None):
    """The model of a golden, its random numbers drawn from its name."""
    torch.manual_seed(sum(golden.name.encode()))
    cls = getattr(tf, golden.model)
    sizes = {"vocab_size": vocab_size} if vocab_size else {}
    config = copy.deepcopy({**sizes, **golden.config})
    if golden in documents.HALVES:
        config = documents.halves(config, tokenizer)
    if golden.texts:
        own = blip_sizes(vocab_size) if golden in BLIP else sizes
        config["text_config"] = {"eos_token_id": vocab_size - 1, **config["text_config"], **own}
    model = cls(cls.config_class(**config)).eval()
    widen(model, golden.std)
    model.tie_weights()
    if golden.name.startswith(("donut", "default-donut")):
        documents.favour(model, tokenizer)
    return model


def edit_weights(folder, edit):
    """Rewrites model.safetensors with edit(tensors) -> tensors."""
    file = folder / "model.safetensors"
    tensors = edit(load_file(file))
    save_file({k: v.contiguous() for k, v in tensors.items()}, file, metadata={"format": "pt"})


def old_norm_names(tensors):
    return {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias",
            "LayerNorm.beta"): v for k, v in tensors.items()}


def extra_tensors(tensors):
    """What original checkpoints carry beside the weights in use."""
    hidden = tensors["bert.embeddings.LayerNorm." + ("gamma" if
                     "bert.embeddings.LayerNorm.gamma" in tensors else "weight")].shape[0]
    return {**tensors, "bert.embeddings.position_ids": torch.arange(64)[None],
            "bert.pooler.dense.weight": torch.ones(hidden, hidden),
            "bert.pooler.dense.bias": torch.ones(hidden),
            "cls.seq_relationship.weight": torch.ones(2, hidden),
            "cls.seq_relationship.bias": torch.ones(2)}


def gpt2_layout(tensors):
    """Without the prefix, and with the masks that older versions saved."""
    bare = {k.removeprefix("transformer."): v for k, v in tensors.items()}
    masks = {f"h.{i}.attn.bias": torch.ones(8, 8).tril()[None, None] for i in range(2)}
    return {**bare, **masks}


def name_tokens(model, tokenizer):
    """The special tokens of the config are the tokenizer's."""
    ends = [i for t in ("<|eot_id|>", "<|im_end|>") if (i := tokenizer.get_vocab().get(t))]
    eos = ends + [tokenizer.eos_token_id] if ends else tokenizer.eos_token_id
    for config in (model.config, model.generation_config):
        config.bos_token_id, config.eos_token_id = tokenizer.bos_token_id, eos


def edit_json(file, **changes):
    """Sets fields of a JSON file; None removes one."""
    content = json.loads(file.read_text()) if file.exists() else {}
    content.update(changes)
    content = {k: v for k, v in content.items() if v is not None}
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def compact(file):
    """The same JSON without its indentation."""
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def save(golden, folder):
    """Writes the checkpoint: weights, config, tokenizer, sentence-transformers modules."""
    if golden in whisper.WHISPER:
        return whisper.save(golden, folder, build)
    if golden in vision_language.VISION_LANGUAGE:
        vision_language.save(golden, folder, widen, name_tokens)
        return finish(golden, folder)
    length = golden.max_length
    tokenizer = tokenizers_of.make(golden.tokenizer, folder, length) if golden.tokenizer else None
    model = build(golden, len(tokenizer) if tokenizer else 0, tokenizer)
    if tokenizer and model.can_generate() and not model.config.is_encoder_decoder:
        name_tokens(model, tokenizer)
    if golden.dtype:
        model = model.to(getattr(torch, golden.dtype))
    model.save_pretrained(folder, max_shard_size=golden.shard or "5GB", safe_serialization=golden.weights != "pickle")
    for name, content in golden.files.items():
        answers.put(folder / name, content)
    finish(golden, folder)
    if golden.modules is not None:
        answers.write_modules(folder, golden, model.config.hidden_size)


def finish(golden, folder):
    """What is changed of the files once they are there."""
    for edit in golden.edits:
        if edit == "flat config":
            content = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps(vision_language.flatten(content), indent=2) + "\n")
        else:
            edit_weights(folder, EDITS[edit])
    if golden.weights == "bin":
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    if golden.dtype:  # the field's name in most checkpoints
        edit_json(folder / "config.json", dtype=None, torch_dtype=golden.dtype)
    edit_json(folder / "config.json", **golden.config_fields)
    if golden.generation:
        edit_json(folder / "generation_config.json", **golden.generation)
    if (folder / "tokenizer.json").exists():
        compact(folder / "tokenizer.json")
    for name in golden.without:
        (folder / name).unlink(missing_ok=True)


def own_tables(tensors):
    """Tables for each side: without them transformers makes new ones where embeddings are not tied."""
    table = tensors["model.shared.weight"]
    return {**tensors, **{f"model.{side}.embed_tokens.weight": (torch.randn(table.shape) * 0.3).to(table.dtype)
                          for side in ("encoder", "decoder")}}


def own_head(tensors):
    return {**tensors, "lm_head.weight": torch.randn(tensors["shared.weight"].shape) * 0.3}


def stacked_experts(tensors):
    """The names and shapes that Mixtral has in memory since transformers 5."""
    out = {}
    for name, tensor in tensors.items():
        place, _, rest = name.partition("block_sparse_moe.")
        if rest.startswith("gate."):
            out[f"{place}mlp.{rest}"] = tensor
        elif rest:
            count = max(int(n.split(".")[5]) for n in tensors if n.startswith(f"{place}block_sparse_moe.experts.")) + 1
            w = [[tensors[f"{place}block_sparse_moe.experts.{i}.w{k}.weight"] for k in (1, 2, 3)] for i in range(count)]
            out[f"{place}mlp.experts.gate_up_proj"] = torch.stack([torch.cat([a, c]) for a, _, c in w])
            out[f"{place}mlp.experts.down_proj"] = torch.stack([b for _, b, _ in w])
        else:
            out[name] = tensor
    return out


EDITS = {"old weight norm": audio.old_weight_norm, "far likeness": audio.far_likeness,
         "new llava names": vision_language.new_llava_names, "own head": own_head, "stacked experts": stacked_experts, "own tables": own_tables, "gpt2 layout": gpt2_layout, "old norm names": old_norm_names, "extra tensors": extra_tensors}


def plain(value):
    """Numbers of numpy and torch as Python's."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, numpy.ndarray):
        return value.astype(float).tolist()
    return value.item() if isinstance(value, numpy.generic) else value


def write_answers(golden, folder, model):
    if golden.installed:
        model = ROOT.parent.parent / "models" / golden.installed
    cases = [{"args": case.args, "inputs": case.inputs, "outputs": plain(outputs)}
             for case, outputs in answers.of(golden, model)]
    head = {"about": golden.about, **({"model": golden.installed} if golden.installed else {})}
    text = json.dumps({**head, "cases": ["@"]}, ensure_ascii=False, indent=1)
    rows = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (folder / "golden.json").write_text(text.replace('"@"', rows) + "\n")


def make(golden):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / golden.name
        folder.mkdir()
        if not golden.installed:
            save(golden, folder)
        if golden.codes:
            quantized.write(folder, Path(temporary) / "wide", golden.codes)
        write_answers(golden, folder, Path(temporary) / "wide" if golden.codes else folder)
        for file in folder.rglob("*"):
            file.chmod(0o755 if file.is_dir() else 0o644)
        shutil.rmtree(ROOT / golden.name, ignore_errors=True)
        shutil.copytree(folder, ROOT / golden.name)
    size = sum(f.stat().st_size for f in (ROOT / golden.name).rglob("*") if f.is_file())
    print(f"{golden.name}: {size / 1024:.0f} KiB", flush=True)


def main():
    warnings.filterwarnings("ignore")
    tf.logging.set_verbosity_error()
    tf.logging.disable_progress_bar()
    torch.set_num_threads(2)
    ROOT.mkdir(parents=True, exist_ok=True)
    names = sys.argv[1:]
    if len(names) == 1 and names[0] in KINDS:
        return importlib.import_module(f"golden.{names[0]}").main()
    unknown = set(names) - {g.name for g in GOLDENS}
    if unknown:
        sys.exit(f"make_golden.py: no golden named {', '.join(sorted(unknown))}")
    release = int(tf.__version__.split(".")[0])
    chosen = [g for g in GOLDENS if (not names or g.name in names) and g.release == release]
    if any(g in VISION + TIMM + BLIP + documents.VILT + documents.HALVES + vision_language.VISION_LANGUAGE for g in chosen):
        photos.make()
    if release == 4 and any(g in documents.DOCUMENTS for g in chosen):
        documents.pages()
        documents.read_pages()
    if release == 4 and any(g in audio.AUDIO for g in chosen):
        audio.record()
    if any(g in whisper.WHISPER for g in chosen):
        whisper.sounds()
    if release == 4:
        nomic_bert.register()
    for golden in chosen:
        make(golden)


if __name__ == "__main__":
    main()
