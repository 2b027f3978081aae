"""The golden checkpoints of encoder-decoders, their cases, and how their pipelines answer."""
import torch
import transformers as tf

from golden import texts
from golden.decoders import arguments
from golden.models import (CONLL, F32, Case, Golden, classify_cases, labels, ner_cases, qa_cases, text,
                           zero_shot_cases)

TEXTS = [*texts.PLAIN, "", "A", "東京 and 大阪 🎉", " ".join(texts.corpus()[40:44])]
SHORT = TEXTS[:2]
# What a tiny checkpoint of the family has in config.json beside its sizes.
SHARED = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


def sides(hidden, layers, heads, ffn, **more):
    """Sizes of a model of BART's family; layers, heads and ffn of the encoder and the decoder."""
    return {"d_model": hidden, **{f"{side}_{name}": size for name, both in
            (("layers", layers), ("attention_heads", heads), ("ffn_dim", ffn))
            for side, size in zip(("encoder", "decoder"), both)}, "max_position_embeddings": 160, **more}


def cases(command, *more, n=14):
    """Every way to search, with the penalties that translations and summaries are made with."""
    args = [command, *F32, "--max-new-tokens", str(n)]
    fresh = ["--no-repeat-ngram-size", "1"]  # random weights like to repeat themselves
    return [
        Case([*args, "--num-beams", "1"], text(TEXTS)),
        Case([*args, "--num-beams", "1", *fresh], text(TEXTS)),
        Case([*args, "--num-beams", "2", *fresh], text(TEXTS)),
        Case([*args], text(SHORT)),
        Case([*args, *fresh, "--length-penalty", "0.7"], text(TEXTS)),
        Case([*args, "--num-beams", "6", "--length-penalty", "2.0", "--no-repeat-ngram-size", "3",
              "--early-stopping", "true", "--min-length", "5"], text(TEXTS)),
        Case([*args, "--num-beams", "4", "--length-penalty", "0.4", "--early-stopping", "never",
              "--num-return-sequences", "3"], text(SHORT)),
        Case([*args, "--num-beams", "2", "--length-penalty", "-1.0", "--repetition-penalty", "1.3",
              "--min-new-tokens", "6", *fresh], text(SHORT)),
        Case([*args, "--num-beams", "1", "--encoder-repetition-penalty", "1.5",
              "--encoder-no-repeat-ngram-size", "2", "--suppress-tokens", "5,6,7"], text(SHORT)),
        Case([*args, "--num-beams", "1", "--do-sample", "--seed", "42", "--top-k", "30"], text(SHORT)),
        Case([*args, "--num-beams", "3", "--do-sample", "--seed", "7"], text(SHORT)),
        Case([*args, "--num-beams", "1", "--prompt-lookup-num-tokens", "3"], text(SHORT)), *more]


CNN = {"max_length": 24, "min_length": 9, "length_penalty": 2.0, "no_repeat_ngram_size": 3, "num_beams": 4,
       "early_stopping": True}
