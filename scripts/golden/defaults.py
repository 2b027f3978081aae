"""The model that each task takes when none is named, in small: the fields of its config.json, the old ones among
them, and the files its repository has."""
from golden import texts
from golden.models import CONLL, F32, Case, Golden, distil, labels, sizes, text, zero_shot_cases
from golden.seq2seq import SHARED, SHORT, T5_TASKS, sides, t5

FEW = text(texts.PLAIN[:3])
OLD_BART = {"_num_labels": 3, "add_final_layer_norm": False, "classif_dropout": 0.0, "gradient_checkpointing": False,
            "normalize_before": False, "num_hidden_layers": 2, "output_past": False, "static_position_embeddings": False}
CNN = {"early_stopping": True, "length_penalty": 2.0, "max_length": 26, "min_length": 9, "no_repeat_ngram_size": 3, "num_beams": 4}

DEFAULTS = [
    Golden("default-classify", "distilbert-base-uncased-finetuned-sst-2-english: vocab.txt alone",
           "DistilBertForSequenceClassification", "distilbert",
           {**distil(24, 6, 12, 48, "gelu", 64), **labels(["NEGATIVE", "POSITIVE"])},
           [Case(["classify"], FEW), Case(["classify", "--top-k", "all"], FEW)], max_length=64,
           without=["tokenizer.json", "special_tokens_map.json"],
           config_fields={"finetuning_task": "sst-2", "output_past": True, "sinusoidal_pos_embds": False,
                          "tie_weights_": True, "dtype": None, "transformers_version": None}),
    Golden("default-ner", "bert-large-cased-finetuned-conll03-english: vocab.txt alone, the pooler's old fields, tensors "
           "that the head does not use", "BertForTokenClassification", "bert/cased",
           {**sizes(32, 3, 16, 48, "gelu", 64), **labels(CONLL)},
           [Case(["ner"], text(texts.NAMES)), Case(["ner", "--aggregation-strategy", "none"], text(texts.NAMES[:2]))],
           max_length=64, without=["tokenizer.json", "special_tokens_map.json"], edits=["extra tensors"],
           config_fields={"_num_labels": 9, "directionality": "bidi", "pooler_fc_size": 768, "pooler_num_attention_heads": 12,
                          "pooler_num_fc_layers": 3, "pooler_size_per_head": 128, "pooler_type": "first_token_transform",
                          "dtype": None, "transformers_version": None}),
    Golden("default-qa", "distilbert-base-cased-distilled-squad", "DistilBertForQuestionAnswering", "distilbert/cased",
           distil(24, 6, 12, 48, "gelu", 64), [Case(["qa"], texts.QUESTIONS), Case(["qa", "--top-k", "3"], texts.QUESTIONS[:2])],
           max_length=64, without=["special_tokens_map.json"],
           config_fields={"output_past": True, "sinusoidal_pos_embds": True, "tie_weights_": True, "dtype": None}),
    Golden("default-fill-mask", "distilroberta-base", "RobertaForMaskedLM", "roberta",
           sizes(24, 6, 12, 48, "gelu", 66, type_vocab_size=1, layer_norm_eps=1e-5),
           [Case(["fill-mask"], text(["The harbour master counts nine <mask> boats."]))], max_length=64,
           without=["special_tokens_map.json"], config_fields={"dtype": None}),
    Golden("default-summarize", "distilbart-cnn-12-6: pytorch_model.bin alone, vocab.json and merges.txt, settings and a "
           "forced first token of 2020 in config.json", "BartForConditionalGeneration", "bart",
           {**SHARED, **sides(16, (2, 1), (4, 4), (24, 24)), "decoder_start_token_id": 2},
           [Case(["summarize"], text(SHORT)), Case(["summarize", "--num-beams", "1"], text(SHORT))], std=0.3, max_length=160,
           weights="bin", without=["tokenizer.json", "special_tokens_map.json", "generation_config.json"],
           config_fields={**OLD_BART, "add_bias_logits": False, "extra_pos_embeddings": 2, "eos_token_ids": [2],
                          "force_bos_token_to_be_generated": True, "forced_eos_token_id": None, "prefix": " ", "dtype": None,
                          **CNN, "task_specific_params": {"summarization": CNN}, "transformers_version": None}),
    Golden("default-translate", "t5-base: no field of T5 1.1, settings for each task", "T5ForConditionalGeneration", "t5",
           t5(24, (2, 2), 12, 2, 40), [Case(["translate", "--no-repeat-ngram-size", "2"], text(SHORT)),
                                       Case(["translate", "--src-lang", "en", "--tgt-lang", "de", "--num-beams", "1"], text(SHORT))],
           std=0.3, max_length=90, without=["special_tokens_map.json"],
           config_fields={"n_positions": 512, "output_past": True, "num_decoder_layers": None, "feed_forward_proj": None,
                          "is_gated_act": None, "dense_act_fn": None, "relative_attention_max_distance": None,
                          "tie_word_embeddings": None, "dtype": None, "task_specific_params": T5_TASKS}),
    Golden("default-zero-shot", "bart-large-mnli: labels of natural language inference on a decoder's last state",
           "BartForSequenceClassification", "bart",
           {**SHARED, **sides(20, (2, 2), (4, 4), (32, 32)), "decoder_start_token_id": 2, "forced_eos_token_id": 2,
            **labels(["contradiction", "neutral", "entailment"])},
           [*zero_shot_cases(), Case(["classify", "--top-k", "all"], FEW)], std=0.3, max_length=128,
           without=["special_tokens_map.json", "generation_config.json"], config_fields={**OLD_BART, "dtype": None}),
]
