"""Folders as the Python tokenizer classes write and read them: small vocabularies of every format
(vocab.txt, vocab.json with merges.txt, SentencePiece models) under every class, with random settings
in tokenizer_config.json, special_tokens_map.json and added_tokens.json, with and without
tokenizer.json; each compared with the reference as tokenizers.py does it.

usage: scripts/compare tokenizer_classes [--count N] [--seed N] [--lines N] [--classes NAME...]
A folder that differs stays in build/differing, named by its class and seed. Prints how many loads
the reference refused.
"""
import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import sentencepiece
import transformers as tf
from comparers import tokenizers as compare
from comparers.random_tokenizers import corpus
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M100_CODES

ROOT = Path(__file__).resolve().parents[2]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[QUESTION]", ".", "<s>", "</s>", "<unk>", "<pad>", "<mask>", "<cls>", "<sep>"]
BYTES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>", "<|startoftext|>", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]"]
WHISPER = ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>", "<|0.00|>", "<|0.02|>"]


def bpe(kind, size):
    """(vocab, merges) of a trained BPE."""
    suffix = "</w>" if kind != "bytes" else None
    t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix=suffix) if suffix else models.BPE())
    options = dict(vocab_size=size, special_tokens=BYTES, show_progress=False)
    if kind == "clip":
        t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer() if kind == "words" else pre_tokenizers.ByteLevel(add_prefix_space=False)
    if kind != "words":
        options["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    if suffix:
        options["end_of_word_suffix"] = suffix
    t.train_from_iterator(corpus(), trainers.BpeTrainer(**options))
    model = json.loads(t.to_str())["model"]
    if kind == "clip":
        for letter in pre_tokenizers.ByteLevel.alphabet():
            for token in (letter, letter + "</w>"):
                model["vocab"].setdefault(token, len(model["vocab"]))
    return model["vocab"], [" ".join(m) if isinstance(m, list) else m for m in model["merges"]]


def wordpiece(size):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=size, special_tokens=BERT, show_progress=False))
    vocab = t.get_vocab()
    return sorted(vocab, key=vocab.get)


def train_spm(folder, name, **options):
    file = folder / "corpus.txt"
    if not file.exists():
        file.write_text("\n".join(line.strip() for line in corpus() if line.strip() and "\0" not in line))
    args = dict(model_type="unigram", vocab_size=600, hard_vocab_limit=False, character_coverage=0.98, minloglevel=2, num_threads=1)
    sentencepiece.SentencePieceTrainer.train(input=str(file), model_prefix=str(folder / name), **{**args, **options})
    return (folder / f"{name}.model").read_bytes()


