"""Compares hft's decoders with transformers on random tiny checkpoints of many configurations.

usage: scripts/compare decoders [ARCHITECTURE…]
For each: logits after prompts of 1 to 70 tokens, run together, and 64 tokens chosen greedily.
Prints the greatest difference of logits and every prompt whose tokens differ; exit 1 if any does.
"""
import argparse
import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers

ROOT = Path(__file__).resolve().parents[2]
STEPS = 64
BASE = dict(vocab_size=199, hidden_size=64, intermediate_size=96, num_hidden_layers=3,
            num_attention_heads=4, max_position_embeddings=256, bos_token_id=None, eos_token_id=None,
            pad_token_id=None)
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}


def gpt2(**more):
    return dict(vocab_size=131, n_embd=48, n_layer=3, n_head=4, n_positions=160, bos_token_id=None,
                eos_token_id=None) | more


def longrope(size, **more):
    return {"type": "longrope", "short_factor": [1.0 + 0.05 * i for i in range(size)],
            "long_factor": [2.0 + 0.3 * i for i in range(size)]} | more


CASES = {
    "gpt2": ("GPT2", [gpt2(), gpt2(n_embd=40, n_head=2, n_inner=72, activation_function="gelu"),
                      gpt2(scale_attn_by_inverse_layer_idx=True, tie_word_embeddings=False,
                           layer_norm_epsilon=1e-3)]),
    "llama": ("Llama", [BASE, BASE | dict(num_key_value_heads=2, head_dim=24, tie_word_embeddings=True),
                        BASE | dict(num_key_value_heads=1, attention_bias=True, mlp_bias=True,
                                    hidden_act="gelu"),
                        BASE | dict(rope_scaling=LLAMA3, rope_theta=500000.0),
                        BASE | dict(rope_scaling={"rope_type": "linear", "factor": 3.0}),
                        BASE | dict(rope_scaling={"rope_type": "dynamic", "factor": 4.0},
                                    max_position_embeddings=48),
                        BASE | dict(rope_scaling=YARN),
                        BASE | dict(rope_scaling=YARN | {"attention_factor": 1.3, "beta_fast": 8})]),
    "mistral": ("Mistral", [BASE | dict(sliding_window=16, num_key_value_heads=2),
                            BASE | dict(sliding_window=None, num_key_value_heads=4, head_dim=40),
                            BASE | dict(sliding_window=100, num_key_value_heads=1)]),
    "qwen2": ("Qwen2", [BASE | dict(num_key_value_heads=2),
                        BASE | dict(num_key_value_heads=4, tie_word_embeddings=True),
                        BASE | dict(num_key_value_heads=2, use_sliding_window=True, sliding_window=12,
                                    max_window_layers=1)]),
    "qwen3": ("Qwen3", [BASE | dict(num_key_value_heads=2, head_dim=32),
                        BASE | dict(num_key_value_heads=4, head_dim=16, attention_bias=True,
                                    tie_word_embeddings=True),
                        BASE | dict(num_key_value_heads=2, head_dim=20, use_sliding_window=True,
                                    sliding_window=9, max_window_layers=2)]),
    "smollm3": ("SmolLM3", [BASE | dict(num_key_value_heads=2, no_rope_layer_interval=2),
                            BASE | dict(num_key_value_heads=4, no_rope_layers=[1, 0, 1]),
                            BASE | dict(num_key_value_heads=2, use_sliding_window=True,
                                        sliding_window=10, attention_bias=True, mlp_bias=True,
                                        tie_word_embeddings=False)]),
    "phi": ("Phi", [BASE | dict(partial_rotary_factor=0.5), BASE | dict(num_key_value_heads=2,
                    partial_rotary_factor=0.25, qk_layernorm=True, layer_norm_eps=1e-3),
                    BASE | dict(hidden_act="gelu", partial_rotary_factor=1.0)]),
    "phi3": ("Phi3", [BASE, BASE | dict(num_key_value_heads=2, sliding_window=20),
                      BASE | dict(rope_scaling=longrope(8), original_max_position_embeddings=64),
                      BASE | dict(partial_rotary_factor=0.5, tie_word_embeddings=True)]),
    "gemma": ("Gemma", [BASE | dict(head_dim=24, num_key_value_heads=1),
                        BASE | dict(head_dim=16, num_key_value_heads=4, hidden_act="gelu"),
                        BASE | dict(head_dim=32, num_key_value_heads=2, tie_word_embeddings=False)]),
    "gemma2": ("Gemma2", [BASE | dict(head_dim=24, num_key_value_heads=2, sliding_window=16,
                                      query_pre_attn_scalar=20),
                          BASE | dict(head_dim=16, num_key_value_heads=1, sliding_window=300,
                                      attn_logit_softcapping=None),
                          BASE | dict(head_dim=16, num_key_value_heads=4, sliding_window=7,
                                      final_logit_softcapping=None)]),
    "gpt_neox": ("GPTNeoX", [BASE | dict(rotary_pct=0.5), BASE | dict(use_parallel_residual=False),
                             BASE | dict(rotary_pct=1.0, attention_bias=False, hidden_act="gelu_new",
                                         tie_word_embeddings=True)]),
    "opt": ("OPT", [dict(vocab_size=120, hidden_size=48, ffn_dim=80, num_hidden_layers=3,
                         num_attention_heads=4, max_position_embeddings=160, bos_token_id=None,
                         eos_token_id=None) | more for more in
                    ({}, {"word_embed_proj_dim": 32}, {"do_layer_norm_before": False,
                     "enable_bias": False, "activation_function": "gelu"})]),
    "mixtral": ("Mixtral", [BASE | dict(num_key_value_heads=2, num_local_experts=4),
                            BASE | dict(num_key_value_heads=1, num_local_experts=3,
                                        num_experts_per_tok=1, sliding_window=12),
                            BASE | dict(num_key_value_heads=4, num_local_experts=5,
                                        num_experts_per_tok=3)]),
}


