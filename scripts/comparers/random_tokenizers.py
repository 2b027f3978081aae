"""Random tokenizers: small models with random options, normalizers, pre-tokenizers, post-processors,
decoders and added tokens, each compared with the reference as tokenizers.py does it.

usage: scripts/compare random_tokenizers [--count N] [--seed N] [--lines N] [--keep DIR]
A tokenizer that differs stays in DIR (default build/differing), named by its seed.
"""
import argparse
import json
import random
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

from comparers import tokenizers as compare
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parents[2]
MARK = "▁"
SPECIALS = ["<pad>", "<cls>", "<sep>", "<unk>"]
BYTES = [f"<0x{b:02X}>" for b in range(256)]
REGEXES = [r"\s+", r"\p{L}+", r"\p{N}{1,3}", r"[^\s\p{L}\p{N}]+", r"'s|'t|'re|'ve| ?\p{L}+| ?\p{N}+|\s+(?!\S)|\s+", r"(?i:a|é)", r".", r"\b",
           r"[A-Z][a-z]*", r"(?=[A-Z])", r" {2,}", r"^\s+|\s+$", r"a*", r"\w+|[^\w\s]+", r"(?<=,)", r"\p{Lu}", r"[一-龥]", r"\r?\n", r"$", r"x?", r"(?m:.)"]
STRINGS = [" ", "a", "e", "\n", "ab", MARK, ".", "''", "é", "中", "the", "\u0301", "  "]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
CONTENTS = ["", " ", MARK, "x", "<sep>", "éa", "中 ", "ab c"]


def corpus():
    yield from compare.SAMPLES * 3
    for file in sorted(ROOT.glob("core/base/*.h")):
        yield from file.read_text().splitlines()


def trained(kind, size):
    """The JSON of a model of this kind."""
    options = dict(vocab_size=size, special_tokens=SPECIALS, show_progress=False)
    if kind == "wordpiece":
        made, trainer = models.WordPiece(unk_token="<unk>"), trainers.WordPieceTrainer(limit_alphabet=150, **options)
    elif kind == "wordlevel":
        made, trainer = models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(**options)
    elif kind == "unigram":
        made, trainer = models.Unigram(), trainers.UnigramTrainer(unk_token="<unk>", **options)
    elif kind == "bytes":
        made, trainer = models.BPE(), trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **options)
    elif kind == "suffix":
        made = models.BPE(unk_token="<unk>", end_of_word_suffix="</w>")
        trainer = trainers.BpeTrainer(end_of_word_suffix="</w>", limit_alphabet=90, **options)
    elif kind == "prefix":
        made = models.BPE(unk_token="<unk>", continuing_subword_prefix="##")
        trainer = trainers.BpeTrainer(continuing_subword_prefix="##", limit_alphabet=90, **options)
    else:
        made, trainer = models.BPE(unk_token="<unk>"), trainers.BpeTrainer(limit_alphabet=120, **options)
    t = Tokenizer(made)
    t.pre_tokenizer = {"bytes": pre_tokenizers.ByteLevel(), "metaspace": pre_tokenizers.Metaspace(split=False),
                       "unigram": pre_tokenizers.Metaspace()}.get(kind, pre_tokenizers.Whitespace())
    t.train_from_iterator(corpus(), trainer)
    return json.loads(t.to_str())["model"]