def all_files(rule=None):
    """Vocabularies by name; rule: the normalization of every SentencePiece model."""
    words = ["[CLS]", "[SEP]", "[MASK]"]
    with tempfile.TemporaryDirectory() as temporary:
        t = Path(temporary)
        spm = lambda t, name, **options: train_spm(t, name, **{**options, **({"normalization_rule_name": rule} if rule else {})})  # noqa: E731
        fairseq = dict(unk_id=0, bos_id=1, eos_id=2)
        models_ = {
            "fairseq": spm(t, "a", **fairseq), "identity": spm(t, "b", normalization_rule_name="identity", **fairseq),
            "t5": spm(t, "c", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, byte_fallback=True),
            "albert": spm(t, "d", normalization_rule_name="nmt_nfkc_cf", pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=words),
            "xlnet": spm(t, "e", unk_id=0, bos_id=1, eos_id=2, control_symbols=["<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"],
                         user_defined_symbols=["dog", "@@"]),
            "big_bird": spm(t, "f", pad_id=0, eos_id=1, bos_id=2, unk_id=3, control_symbols=words, normalization_rule_name="identity"),
            "deberta": spm(t, "g", pad_id=0, unk_id=3, bos_id=1, eos_id=2, pad_piece="[PAD]", unk_piece="[UNK]", bos_piece="[CLS]", eos_piece="[SEP]",
                           user_defined_symbols=["[MASK]"]),
            "llama": spm(t, "h", model_type="bpe", vocab_size=700, byte_fallback=True, normalization_rule_name="identity", **fairseq),
            "llama_dummy": spm(t, "i", model_type="bpe", vocab_size=700, byte_fallback=True, user_defined_symbols=["<word>", "  "], **fairseq),
            "gemma": spm(t, "j", model_type="bpe", vocab_size=750, byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>",
                         eos_piece="<eos>", bos_piece="<bos>", user_defined_symbols=["<start_of_turn>", "<end_of_turn>", "\n"], add_dummy_prefix=False,
                         normalization_rule_name="identity", remove_extra_whitespaces=False),
            "pegasus": spm(t, "k", pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
        }
        pieces = sentencepiece.SentencePieceProcessor(model_proto=models_["fairseq"])
        names = [pieces.id_to_piece(i) for i in range(len(pieces))]
    vocab = {t: i for i, t in enumerate(dict.fromkeys(["</s>", "<unk>"] + [n for n in names if n not in ("<s>", "</s>", "<unk>")] + [">>fr<<", ">>de<<", "<pad>"]))}
    m2m = {t: i for i, t in enumerate(dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>"] + names[3:]))}
    letters = {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|"] + sorted("ABCDEFGHIJKLMNOPQRSTUVWXYZ'abcdefé"))}
    words = bpe("words", 500)
    plain = [t.removesuffix("</w>") if t.endswith("</w>") else t + "@@" for t in words[0]]
    residues = ["<cls>", "<pad>", "<eos>", "<unk>"] + list("LAGVSERTIDPKQNFYMHWCXBUZO.-") + ["<null_1>", "<mask>"]
    return {"dictionary": (plain, words[1]), "residues": residues, "wordpiece": wordpiece(500), "bytes": bpe("bytes", 500), "clip": bpe("clip", 800), "words": bpe("words", 500), "marian": vocab, "m2m": m2m,
            "letters": letters, **models_}


# class -> (kind of files, spm models to choose from, settings)
PREFIX = {"add_prefix_space": [True, False]}
LOWER = {"do_lower_case": [True, False], "tokenize_chinese_chars": [True, False], "strip_accents": [None, True, False], "clean_up_tokenization_spaces": [True, False]}
ACCENTS = {"do_lower_case": [True, False], "keep_accents": [True, False], "remove_space": [True]}
EDGES = {"add_bos_token": [True, False], "add_eos_token": [True, False]}
LEGACY = {**EDGES, "legacy": [True, False, None], "add_prefix_space": [True, False]}
CLASSES = {
    **{name: ("wordpiece", None, LOWER) for name in ("Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert", "Lxmert", "LayoutLM", "MPNet",
                                                     "Funnel", "Splinter", "DPRQuestionEncoder")},
    **{name: ("bytes", None, {**PREFIX, "trim_offsets": [True, False]}) for name in ("Roberta", "Longformer", "Bart", "LED", "Mvp", "Blenderbot")},
    "GPT2": ("bytes", None, {**PREFIX, "add_bos_token": [True, False]}), "CodeGen": ("bytes", None, PREFIX), "Deberta": ("bytes", None, PREFIX),
    "Qwen2": ("bytes", None, PREFIX), "Whisper": ("whisper", None, {"predict_timestamps": [True, False], "add_prefix_space": [True, False]}),
    "CLIP": ("clip", None, {}), "OpenAIGPT": ("words", None, {}), "Herbert": ("words", None, {}),
    "XLMRoberta": ("sentencepiece.bpe.model", ["fairseq", "identity"], {}), "Camembert": ("sentencepiece.bpe.model", ["fairseq"], {}),
    "Barthez": ("sentencepiece.bpe.model", ["fairseq"], {}), "XGLM": ("sentencepiece.bpe.model", ["fairseq"], {}),
    "MBart": ("sentencepiece.bpe.model", ["fairseq"], {"src_lang": ["en_XX", "ro_RO"], "tgt_lang": ["fr_XX"]}),
    "MBart50": ("sentencepiece.bpe.model", ["fairseq"], {"src_lang": ["en_XX", "uk_UA"]}),
    "Nllb": ("sentencepiece.bpe.model", ["fairseq"], {"src_lang": ["eng_Latn", "deu_Latn"], "legacy_behaviour": [True, False]}),
    "T5": ("spiece.model", ["t5"], {"extra_ids": [100, 7], "legacy": [True, False], "add_prefix_space": [True, False]}),
    "Pegasus": ("spiece.model", ["pegasus"], {"offset": [103, 20, 0], "mask_token_sent": [None, "<mask_1>"]}), "Albert": ("spiece.model", ["albert"], ACCENTS),
    "FNet": ("spiece.model", ["albert"], ACCENTS), "RemBert": ("sentencepiece.model", ["albert"], ACCENTS), "XLNet": ("spiece.model", ["xlnet"], ACCENTS),
    "BigBird": ("spiece.model", ["big_bird"], {}), "Reformer": ("spiece.model", ["fairseq"], {}),
    "DebertaV2": ("spm.model", ["deberta"], {"do_lower_case": [True, False], "split_by_punct": [True, False]}),
    "Llama": ("tokenizer.model", ["llama", "llama_dummy"], LEGACY), "CodeLlama": ("tokenizer.model", ["llama"], EDGES),
    "Gemma": ("tokenizer.model", ["gemma"], EDGES),
    "Bertweet": ("dictionary", None, {}), "Phobert": ("dictionary", None, {}), "CTRL": ("control", None, {}),
    "XLM": ("merges", None, {"do_lowercase_and_remove_accent": [True, False]}), "BioGpt": ("merges", None, {}), "Luke": ("entities", None, {}),
    "Esm": ("residues", None, {}), "ByT5": ("none", None, {}), "GPTSw3": ("spiece.model", ["llama", "fairseq"], {"do_lower_case": [True, False]}),
    "BertJapanese": ("wordpiece", None, {"subword_tokenizer_type": ["wordpiece", "character"], "do_lower_case": [True, False],
                                         "do_word_tokenize": [True, False]}),
    "Marian": ("marian", ["fairseq", "identity"], {"source_lang": ["en"], "target_lang": ["fr"]}),
    "M2M100": ("m2m", ["fairseq"], {"src_lang": ["en", "de"], "tgt_lang": ["fr"]}), "Wav2Vec2CTC": ("letters", None, {}),
}
COMMON = {"model_max_length": [24, 512], "truncation_side": ["left", "right"], "padding_side": ["left", "right"], "clean_up_tokenization_spaces": [True, False],
          "model_input_names": [["input_ids", "attention_mask"]]}


def write_files(folder, kind, files, model):
    if kind == "none":
        return
    if kind == "dictionary":
        vocab, merges = files[kind]
        (folder / "vocab.txt").write_text("\n".join(f"{t} {n + 1}" for n, t in enumerate(vocab) if t.strip()) + "\n")
        (folder / "bpe.codes").write_text("\n".join(f"{m} {n + 1}" for n, m in enumerate(merges)) + "\n")
        return
    if kind == "residues":
        (folder / "vocab.txt").write_text("\n".join(files[kind]) + "\n")
        return
    if kind == "control":  # CTRL's vocab.json beside merges.txt
        vocab, merges = files["dictionary"]
        names = list(dict.fromkeys(["<unk>"] + vocab))
        (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(names)}, ensure_ascii=False))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
        return
    if kind in ("merges", "entities"):  # no version line; Luke's entities
        vocab, merges = files["words" if kind == "merges" else "bytes"]
        names = list(vocab) + ["&apos;</w>", "@-@</w>"] + [f"<special{i}>" for i in range(3)]
        (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(dict.fromkeys(names))}, ensure_ascii=False))
        (folder / "merges.txt").write_text(("#version: 0.2\n" if kind == "entities" else "") + "\n".join(merges) + "\n")
        (folder / "entity_vocab.json").write_text(json.dumps({t: i for i, t in enumerate(["[PAD]", "[UNK]", "[MASK]", "[MASK2]"])}))
        return
    if kind == "wordpiece":
        (folder / "vocab.txt").write_text("\n".join(files[kind]) + "\n")
    elif kind in ("bytes", "whisper", "clip", "words"):
        vocab, merges = files["bytes" if kind == "whisper" else kind]
        (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
        if kind == "whisper":
            (folder / "added_tokens.json").write_text(json.dumps({t: len(vocab) + i for i, t in enumerate(WHISPER)}))
            (folder / "special_tokens_map.json").write_text(json.dumps({"additional_special_tokens": WHISPER[:4]}))
    elif kind == "letters":
        (folder / "vocab.json").write_text(json.dumps(files[kind]))
    elif kind == "marian":
        for name in ("source.spm", "target.spm"):
            (folder / name).write_bytes(files[model])
        (folder / "vocab.json").write_text(json.dumps(files[kind]))
    elif kind == "m2m":
        (folder / "sentencepiece.bpe.model").write_bytes(files[model])
        (folder / "vocab.json").write_text(json.dumps(files[kind]))
    else:
        (folder / kind).write_bytes(files[model])


def merge_json(file, more):
    old = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**old, **more}, ensure_ascii=False))