BART = [
    Golden("bart-cnn", "BART with the settings of bart-large-cnn in generation_config.json and config.json, and "
           "no length in the tokenizer", "BartForConditionalGeneration", "bart",
           {**SHARED, **sides(24, (2, 2), (4, 4), (40, 40)), "decoder_start_token_id": 2, "forced_eos_token_id": 2},
           [Case(["summarize", *F32, *more], text(TEXTS)) for more in
            ([], ["--min-length", "4", "--max-length", "12"], ["--num-beams", "1", "--no-repeat-ngram-size", "1"],
             ["--length-penalty", "0.8", "--num-beams", "6"])],
           std=0.3, dtype="bfloat16", without=["tokenizer_config.json"],
           generation={**CNN, "forced_bos_token_id": 0, "forced_eos_token_id": 2, "transformers_version": "4.27.0"},
           config_fields={"prefix": " ", "task_specific_params": {"summarization": {**CNN, "max_length": 20}}}),
    Golden("bart-uneven", "BART with a small encoder, scaled embeddings, an own head and settings in config.json",
           "BartForConditionalGeneration", "bart",
           {**SHARED, **sides(10, (1, 3), (2, 5), (24, 36)), "decoder_start_token_id": 2, "scale_embedding": True,
            "activation_function": "relu", "tie_word_embeddings": False}, cases("summarize"), std=0.3, dtype="float16",
           max_length=120, without=["generation_config.json", "tokenizer.json"], edits=["own tables"], config_fields={"num_beams": 2, "forced_eos_token_id": 2}),
    Golden("bart-deep", "BART with one head, a swish, and another start", "BartForConditionalGeneration", "bart",
           {**SHARED, **sides(16, (3, 2), (1, 2), (20, 50)), "decoder_start_token_id": 0,
            "activation_function": "swish", "forced_eos_token_id": None},
           cases("summarize", Case(["summarize", *F32, "--max-new-tokens", "12", "--num-beams", "4", "--forced-bos-token-id",
                                    "0", "--forced-eos-token-id", "2", "--renormalize-logits"], text(TEXTS))),
           std=0.35, max_length=120, dtype="bfloat16"),
]
# The vocabulary of the tiny tokenizer, whose last token pads and starts.
VOCAB = 222
PAD = {"pad_token_id": VOCAB - 1, "eos_token_id": 0, "decoder_start_token_id": VOCAB - 1, "forced_eos_token_id": 0}
OPUS = {"bad_words_ids": [[VOCAB - 1]], "bos_token_id": 0, "max_length": 30, "num_beams": 6,
        "renormalize_logits": True}
FRENCH = [f">>fr<< {t}" for t in SHORT]
MARIAN = [
    Golden("marian-opus", "Marian as opus-mt-en-fr has it: settings in generation_config.json, no tokenizer.json",
           "MarianMTModel", "marian", {**PAD, **sides(24, (2, 2), (4, 4), (40, 40)), "activation_function": "swish",
                                       "scale_embedding": True},
           [Case(["translate", *F32, *more], text(TEXTS + FRENCH)) for more in
            ([], ["--num-beams", "1", "--no-repeat-ngram-size", "1"],
             ["--num-beams", "2", "--no-repeat-ngram-size", "2"], ["--no-repeat-ngram-size", "1"],
             ["--max-length", "12", "--length-penalty", "0.6", "--num-beams", "4"])],
           std=0.25, dtype="bfloat16", max_length=120,
           generation={**OPUS, "forced_eos_token_id": 0, "transformers_version": "4.27.0"},
           config_fields={"normalize_before": False, "normalize_embedding": False, "add_final_layer_norm": False,
                          "static_position_embeddings": True, "add_bias_logits": False}),
    Golden("marian-uneven", "Marian with sides of their own, no scaling, an uneven width",
           "MarianMTModel", "marian", {**PAD, **sides(21, (3, 1), (3, 7), (30, 44)), "activation_function": "relu"},
           cases("translate"), std=0.35, dtype="float16", max_length=120),
    Golden("marian-two", "Marian with a vocabulary for each side", "MarianMTModel", "marian/separate",
           {**sides(20, (1, 2), (4, 5), (40, 20)), "scale_embedding": True,
            "share_encoder_decoder_embeddings": False, "pad_token_id": 2, "eos_token_id": 0,
            "decoder_start_token_id": 2, "activation_function": "gelu"}, cases("translate"), std=0.25, dtype="bfloat16",
           max_length=120),
]
T5_TASKS = {"summarization": {"prefix": "summarize: ", "max_length": 22, "min_length": 6, "num_beams": 4,
                           "early_stopping": True, "length_penalty": 2.0, "no_repeat_ngram_size": 3},
         "translation_en_to_de": {"prefix": "translate English to German: ", "max_length": 18, "num_beams": 2,
                                  "early_stopping": True}}