class Maker:
    def __init__(self, rng):
        self.rng = rng

    def yes(self, share=0.5):
        return self.rng.random() < share

    def pattern(self):
        if self.yes(0.6):
            return {"Regex": self.rng.choice(REGEXES)}
        return {"String": self.rng.choice(STRINGS)}

    def model(self, trained_models):
        kind = self.rng.choice(list(trained_models))
        model = json.loads(json.dumps(trained_models[kind]))
        if kind == "unigram":
            if self.yes(0.4):
                model["vocab"] += [[b, -self.rng.uniform(5, 20)] for b in BYTES]
                model["byte_fallback"] = self.yes(0.7)
            if self.yes(0.3):  # few pieces, many unknowns
                model["vocab"] = model["vocab"][:60]
            return kind, model
        if kind in ("wordpiece", "wordlevel"):
            if kind == "wordpiece" and self.yes(0.3):
                model["max_input_chars_per_word"] = self.rng.choice([0, 1, 5, 20])
            return kind, model
        model["fuse_unk"], model["ignore_merges"] = self.yes(), self.yes(0.4)
        if self.yes(0.2) and kind != "bytes":
            model["unk_token"] = None
        if self.yes(0.2) and kind == "bytes":
            model["unk_token"] = "<unk>"
        if self.yes(0.4) and kind != "bytes":
            for b in BYTES[: 256 if self.yes(0.8) else 200]:
                model["vocab"].setdefault(b, len(model["vocab"]))
            model["byte_fallback"] = self.yes(0.8)
        if self.yes(0.2):  # letters that the vocabulary lacks
            used = {t for pair in model["merges"] for t in pair}
            lacking = [t for t in model["vocab"] if len(t) == 1 and t not in used and self.yes()]
            kept = [t for t in model["vocab"] if t not in lacking]
            model["vocab"] = {t: i for i, t in enumerate(kept)}
        if self.yes(0.3):
            model["merges"] = [" ".join(pair) if not any(" " in t for t in pair) else pair for pair in model["merges"]]
        return kind, model

    def normalizer(self, depth=0):
        kind = self.rng.randrange(15 if depth < 2 else 13)
        if kind >= 13:
            return {"type": "Sequence", "normalizers": [self.normalizer(depth + 1) for _ in range(self.rng.randrange(4))]}
        return [{"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"}, {"type": "NFKD"}, {"type": "Lowercase"}, {"type": "StripAccents"}, {"type": "Nmt"},
                {"type": "Strip", "strip_left": self.yes(), "strip_right": self.yes()}, {"type": "ByteLevel"},
                {"type": "BertNormalizer", "clean_text": self.yes(), "handle_chinese_chars": self.yes(),
                 "strip_accents": self.rng.choice([None, True, False]), "lowercase": self.yes()},
                {"type": "Replace", "pattern": self.pattern(), "content": self.rng.choice(CONTENTS)},
                {"type": "Prepend", "prepend": self.rng.choice([MARK, " ", "ab", "é"])},
                {"type": "Replace", "pattern": {"String": " "}, "content": MARK}][kind]

    def metaspace(self):
        scheme = self.rng.choice(["always", "first", "never"])
        return {"type": "Metaspace", "replacement": self.rng.choice([MARK, MARK, "_"]), "prepend_scheme": scheme, "split": self.yes()}

    def pre_tokenizer(self, depth=0):
        kind = self.rng.randrange(16 if depth < 2 else 13)
        if kind >= 13:
            return {"type": "Sequence", "pretokenizers": [self.pre_tokenizer(depth + 1) for _ in range(self.rng.randrange(4))]}
        return [{"type": "BertPreTokenizer"}, {"type": "Whitespace"}, {"type": "WhitespaceSplit"}, {"type": "UnicodeScripts"}, self.metaspace(),
                self.metaspace(), {"type": "ByteLevel", "add_prefix_space": self.yes(), "trim_offsets": self.yes(), "use_regex": self.yes()},
                {"type": "Split", "pattern": self.pattern(), "behavior": self.rng.choice(BEHAVIORS), "invert": self.yes(0.3)},
                {"type": "Split", "pattern": self.pattern(), "behavior": self.rng.choice(BEHAVIORS), "invert": self.yes(0.3)},
                {"type": "Punctuation", "behavior": self.rng.choice(BEHAVIORS)}, {"type": "Digits", "individual_digits": self.yes()},
                {"type": "CharDelimiterSplit", "delimiter": self.rng.choice(" a中,")}, {"type": "FixedLength", "length": self.rng.randint(1, 6)}][kind]

    def template(self):
        special = lambda: {"SpecialToken": {"id": self.rng.choice(["<cls>", "<sep>", "two"]), "type_id": self.rng.randrange(3)}}  # noqa: E731
        text = lambda name: {"Sequence": {"id": name, "type_id": self.rng.randrange(3)}}  # noqa: E731
        some = lambda: [special() for _ in range(self.rng.randrange(3))]  # noqa: E731
        names = ["A", "B"] if self.yes(0.9) else ["B", "A"]
        return {"type": "TemplateProcessing", "single": some() + [text("A")] + some(),
                "pair": some() + [text(names[0])] + some() + [text(names[1])] + some(),
                "special_tokens": {"<cls>": {"id": "<cls>", "ids": [1], "tokens": ["<cls>"]}, "<sep>": {"id": "<sep>", "ids": [2], "tokens": ["<sep>"]},
                                   "two": {"id": "two", "ids": [1, 2], "tokens": ["<cls>", "<sep>"]}}}

    def post_processor(self, depth=0):
        kind = self.rng.randrange(5 if depth == 0 else 4)
        byte_level = {"type": "ByteLevel", "add_prefix_space": self.yes(), "trim_offsets": self.yes(), "use_regex": self.yes()}
        if kind == 4:
            return {"type": "Sequence", "processors": [byte_level] * self.rng.randrange(3) + [self.post_processor(1)] * self.rng.randrange(2)}
        return [{"type": "BertProcessing", "sep": ["<sep>", 2], "cls": ["<cls>", 1]},
                {"type": "RobertaProcessing", "sep": ["<sep>", 2], "cls": ["<cls>", 1], "trim_offsets": self.yes(), "add_prefix_space": self.yes()},
                self.template(), byte_level][kind]

    def decoder(self, depth=0):
        kind = self.rng.randrange(12 if depth < 2 else 10)
        if kind >= 10:
            return {"type": "Sequence", "decoders": [self.decoder(depth + 1) for _ in range(self.rng.randrange(5))]}
        return [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                {"type": "WordPiece", "prefix": self.rng.choice(["##", "a", MARK]), "cleanup": self.yes()}, self.metaspace(),
                {"type": "BPEDecoder", "suffix": self.rng.choice(["</w>", "e", MARK])}, {"type": "ByteFallback"}, {"type": "Fuse"},
                {"type": "Strip", "content": self.rng.choice(" _ae"), "start": self.rng.randrange(3), "stop": self.rng.randrange(3)},
                {"type": "Replace", "pattern": self.pattern(), "content": self.rng.choice(CONTENTS)},
                {"type": "CTC", "pad_token": self.rng.choice(["<pad>", "a"]), "word_delimiter_token": self.rng.choice(["|", "e", " "]), "cleanup": self.yes()},
                {"type": "ByteFallback"}][kind]

    def added_tokens(self, model):
        vocabulary = [t for t, _ in model["vocab"]] if isinstance(model["vocab"], list) else list(model["vocab"])
        ids = {t: i for i, t in enumerate(vocabulary)} if isinstance(model["vocab"], list) else model["vocab"]
        contents = [t for t in SPECIALS if t in ids]
        extra = ["<mask>", "<word>", "Quick Brown", "<|im_start|>", "é", "ab", " x", "Hello", "中", "the", "a", "<s>", "<sep><sep>", "[MASK]", "ﬁ", "  ", "\n"]
        contents += self.rng.sample(extra, self.rng.randrange(7))
        if self.yes(0.3):
            contents.append(self.rng.choice(vocabulary))
        taken, top = [], max(ids.values()) + 1
        for content in dict.fromkeys(contents):
            number = ids.get(content)
            if number is None:
                number, top = top, top + 1
            special = content in SPECIALS or self.yes(0.3)
            taken.append({"id": number, "content": content, "single_word": self.yes(0.25), "lstrip": self.yes(0.25), "rstrip": self.yes(0.25),
                          "normalized": self.yes(0.5) and content not in SPECIALS, "special": special})
        return sorted(taken, key=lambda t: t["id"])

    def config(self, tokens):
        config = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"}
        for name in ("bos", "eos", "cls", "sep", "pad", "mask"):
            if self.yes(0.3):
                config[f"{name}_token"] = self.rng.choice(tokens)["content"]
        for key, values in (("clean_up_tokenization_spaces", [True, False]), ("truncation_side", ["left", "right"]), ("split_special_tokens", [True, False]),
                            ("add_prefix_space", [True, False]), ("model_max_length", [16, 10**30]), ("padding_side", ["left", "right"])):
            if self.yes(0.3):
                config[key] = self.rng.choice(values)
        if self.yes(0.3):  # what the config says of the tokens wins
            config["added_tokens_decoder"] = {
                str(t["id"]): {k: v if k == "content" or self.yes(0.7) else self.yes() for k, v in t.items() if k != "id"} for t in tokens}
        if self.yes(0.2):
            config["additional_special_tokens"] = [self.rng.choice(tokens)["content"], "<extra>"]
        return config

    def tokenizer(self, trained_models):
        maybe = lambda make, share=0.7: make() if self.yes(share) else None  # noqa: E731
        kind, model = self.model(trained_models)
        parts = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": self.added_tokens(model), "normalizer": maybe(self.normalizer),
                 "pre_tokenizer": maybe(self.pre_tokenizer, 0.85), "post_processor": maybe(self.post_processor), "decoder": maybe(self.decoder, 0.85),
                 "model": model}
        if kind == "bytes" and self.yes(0.8):
            byte_level = {"type": "ByteLevel", "add_prefix_space": self.yes(), "trim_offsets": self.yes(), "use_regex": self.yes()}
            before = [parts["pre_tokenizer"]] if parts["pre_tokenizer"] and self.yes() else []
            parts["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": before + [byte_level]} if before else byte_level
        return parts, self.config(parts["added_tokens"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--keep", type=Path, default=ROOT / "build" / "differing")
    args = parser.parse_args()
    kinds = {kind: trained(kind, size) for kind, size in (("wordpiece", 600), ("wordlevel", 500), ("unigram", 500), ("bytes", 500), ("suffix", 500),
                                                           ("prefix", 500), ("bpe", 500), ("metaspace", 500))}
    differing = 0
    for seed in range(args.seed, args.seed + args.count):
        rng = random.Random(seed)
        parts, config = Maker(rng).tokenizer(kinds)
        folder = args.keep / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "tokenizer.json").write_text(json.dumps(parts, ensure_ascii=False))
        (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False))
        try:
            reference = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except BaseException as error:
            print(f"{seed}: the reference does not load it: {str(error)[:150]}")
            shutil.rmtree(folder)
            continue
        if reference.normalizer and any(not reference.normalizer.normalize_str(t["content"]) for t in parts["added_tokens"]):
            shutil.rmtree(folder)  # a token that is nothing once normalised: the reference finds it everywhere, or panics
            continue
        options = SimpleNamespace(seed=seed, lines=args.lines, text=[], jsonl=[], bytes=0, long=False, show=1, quiet=True)
        if compare.compare(str(folder), options):
            differing += 1
            print("   ", json.dumps({k: v for k, v in parts.items() if k not in ("model", "added_tokens")}, ensure_ascii=False)[:700], flush=True)
        else:
            shutil.rmtree(folder)
    print(f"{args.count} tokenizers, {differing} differ")
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
