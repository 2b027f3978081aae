"""Tiny tokenizers of every kind the models use, trained on the sentences of texts.py and saved in
the Hub's layout by the tokenizer class of the model."""
import contextlib
import functools
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import tokenizers
import transformers as tf

from golden import texts

DONUT_MARKS = ["<s_docvqa>", "<s_question>", "</s_question>", "<s_answer>", "</s_answer>"]
BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def pieces(lower, size):
    """A WordPiece vocabulary: every character, then the starts, ends and wholes of words that save
    most. (The trainer of `tokenizers` gives another one at each run.)"""
    normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lower)
    split = tokenizers.pre_tokenizers.BertPreTokenizer()
    words = Counter(word for line in texts.corpus()
                    for word, _ in split.pre_tokenize_str(normalizer.normalize_str(line)))
    characters = {c for word in words for c in word}
    saved = Counter()
    for word, count in words.items():
        saved[word] += count * (len(word) - 1) * (len(word) < 9)
        for at in range(2, len(word) - 1):
            saved[word[:at]] += count * (at - 1) // 2
            saved["##" + word[at:]] += count * (len(word) - at - 1) // 2
    rest = [p for p, _ in sorted(saved.items(), key=lambda e: (-e[1], e[0])) if p not in characters]
    base = sorted(characters) + sorted("##" + c for c in characters if c.isalnum())
    return base + rest[:size - len(base)]


def wordpiece(folder, cls, length, lower, size, specials=BERT_SPECIALS, last=()):
    vocab = [*specials, *pieces(lower, size), *last]
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n")
    options = {"model_max_length": length} if length else {}
    tokenizer = cls(vocab_file=str(folder / "vocab.txt"), do_lower_case=lower, **options)
    tokenizer.save_pretrained(folder)
    return tokenizer


def byte_bpe(folder, cls, length, size, specials=("<s>", "<pad>", "</s>", "<unk>"), mask="<mask>"):
    trained = tokenizers.ByteLevelBPETokenizer()
    trained.train_from_iterator(texts.corpus(), vocab_size=size, min_frequency=2,
                                special_tokens=list(specials), show_progress=False)
    trained.save_model(str(folder))
    vocab = json.loads((folder / "vocab.json").read_text())
    vocab[mask] = len(vocab)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    options = {"model_max_length": length} if length else {}
    tokenizer = cls(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"), **options)
    tokenizer.save_pretrained(folder)
    return tokenizer


# Normalisation rules of the tiny SentencePiece model: code points -> code points.
RULES = [("ﬁ", "fi"), ("½", "1/2"), ("Ⅷ", "VIII"), ("\u00a0", " "), ("\u200b", ""), ("\t", " "),
         ("\n", " "), ("e\u0301", "é"), ("i\u0308", "ï")] + [(chr(0xff41 + i), chr(97 + i))
                                                              for i in range(26)]


def sentencepieces(file, size, lines=None, **more):
    """Trains a SentencePiece model; its pieces."""
    import sentencepiece
    # The model keeps the name of the rules' file, so it is named without a folder.
    with open(file, "wb") as out, \
            tempfile.TemporaryDirectory() as temporary, contextlib.chdir(temporary):
        Path("rules.tsv").write_text("".join(
            " ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n"
            for a, b in RULES))
        settings = {"model_type": "unigram", "hard_vocab_limit": False, **more}
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines or texts.corpus()), model_writer=out, vocab_size=size,
            character_coverage=0.999, normalization_rule_tsv="rules.tsv", minloglevel=2, num_threads=1, **settings)
    model = sentencepiece.SentencePieceProcessor(model_file=str(file))
    return [model.id_to_piece(i) for i in range(model.get_piece_size())]