def make(kind, config, seed, folder):
    """A checkpoint whose weights are wide, so that its answers are decisive."""
    torch.manual_seed(seed)
    config = getattr(transformers, kind + "Config")(**config)
    name = kind + ("LMHeadModel" if kind == "GPT2" else "ForCausalLM")
    config._attn_implementation = "eager"  # others leave out Gemma 2's soft cap, GPT-2's layer scale
    model = getattr(transformers, name)(config).eval()
    for parameter in model.parameters():
        if parameter.dim() >= 2:
            torch.nn.init.normal_(parameter, 0, 1.2 / parameter.shape[-1] ** 0.5)
        else:
            parameter.data += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return model


def reference(model, prompt, limit):
    model = copy.deepcopy(model)  # dynamic rope remembers the longest text it has seen
    steps = min(STEPS, limit - len(prompt))
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0, -1]
        ids = model.generate(torch.tensor([prompt]), max_new_tokens=steps, do_sample=False,
                             attention_mask=torch.ones(1, len(prompt), dtype=torch.long))
    return logits, ids[0, len(prompt):].tolist()


def compare(name, number, kind, config):
    with tempfile.TemporaryDirectory() as folder:
        model = make(kind, config, 100 * number + len(name), folder)
        vocab = model.config.vocab_size
        torch.manual_seed(number)
        prompts = [torch.randint(0, vocab, (n,)).tolist() for n in (1, 2, 5, 17, 31, 33, 50, 70)]
        limit = 1000 if "rope_scaling" in config else 256
        limit = min(limit, getattr(model.config, "n_positions", limit), 160 if name == "opt" else limit)
        wanted = [reference(model, p, limit) for p in prompts]
        worst = wrong = 0
        for chunk in ("0", "7"):
            done = subprocess.run([ROOT / "build" / "dump_decoder", folder, str(STEPS), chunk],
                                  input="".join(json.dumps(p) + "\n" for p in prompts), text=True,
                                  capture_output=True)
            if done.returncode:
                print(f"{name} {number}: {done.stderr.strip()}")
                return False
            for line, (logits, ids), prompt in zip(done.stdout.splitlines(), wanted, prompts):
                ours = json.loads(line)
                scale = logits.abs().max().item()
                worst = max(worst, (torch.tensor(ours["logits"]) - logits).abs().max().item() / scale)
                if ours["ids"][:len(ids)] != ids:
                    wrong += 1
                    first = next(i for i, (a, b) in enumerate(zip(ours["ids"], ids)) if a != b)
                    print(f"  prompt of {len(prompt)}, chunk {chunk}: differs from token {first} on")
    print(f"{name} {number}: logits differ by at most {worst:.1e} of their size, "
          f"{wrong} of {2 * len(prompts)} continuations differ")
    return wrong == 0 and worst < 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    transformers.logging.set_verbosity_error()
    names = parser.parse_args().names or list(CASES)
    good = [compare(n, i, CASES[n][0], c) for n in names for i, c in enumerate(CASES[n][1])]
    print(f"{sum(good)} of {len(good)} configurations agree")
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
