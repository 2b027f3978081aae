"""Compares hft's encoder-decoders with transformers on random tiny checkpoints, each of another
configuration, and on random settings of generate().

usage: scripts/compare seq2seqs [--count N] [--seed S] [ARCHITECTURE…]
For each checkpoint: 12 sources of 1 to 60 tokens, run together; the logits of the first token, and the
ids of every text that random settings of beams, lengths and penalties give. Prints what differs; exit 1
if anything does.
"""
import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers as tf

ROOT = Path(__file__).resolve().parents[2]
VOCAB = 97


def sides(draw):
    """A configuration of BART's family."""
    hidden = draw.choice([12, 20, 24, 30, 36, 48])
    heads = [n for n in (1, 2, 3, 4, 5, 6) if hidden % n == 0]
    return {"vocab_size": VOCAB, "d_model": hidden, "max_position_embeddings": draw.choice([64, 90, 128]),
            "encoder_layers": draw.randint(1, 3), "decoder_layers": draw.randint(1, 3),
            "encoder_attention_heads": draw.choice(heads), "decoder_attention_heads": draw.choice(heads),
            "encoder_ffn_dim": draw.choice([16, 34, 50]), "decoder_ffn_dim": draw.choice([16, 34, 50]),
            "activation_function": draw.choice(["gelu", "relu", "swish", "gelu_new", "tanh"]),
            "scale_embedding": draw.random() < 0.5, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
            "decoder_start_token_id": draw.choice([0, 2]), "forced_eos_token_id": None}