def marian(folder, length, separate):
    """Pieces of both languages in one vocabulary, or in two; a target language to choose."""
    size = 150
    source = sentencepieces(folder / "source.spm", size)
    target = sentencepieces(folder / "target.spm", size, [line[::-1] for line in texts.corpus()])
    known = [p for p in dict.fromkeys(source if separate else source + target) if p not in ("<unk>", "<s>", "</s>")]

    def write(name, pieces):  # the same id for padding where there are two
        all_pieces = ["</s>", "<unk>", *["<pad>"] * separate, *pieces, ">>fr<<", ">>de<<", *["<pad>"] * (not separate)]
        (folder / name).write_text(json.dumps({p: i for i, p in enumerate(all_pieces)}, ensure_ascii=False))
    write("vocab.json", known)
    if separate:
        write("target_vocab.json", [p for p in target if p not in ("<unk>", "<s>", "</s>")][:-20])
    tokenizer = tf.MarianTokenizer(
        source_spm=str(folder / "source.spm"), target_spm=str(folder / "target.spm"), vocab=str(folder / "vocab.json"),
        target_vocab_file=str(folder / "target_vocab.json") if separate else None, separate_vocabs=separate,
        source_lang="en", target_lang="fr", model_max_length=length)
    tokenizer.save_pretrained(folder)
    return tokenizer