TO_GERMAN = ["translate", *F32, "--src-lang", "en", "--tgt-lang", "de"]


def t5(hidden, layers, heads, size, ffn, **more):
    """Sizes of a T5; layers of the encoder and the decoder."""
    return {"d_model": hidden, "num_layers": layers[0], "num_decoder_layers": layers[1], "num_heads": heads, "d_kv": size,
            "d_ff": ffn, "decoder_start_token_id": 0, "relative_attention_num_buckets": 8,
            "relative_attention_max_distance": 20, **more}


T5 = [
    Golden("t5-tied", "T5 1.0: tied embeddings, relu, prefixes and settings for each task", "T5ForConditionalGeneration",
           "t5", t5(24, (2, 2), 4, 6, 40),
           [Case(["summarize", *F32], text(TEXTS)), Case(TO_GERMAN, text(TEXTS)),
            Case([*TO_GERMAN, "--num-beams", "6", "--no-repeat-ngram-size", "1"], text(SHORT)),
            Case(["summarize", *F32, "--num-beams", "1", "--no-repeat-ngram-size", "1"], text(TEXTS)),
            Case(["translate", *F32, "--max-new-tokens", "9", "--no-repeat-ngram-size", "2"], text(TEXTS))],
           std=0.3, dtype="bfloat16", max_length=90, config_fields={"task_specific_params": T5_TASKS}),
    Golden("t5-gated", "T5 1.1 and FLAN-T5: gated gelu, an own head, wide heads", "T5ForConditionalGeneration", "t5",
           t5(20, (3, 1), 3, 8, 36, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
              relative_attention_num_buckets=12, relative_attention_max_distance=50), cases("summarize"),
           std=0.25, dtype="float16", without=["tokenizer.json"]),
    Golden("t5-silu", "T5 with a gated silu and more distances than tokens", "T5ForConditionalGeneration", "t5",
           t5(16, (3, 2), 2, 4, 24, feed_forward_proj="gated-silu", relative_attention_num_buckets=32,
              relative_attention_max_distance=128, layer_norm_epsilon=1e-5), cases("translate"), std=0.3),
    Golden("mt5", "mT5: defaults of its own, settings without a generation_config.json", "MT5ForConditionalGeneration",
           "mt5", t5(18, (2, 2), 3, 5, 30), cases("summarize"), std=0.3, dtype="bfloat16",
           without=["generation_config.json"], config_fields={"num_beams": 2}),
]


def between(source, target):
    return ["translate", *F32, "--src-lang", source, "--tgt-lang", target]


def languages(*pairs):
    """Translations between these, greedy and with beams."""
    more = ["--max-new-tokens", "12", "--no-repeat-ngram-size", "2"]
    return [Case([*between(*pair), *more, "--num-beams", beams], text(TEXTS))
            for pair in pairs for beams in ("1", "2", "4", "6")]


