"""Writes tests/golden/generation: what transformers' logits processors and search strategies make of
small tables of numbers."""
import json
import math
import shutil
import tempfile
import warnings
from pathlib import Path

import torch
import transformers as tf
from transformers.generation.beam_search import BeamSearchScorer
from transformers.generation.logits_process import HammingDiversityLogitsProcessor
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, Seq2SeqLMOutput

ROOT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "generation"
VOCAB, PAD, EOS = 24, 0, 1


class TableConfig(tf.PretrainedConfig):
    model_type = "table"

    def __init__(self, vocab_size=VOCAB, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size


def make_tables():
    """Whole numbers, which the models divide by 64, so that every sum of them is exact."""
    g = torch.Generator().manual_seed(7)
    draw = lambda low, high, *shape: torch.randint(low, high, shape, generator=g)
    tables = {"last": draw(-200, 201, VOCAB, VOCAB), "second": draw(-120, 121, VOCAB, VOCAB),
              "third": draw(-90, 91, VOCAB, VOCAB), "source": draw(-60, 61, VOCAB, VOCAB),
              "hidden": draw(-64, 65, VOCAB, 8)}
    tables["last"][:, PAD] = -2000
    tables["last"][:, EOS] += 60
    return tables


TABLES = make_tables()


def next_logits(ids, source=None):
    """[B, T] -> [B, T, V]: each from the last three tokens and all of the source."""
    out = TABLES["last"][ids].float()
    out[:, 1:] += TABLES["second"][ids[:, :-1]]
    out[:, 2:] += TABLES["third"][ids[:, :-2]]
    if source is not None:
        out += TABLES["source"][source].sum(1)[:, None]
    return out / 64


class TableLm(tf.PreTrainedModel, tf.GenerationMixin):
    config_class = TableConfig
    main_input_name = "input_ids"

    def __init__(self, config):
        super().__init__(config)
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def forward(self, input_ids, attention_mask=None, **kwargs):
        return CausalLMOutput(logits=next_logits(input_ids))

    def prepare_inputs_for_generation(self, input_ids, **kwargs):
        return {"input_ids": input_ids}


class TableEncoder(torch.nn.Module):
    main_input_name = "input_ids"

    def forward(self, input_ids, **kwargs):
        return BaseModelOutput(last_hidden_state=input_ids[..., None].float())


class TableSeq2Seq(TableLm):
    def __init__(self, config):
        super().__init__(config)
        self.encoder = TableEncoder()

    def get_encoder(self):
        return self.encoder

    def forward(self, input_ids=None, attention_mask=None, decoder_input_ids=None, encoder_outputs=None, **kwargs):
        source = encoder_outputs.last_hidden_state[..., 0].long()
        return Seq2SeqLMOutput(logits=next_logits(decoder_input_ids, source))

    def prepare_inputs_for_generation(self, input_ids, encoder_outputs=None, **kwargs):
        return {"decoder_input_ids": input_ids, "encoder_outputs": encoder_outputs}


def numbers(row):
    return [None if x == -math.inf else float(x) for x in row]


PROCESSORS = [
    ("temperature", dict(do_sample=True, temperature=0.7, top_k=0)),
    ("top_k 5", dict(do_sample=True, top_k=5)),
    ("top_k with ties", dict(do_sample=True, top_k=3)),
    ("top_p 0.9", dict(do_sample=True, top_k=0, top_p=0.9)),
    ("top_p 0.3", dict(do_sample=True, top_k=0, top_p=0.3)),
    ("top_p 0.999", dict(do_sample=True, top_k=0, top_p=0.999)),
    ("top_p 0", dict(do_sample=True, top_k=0, top_p=0.0)),
    ("min_p", dict(do_sample=True, top_k=0, min_p=0.1)),
    ("typical_p", dict(do_sample=True, top_k=0, typical_p=0.6)),
    ("typical_p 0.2", dict(do_sample=True, top_k=0, typical_p=0.2)),
    ("epsilon_cutoff", dict(do_sample=True, top_k=0, epsilon_cutoff=0.02)),
    ("eta_cutoff", dict(do_sample=True, top_k=0, eta_cutoff=0.05)),
    ("filters of beams", dict(do_sample=True, num_beams=3, top_k=1, top_p=0.1, min_p=0.9, typical_p=0.1,
                              epsilon_cutoff=0.9, eta_cutoff=0.9)),
    ("all filters", dict(do_sample=True, temperature=1.3, top_k=20, top_p=0.95, min_p=0.01, typical_p=0.95,
                         epsilon_cutoff=3e-4, eta_cutoff=2e-4, renormalize_logits=True)),
    ("repetition_penalty", dict(repetition_penalty=1.3)),
    ("repetition_penalty below 1", dict(repetition_penalty=0.8)),
    ("encoder_repetition_penalty", dict(encoder_repetition_penalty=1.5)),
    ("no_repeat_ngram_size 1", dict(no_repeat_ngram_size=1)),
    ("no_repeat_ngram_size 2", dict(no_repeat_ngram_size=2)),
    ("no_repeat_ngram_size 3", dict(no_repeat_ngram_size=3)),
    ("no_repeat_ngram_size 30", dict(no_repeat_ngram_size=30)),
    ("encoder_no_repeat_ngram_size", dict(encoder_no_repeat_ngram_size=2)),
    ("bad_words_ids", dict(bad_words_ids=[[3], [5, 6], [4, 5, 9], [1], [8, 4, 5, 7]])),
    ("sequence_bias", dict(sequence_bias=[[[3], 2.5], [[5, 6], -1.5], [[4, 5, 6], 10.0], [[9, 9], 4.0]])),
    ("min_length", dict(min_length=9)),
    ("min_length reached", dict(min_length=8)),
    ("min_new_tokens", dict(min_new_tokens=6)),
    ("forced_eos_token_id", dict(forced_eos_token_id=1, max_length=9)),
    ("forced_eos_token_id of several", dict(forced_eos_token_id=[1, 4], max_length=9)),
    ("exponential_decay_length_penalty", dict(exponential_decay_length_penalty=[1, 1.4])),
    ("exponential decay before its start", dict(exponential_decay_length_penalty=[6, 1.4])),
    ("suppress_tokens", dict(suppress_tokens=[2, 7, 11])),
    ("begin_suppress_tokens later", dict(begin_suppress_tokens=[2, 7])),
    ("renormalize_logits", dict(renormalize_logits=True)),
    ("several eos", dict(eos_token_id=[1, 2, 6], min_length=12)),
    ("everything", dict(do_sample=True, sequence_bias=[[[3], 2.5]], repetition_penalty=1.2, no_repeat_ngram_size=2,
                        bad_words_ids=[[7]], min_length=12, suppress_tokens=[2], temperature=0.8, top_k=15,
                        top_p=0.9, renormalize_logits=True)),
]


def processor_cases():
    ids = [4, 8, 4, 5, 2, 8, 4, 5]
    g = torch.Generator().manual_seed(3)
    model = TableLm(TableConfig())
    for name, settings in PROCESSORS:
        wide = 300 if "top_p" in name or "filters" in name else VOCAB
        row = (torch.randn(wide, generator=g) * 3).round(decimals=3)
        if "ties" in name:
            row = row.round()
        if settings.get("num_beams", 1) > 1:
            row = row.log_softmax(-1)
        yield processed(model, name, settings, ids, 4, row)
    row = (torch.randn(VOCAB, generator=g) * 3).round(decimals=3)
    yield processed(model, "begin_suppress_tokens", dict(begin_suppress_tokens=[2, 7]), ids, 8, row)
    yield processed(model, "forced_bos_token_id", dict(forced_bos_token_id=5), [2], 1, row)
    yield processed(model, "forced_bos_token_id later", dict(forced_bos_token_id=5), ids, 1, row)
    yield processed(model, "begin_suppress_tokens after a forced one",
                    dict(begin_suppress_tokens=[2, 7], forced_bos_token_id=5), [2, 5], 1, row)
    odd = row.clone()
    odd[3], odd[5], odd[9] = math.nan, math.inf, -math.inf
    case = processed(model, "remove_invalid_values", dict(remove_invalid_values=True), ids, 4, odd)
    case["in"] = ["nan" if math.isnan(x) else "inf" if x == math.inf else "-inf" if x == -math.inf else x for x in odd.tolist()]
    yield case


def processed(model, name, settings, ids, prompt, row):
    config = tf.GenerationConfig(**{"eos_token_id": EOS, "pad_token_id": PAD, "max_length": 20, **settings})
    if config.min_new_tokens is not None:
        config.min_length = config.min_new_tokens + prompt
    model._prepare_special_tokens(config, True, device="cpu")
    tensor = torch.tensor([ids])
    processors = model._get_logits_processor(config, input_ids_seq_length=prompt, encoder_input_ids=tensor[:, :prompt],
                                             device="cpu")
    out = processors(tensor, row[None].clone())
    return {"name": name, "settings": settings, "ids": ids, "prompt": prompt, "in": numbers(row), "out": numbers(out[0])}


def case(name, *prompts, model="lm", seed=None, **settings):
    return {"name": name, "model": model, "prompts": list(prompts), "seed": seed, "settings": settings}


SHORT, LONG, OTHER = [5], [7, 3, 12, 9, 3, 12], [20, 4]
SEARCHES = [
    case("greedy", SHORT, LONG, OTHER, max_new_tokens=12),
    case("greedy with a default length", LONG),
    case("greedy to max_length", LONG, max_length=9),
    case("greedy with two end tokens", SHORT, LONG, OTHER, max_new_tokens=30, eos_token_id=[1, 15]),
    case("greedy with penalties", LONG, max_new_tokens=20, repetition_penalty=1.4, no_repeat_ngram_size=2, min_new_tokens=10),
    case("greedy that may not end", LONG, OTHER, max_new_tokens=15, bad_words_ids=[[4], [9, 3]], suppress_tokens=[1, 11]),
    case("greedy that must end", SHORT, max_new_tokens=8, forced_eos_token_id=1, min_length=6),
    *[case(f"sampled with seed {s}", SHORT, LONG, OTHER, seed=s, do_sample=True, max_new_tokens=25) for s in (0, 42, 1234)],
    case("sampled with filters", LONG, OTHER, seed=42, do_sample=True, max_new_tokens=25, temperature=0.7, top_k=12, top_p=0.9),
    case("sampled wildly", LONG, seed=1, do_sample=True, max_new_tokens=40, temperature=2.0, top_k=0, bad_words_ids=[[1]]),
    case("several samples", LONG, OTHER, seed=3, do_sample=True, max_new_tokens=25, num_return_sequences=4),
    *[case(f"{n} beams, length penalty {p}", SHORT, LONG, OTHER, num_beams=n, length_penalty=p, max_new_tokens=16)
      for n in (2, 4) for p in (-1.0, 0.0, 1.0, 2.0)],
    case("beams that stop early", SHORT, LONG, OTHER, num_beams=4, early_stopping=True, max_new_tokens=16),
    case("beams that never stop early", SHORT, LONG, OTHER, num_beams=4, early_stopping="never", length_penalty=1.5, max_new_tokens=16),
    case("all beams", LONG, OTHER, num_beams=5, num_return_sequences=5, max_new_tokens=10),
    case("beams with two end tokens", SHORT, LONG, OTHER, num_beams=3, eos_token_id=[1, 15], max_new_tokens=16, num_return_sequences=3),
    case("beams with penalties", LONG, OTHER, num_beams=4, no_repeat_ngram_size=2, repetition_penalty=1.2, min_new_tokens=8, max_new_tokens=16),
    case("beams to a short length", LONG, num_beams=4, max_new_tokens=1, num_return_sequences=4),
    case("beams renormalised", LONG, OTHER, num_beams=4, renormalize_logits=True, bad_words_ids=[[9], [4]], max_new_tokens=16, length_penalty=0.5),
    *[case(f"sampled beams with seed {s}", SHORT, LONG, OTHER, seed=s, do_sample=True, num_beams=3, max_new_tokens=12) for s in (0, 42)],
    case("sampled beams with filters", LONG, seed=7, do_sample=True, num_beams=4, num_return_sequences=4, top_p=0.8, temperature=1.5, max_new_tokens=12),
    case("groups of beams", SHORT, LONG, OTHER, num_beams=4, num_beam_groups=2, diversity_penalty=1.0, max_new_tokens=12),
    case("groups of one beam", LONG, OTHER, num_beams=3, num_beam_groups=3, diversity_penalty=0.5, num_return_sequences=3, max_new_tokens=12),
    case("groups that stop early", LONG, OTHER, num_beams=6, num_beam_groups=3, diversity_penalty=2.0, num_return_sequences=6,
         early_stopping=True, length_penalty=2.0, max_new_tokens=14),
    case("contrastive", SHORT, LONG, OTHER, penalty_alpha=0.6, top_k=4, max_new_tokens=12),
    case("contrastive, mild", LONG, penalty_alpha=0.2, top_k=6, max_new_tokens=20, repetition_penalty=1.1),
    case("encoder-decoder, greedy", SHORT, LONG, model="seq2seq", max_new_tokens=12),
    case("encoder-decoder, forced ends", LONG, OTHER, model="seq2seq", max_length=10, num_beams=4, forced_bos_token_id=6,
         forced_eos_token_id=1, length_penalty=2.0, early_stopping=True, min_length=5, no_repeat_ngram_size=3),
    case("encoder-decoder, away from the source", LONG, model="seq2seq", max_length=14, num_beams=2,
         encoder_no_repeat_ngram_size=2, encoder_repetition_penalty=0.7),
    case("encoder-decoder, sampled", LONG, OTHER, model="seq2seq", seed=5, do_sample=True, max_new_tokens=12, num_return_sequences=2),
]


def diverse(model, ids, config):
    """Diverse beam search out of the scorer and the processor that transformers still has."""
    beams, groups = config.num_beams, config.num_beam_groups
    size, prompt = beams // groups, ids.shape[1]
    config.max_length = prompt + config.max_new_tokens
    model._prepare_special_tokens(config, True, device="cpu")
    scorer = BeamSearchScorer(1, beams, torch.device("cpu"), config.length_penalty, config.early_stopping,
                              config.num_return_sequences, groups, config.max_length)
    hamming = HammingDiversityLogitsProcessor(config.diversity_penalty, beams, groups)
    processors = model._get_logits_processor(config, prompt, ids, device="cpu")
    ids = ids.repeat(beams, 1)
    scores = torch.full((beams,), -1e9)
    scores[::size] = 0
    most = max(2, 1 + len(config._eos_token_tensor)) * size
    while True:
        tokens, parents = torch.zeros(beams, dtype=torch.long), torch.zeros(beams, dtype=torch.long)
        logits = next_logits(ids)[:, -1]
        for g in range(groups):
            own = slice(g * size, (g + 1) * size)
            row = hamming(ids[own], logits[own].log_softmax(-1), current_tokens=tokens, beam_group_idx=g)
            row = (processors(ids[own], row) + scores[own, None]).view(1, -1)
            best, index = row.topk(most)
            out = scorer.process(ids[own], best, index % VOCAB, index // VOCAB, PAD, config._eos_token_tensor,
                                 group_index=g, decoder_prompt_len=prompt)
            scores[own] = out["next_beam_scores"]
            tokens[own], parents[own] = out["next_beam_tokens"], out["next_beam_indices"] + g * size
        ids = torch.cat([ids[parents], tokens[:, None]], -1)
        if scorer.is_done or ids.shape[1] >= config.max_length:
            break
    done = scorer.finalize(ids, scores, tokens, parents, config.max_length, PAD, config._eos_token_tensor,
                           decoder_prompt_len=prompt)
    return done["sequences"], done["sequence_scores"]


def contrastive(model, ids, config):
    model._prepare_special_tokens(config, True, device="cpu")
    prompt = ids.shape[1]
    processors = model._get_logits_processor(config, prompt, ids, device="cpu")
    hidden = lambda t: torch.nn.functional.normalize(TABLES["hidden"][t].float(), dim=-1)
    while ids.shape[1] < prompt + config.max_new_tokens and (ids.shape[1] == prompt or ids[0, -1] != EOS):
        p, tokens = processors(ids, next_logits(ids)[:, -1]).softmax(-1)[0].topk(config.top_k)
        near = (hidden(tokens) @ hidden(ids[0]).T).max(-1).values
        best = ((1 - config.penalty_alpha) * p - config.penalty_alpha * near).argmax()
        ids = torch.cat([ids, tokens[best].view(1, 1)], -1)
    return ids, None


def search(c):
    settings = {"eos_token_id": EOS, "pad_token_id": PAD, **c["settings"]}
    model = (TableSeq2Seq if c["model"] == "seq2seq" else TableLm)(TableConfig(is_encoder_decoder=c["model"] == "seq2seq"))
    if c["model"] == "seq2seq":
        settings["decoder_start_token_id"] = 2
    outputs = []
    for prompt in c["prompts"]:
        ids = torch.tensor([prompt])
        if c["seed"] is not None:
            tf.set_seed(c["seed"])
        if "num_beam_groups" in settings:
            sequences, scores = diverse(model, ids, tf.GenerationConfig(**settings))
        elif "penalty_alpha" in settings:
            sequences, scores = contrastive(model, ids, tf.GenerationConfig(**settings))
        else:
            out = model.generate(ids, attention_mask=torch.ones_like(ids), use_cache=False, output_scores=True,
                                 return_dict_in_generate=True, **settings)
            sequences, scores = out.sequences, getattr(out, "sequences_scores", None)
        skip = 1 if c["model"] == "seq2seq" else len(prompt)
        rows = [ended(s[skip:].tolist(), settings["eos_token_id"]) for s in sequences]
        outputs.append({"ids": rows, **({} if scores is None else {"scores": scores.tolist()})})
    return {**c, "settings": settings, "outputs": outputs}


# What generation_config.json says (None: there is no such file), what config.json says besides, flags.
CONFIGS = [
    (None, {}, {}),
    (None, {"task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}}, {}),
    (None, {"temperature": 0.9, "no_repeat_ngram_size": 3, "max_length": 60, "eos_token_id": 7}, {}),
    ({"do_sample": True, "temperature": 0.6, "top_p": 0.9, "top_k": 20, "max_length": 4096, "transformers_version": "4.40.0"}, {}, {}),
    ({"do_sample": True, "temperature": 0.6, "repetition_penalty": 1.05, "eos_token_id": [3, 4], "transformers_version": "4.51.0"}, {}, {}),
    ({"num_beams": 6, "max_length": 512, "bad_words_ids": [[5]], "transformers_version": "4.32.1"}, {}, {"num_beams": 2}),
    ({"temperature": 0.0, "do_sample": False, "max_new_tokens": 64}, {}, {}),
    ({"num_beams": 4, "transformers_version": "4.55.0"}, {"task_specific_params": {"text-generation": {"num_beams": 1, "top_k": 7}}}, {}),
    ({"num_beams": 4, "transformers_version": "4.30.0"}, {"task_specific_params": {"text-generation": {"num_beams": 1, "top_k": 7}}}, {}),
    ({"pad_token_id": 9, "top_k": 50, "temperature": 1.0}, {"do_sample": True}, {"temperature": 1.0, "do_sample": False}),
]


def config_cases():
    """The settings of the text-generation pipeline for a model folder with these files."""
    names = [k for k in tf.GenerationConfig().to_dict() if not k.startswith(("output_", "_", "return_", "transformers"))]
    for generation, fields, flags in CONFIGS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(shutil.copytree(ROOT.parent / "gpt2-generate", temporary + "/m"))
            (folder / "generation_config.json").unlink(missing_ok=True)
            if generation is not None:
                (folder / "generation_config.json").write_text(json.dumps(generation))
            config = json.loads((folder / "config.json").read_text())
            config.pop("task_specific_params", None)
            (folder / "config.json").write_text(json.dumps({**config, **fields}))
            pipe = tf.pipeline("text-generation", model=str(folder), device=-1)
            values = pipe.model._prepare_generation_config(pipe.generation_config, None, **flags)[0].to_dict()
            changed = {k: v for k in names if (v := values.get(k)) != getattr(tf.GenerationConfig(), k, None)}
            yield {"generation": generation, "config": {**config, **fields}, "flags": flags, "values": changed}


def ended(ids, eos):
    """Up to the first end token, without the padding that follows."""
    ends = eos if isinstance(eos, list) else [eos]
    for i, token in enumerate(ids):
        if token in ends:
            return ids[:i + 1]
    return ids


def write(name, head, rows):
    text = json.dumps({**head, "cases": ["@"]}, indent=1)
    body = ",\n".join(json.dumps(r) for r in rows)
    (ROOT / name).write_text(text.replace('"@"', body) + "\n")


def main():
    warnings.filterwarnings("ignore")
    tf.logging.set_verbosity_error()
    ROOT.mkdir(parents=True, exist_ok=True)
    write("processors.json", {"about": "one row of scores through the processors of generate()"}, processor_cases())
    write("configs.json", {"about": "the text-generation pipeline's settings, out of a model's files and flags"}, config_cases())
    tables = {k: ["#" + json.dumps(row) for row in t.tolist()] for k, t in TABLES.items()}
    write("searches.json", {"about": "generate() with logits out of tables, divided by 64", "tables": tables}, map(search, SEARCHES))
    file = ROOT / "searches.json"
    file.write_text(file.read_text().replace('"#[', "[").replace(']"', "]"))
