"""The golden checkpoints of decoders that generate text, their cases, and how their pipelines answer."""
import json

import torch
import transformers as tf

from golden import texts
from golden.models import ALL_TEXTS, F32, Case, Golden, classify_cases, labels, text

PROMPTS = ["The harbour master counts", "It's cheap, isn't it? We'll pay", "東京 and 大阪", "Good work 🎉", "A"]
CHATS = [
    {"messages": [{"role": "user", "content": "Who counts the boats?"}]},
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"},
                  {"role": "assistant", "content": "Because."}, {"role": "user", "content": "Café 🎉?"}]},
    {"messages": [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": "The harbour"}]},
]
GREEDY = ["generate", "--no-do-sample"]


def cases(bos, *more):
    """Every way to choose the next token."""
    short, all_texts = text(PROMPTS[:2]), text(PROMPTS + [texts.PLAIN[1]])
    n = ["--max-new-tokens", "12"]
    return [
        Case([*GREEDY, *n], all_texts),
        Case([*GREEDY, "--no-full-text", "--max-new-tokens", "30"], text(PROMPTS[:3])),
        Case([*GREEDY, *n, "--repetition-penalty", "1.3", "--no-repeat-ngram-size", "2"], short),
        Case([*GREEDY, *n, "--min-new-tokens", "10", "--suppress-tokens", "5,6,7"], short),
        Case([*GREEDY, *n, "--num-beams", "2"], all_texts),
        Case([*GREEDY, *n, "--num-beams", "4", "--length-penalty", "0.5", "--num-return-sequences", "3"], all_texts),
        Case([*GREEDY, *n, "--num-beams", "3", "--early-stopping", "true", "--no-repeat-ngram-size", "3"], short),
        Case([*GREEDY, *n, "--prompt-lookup-num-tokens", "3"], all_texts),
        *(Case(["generate", *n, "--seed", seed], all_texts) for seed in ("0", "42", "1234")),
        Case(["generate", *n, "--seed", "7", "--do-sample", "--temperature", "1.5", "--top-k", "0", "--top-p", "0.9"], short),
        Case(["generate", *n, "--seed", "7", "--num-return-sequences", "3", "--top-k", "20"], short),
        Case(["generate", *n, "--seed", "7", "--num-beams", "3"], short),
        Case([*GREEDY, "--max-new-tokens", "20", "--stop", "e", "--stop", " the"], all_texts),
        *([Case([*GREEDY, *n], text([""]))] if bos else []), *more]


def chat_cases():
    n = ["--max-new-tokens", "16"]
    return [Case([*GREEDY, *n], CHATS), Case([*GREEDY, *n, "--no-full-text"], CHATS),
            Case(["generate", *n, "--seed", "42"], CHATS)]


def few_cases():
    n = ["--max-new-tokens", "12"]
    return [Case([*GREEDY, *n], text(PROMPTS)), Case([*GREEDY, *n, "--num-beams", "3"], text(PROMPTS[:3])),
            Case(["generate", *n, "--seed", "42"], text(PROMPTS))]


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "intermediate_size": 48, "max_position_embeddings": 128}
SAID = [row for row in ALL_TEXTS if row["text"]]  # the empty text has no token to classify by
DECODERS = [
    Golden("gpt2-generate", "GPT-2 as its checkpoint is: no prefix, masks among the tensors, settings in "
           "config.json", "GPT2LMHeadModel", "gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 300},
           cases(True, Case(["generate", "--seed", "3"], text(PROMPTS[:1]))), max_length=300, std=0.2,
           edits=["gpt2 layout"],
           config_fields={"task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}}),
    Golden("llama-generate", "Llama 3: grouped queries, scaled positions, tied embeddings, a template and sampling "
           "settings of its own", "LlamaForCausalLM", "llama3",
           {**SMALL, "rope_theta": 10000.0, "tie_word_embeddings": True, "rope_scaling": {
               "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32}},
           cases(True, *chat_cases(), Case(["generate", "--seed", "5", "--max-new-tokens", "20"], text(PROMPTS))),
           max_length=128, std=0.25,
           generation={"do_sample": True, "temperature": 0.6, "top_p": 0.9, "transformers_version": "4.45.0"}),
    Golden("llama-further", "Llama past the positions it was made for, dynamic", "LlamaForCausalLM", "llama3",
           {**SMALL, "max_position_embeddings": 16, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
           [Case([*GREEDY, "--max-new-tokens", "24"], text([p])) for p in PROMPTS[:2] + [texts.PLAIN[1]]], std=0.25),
    Golden("qwen2-generate", "Qwen2: biases, two end tokens, a repetition penalty, its conversations",
           "Qwen2ForCausalLM", "qwen2", {**SMALL, "rope_theta": 1000000.0, "tie_word_embeddings": True},
           cases(False, *chat_cases()), max_length=128, std=0.25,
           generation={"do_sample": True, "repetition_penalty": 1.1, "temperature": 0.7, "top_p": 0.8, "top_k": 20,
                       "transformers_version": "4.37.0"}),
    Golden("mistral-generate", "Mistral: a sliding window of 16 tokens", "MistralForCausalLM", "llama3",
           {**SMALL, "sliding_window": 16, "tie_word_embeddings": False}, few_cases(), max_length=128, std=0.25),
    Golden("qwen3-generate", "Qwen3: normalised queries and keys, heads wider than the model", "Qwen3ForCausalLM", "qwen2",
           {**SMALL, "head_dim": 16, "tie_word_embeddings": False}, few_cases(), max_length=128, std=0.25),
    Golden("phi-generate", "Phi: attention and MLP side by side, part of each head rotated", "PhiForCausalLM", "gpt2",
           {**SMALL, "num_key_value_heads": 4, "partial_rotary_factor": 0.5}, few_cases(), max_length=128, std=0.25),
    Golden("phi3-generate", "Phi-3: queries, keys and values in one tensor", "Phi3ForCausalLM", "llama3",
           {**SMALL, "pad_token_id": 0}, few_cases(), max_length=128, std=0.25),
    Golden("gemma2-generate", "Gemma 2: softened logits, norms around each part, every second layer with a window",
           "Gemma2ForCausalLM", "llama3", {**SMALL, "head_dim": 8, "sliding_window": 16, "query_pre_attn_scalar": 8},
           few_cases(), max_length=128, std=0.25),
    Golden("gemma3-generate", "Gemma 3: normalised queries and keys, two layers of three with a window and positions of "
           "their own", "Gemma3ForCausalLM", "llama3",
           {**SMALL, "num_hidden_layers": 3, "head_dim": 8, "sliding_window": 12, "query_pre_attn_scalar": 16,
            "sliding_window_pattern": 3, "rope_theta": 1e6, "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
           few_cases(), max_length=128, std=0.25),
    Golden("qwen3-moe-generate", "Qwen3-MoE: two of five experts for each token, one layer without", "Qwen3MoeForCausalLM",
           "qwen2", {**SMALL, "num_hidden_layers": 3, "head_dim": 12, "num_experts": 5, "num_experts_per_tok": 2,
                     "moe_intermediate_size": 20, "norm_topk_prob": True, "mlp_only_layers": [1]},
           few_cases(), max_length=128, std=0.25),
    Golden("qwen3-moe-unequal", "Qwen3-MoE whose shares do not sum to one, experts in every second layer",
           "Qwen3MoeForCausalLM", "qwen2", {**SMALL, "num_experts": 4, "num_experts_per_tok": 3, "head_dim": 8,
                                            "moe_intermediate_size": 16, "decoder_sparse_step": 2, "tie_word_embeddings": True},
           few_cases()[:2], max_length=128, std=0.25),
    Golden("gemma-generate", "Gemma: norms around 1, embeddings scaled, heads of their own size", "GemmaForCausalLM",
           "llama3", {**SMALL, "num_key_value_heads": 1, "head_dim": 12}, few_cases(), max_length=128, std=0.25),
    Golden("gpt-neox-generate", "GPT-NeoX: attention and MLP side by side, a quarter of each head rotated",
           "GPTNeoXForCausalLM", "gpt2", {**SMALL, "rotary_pct": 0.25}, few_cases(), max_length=128, std=0.25),
    Golden("opt-generate", "OPT: learned positions, words narrower than the model", "OPTForCausalLM", "gpt2",
           {"hidden_size": 32, "word_embed_proj_dim": 24, "ffn_dim": 48, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 128, "do_layer_norm_before": True},
           few_cases(), max_length=128, std=0.25),
    Golden("mixtral-generate", "Mixtral: two of four experts for each token", "MixtralForCausalLM", "llama3",
           {**SMALL, "num_local_experts": 4, "intermediate_size": 24}, few_cases(), max_length=128, std=0.25),
    Golden("gpt-oss-generate", "gpt-oss: sinks beside the scores, a window in two of three layers, two of five experts, YaRN",
           "GptOssForCausalLM", "qwen2",
           {**SMALL, "num_hidden_layers": 3, "head_dim": 12, "num_local_experts": 5, "num_experts_per_tok": 2, "sliding_window": 10,
            "intermediate_size": 20, "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 32.0, "beta_slow": 1.0,
                                                      "truncate": False, "original_max_position_embeddings": 32}},
           few_cases() + chat_cases()[:2], max_length=128, std=0.3),
    Golden("gpt-oss-uneven", "gpt-oss: every layer sees all, positions as they are, one expert, a key for every query",
           "GptOssForCausalLM", "gpt2",
           {**SMALL, "num_attention_heads": 3, "num_key_value_heads": 3, "head_dim": 10, "num_local_experts": 3, "num_experts_per_tok": 1,
            "layer_types": ["full_attention"] * 2, "rope_scaling": None, "rope_theta": 5000.0, "tie_word_embeddings": True},
           few_cases()[:2], max_length=128, std=0.4),
    Golden("smollm3-generate", "SmolLM3: every second layer without positions", "SmolLM3ForCausalLM", "llama3",
           {**SMALL, "no_rope_layers": [1, 0], "pad_token_id": 0}, few_cases(), max_length=128, std=0.25),
    Golden("gpt2-classify", "GPT-2 with labels; padding tokens at the end of a text are passed over",
           "GPT2ForSequenceClassification", "gpt2",
           {"n_embd": 24, "n_layer": 2, "n_head": 3, "n_positions": 64, "pad_token_id": 0,
            **labels(["NEGATIVE", "POSITIVE", "NEUTRAL"])},
           classify_cases(Case(["classify", "--top-k", "all"], text(["Wait!!!", "!", "Good!"])), inputs=SAID), max_length=64, std=0.3),
    Golden("qwen2-classify", "Qwen2 as a reward model: one number", "Qwen2ForSequenceClassification", "qwen2",
           {**SMALL, "num_labels": 1, "problem_type": "regression"}, classify_cases(dtype=F32, inputs=SAID), max_length=128, std=0.25,
           dtype="bfloat16"),
    Golden("mistral-classify", "Mistral with labels, a sliding window", "MistralForSequenceClassification", "llama3",
           {**SMALL, "sliding_window": 8, "num_hidden_layers": 3, **labels(["a", "b", "c", "d"])},
           classify_cases(inputs=SAID), max_length=128, std=0.25),
]


def arguments(args):
    """The flags of hft, as the pipeline's parameters."""
    given, seed, args = {}, None, list(args)
    while args:
        name = args.pop(0).removeprefix("--").replace("-", "_")
        if name in ("do_sample", "no_do_sample"):
            given["do_sample"] = name == "do_sample"
        elif name == "no_full_text":
            given["return_full_text"] = False
        elif name in ("renormalize_logits", "remove_invalid_values"):
            given[name] = True
        elif name == "early_stopping":
            value = args.pop(0)
            given[name] = value if value == "never" else value == "true"
        elif name in ("src_lang", "tgt_lang"):
            given[name] = args.pop(0)
        elif name == "dtype":
            args.pop(0)  # the answers are those of float32
        elif name == "stop":
            given.setdefault("stop_strings", []).append(args.pop(0))
        elif name == "suppress_tokens":
            given[name] = [int(i) for i in args.pop(0).split(",")]
        elif name == "seed":
            seed = int(args.pop(0))
        else:
            given[name] = json.loads(args.pop(0))
    return given, seed


def cut(prompt, answer, stop_strings):
    """The new text ends before a stop string."""
    new = answer[len(prompt):]
    return prompt + new[:min([i for s in stop_strings if (i := new.find(s)) >= 0], default=len(new))]


def generate(golden, folder, args, inputs):
    pipe = tf.pipeline("text-generation", model=str(folder), tokenizer=str(folder), dtype=torch.float32, device=-1,
                       model_kwargs={"attn_implementation": "eager"})  # others leave Gemma 2's soft cap out
    outputs = []
    for row in inputs:
        given, seed = arguments(args)
        given.pop("prompt_lookup_num_tokens", None)  # the same text, but not a token too many at the end
        if seed is not None:
            tf.set_seed(seed)
        if "stop_strings" in given:
            given["tokenizer"] = pipe.tokenizer
        answer = pipe(row["messages"] if "messages" in row else row["text"], **given)
        if "stop_strings" in given:
            for one in answer:
                one["generated_text"] = cut(row["text"], one["generated_text"], given["stop_strings"])
        outputs.append(answer)
    return outputs