def t5(folder, length, extra):
    """The ids of T5's own model: padding 0, end 1, unknown 2."""
    sentencepieces(folder / "spiece.model", 180, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    options = {"model_max_length": length} if length else {}
    tokenizer = tf.T5TokenizerFast(vocab_file=str(folder / "spiece.model"), extra_ids=extra, add_prefix_space=True, **options)
    tokenizer.save_pretrained(folder)
    return tokenizer


def siglip(folder, length):
    """SigLIP's, which is a slow class alone: the end is its padding too."""
    sentencepieces(folder / "spiece.model", 180, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    tokenizer = tf.SiglipTokenizer(vocab_file=str(folder / "spiece.model"), model_max_length=length, model_input_names=["input_ids"])
    tokenizer.save_pretrained(folder)
    return tokenizer


NLLB_CODES = ["eng_Latn", "fra_Latn", "deu_Latn", "zho_Hans"]


def multilingual(folder, kind, length):
    """mBART's and NLLB's tokenizers, with tokens for the languages."""
    sentencepieces(folder / "sentencepiece.bpe.model", 170)
    cls, options = {
        "mbart": (tf.MBartTokenizerFast, {"src_lang": "en_XX", "tgt_lang": "ro_RO"}),
        "mbart50": (tf.MBart50TokenizerFast, {"src_lang": "en_XX"}),
        "nllb": (tf.NllbTokenizerFast, {"additional_special_tokens": NLLB_CODES}),
        "nllb-legacy": (tf.NllbTokenizerFast, {"additional_special_tokens": NLLB_CODES, "legacy_behaviour": True}),
    }[kind]
    tokenizer = cls(vocab_file=str(folder / "sentencepiece.bpe.model"), model_max_length=length, **options)
    tokenizer.save_pretrained(folder)
    return tokenizer


def m2m(folder, length):
    """Pieces of a BPE model whose ids are vocab.json's; the languages come after them."""
    pieces = sentencepieces(folder / "sentencepiece.bpe.model", 150, model_type="bpe")
    known = ["<s>", "<pad>", "</s>", "<unk>", *reversed([p for p in pieces if p not in ("<unk>", "<s>", "</s>")])]
    (folder / "vocab.json").write_text(json.dumps({p: i for i, p in enumerate(known)}, ensure_ascii=False))
    tokenizer = tf.M2M100Tokenizer(vocab_file=str(folder / "vocab.json"), spm_file=str(folder / "sentencepiece.bpe.model"),
                                   model_max_length=length)
    tokenizer.save_pretrained(folder)
    return tokenizer


def pegasus(folder, length):
    """Pegasus: reserved ids before the pieces."""
    sentencepieces(folder / "spiece.model", 170, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    tokenizer = tf.PegasusTokenizerFast(vocab_file=str(folder / "spiece.model"), offset=20, model_max_length=length)
    tokenizer.save_pretrained(folder)
    return tokenizer


def albert(folder, length, lower):
    """Pieces with the special tokens among them; [MASK] takes the space before it."""
    sentencepieces(folder / "spiece.model", 180, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
                   control_symbols=["[CLS]", "[SEP]", "[MASK]"])
    tokenizer = tf.AlbertTokenizerFast(vocab_file=str(folder / "spiece.model"), model_max_length=length,
                                       do_lower_case=lower, keep_accents=not lower)
    tokenizer.save_pretrained(folder)
    return tokenizer


def deberta_v2(folder, length, punctuation):
    """Pieces whose model lacks [MASK], which the class adds."""
    sentencepieces(folder / "spm.model", 190, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]",
                   bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
    tokenizer = tf.DebertaV2TokenizerFast(vocab_file=str(folder / "spm.model"), model_max_length=length,
                                          split_by_punct=punctuation, do_lower_case=punctuation)
    tokenizer.save_pretrained(folder)
    return tokenizer


def unigram(folder, cls, length, size):
    sentencepieces(folder / "sentencepiece.bpe.model", size)
    tokenizer = cls(vocab_file=str(folder / "sentencepiece.bpe.model"), model_max_length=length)
    tokenizer.save_pretrained(folder)
    return tokenizer


CHATML = ("{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are kind.<|im_end|>\\n' }}{% endif %}"
          "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}"
          "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
HEADERS = ("{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + "
           "m['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
           "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}")


def gpt2(folder, cls, length, size, specials, template=None):
    """Byte-level BPE with the vocabulary first and the special tokens last, as GPT-2 and Qwen have it."""
    trained = tokenizers.ByteLevelBPETokenizer()
    trained.train_from_iterator(texts.corpus(), vocab_size=size, min_frequency=2, show_progress=False)
    trained.save_model(str(folder))
    vocab = json.loads((folder / "vocab.json").read_text())
    if template is None:
        vocab[specials[0]] = len(vocab)
        (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    tokenizer = cls(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"), model_max_length=length)
    if template is not None:
        tokenizer.add_special_tokens({"additional_special_tokens": specials[1:]})
        tokenizer.eos_token = specials[-1]
        tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return tokenizer


def llama(folder, length, size):
    """Llama's: pieces of a BPE model that falls back to bytes; a picture's token and padding behind them."""
    sentencepieces(folder / "tokenizer.model", size, model_type="bpe", byte_fallback=True, unk_id=0, bos_id=1, eos_id=2,
                   add_dummy_prefix=True, remove_extra_whitespaces=False, split_digits=True)
    tokenizer = tf.LlamaTokenizerFast(vocab_file=str(folder / "tokenizer.model"), model_max_length=length)
    tokenizer.add_tokens([tf.AddedToken("<image>", special=True), tf.AddedToken("<pad>", special=True)], special_tokens=True)
    tokenizer.pad_token = "<pad>"
    tokenizer.save_pretrained(folder)
    return tokenizer


def llama3(folder, length, size):
    """tokenizer.json alone, whose post-processor adds the first token."""
    from tokenizers import Regex, decoders, models, pre_tokenizers, processors, trainers
    bpe = tokenizers.Tokenizer(models.BPE(ignore_merges=True))
    split = Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(split, "isolated"),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(texts.corpus(), trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    bpe.add_special_tokens(names)
    bpe.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
        special_tokens=[("<|begin_of_text|>", bpe.token_to_id("<|begin_of_text|>"))])])
    tokenizer = tf.PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token=names[0], eos_token=names[1],
                                           model_max_length=length, clean_up_tokenization_spaces=True,
                                           model_input_names=["input_ids", "attention_mask"])
    tokenizer.chat_template = HEADERS
    tokenizer.save_pretrained(folder)
    return tokenizer


def neox(folder, length, size):
    """ModernBERT's: GPT-NeoX's byte-level BPE with BERT's special tokens behind it."""
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
    bpe = tokenizers.Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(texts.corpus(), trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    bpe.add_tokens([" " * 4, " " * 3, "|||EMAIL_ADDRESS|||"])
    names = ["[UNK]", "[CLS]", "[SEP]", "[PAD]"]
    bpe.add_special_tokens([*names, tokenizers.AddedToken("[MASK]", lstrip=True, special=True)])
    bpe.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(t, bpe.token_to_id(t)) for t in ("[CLS]", "[SEP]")])
    tokenizer = tf.PreTrainedTokenizerFast(
        tokenizer_object=bpe, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
        mask_token=tokenizers.AddedToken("[MASK]", lstrip=True, special=True), model_max_length=length,
        clean_up_tokenization_spaces=True, model_input_names=["input_ids", "attention_mask"])
    tokenizer.save_pretrained(folder)
    return tokenizer


def clip(folder, length, size, pad):
    """CLIP's: lowered words in byte-level pieces, the last of a word marked."""
    from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers
    bpe = tokenizers.Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator(texts.corpus(), trainers.BpeTrainer(vocab_size=size, min_frequency=2, show_progress=False,
                                                                initial_alphabet=alphabet, end_of_word_suffix="</w>"))
    trained = json.loads(bpe.to_str())["model"]
    merged = ["".join(m if isinstance(m, list) else m.split(" ")) for m in trained["merges"]]
    names = [*alphabet, *(a + "</w>" for a in alphabet), *dict.fromkeys(merged), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({n: i for i, n in enumerate(dict.fromkeys(names))}, ensure_ascii=False))
    lines = [" ".join(m) if isinstance(m, list) else m for m in trained["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n")
    tokenizer = tf.CLIPTokenizerFast(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"),
                                     pad_token=pad, model_max_length=length)
    tokenizer.save_pretrained(folder)
    return tokenizer


def make(kind, folder, length):
    """The tokenizer of this kind, its files written to folder."""
    if kind.startswith("of "):  # that of another golden
        source = Path(__file__).parents[2] / "tests" / "golden" / kind.removeprefix("of ")
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt",
                     "vocab.txt", "spiece.model", "spm.model"):
            if (source / name).exists():
                shutil.copy(source / name, folder)
        return tf.AutoTokenizer.from_pretrained(source)
    family, _, variant = kind.partition("/")
    lower = variant != "cased"
    if family in ("bert", "distilbert", "electra"):
        cls = {"bert": tf.BertTokenizerFast, "distilbert": tf.DistilBertTokenizerFast,
               "electra": tf.ElectraTokenizerFast}[family]
        return wordpiece(folder, cls, length, lower, 300 if lower else 340)
    if family == "mpnet":
        return wordpiece(folder, tf.MPNetTokenizerFast, length, lower, 300,
                         ["<s>", "<pad>", "</s>", "<unk>", "[UNK]"], ["<mask>"])
    if family == "gpt2":
        return gpt2(folder, tf.GPT2TokenizerFast, length, 360, ["<|endoftext|>"])
    if family == "qwen2":
        squares = [f"<row_{i}_col_{j}>" for i in (1, 2, 3) for j in (1, 2)]
        more = {"images": ["<image>", "<video>"],
                "squares": ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *squares],
                "vision": ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]}.get(variant, [])
        return gpt2(folder, tf.Qwen2TokenizerFast, length, 360, ["<|endoftext|>", *more, "<|im_start|>", "<|im_end|>"], CHATML)
    if family == "llama":
        return llama(folder, length, 400)
    if family == "clip":
        return clip(folder, length, 320, variant or "<|endoftext|>")
    if family == "siglip":
        return siglip(folder, length)
    if family == "neox":
        return neox(folder, length, 320)
    if family == "llama3":
        return llama3(folder, length, 360)
    if family == "marian":
        return marian(folder, length, variant == "separate")
    if family in ("t5", "mt5"):
        return t5(folder, length, 12 if family == "t5" else 0)
    if family in ("mbart", "mbart50", "nllb", "nllb-legacy"):
        return multilingual(folder, family, length)
    if family in ("m2m", "pegasus"):
        return {"m2m": m2m, "pegasus": pegasus}[family](folder, length)
    if kind == "roberta/prefix":
        return byte_bpe(folder, functools.partial(tf.RobertaTokenizerFast, add_prefix_space=True), length, 340)
    if kind == "xlm-roberta/donut":
        return unigram(folder, functools.partial(tf.XLMRobertaTokenizerFast, additional_special_tokens=DONUT_MARKS), length, 200)
    if family == "layoutlmv3":
        return byte_bpe(folder, tf.LayoutLMv3TokenizerFast, length, 340)
    if family in ("roberta", "bart"):
        return byte_bpe(folder, tf.RobertaTokenizerFast if family == "roberta" else tf.BartTokenizerFast, length, 340)
    if family == "albert":
        return albert(folder, length, lower)
    if family == "deberta-v2":
        return deberta_v2(folder, length, variant == "punctuation")
    if family == "deberta":
        return byte_bpe(folder, tf.DebertaTokenizerFast, length, 340, ("[CLS]", "[PAD]", "[SEP]", "[UNK]"), "[MASK]")
    return unigram(folder, tf.XLMRobertaTokenizerFast, length, 200)