# Sides of models whose texts begin with a language.
CODED = {**SHARED, "decoder_start_token_id": 2, "scale_embedding": True}
MULTILINGUAL = [
    Golden("mbart-ro", "mBART: the language after the end, a start of its own for a pair", "MBartForConditionalGeneration",
           "mbart", {**CODED, **sides(20, (2, 2), (4, 4), (40, 40)), "decoder_start_token_id": 190},
           languages(("en_XX", "ro_RO"), ("de_DE", "en_XX")), std=0.3, dtype="bfloat16", max_length=100,
           config_fields={"task_specific_params": {"translation_en_to_ro": {"max_length": 6}}}),  # of no pipeline
    Golden("mbart50", "mBART-50: the language first", "MBartForConditionalGeneration", "mbart50",
           {**CODED, **sides(18, (1, 3), (3, 2), (24, 36)), "activation_function": "relu"},
           languages(("fr_XX", "de_DE")), std=0.3, dtype="float16", max_length=100),
    Golden("mbart-summary", "mBART that summarises, without scaling", "MBartForConditionalGeneration", "mbart",
           {**CODED, **sides(16, (3, 2), (2, 4), (30, 24)), "scale_embedding": False}, cases("summarize"),
           std=0.3, dtype="bfloat16", max_length=100),
    Golden("nllb", "NLLB: the language first, four of them", "M2M100ForConditionalGeneration", "nllb",
           {**CODED, **sides(24, (2, 2), (4, 4), (40, 40))}, languages(("eng_Latn", "fra_Latn"), ("zho_Hans", "deu_Latn")),
           std=0.25, dtype="bfloat16", max_length=100, generation={"max_length": 30}),
    Golden("nllb-legacy", "NLLB as its first tokenizers had it: the language last", "M2M100ForConditionalGeneration",
           "nllb-legacy", {**CODED, **sides(19, (3, 1), (1, 1), (24, 44)), "scale_embedding": False},
           languages(("fra_Latn", "eng_Latn")), std=0.3, dtype="float16", max_length=100),
    Golden("m2m", "M2M-100: vocab.json and a BPE model of pieces, no tokenizer.json", "M2M100ForConditionalGeneration",
           "m2m", {**CODED, **sides(20, (1, 2), (5, 2), (30, 40)), "vocab_size": 259, "max_position_embeddings": 16},
           languages(("en", "fr")), std=0.25, dtype="bfloat16", max_length=100),
]
PEGASUS = [
    Golden("pegasus", "Pegasus: reserved ids before the pieces, sinusoidal positions", "PegasusForConditionalGeneration",
           "pegasus", {**sides(20, (2, 2), (4, 4), (40, 40)), "pad_token_id": 0, "eos_token_id": 1, "forced_eos_token_id": 1,
                       "decoder_start_token_id": 0, "scale_embedding": True, "activation_function": "relu"},
           [Case(["summarize", *F32, *more], text(TEXTS)) for more in
            ([], ["--num-beams", "1", "--no-repeat-ngram-size", "1"], ["--num-beams", "2", "--no-repeat-ngram-size", "1"])],
           std=0.3, dtype="bfloat16", max_length=100,
           generation={"max_length": 21, "length_penalty": 0.6, "num_beams": 6, "transformers_version": "4.27.0"}),
    Golden("pegasus-uneven", "Pegasus with an uneven width and no scaling", "PegasusForConditionalGeneration",
           "pegasus", {**sides(17, (1, 3), (1, 17), (30, 24)), "pad_token_id": 0, "eos_token_id": 1,
                       "decoder_start_token_id": 0}, cases("summarize"), std=0.3, dtype="float16", max_length=100),
    Golden("pegasus-gelu", "Pegasus with more encoder than decoder", "PegasusForConditionalGeneration",
           "pegasus", {**sides(16, (3, 1), (2, 8), (20, 40)), "pad_token_id": 0, "eos_token_id": 1,
                       "decoder_start_token_id": 0, "scale_embedding": True, "activation_function": "gelu_new"},
           cases("summarize"), std=0.3, max_length=100),
]
NLI = labels(["contradiction", "entailment", "neutral"])
FEWER = text([*texts.PLAIN, texts.ODD[2], texts.ODD[3]])
READERS = [
    Golden("bart-qa", "BART, spans of an answer, scaled embeddings", "BartForQuestionAnswering", "bart",
           {**SHARED, **sides(24, (1, 2), (4, 2), (32, 24)), "decoder_start_token_id": 2, "scale_embedding": True},
           qa_cases(56, 20, *F32)[:4], std=0.3, dtype="bfloat16", max_length=96),
    Golden("bart-classify", "BART, three labels without names in config.json, one end in a text and two in a pair",
           "BartForSequenceClassification", "bart",
           {**SHARED, **sides(16, (2, 1), (2, 4), (24, 20)), "decoder_start_token_id": 0, "activation_function": "relu"},
           classify_cases(inputs=FEWER)[:2], std=0.3, max_length=128, config_fields={"id2label": None, "label2id": None}),
    Golden("mbart-classify", "mBART, natural language inference: the decoder begins with the text's last token",
           "MBartForSequenceClassification", "mbart",
           {**SHARED, **sides(20, (1, 2), (4, 5), (30, 24)), "decoder_start_token_id": 190, "scale_embedding": True, **NLI},
           [*zero_shot_cases()[:2], *classify_cases(inputs=FEWER)[:1]], std=0.3, max_length=100),
    Golden("mbart-qa", "mBART, spans of an answer", "MBartForQuestionAnswering", "mbart",
           {**SHARED, **sides(16, (2, 1), (2, 2), (24, 24)), "scale_embedding": False}, qa_cases(56, 20)[:2], std=0.3, max_length=96),
    Golden("t5-classify", "T5, labels on the decoder's state at the end, tied embeddings that are not scaled for it",
           "T5ForSequenceClassification", "t5", {**t5(24, (2, 1), 4, 6, 40), **NLI},
           [*zero_shot_cases()[:2], *classify_cases(inputs=FEWER)[:1]], std=0.25, max_length=90),
    Golden("t5-ner", "T5, labels on its encoder alone", "T5ForTokenClassification", "t5",
           {**t5(20, (2, 1), 2, 8, 36, feed_forward_proj="gated-gelu"), **labels(CONLL)}, ner_cases(9, *F32)[:5], std=0.25,
           dtype="bfloat16", max_length=60),
    Golden("t5-qa", "T5, spans of an answer; tensors without a prefix", "T5ForQuestionAnswering", "t5",
           t5(18, (1, 2), 3, 5, 30), qa_cases(40, 12)[:3], std=0.3, max_length=90),
    Golden("mt5-classify", "mT5, five labels", "MT5ForSequenceClassification", "mt5",
           {**t5(16, (2, 2), 2, 6, 24), **labels(["1", "2", "3", "4", "5"])}, classify_cases(inputs=FEWER)[:2], std=0.25, max_length=90),
    Golden("umt5", "UMT5: distances of each block's own", "UMT5ForConditionalGeneration", "mt5",
           t5(18, (2, 2), 3, 5, 30), cases("summarize")[:4], std=0.3, max_length=90),
]
SEQ2SEQ = READERS + BART + MARIAN + T5 + MULTILINGUAL + PEGASUS
NAMES = {"summarize": ("summarization", "summary_text"), "translate": ("translation", "translation_text")}


