"""The golden checkpoints and their cases, as data."""
from dataclasses import dataclass, field

from golden import texts

CONLL = ["O", "B-MISC", "I-MISC", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


@dataclass
class Case:
    args: list
    inputs: list


@dataclass
class Golden:
    name: str
    about: str
    model: str                  # class of transformers
    tokenizer: str              # "bert", "bert/cased", "roberta", …
    config: dict
    cases: list
    max_length: int = 0         # the tokenizer's model_max_length; 0: it has none
    std: float = 0.4
    dtype: str = ""             # saved as; "": float32
    shard: str = ""             # largest shard
    weights: str = "safetensors"  # or "bin": pytorch_model.bin; "pickle": the same, as save_pretrained writes it
    edits: list = field(default_factory=list)
    without: list = field(default_factory=list)    # files removed after saving
    config_fields: dict = field(default_factory=dict)  # written into config.json afterwards
    files: dict = field(default_factory=dict)      # JSON files written beside it
    modules: list = None        # sentence-transformers modules after Pooling; None: no modules.json
    pooling: str = "mean"
    sentence_length: int = 0
    prompts: dict = field(default_factory=dict)
    generation: dict = field(default_factory=dict)  # written into generation_config.json
    release: int = 4            # of transformers, which makes it
    texts: bool = False         # a model of pictures and texts: the vocabulary is its text_config's
    timm: bool = False          # a checkpoint in timm's own layout
    codes: dict = None          # how its weights are quantised (golden/quantized.py)
    installed: str = ""         # a model of scripts/setup instead of one made here

    @property
    def positions(self):
        return self.config.get("max_position_embeddings", 512)


def text(strings):
    return [{"text": s} for s in strings]


def labels(names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def sizes(hidden, layers, heads, ffn, act, positions, **more):
    return {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "intermediate_size": ffn, "hidden_act": act, "max_position_embeddings": positions, **more}


def distil(dim, layers, heads, ffn, act, positions, **more):
    return {"dim": dim, "n_layers": layers, "n_heads": heads, "hidden_dim": ffn, "activation": act,
            "max_position_embeddings": positions, **more}


ALL_TEXTS = text(texts.PLAIN + texts.ODD + [texts.LONG])
PAIRS = [{"text": a, "text_pair": b} for a, b in (
    ("Who counts the boats?", texts.PLAIN[0]), ("Who counts the boats?", "Maria Lopez lives in Porto."), ("東京", ""),
    ("the clock", texts.LONG))]


def classify_cases(*extra, dtype=(), inputs=ALL_TEXTS):
    """Every way to score the labels, on every kind of text."""
    a = ["classify", *dtype]
    return [Case([*a, "--top-k", "all"], inputs), Case(a, text(texts.PLAIN)),
            Case([*a, "--top-k", "2"], text(texts.PLAIN)),
            *(Case([*a, "--top-k", "all", "--function-to-apply", f], text(texts.PLAIN))
              for f in ("softmax", "sigmoid", "none")), *extra]


def zero_shot_cases(*more):
    a = ["classify", *more, "--candidate-labels", texts.LABELS]
    return [Case(a, text(texts.CLAIMS)), Case([*a, "--multi-label"], text(texts.CLAIMS)),
            Case([*a, "--hypothesis-template", "This text is about {}."], text(texts.CLAIMS)),
            Case(["classify", *more, "--candidate-labels", "sport"], text(texts.CLAIMS[:2]))]


def ner_cases(stride, *dtype):
    a = ["ner", *dtype, "--aggregation-strategy"]
    cases = [Case([*a, way], text(texts.NAMES + ([texts.LONG] if way in ("none", "simple") else [])))
             for way in ("none", "simple", "first", "average", "max")]
    cases += [Case([*a, way, "--stride", str(stride)], text([texts.LONG, texts.NAMES[0]]))
              for way in ("simple", "first", "max")]
    return cases + [Case(["ner", *dtype, "--ignore-labels", "O,PER,LABEL_1"], text(texts.NAMES[:3])),
                    Case(["ner", *dtype, "--aggregation-strategy", "none", "--ignore-labels",
                          "O,B-PER,LABEL_1"], text(texts.NAMES[:3])),
                    Case(["ner", *dtype], text(texts.ODD))]


def qa_cases(window, stride, *dtype):
    a = ["qa", *dtype]
    short, long = texts.QUESTIONS, texts.LONG_QUESTIONS
    return [Case(a, short + long), Case([*a, "--top-k", "3"], short + long),
            Case([*a, "--handle-impossible-answer"], short + long),
            Case([*a, "--handle-impossible-answer", "--top-k", "4"], short),
            Case([*a, "--max-seq-len", str(window), "--doc-stride", str(stride)], long),
            Case([*a, "--max-answer-len", "3", "--top-k", "2"], short + long)]


def mask_cases(mask, targets, *dtype):
    a = ["fill-mask", *dtype]
    one = text([f"The harbour master counts nine {mask} boats.", mask, f"{mask} is 東京 🎉 cafe\u0301",
                f"It's{mask}cheap, isn't it?", f"The {mask} " + texts.LONG])
    two = text([f"The {mask} master counts {mask} boats.", f"{mask}{mask}{mask}"])
    return [Case(a, one + two), Case([*a, "--top-k", "2"], one), Case([*a, "--top-k", "1"], two),
            Case([*a, "--targets", targets], one[:3] + two[:1]),
            Case([*a, "--targets", targets, "--top-k", "1"], one[:1])]


def embed_cases(*overrides, dtype=()):
    return [Case(["embed", *dtype], ALL_TEXTS),
            *(Case(["embed", *dtype, *o], text(texts.PLAIN + texts.ODD[:5])) for o in overrides)]


def rerank_cases(*more):
    """Pairs, a query with all inputs, queries with their own passages; the last text is too long."""
    query, passages = "Who counts the boats?", texts.PLAIN + ["", texts.PLAIN[0], texts.LONG]
    return [Case(["rerank"], [{"query": q, "text": p} for q in (query, texts.PLAIN[2], texts.LONG, "") for p in passages[:1] + passages[3:]]),
            Case(["rerank", "--query", query], text(passages)), Case(["rerank", "--query", query, "--top-k", "2"], text(passages)),
            Case(["rerank", "--top-k", "3"], [{"query": query, "documents": passages}, {"query": "", "documents": passages[:2]},
                                              {"query": "nobody", "documents": []}]), *more]


F32 = ("--dtype", "float32")
BERT = [
    Golden("bert-classify", "BERT, two labels, lower-cased WordPiece", "BertForSequenceClassification",
           "bert", {**sizes(32, 2, 4, 64, "gelu", 64), **labels(["NEGATIVE", "POSITIVE"])},
           classify_cases(), max_length=64),
    Golden("bert-zero-shot", "BERT for natural language inference, labels out of their usual order",
           "BertForSequenceClassification", "bert",
           {**sizes(24, 3, 3, 40, "relu", 72, layer_norm_eps=1e-6, type_vocab_size=3),
            **labels(["contradiction", "entailment", "neutral"])}, zero_shot_cases(), max_length=72),
    Golden("bert-ner-cased", "BERT, CoNLL labels, vocab.txt without tokenizer.json, cased, with the "
           "pooler that this head does not use", "BertForTokenClassification", "bert/cased",
           {**sizes(24, 2, 2, 48, "gelu_new", 40), **labels(CONLL)}, ner_cases(8, *F32),
           max_length=40, dtype="float16", without=["tokenizer.json"], edits=["extra tensors"]),
    Golden("bert-qa", "BERT, spans of an answer, saved as bfloat16", "BertForQuestionAnswering", "bert",
           sizes(40, 3, 5, 60, "silu", 96, layer_norm_eps=1e-5), qa_cases(40, 12, *F32),
           max_length=96, dtype="bfloat16"),
    Golden("bert-mlm", "BERT, masked words, tensors named as the first checkpoints had them (gamma, "
           "beta, position_ids, the pooler and the head of pre-training)", "BertForMaskedLM", "bert",
           sizes(36, 2, 6, 72, "gelu", 48), mask_cases("[MASK]", "boats,the,clock"), max_length=48,
           edits=["old norm names", "extra tensors"]),
    Golden("bert-causal", "BERT that was a decoder: a token sees none after it", "BertForMaskedLM", "bert",
           {**sizes(24, 2, 3, 40, "gelu", 48), "is_decoder": True}, mask_cases("[MASK]", "boats,the,clock")[:2], max_length=48),
    Golden("bert-pruned", "BERT with attention heads removed from its layers", "BertForSequenceClassification", "bert",
           {**sizes(24, 2, 4, 32, "gelu", 40), **labels(["NEGATIVE", "POSITIVE"]), "pruned_heads": {0: [1], 1: [0, 3, 2]}},
           classify_cases()[:1], max_length=40),
    Golden("bert-embed", "BERT without a prefix, sentence-transformers: mean, normalised; a prompt",
           "BertModel", "bert", sizes(32, 2, 8, 48, "gelu", 80),
           embed_cases(["--no-normalize"], ["--pooling", "cls", "--no-normalize"],
                       ["--pooling", "max", "--normalize"], ["--prompt-name", "query"],
                       ["--pooling", "last", "--no-normalize"]), max_length=80,
           modules=["Normalize"], sentence_length=40, prompts={"query": "question: "}),
]
RERANK = [
    Golden("rerank-bert", "BERT as a cross-encoder, a sigmoid of its score by default", "BertForSequenceClassification", "bert",
           {**sizes(16, 2, 2, 24, "gelu", 64), "num_labels": 1},
           rerank_cases(Case(["rerank", "--function-to-apply", "none"], [{"query": "boats", "text": texts.PLAIN[0]}]),
                        Case(["rerank", "--max-length", "12"], [{"query": texts.PLAIN[1], "text": texts.PLAIN[0]}])), max_length=64),
    Golden("rerank-xlm-roberta", "XLM-RoBERTa as a cross-encoder of versions before 4: its score as it is, longer texts than positions "
           "in the tokenizer", "XLMRobertaForSequenceClassification", "xlm-roberta",
           {**sizes(16, 2, 2, 24, "gelu", 52, type_vocab_size=1), "num_labels": 1}, rerank_cases()[:2], max_length=50,
           config_fields={"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}),
    Golden("rerank-labels", "DistilBERT as a cross-encoder with three labels", "DistilBertForSequenceClassification", "distilbert",
           {**distil(16, 2, 2, 24, "gelu", 48), **labels(["contradiction", "entailment", "neutral"])},
           [Case(["rerank"], [{"query": texts.PLAIN[0], "text": p} for p in texts.PLAIN]),
            Case(["rerank", "--function-to-apply", "softmax"], [{"query": texts.PLAIN[0], "text": p} for p in texts.PLAIN])], max_length=48,
           config_fields={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1.0"}}),
]
DISTILBERT = [
    Golden("distilbert-classify", "DistilBERT, two labels, vocab.txt without tokenizer.json",
           "DistilBertForSequenceClassification", "distilbert",
           {**distil(32, 2, 4, 64, "gelu", 64), **labels(["NEGATIVE", "POSITIVE"])},
           classify_cases(), max_length=64, without=["tokenizer.json", "special_tokens_map.json"]),
    Golden("distilbert-multi-label", "DistilBERT, several labels at once, no length in the tokenizer, "
           "float16", "DistilBertForSequenceClassification", "distilbert/cased",
           {**distil(24, 3, 2, 50, "relu", 48), **labels(["joy", "anger", "fear", "other", "none"]),
            "problem_type": "multi_label_classification"}, classify_cases(dtype=F32),
           dtype="float16"),
    Golden("distilbert-ner", "DistilBERT, labels without B- and I-",
           "DistilBertForTokenClassification", "distilbert",
           {**distil(30, 2, 5, 40, "gelu", 40), **labels(["O", "PER", "LOC", "ORG"])}, ner_cases(10, *F32),
           max_length=40, dtype="bfloat16"),
    Golden("distilbert-qa", "DistilBERT, cased, spans of an answer", "DistilBertForQuestionAnswering",
           "distilbert/cased", distil(32, 3, 4, 48, "gelu", 96), qa_cases(48, 16, *F32), max_length=96,
           dtype="bfloat16"),
    Golden("distilbert-mlm", "DistilBERT, masked words, sinusoidal positions", "DistilBertForMaskedLM",
           "distilbert", distil(28, 2, 2, 56, "gelu", 50, sinusoidal_pos_embds=True),
           mask_cases("[MASK]", "boats,the,storm"), max_length=50),
    Golden("distilbert-pruned", "DistilBERT with attention heads removed from its layers",
           "DistilBertForQuestionAnswering", "distilbert/cased",
           {**distil(24, 2, 3, 32, "gelu", 96), "pruned_heads": {1: [0, 2]}}, qa_cases(48, 16)[:1], max_length=96),
    Golden("distilbert-embed", "DistilBERT, sentence-transformers: first token, a dense layer, "
           "normalised", "DistilBertModel", "distilbert", distil(24, 2, 3, 32, "relu", 64),
           embed_cases(), max_length=64, modules=["Dense", "Normalize"], pooling="cls",
           sentence_length=32, std=0.3),
]
ROBERTA = [
    Golden("roberta-regression", "RoBERTa, one number instead of labels",
           "RobertaForSequenceClassification", "roberta",
           {**sizes(24, 2, 3, 48, "gelu", 66, type_vocab_size=1, layer_norm_eps=1e-5),
            "num_labels": 1, "problem_type": "regression"}, classify_cases(), max_length=64),
    Golden("roberta-nli", "RoBERTa for natural language inference, vocab.json and merges.txt without "
           "tokenizer.json", "RobertaForSequenceClassification", "roberta",
           {**sizes(20, 3, 4, 36, "relu", 82, type_vocab_size=1, layer_norm_eps=1e-5),
            **labels(["CONTRADICTION", "NEUTRAL", "ENTAILMENT"])},
           zero_shot_cases() + classify_cases()[:1], max_length=80, without=["tokenizer.json"]),
    Golden("roberta-ner", "RoBERTa, CoNLL labels, tokens that do not mark subwords",
           "RobertaForTokenClassification", "roberta",
           {**sizes(24, 2, 2, 40, "gelu_new", 50, type_vocab_size=1, layer_norm_eps=1e-6),
            **labels(CONLL)}, ner_cases(12, *F32), max_length=48, dtype="bfloat16"),
    Golden("roberta-qa", "RoBERTa, spans of an answer, float16", "RobertaForQuestionAnswering",
           "roberta", sizes(32, 2, 4, 64, "gelu", 98, type_vocab_size=1, layer_norm_eps=1e-5),
           qa_cases(56, 20, *F32), max_length=96, dtype="float16"),
    Golden("roberta-mlm", "RoBERTa, masked words", "RobertaForMaskedLM", "roberta",
           sizes(28, 2, 7, 50, "gelu", 66, type_vocab_size=1, layer_norm_eps=1e-5),
           mask_cases("<mask>", "the,Ġboats,and"), max_length=64),
    Golden("roberta-embed", "RoBERTa, sentence-transformers: largest values, not normalised",
           "RobertaModel", "roberta",
           sizes(24, 2, 2, 48, "silu", 66, type_vocab_size=1, layer_norm_eps=1e-5),
           embed_cases(["--normalize"]), max_length=64, modules=[], pooling="max",
           sentence_length=64),
]
XLM_ROBERTA = [
    Golden("xlm-roberta-classify", "XLM-RoBERTa, three labels, Unigram",
           "XLMRobertaForSequenceClassification", "xlm-roberta",
           {**sizes(32, 2, 4, 64, "gelu", 66, type_vocab_size=1, layer_norm_eps=1e-5),
            **labels(["negative", "neutral", "positive"])}, classify_cases(), max_length=64),
    Golden("xlm-roberta-ner", "XLM-RoBERTa, CoNLL labels", "XLMRobertaForTokenClassification",
           "xlm-roberta", {**sizes(24, 3, 3, 48, "gelu", 42, type_vocab_size=1, layer_norm_eps=1e-5),
                           **labels(CONLL)}, ner_cases(9, *F32), max_length=40,
           dtype="float16"),
    Golden("xlm-roberta-qa", "XLM-RoBERTa, spans of an answer, bfloat16",
           "XLMRobertaForQuestionAnswering", "xlm-roberta",
           sizes(40, 2, 5, 64, "gelu", 98, type_vocab_size=1, layer_norm_eps=1e-5),
           qa_cases(48, 16, *F32), max_length=96, dtype="bfloat16"),
    Golden("xlm-roberta-mlm", "XLM-RoBERTa, masked words", "XLMRobertaForMaskedLM", "xlm-roberta",
           sizes(28, 2, 4, 56, "gelu_new", 66, type_vocab_size=1, layer_norm_eps=1e-5),
           mask_cases("<mask>", "the,▁boats,▁and"), max_length=64),
    Golden("xlm-roberta-embed", "XLM-RoBERTa, sentence-transformers: mean, normalised; prompts",
           "XLMRobertaModel", "xlm-roberta",
           sizes(24, 2, 2, 40, "relu", 66, type_vocab_size=1, layer_norm_eps=1e-5),
           embed_cases(["--prompt-name", "query"], ["--prompt-name", "passage"]), max_length=64,
           modules=["Normalize"], sentence_length=50,
           prompts={"query": "query: ", "passage": "passage: "}),
]
ELECTRA = [
    Golden("electra-classify", "ELECTRA, narrower embeddings, labels without names",
           "ElectraForSequenceClassification", "electra",
           sizes(32, 2, 4, 64, "gelu", 64, embedding_size=16, num_labels=4), classify_cases(),
           max_length=64),
    Golden("electra-ner", "ELECTRA, labels without names, in shards",
           "ElectraForTokenClassification", "electra/cased",
           sizes(30, 3, 5, 60, "gelu", 40, embedding_size=30, num_labels=5), ner_cases(10, *F32),
           max_length=40, shard="25KB", dtype="bfloat16"),
    Golden("electra-qa", "ELECTRA, spans of an answer", "ElectraForQuestionAnswering", "electra",
           sizes(24, 2, 3, 40, "gelu_new", 96, embedding_size=12), qa_cases(40, 12), max_length=96),
    Golden("electra-mlm", "ELECTRA, masked words by the generator", "ElectraForMaskedLM", "electra",
           sizes(24, 2, 4, 48, "gelu", 48, embedding_size=32, type_vocab_size=2),
           mask_cases("[MASK]", "boats,the,clock"), max_length=48),
    Golden("electra-embed", "ELECTRA without modules.json: the mean of the last hidden states",
           "ElectraModel", "electra", sizes(32, 2, 2, 48, "relu", 64, embedding_size=20),
           embed_cases(["--pooling", "cls"], ["--normalize"]), max_length=64, std=0.3),
]
MPNET = [
    Golden("mpnet-classify", "MPNet, four labels", "MPNetForSequenceClassification", "mpnet",
           {**sizes(32, 2, 4, 64, "gelu", 66, layer_norm_eps=1e-5),
            **labels(["north", "east", "south", "west"])}, classify_cases(), max_length=64, std=0.3),
    Golden("mpnet-ner", "MPNet, CoNLL labels", "MPNetForTokenClassification", "mpnet",
           {**sizes(24, 2, 3, 40, "relu", 42, layer_norm_eps=1e-6), **labels(CONLL)}, ner_cases(8),
           max_length=40),
    Golden("mpnet-qa", "MPNet, spans of an answer", "MPNetForQuestionAnswering", "mpnet",
           sizes(28, 3, 2, 48, "gelu_new", 98, layer_norm_eps=1e-5), qa_cases(48, 16, *F32), max_length=96,
           dtype="float16"),
    Golden("mpnet-mlm", "MPNet, masked words", "MPNetForMaskedLM", "mpnet",
           sizes(32, 2, 8, 64, "gelu", 66, layer_norm_eps=1e-5),
           mask_cases("<mask>", "boats,the,clock"), max_length=64),
    Golden("mpnet-embed", "MPNet, sentence-transformers: mean, normalised, float16", "MPNetModel",
           "mpnet", sizes(32, 3, 4, 48, "gelu", 130, layer_norm_eps=1e-5),
           embed_cases(["--no-normalize"], dtype=F32), max_length=128, modules=["Normalize"],
           sentence_length=128, dtype="float16", std=0.3),
]
def modern(hidden, layers, heads, ffn, positions, window, every, **more):
    return {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": ffn,
            "max_position_embeddings": positions, "local_attention": window, "global_attn_every_n_layers": every,
            "cls_token_id": None, "sep_token_id": None, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None, **more}


MODERNBERT = [
    Golden("modernbert-classify", "ModernBERT, three labels, the mean of all tokens, every bias, other activations",
           "ModernBertForSequenceClassification", "neox",
           {**modern(24, 4, 3, 40, 64, 10, 2, classifier_pooling="mean", norm_bias=True, attention_bias=True, mlp_bias=True,
                     classifier_bias=True, classifier_activation="silu", hidden_activation="gelu_new"),
            **labels(["north", "east", "south"])}, classify_cases(), max_length=64),
    Golden("modernbert-rerank", "ModernBERT, one number for a query and a text, as gte-reranker has it, float16",
           "ModernBertForSequenceClassification", "of modernbert-classify",
           modern(32, 3, 4, 48, 96, 16, 3, classifier_pooling="mean", num_labels=1),
           [Case(["classify", *F32, *more], PAIRS + ALL_TEXTS) for more in ([], ["--function-to-apply", "none"])],
           max_length=64, dtype="float16"),
    Golden("modernbert-zero-shot", "ModernBERT for natural language inference, two labels, the first token",
           "ModernBertForSequenceClassification", "of modernbert-classify",
           {**modern(20, 3, 2, 36, 72, 6, 1), **labels(["entailment", "not_entailment"])},
           zero_shot_cases() + classify_cases()[:1], max_length=64),
    Golden("modernbert-ner", "ModernBERT, CoNLL labels, a window of its neighbours alone", "ModernBertForTokenClassification",
           "of modernbert-classify", {**modern(24, 4, 3, 40, 64, 2, 3, local_rope_theta=500.0), **labels(CONLL)},
           ner_cases(12)[1:3] + ner_cases(12)[5:7] + ner_cases(12)[-1:], max_length=64),
    Golden("modernbert-qa", "ModernBERT, spans of an answer, bfloat16", "ModernBertForQuestionAnswering",
           "of modernbert-classify", modern(32, 4, 4, 48, 128, 24, 3, classifier_bias=True), qa_cases(64, 20, *F32),
           max_length=64, dtype="bfloat16"),
    Golden("modernbert-mlm", "ModernBERT, masked words, one theta for all layers", "ModernBertForMaskedLM",
           "of modernbert-classify", modern(32, 4, 2, 48, 64, 12, 3, local_rope_theta=None, global_rope_theta=900.0),
           mask_cases("[MASK]", "Ġboats,the,Ġand"), max_length=64),
    Golden("modernbert-embed", "ModernBERT without a prefix, sentence-transformers: the first token, as gte-modernbert has it",
           "ModernBertModel", "of modernbert-classify", modern(32, 4, 4, 48, 128, 8, 3),
           embed_cases(["--normalize"], ["--pooling", "mean", "--no-normalize"]), max_length=64, modules=[], pooling="cls",
           sentence_length=128, std=0.2),
]


def nomic(hidden, layers, heads, positions, **more):
    """The fields of the repository's own config class, as nomic-embed-text-v1.5 sets them."""
    return {"n_embd": hidden, "n_layer": layers, "n_head": heads, "n_positions": positions, "n_inner": 256,
            "activation_function": "swiglu", "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False,
            "rotary_emb_base": 1000, "layer_norm_epsilon": 1e-12, "bos_token_id": None, "eos_token_id": None, **more}


AUTO_MAP = {"AutoConfig": "configuration_hf_nomic_bert.NomicBertConfig", "AutoModel": "modeling_hf_nomic_bert.NomicBertModel"}
NOMIC_BERT = [
    Golden("nomic-embed", "NomicBERT as nomic-embed-text-v1.5 has it: its repository's own fields and names, prompts, a "
           "vocabulary rounded up", "NomicBertModel", "of bert-classify", nomic(16, 2, 2, 128, pad_vocab_size_multiple=64),
           embed_cases(["--normalize"], ["--prompt-name", "query"], ["--prompt-name", "document"], dtype=F32), max_length=128,
           dtype="float16", config_fields={"auto_map": AUTO_MAP}, modules=["Normalize"], sentence_length=128,
           prompts={"query": "search_query: ", "document": "search_document: "}),
    Golden("nomic-long", "NomicBERT with masked words: stretched past its trained positions, neighbours turned in half of each "
           "head, one feed-forward, every bias", "NomicBertForPreTraining", "of bert-classify",
           nomic(24, 2, 2, 64, activation_function="gelu", n_inner=None, qkv_proj_bias=True, mlp_fc1_bias=True, mlp_fc2_bias=True,
                 rotary_scaling_factor=2, max_trained_positions=12, rotary_emb_fraction=0.5, rotary_emb_interleaved=True),
           mask_cases("[MASK]", "boats,the,clock"), max_length=64),
    Golden("nomic-classify", "NomicBERT with labels, another gate, pairs of texts", "NomicBertForSequenceClassification",
           "of bert-classify", {**nomic(16, 2, 4, 64, activation_function="geglu", n_inner=200), **labels(["no", "yes"])},
           classify_cases(Case(["classify", "--dtype", "float32", "--top-k", "all"], PAIRS), dtype=F32), max_length=64, dtype="float16"),
]
ALBERT = [
    Golden("albert-classify", "ALBERT, one layer shared by all, spiece.model without tokenizer.json",
           "AlbertForSequenceClassification", "albert",
           {**sizes(32, 3, 4, 64, "gelu_new", 64, embedding_size=12), **labels(["NEGATIVE", "POSITIVE"])},
           classify_cases(), max_length=64, std=0.3, without=["tokenizer.json"]),
    Golden("albert-mlm", "ALBERT, two groups of two layers, each run twice, masked words, float16", "AlbertForMaskedLM",
           "albert", sizes(24, 4, 3, 40, "gelu", 48, embedding_size=16, num_hidden_groups=2, inner_group_num=2),
           mask_cases("[MASK]", "▁boats,▁the,▁clock", *F32), max_length=48, std=0.3, dtype="float16"),
    Golden("albert-ner", "ALBERT that keeps case and accents, groups of uneven sizes", "AlbertForTokenClassification",
           "albert/cased", {**sizes(20, 5, 2, 36, "relu", 40, embedding_size=20, num_hidden_groups=2), **labels(CONLL)},
           ner_cases(8, *F32)[:6], max_length=40, std=0.3, dtype="bfloat16"),
    Golden("albert-qa", "ALBERT, spans of an answer", "AlbertForQuestionAnswering", "albert",
           sizes(24, 2, 3, 40, "gelu_new", 96, embedding_size=8), qa_cases(40, 12)[:5], max_length=96),
    Golden("albert-embed", "ALBERT without a prefix, its pooler not used", "AlbertModel", "albert",
           sizes(24, 2, 4, 32, "gelu_new", 64, embedding_size=10), embed_cases(["--pooling", "cls"]), max_length=64, std=0.3),
]


def relative(hidden, layers, heads, ffn, act, positions, **more):
    """What deberta-v3 has: no positions but relative ones, far ones in buckets."""
    return {**sizes(hidden, layers, heads, ffn, act, positions), "relative_attention": True, "position_buckets": 12,
            "max_relative_positions": -1, "pos_att_type": ["p2c", "c2p"], "share_att_key": True, "norm_rel_ebd": "layer_norm",
            "position_biased_input": False, "type_vocab_size": 0, **more}


DEBERTA = [
    Golden("deberta-v3-nli", "DeBERTa-v3 for natural language inference: keys shared with the positions', distances in "
           "buckets", "DebertaV2ForSequenceClassification", "deberta-v2",
           {**relative(32, 3, 4, 64, "gelu", 64), **labels(["entailment", "neutral", "contradiction"])},
           zero_shot_cases() + classify_cases()[:2], max_length=96, std=0.3),
    Golden("deberta-v2-ner", "DeBERTa-v2 with a convolution, spm.model without tokenizer.json, float16",
           "DebertaV2ForTokenClassification", "deberta-v2",
           {**relative(24, 2, 2, 40, "gelu", 50, position_buckets=8, max_relative_positions=40, conv_kernel_size=3, conv_act="gelu",
                       embedding_size=16), **labels(CONLL)},
           ner_cases(8, *F32)[:8], max_length=48, std=0.3, dtype="float16", without=["tokenizer.json"]),
    Golden("deberta-v2-mlm", "DeBERTa-v2 with positions and types of its own, projections for the relative ones, the head "
           "of pre-training", "DebertaV2ForMaskedLM", "deberta-v2",
           relative(24, 2, 3, 48, "relu", 64, share_att_key=False, norm_rel_ebd="none", position_biased_input=True,
                    type_vocab_size=2, position_buckets=-1, max_relative_positions=20, legacy=False, tie_word_embeddings=False),
           mask_cases("[MASK]", "▁boats,▁the,▁clock"), max_length=64, std=0.3),
    Golden("deberta-v2-qa", "DeBERTa-v2, positions of keys alone, punctuation by itself, lower-cased, bfloat16",
           "DebertaV2ForQuestionAnswering", "deberta-v2/punctuation",
           relative(28, 2, 4, 40, "gelu", 96, share_att_key=False, pos_att_type="c2p", conv_kernel_size=5),
           qa_cases(48, 16, *F32)[:5], max_length=96, std=0.3, dtype="bfloat16"),
    Golden("deberta-v3-multi-label", "DeBERTa-v3, several labels at once, another activation of the pooler",
           "DebertaV2ForSequenceClassification", "deberta-v2",
           {**relative(24, 2, 3, 36, "gelu", 64, pooler_hidden_act="tanh"), **labels(["joy", "anger", "fear"]),
            "problem_type": "multi_label_classification"}, classify_cases()[:3], max_length=64),
    Golden("deberta-v3-embed", "DeBERTa-v3 without a prefix: the mean of the last hidden states", "DebertaV2Model", "deberta-v2",
           relative(24, 2, 4, 40, "gelu", 64), embed_cases(["--pooling", "cls"]), max_length=200, std=0.3),
    Golden("deberta-mlm", "DeBERTa, one product for queries, keys and values, masked words by BERT's head", "DebertaForMaskedLM",
           "deberta", {**sizes(24, 2, 3, 48, "gelu", 64), "relative_attention": True, "pos_att_type": "c2p|p2c",
                       "max_relative_positions": -1, "position_biased_input": False},
           mask_cases("[MASK]", "Ġboats,Ġthe,Ġclock"), max_length=64, std=0.3),
    Golden("deberta-regression", "DeBERTa, one number, texts longer than its relative positions", "DebertaForSequenceClassification",
           "deberta", {**sizes(32, 2, 4, 40, "gelu", 90), "relative_attention": True, "pos_att_type": ["p2c"],
                       "max_relative_positions": 10, "type_vocab_size": 2, "num_labels": 1, "problem_type": "regression"},
           classify_cases(), max_length=80, std=0.3),
]
REAL = [
    Golden("minilm", "all-MiniLM-L6-v2 itself, as scripts/setup installs it", "", "", {},
           [Case(["embed"], ALL_TEXTS)], installed="all-MiniLM-L6-v2"),
]
GOLDENS = (BERT + RERANK + DISTILBERT + ROBERTA + XLM_ROBERTA + ELECTRA + MPNET + MODERNBERT + NOMIC_BERT + ALBERT + DEBERTA +
           REAL)