def t5(draw):
    layers = draw.randint(1, 3)
    return {"vocab_size": VOCAB, "d_model": draw.choice([12, 20, 32, 46]), "num_heads": draw.randint(1, 5),
            "d_kv": draw.choice([2, 4, 6, 10, 16]), "d_ff": draw.choice([16, 34, 50]), "num_layers": layers,
            "num_decoder_layers": draw.randint(1, layers),  # more decoder than encoder breaks the reference's cache
            "relative_attention_num_buckets": draw.choice([4, 8, 12, 32]),
            "relative_attention_max_distance": draw.choice([17, 40, 128]),
            "feed_forward_proj": draw.choice(["relu", "gelu", "gated-gelu", "gated-silu", "gated-relu", "silu"]),
            "tie_word_embeddings": draw.random() < 0.5, "layer_norm_epsilon": draw.choice([1e-6, 1e-3]),
            "pad_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 0}


def marian(draw):
    return {**sides(draw), "share_encoder_decoder_embeddings": draw.random() < 0.5}


ARCHITECTURES = {
    "bart": (tf.BartForConditionalGeneration, sides), "mbart": (tf.MBartForConditionalGeneration, sides),
    "marian": (tf.MarianMTModel, marian), "pegasus": (tf.PegasusForConditionalGeneration, sides),
    "m2m_100": (tf.M2M100ForConditionalGeneration, sides), "t5": (tf.T5ForConditionalGeneration, t5),
    "mt5": (tf.MT5ForConditionalGeneration, t5)}


def settings(draw):
    """Settings of generate() that fit together."""
    beams = draw.choice([1, 1, 2, 3, 4, 6])
    given = {"num_beams": beams, "do_sample": False}
    most = draw.randint(4, 30)
    given["max_new_tokens" if draw.random() < 0.5 else "max_length"] = most
    maybe = {"no_repeat_ngram_size": [1, 2, 3], "repetition_penalty": [0.8, 1.2, 2.0], "min_length": [3, most // 2],
             "encoder_no_repeat_ngram_size": [1, 2, 3], "encoder_repetition_penalty": [0.7, 1.5], "min_new_tokens": [2, 4],
             "forced_bos_token_id": [5], "forced_eos_token_id": [2, 7], "renormalize_logits": [True],
             "bad_words_ids": [[[9]], [[3, 4], [11]]], "suppress_tokens": [[5, 6]], "begin_suppress_tokens": [[8, 9, 10]],
             "exponential_decay_length_penalty": [[4, 1.2]], "eos_token_id": [[2, 30, 31]],
             "sequence_bias": [[[[12], 2.0], [[13, 14], -3.0]]]}
    if beams > 1:
        maybe |= {"length_penalty": [-1.0, 0.0, 0.6, 2.0], "early_stopping": [True, False, "never"],
                  "num_return_sequences": [beams]}
    given |= {name: draw.choice(values) for name, values in maybe.items() if draw.random() < 0.25}
    # The reference makes NaN of an end token that is forbidden and grows likelier at the same time.
    if any(n.endswith("ngram_size") or n.startswith(("min_", "forced_")) for n in given):
        given.pop("exponential_decay_length_penalty", None)
    return given


def make(cls, config, seed, folder):
    """A checkpoint whose weights are wide, so that its answers are decisive."""
    torch.manual_seed(seed)
    model = cls(cls.config_class(**config)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.requires_grad:
                continue
            if parameter.dim() > 1:
                parameter.normal_(0, 1.3 / parameter.shape[-1] ** 0.5)
            else:
                parameter += 0.2 * torch.randn_like(parameter)
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.normal_(0, 0.5)
    model.tie_weights()
    model.save_pretrained(folder)
    return cls.from_pretrained(folder, attn_implementation="eager").eval()


def reference(model, request):
    ids = torch.tensor([request["source"]])
    mask = torch.ones_like(ids)
    start = torch.tensor([[model.generation_config.decoder_start_token_id]])
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start).logits[0, -1]
        found = model.generate(ids, attention_mask=mask, **request["flags"])
    return logits, [row[1:].tolist() for row in found]


def unpadded(ids, wanted):
    """The reference pads texts that end early; ours do not."""
    return wanted[:len(ids)] == ids and len(set(wanted[len(ids):])) <= 1


def compare(name, number, draw):
    cls, configuration = ARCHITECTURES[name]
    config = configuration(draw)
    with tempfile.TemporaryDirectory() as folder:
        model = make(cls, config, number, folder)
        limit = min(60, config.get("max_position_embeddings", 60) - 2)
        requests = [{"source": [draw.randint(3, VOCAB - 1) for _ in range(n)], "flags": settings(draw)}
                    for n in (1, 2, limit, *(draw.randint(1, limit) for _ in range(9)))]
        done = subprocess.run([ROOT / "build" / "dump_seq2seq", folder], text=True, capture_output=True,
                              input="".join(json.dumps(r) + "\n" for r in requests))
        if done.returncode:
            print(f"{name} {number}: {done.stderr.strip()}\n  {config}")
            return False
        worst, wrong = 0, 0
        for line, request in zip(done.stdout.splitlines(), requests):
            ours = json.loads(line)
            logits, wanted = reference(model, request)
            worst = max(worst, ((torch.tensor(ours["logits"]) - logits).abs().max() / logits.abs().max()).item())
            if len(ours.get("ids", [])) != len(wanted) or not all(map(unpadded, ours["ids"], wanted)):
                wrong += 1
                print(f"  {len(request['source'])} tokens, {request['flags']}:\n    {ours.get('ids', ours)}\n    {wanted}")
    if wrong or worst > 1e-4:
        print(f"{name} {number}: logits differ by at most {worst:.1e} of their size, {wrong} of {len(requests)} "
              f"texts differ\n  {config}")
    return wrong == 0 and worst <= 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    tf.logging.set_verbosity_error()
    torch.set_num_threads(1)
    every = True
    for name in options.names or ARCHITECTURES:
        good = [compare(name, options.seed + i, random.Random(f"{name} {options.seed + i}"))
                for i in range(options.count)]
        print(f"{name}: {sum(good)} of {len(good)} checkpoints agree", flush=True)
        every &= all(good)
    sys.exit(not every)


if __name__ == "__main__":
    main()
