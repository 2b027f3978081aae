"""Device maps that accelerate infers as from_pretrained has it do, from configs alone."""
import json
from pathlib import Path

import torch
import transformers as tf
from accelerate import infer_auto_device_map, init_empty_weights
from accelerate.utils import get_balanced_memory, get_max_memory

CONFIGS = [
    {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672,
     "num_attention_heads": 64, "num_hidden_layers": 80, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "vocab_size": 128256,
     "max_position_embeddings": 131072, "rope_theta": 500000.0, "torch_dtype": "bfloat16", "tie_word_embeddings": False},
    {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864,
     "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "vocab_size": 151936,
     "max_position_embeddings": 32768, "rope_theta": 1000000.0, "torch_dtype": "bfloat16", "tie_word_embeddings": True},
    {"architectures": ["BertForMaskedLM"], "model_type": "bert", "hidden_size": 768, "intermediate_size": 3072,
     "num_attention_heads": 12, "num_hidden_layers": 12, "vocab_size": 30522, "max_position_embeddings": 512, "type_vocab_size": 2},
    {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "d_model": 384, "encoder_layers": 4,
     "decoder_layers": 4, "encoder_attention_heads": 6, "decoder_attention_heads": 6, "encoder_ffn_dim": 1536,
     "decoder_ffn_dim": 1536, "vocab_size": 51865, "num_mel_bins": 80, "max_source_positions": 1500, "max_target_positions": 448},
]
# As shares of the whole model, by device.
SHARES = [{0: .3, 1: .3, 2: .3, "cpu": .5}, {0: .8, 1: .8, 2: .8}, {0: .55, "cpu": .3}, {0: .4, 1: .7, "cpu": .2}]


def device_map(model, kind, memory, dtype):
    whole = model._get_no_split_modules("auto")
    given = dict(memory)
    if kind == "sequential":
        memory = get_max_memory(dict(memory))
    else:
        memory = get_balanced_memory(model, dtype=dtype, low_zero=kind == "balanced_low_0", max_memory=dict(memory),
                                     no_split_module_classes=whole)
    memory = {device: min(size, given[device]) for device, size in memory.items()}
    return dict(infer_auto_device_map(model, max_memory=memory, dtype=dtype, no_split_module_classes=whole))


def main():
    rows = []
    for config in CONFIGS:
        fields = dict(config)
        made = tf.AutoConfig.for_model(fields.pop("model_type"), **fields)
        with init_empty_weights():
            model = getattr(tf, config["architectures"][0])(made)
        model.tie_weights()
        dtype = getattr(torch, config.get("torch_dtype", "float32"))
        total = sum(p.numel() for p in model.parameters()) * torch.empty(0, dtype=dtype).element_size()
        cases = []
        for kind in ("auto", "balanced_low_0", "sequential"):
            for shares in SHARES:
                memory = {device: int(total * share) for device, share in shares.items()}
                cases.append({"rule": kind, "max_memory": memory, "map": device_map(model, kind, memory, dtype)})
        rows.append({"config": config, "bytes": total, "cases": cases})
    folder = Path(__file__).resolve().parents[2] / "tests" / "golden" / "device-maps"
    folder.mkdir(exist_ok=True)
    (folder / "cases.json").write_text("[" + ",\n".join(json.dumps(row) for row in rows) + "]\n")
