"""Checkpoints as transformers 5 saves them, which it alone reads rightly: rope_parameters, dtype, layer_types, what
T5 ties and scales. Their tokenizers are those of other goldens."""
from golden import texts
from golden.decoders import GREEDY, PROMPTS
from golden.models import CONLL, Case, Golden, distil, labels, mask_cases, modern, relative, rerank_cases, sizes, text
from golden.seq2seq import SHARED, SHORT, sides, t5

RUN = [Case([*GREEDY, "--max-new-tokens", "24"], text(PROMPTS[:2] + PROMPTS[4:]))]
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 24,
         "max_position_embeddings": 128}
# The reference's dynamic positions remember the longest text before.
ONE_BY_ONE = [Case(RUN[0].args, [row]) for row in RUN[0].inputs]
WHOLE = {**SMALL, "num_key_value_heads": 2}
NEOX = {k: v for k, v in SMALL.items() if k != "num_key_value_heads"}
DEFAULT = {"rope_type": "default", "rope_theta": 300.0}
LINEAR = {"rope_type": "linear", "rope_theta": 700.0, "factor": 2.5}
YARN = {"rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0, "original_max_position_embeddings": 32}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 5000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}


def longrope(pairs, **more):
    return {"rope_type": "longrope", "rope_theta": 900.0, "short_factor": [1 + i / 10 for i in range(pairs)],
            "long_factor": [2 + i / 5 for i in range(pairs)], **more}


def decoder(name, about, model, config, cases=RUN, **more):
    return Golden(f"v5-{name}", f"As transformers 5 saves it: {about}", model, "of gpt2-generate", config, cases, std=0.35,
                  release=5, **more)


def encoder(name, about, model, tokenizer, config, cases, length):
    return Golden(f"v5-{name}", f"As transformers 5 saves it: {about}", model, tokenizer, config, cases, max_length=length,
                  release=5)


CROSS_ENCODER = {
    "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}],
    "config_sentence_transformers.json": {
        "__version__": {"pytorch": "2.13.0", "sentence_transformers": "6.2.0", "transformers": "5.24.0"},
        "activation_fn": "torch.nn.modules.linear.Identity", "default_prompt_name": "query", "model_type": "CrossEncoder",
        "prompts": {"query": "question: "}},
    "sentence_bert_config.json": {
        "transformer_task": "sequence-classification", "module_output_name": "scores",
        "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}}}}
CLASSES = [Case(["classify", "--top-k", "all"], text(texts.PLAIN))]
SLIDING = {"use_sliding_window": True, "sliding_window": 6}
VERSION_5 = [
    decoder("llama", "Llama, llama3 positions", "LlamaForCausalLM", {**SMALL, "rope_parameters": LLAMA3}),
    decoder("llama-dynamic", "Llama, dynamic positions past its own", "LlamaForCausalLM",
            {**SMALL, "max_position_embeddings": 16, "rope_parameters": {**LINEAR, "rope_type": "dynamic"}}, cases=ONE_BY_ONE),
    decoder("llama-longrope", "Llama, longrope", "LlamaForCausalLM",
            {**SMALL, "rope_parameters": longrope(4, original_max_position_embeddings=16)}),
    decoder("mistral", "Mistral, YaRN", "MistralForCausalLM", {**SMALL, "sliding_window": 6, "rope_parameters": YARN}),
    decoder("qwen2", "Qwen2, linear positions, a window", "Qwen2ForCausalLM",
            {**SMALL, **SLIDING, "max_window_layers": 1, "rope_parameters": LINEAR}),
    decoder("qwen3", "Qwen3, YaRN, layer_types", "Qwen3ForCausalLM",
            {**SMALL, **SLIDING, "head_dim": 16, "layer_types": ["sliding_attention", "full_attention"], "rope_parameters": YARN}),
    decoder("gemma", "Gemma, 'gelu' that means its approximation", "GemmaForCausalLM",
            {**SMALL, "head_dim": 8, "hidden_act": "gelu", "rope_parameters": LINEAR}),
    decoder("gemma2", "Gemma 2, layer_types", "Gemma2ForCausalLM",
            {**SMALL, "head_dim": 8, "sliding_window": 6, "layer_types": ["full_attention", "sliding_attention"],
             "rope_parameters": DEFAULT}),
    decoder("phi", "Phi, a quarter of each head rotated", "PhiForCausalLM",
            {**WHOLE, "qk_layernorm": True, "rope_parameters": {**DEFAULT, "partial_rotary_factor": 0.25}}),
    decoder("phi3", "Phi-3, longrope on a part of each head", "Phi3ForCausalLM",
            {**SMALL, "original_max_position_embeddings": 12, "pad_token_id": 0,
             "rope_parameters": longrope(3, partial_rotary_factor=0.75)}),
    decoder("smollm3", "SmolLM3, YaRN in some layers", "SmolLM3ForCausalLM",
            {**SMALL, **SLIDING, "pad_token_id": 0, "no_rope_layers": [0, 1], "rope_parameters": YARN}),
    decoder("gpt-neox", "GPT-NeoX, half of each head rotated", "GPTNeoXForCausalLM",
            {**NEOX, "use_parallel_residual": False, "rope_parameters": {**LINEAR, "partial_rotary_factor": 0.5}}),
    decoder("mixtral", "Mixtral under its new names, its experts stacked", "MixtralForCausalLM",
            {**SMALL, "num_local_experts": 3, "intermediate_size": 24, "rope_parameters": LINEAR}, edits=["stacked experts"]),
    decoder("gpt-oss", "gpt-oss, bounds of its own", "GptOssForCausalLM",
            {**SMALL, "head_dim": 12, "sliding_window": 6, "num_local_experts": 3, "num_experts_per_tok": 2, "swiglu_limit": 1.5,
             "swiglu_alpha": 1.3, "rope_parameters": YARN}),
    Golden("v5-bert", "As transformers 5 saves it: BERT", "BertForTokenClassification", "of bert-ner-cased",
           {**sizes(24, 2, 2, 48, "gelu", 40), **labels(CONLL)}, [Case(["ner"], text(texts.NAMES[:3]))], release=5),
    Golden("v5-modernbert", "As transformers 5 saves it: ModernBERT, layer_types, positions of each kind",
           "ModernBertForTokenClassification", "of modernbert-classify",
           {**modern(24, 3, 3, 40, 64, 8, 3), "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "rope_parameters": {"full_attention": LINEAR, "sliding_attention": DEFAULT}, **labels(CONLL)},
           [Case(["ner"], text(texts.NAMES + [texts.LONG]))], max_length=64, release=5),
    Golden("v5-nomic", "As transformers 5 saves it: NomicBERT under its own fields, dynamic positions", "NomicBertForTokenClassification",
           "of bert-ner-cased", {**sizes(24, 2, 3, 40, "silu", 12), "rope_parameters": {**LINEAR, "rope_type": "dynamic"}, **labels(CONLL)},
           [Case(["ner"], text([name])) for name in texts.NAMES[:3]], max_length=24, release=5),
    Golden("v5-nomic-mlm", "As transformers 5 saves it: NomicBERT, masked words", "NomicBertForMaskedLM", "of bert-classify",
           sizes(16, 2, 2, 24, "gelu", 64), mask_cases("[MASK]", "boats,the,clock")[:2], max_length=64, release=5),
    encoder("distilbert", "DistilBERT", "DistilBertForMaskedLM", "of distilbert-mlm", distil(16, 2, 2, 24, "gelu", 50),
            mask_cases("[MASK]", "boats,the,storm")[:1], 50),
    encoder("roberta", "RoBERTa", "RobertaForSequenceClassification", "of roberta-nli",
            {**sizes(16, 2, 2, 24, "gelu", 82, type_vocab_size=1), **labels(["no", "yes", "maybe"])}, CLASSES, 80),
    encoder("xlm-roberta", "XLM-RoBERTa", "XLMRobertaForMaskedLM", "of xlm-roberta-mlm",
            sizes(16, 2, 2, 24, "gelu", 66, type_vocab_size=1), mask_cases("<mask>", "the,▁boats,▁and")[:1], 64),
    encoder("electra", "ELECTRA", "ElectraForTokenClassification", "of electra-ner",
            {**sizes(16, 2, 2, 24, "gelu", 64), "embedding_size": 12, **labels(CONLL)}, [Case(["ner"], text(texts.NAMES[:3]))], 64),
    encoder("mpnet", "MPNet", "MPNetForSequenceClassification", "of mpnet-classify",
            {**sizes(16, 2, 2, 24, "gelu", 66), **labels(["no", "yes"])}, CLASSES, 64),
    Golden("v5-rerank", "As sentence-transformers 6 saves a cross-encoder: modules.json, a prompt before queries",
           "ElectraForSequenceClassification", "of electra-ner", {**sizes(16, 2, 2, 24, "gelu", 64), "embedding_size": 12, "num_labels": 1},
           rerank_cases()[:2], max_length=64, release=5, files=CROSS_ENCODER),
    Golden("v5-albert", "As transformers 5 saves it: ALBERT, masked words", "AlbertForMaskedLM", "of albert-mlm",
           sizes(20, 2, 2, 32, "gelu_new", 48, embedding_size=12), [Case(["fill-mask"], text(["The [MASK] sold two boats."]))],
           std=0.3, release=5),
    Golden("v5-deberta-v3", "As transformers 5 saves it: DeBERTa-v3", "DebertaV2ForSequenceClassification", "of deberta-v3-nli",
           {**relative(24, 2, 3, 40, "gelu", 64), **labels(["no", "yes"])}, [Case(["classify", "--top-k", "all"], text(SHORT))],
           std=0.3, release=5),
    Golden("v5-bart", "As transformers 5 saves it: BART with labels", "BartForSequenceClassification", "of bart-cnn",
           {**SHARED, **sides(16, (1, 2), (2, 4), (24, 20)), **labels(["no", "yes"])},
           [Case(["classify", "--top-k", "all"], text(SHORT))], std=0.3, release=5),
    Golden("v5-t5", "As transformers 5 saves it: T5 1.0, tied and scaled", "T5ForConditionalGeneration", "of t5-tied",
           t5(24, (2, 2), 4, 6, 40), [Case(["summarize", "--num-beams", "1", "--max-new-tokens", "14"], text(SHORT))],
           std=0.3, release=5),
    Golden("v5-t5-own-head", "As transformers 5 saves T5 1.1: tied by its config, with another head in the file, not scaled",
           "T5ForConditionalGeneration", "of t5-tied", t5(20, (2, 2), 3, 8, 36, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
           [Case(["summarize", "--num-beams", "1", "--max-new-tokens", "14"], text(SHORT))], std=0.3, edits=["own head"], release=5),
    Golden("v5-mt5", "As transformers 5 saves it: mT5, tied and not scaled", "MT5ForConditionalGeneration", "of t5-tied",
           t5(18, (2, 2), 3, 5, 30), [Case(["summarize", "--num-beams", "1", "--max-new-tokens", "14"], text(SHORT))], std=0.3, release=5),
    Golden("v5-umt5", "As transformers 5 saves it: UMT5", "UMT5ForConditionalGeneration", "of t5-tied",
           t5(18, (2, 2), 3, 5, 30), [Case(["summarize", "--num-beams", "1", "--max-new-tokens", "14"], text(SHORT))], std=0.3, release=5),
]