def generated(folder, command, source, given):
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    model = tf.AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32)
    ids = model.generate(**tokenizer(source, return_tensors="pt"), **given)[0]
    return [{NAMES[command][1]: tokenizer.decode(ids, skip_special_tokens=True)}]


def answers(golden, folder, args, inputs):
    task, _ = NAMES[args[0]]
    given, seed = arguments(args[1:])
    given.pop("prompt_lookup_num_tokens", None)  # the same text
    if "max_length" in given:  # hft takes it for the limit; the pipelines' own max_new_tokens would win
        given.setdefault("max_new_tokens", None)
    if "src_lang" in given and f"translation_{given['src_lang']}_to_{given['tgt_lang']}" in golden.config_fields.get(
            "task_specific_params", {}):
        task = f"translation_{given['src_lang']}_to_{given['tgt_lang']}"
        if golden.tokenizer == "t5":  # the pair is in the task's name alone
            del given["src_lang"], given["tgt_lang"]
    if golden.release == 5:  # which has no such pipelines
        return [generated(folder, args[0], row["text"], given) for row in inputs]
    pipe = tf.pipeline(task, model=str(folder), tokenizer=str(folder), dtype=torch.float32, device=-1)
    outputs = []
    for row in inputs:
        if seed is not None:
            tf.set_seed(seed)
        outputs.append(pipe(row["text"], **given))
    return outputs
