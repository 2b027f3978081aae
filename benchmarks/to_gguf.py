"""A Qwen2 checkpoint as llama.cpp reads it, in bfloat16 or with the weights of layers in its Q8_0 or Q4_0: benchmarks
measure both on the same weights."""
import json

import gguf
import torch
from safetensors.torch import load_file

LAYER = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}


def gguf_name(name):
    stem, _, kind = name.rpartition(".")
    if stem in OUTSIDE:
        return f"{OUTSIDE[stem]}.{kind}"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{LAYER[part]}.{kind}"


def add_tokenizer(writer, folder, vocab_size):
    data = json.loads((folder / "tokenizer.json").read_text())
    tokens = [f"<unused {i}>" for i in range(vocab_size)]
    known = {**data["model"]["vocab"], **{t["content"]: t["id"] for t in data["added_tokens"]}}
    for token, number in known.items():
        tokens[number] = token
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * vocab_size)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in data["model"]["merges"]])


def convert(folder, file, kind="BF16"):
    kind = gguf.GGMLQuantizationType[kind]
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(str(file), "qwen2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{kind.name}"])
    add_tokenizer(writer, folder, config["vocab_size"])
    for name, tensor in load_file(folder / "model.safetensors").items():
        if tensor.dim() == 1:
            writer.add_tensor(gguf_name(name), tensor.float().numpy())
        elif kind.name != "BF16" and ".layers." in name:  # the table of words stays as bitsandbytes leaves it
            raw = gguf.quants.quantize(tensor.float().numpy(), kind)
            writer.add_tensor(gguf_name(name), raw, raw_dtype=kind)
        else:
            raw = tensor.to(torch.bfloat16).view(torch.uint8).numpy()
            writer.add_tensor(gguf_name(name), raw, raw_shape=list(raw.shape),
                              raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