def make(folder, rng, name, files):
    kind, models_, settings = CLASSES[name]
    write_files(folder, kind, files, rng.choice(models_) if models_ else None)
    config = {"tokenizer_class": f"{name}Tokenizer"}
    for key, values in {**COMMON, **settings}.items():
        if rng.random() < 0.35:
            config[key] = rng.choice(values)
    if rng.random() < 0.2 and name != "M2M100":
        config["mask_token" if name not in ("GPT2", "T5") else "pad_token"] = rng.choice(["<mask>", {
            "__type": "AddedToken", "content": "<mask>", "lstrip": rng.random() < 0.5, "rstrip": rng.random() < 0.5, "normalized": rng.random() < 0.5,
            "single_word": False, "special": True}])
    if name == "M2M100":  # new tokens take the ids of its languages, unless these are listed
        config["additional_special_tokens"] = [f"__{code}__" for code in M2M100_CODES["m2m100"]]
    elif rng.random() < 0.15:
        config["additional_special_tokens"] = ["<extra>", "<more>"]
    if rng.random() < 0.1 and name != "M2M100":
        config["extra_special_tokens"] = {"image_token": "<image>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False))
    if rng.random() < 0.2 and kind not in ("whisper", "m2m"):
        merge_json(folder / "special_tokens_map.json", {"eos_token": {"content": "<eos!>", "lstrip": False, "rstrip": True, "normalized": True, "single_word": False},
                                                        "additional_special_tokens": ["<one>", "<two>"]} if rng.random() < 0.5 else {"unk_token": "<unk>"})
    way = rng.random()
    if way < 0.5:
        return
    # As save_pretrained writes it, then other settings over it.
    loaded = tf.AutoTokenizer.from_pretrained(folder)
    if rng.random() < 0.5 and name != "M2M100":
        loaded.add_tokens([tf.AddedToken("<fresh>", lstrip=rng.random() < 0.5, rstrip=rng.random() < 0.5, single_word=rng.random() < 0.3)])
        loaded.add_special_tokens({"additional_special_tokens": ["<special>"]})
    loaded.save_pretrained(folder)
    if way < 0.75 and loaded.is_fast:
        for file in folder.iterdir():
            if file.name not in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
                file.unlink()
    saved = json.loads((folder / "tokenizer_config.json").read_text())
    if rng.random() < 0.3:
        saved.pop("added_tokens_decoder", None)
    for key, values in settings.items():
        if rng.random() < 0.3 and key != "extra_ids":  # which must fit the tokens there are
            saved[key] = rng.choice(values)
    (folder / "tokenizer_config.json").write_text(json.dumps(saved, ensure_ascii=False))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3, help="folders of each class")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--classes", nargs="*", default=list(CLASSES))
    args = parser.parse_args()
    files = all_files()
    differing = refused = made = 0
    for name in args.classes:
        for seed in range(args.seed, args.seed + args.count):
            rng = random.Random(f"{name} {seed}")
            folder = ROOT / "build" / "differing" / f"{name}-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                make(folder, rng, name, files)
                tf.AutoTokenizer.from_pretrained(folder)
            except BaseException as error:
                refused += 1
                print(f"{name} {seed}: the reference does not load it: {type(error).__name__} {str(error)[:100]!r}")
                shutil.rmtree(folder)
                continue
            made += 1
            options = SimpleNamespace(seed=seed, lines=args.lines, text=[], jsonl=[], bytes=0, long=False, show=1, quiet=True)
            if compare.compare(str(folder), options):
                differing += 1
                print("   ", (folder / "tokenizer_config.json").read_text()[:500], sorted(f.name for f in folder.iterdir()), flush=True)
            else:
                shutil.rmtree(folder)
    print(f"{made} folders of {len(args.classes)} classes, {differing} differ; the reference refused {refused}")
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
