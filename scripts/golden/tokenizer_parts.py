"""Writes tests/golden/tokenizers/<name>/: a small tokenizer.json that uses the components of its
name, and cases.jsonl with what the reference makes of some texts. Each line of cases.jsonl is
{"text", "ids", "offsets", "words", "decoded"} or, with a second text, {"text", "pair", …, "types"}.
"""
import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers as norm
from tokenizers import pre_tokenizers as pre, processors, trainers

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    "The quick brown fox jumps over the lazy dog; 12345 times, isn't it?", "Über naïve café — Ångström's résumé!",
    "for (int i = 0; i < n; ++i) { sum += a[i] * 2.5e-3; }", "def f(x):\n    return x ** 2  # squares\n",
    "日本語のテキスト、中文测试。한국어 텍스트", "Привет, как дела? Γειά σου Κόσμε", "مرحبا بالعالم नमस्ते दुनिया สวัสดี",
    "emoji 👍🏽 and 👨‍👩‍👧 flags 🇩🇪", "tabs\tand  spaces\r\nand lines\n\nend", "e\u0301 a\u0308\u0323 \u1100\u1161\u11a8 ﬁ ½ Ⅳ",
    "zero\u200bwidth\u00a0nbsp\u3000ideographic", "MixedCase snake_case kebab-case UPPER", "a<sep>b  <mask>  c<word>d <word> e", "", " ", "  x",
]
MORE = ["\u0000\u0001\u007f\ufffd", "x" * 120, "1 22 333 4444 ١٢٣", "don't WON'T i'll", "\U0001d518\U0001d52b\u0345\u0301\u0300", "<0x41><0x0A>▁▁a"]
META = "▁"


def wordpiece(t):
    t.normalizer = norm.BertNormalizer()
    t.pre_tokenizer = pre.BertPreTokenizer()
    t.decoder = decoders.WordPiece()


def pipe(normalizer=None, pre_tokenizer=None, post=None, decoder=None):
    def apply(t):
        if normalizer is not None:
            t.normalizer = normalizer
        if pre_tokenizer is not None:
            t.pre_tokenizer = pre_tokenizer
        if post is not None:
            t.post_processor = post
        if decoder is not None:
            t.decoder = decoder
    return apply


def split(pattern, behavior, invert=False):
    return pre.Split(pattern, behavior, invert)


O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = CL100K.replace(r"\p{N}{1,3}", r"\p{N}")
byte = lambda **k: pre.ByteLevel(**{"add_prefix_space": False, **k})
PAIR = processors.TemplateProcessing(single="<cls>:0 $A:0 <sep>:0", pair="<cls>:0 $A:0 <sep>:0 $B:1 <sep>:1",
                                     special_tokens=[("<cls>", 1), ("<sep>", 2)])

# name -> (model, components)
ZOO = {
    "wordpiece-bert": ("wordpiece", wordpiece),
    "wordpiece-cased": ("wordpiece", pipe(norm.BertNormalizer(lowercase=False), pre.BertPreTokenizer(), PAIR, decoders.WordPiece(cleanup=False))),
    "wordpiece-accents": ("wordpiece", pipe(norm.BertNormalizer(strip_accents=False, handle_chinese_chars=False, clean_text=False), pre.Whitespace())),
    "wordlevel-whitespace": ("wordlevel", pipe(norm.Sequence([norm.NFD(), norm.StripAccents(), norm.Lowercase()]), pre.Whitespace())),
    "wordlevel-punctuation": ("wordlevel", pipe(norm.NFKC(), pre.Sequence([pre.WhitespaceSplit(), pre.Punctuation("merged_with_next"), pre.Digits(True)]))),
    "wordlevel-delimiter": ("wordlevel", pipe(norm.Nmt(), pre.Sequence([pre.CharDelimiterSplit(" "), pre.UnicodeScripts(), pre.Digits(False)]))),
    "wordlevel-fixed": ("wordlevel", pipe(norm.Strip(), pre.FixedLength(3))),
    "bpe-gpt2": ("bytes", pipe(None, byte(), processors.ByteLevel(trim_offsets=False), decoders.ByteLevel())),
    "bpe-roberta": ("bytes", pipe(None, byte(add_prefix_space=True), processors.RobertaProcessing(("<sep>", 2), ("<cls>", 1)), decoders.ByteLevel())),
    "bpe-qwen": ("bytes", pipe(norm.NFC(), pre.Sequence([split(Regex(QWEN), "isolated"), byte(use_regex=False)]), processors.ByteLevel(trim_offsets=True, add_prefix_space=False), decoders.ByteLevel())),
    "bpe-llama3": ("bytes", pipe(None, pre.Sequence([split(Regex(CL100K), "isolated"), byte(use_regex=False)]), processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(single="<cls> $A", pair="<cls> $A <cls>:1 $B:1", special_tokens=[("<cls>", 1)])]), decoders.ByteLevel())),
    "bpe-o200k": ("bytes", pipe(None, pre.Sequence([split(Regex(O200K), "removed", True), byte(use_regex=False)]), None, decoders.ByteLevel())),
    "bpe-deepseek": ("bytes", pipe(norm.Sequence([]), pre.Sequence([split(Regex(r"\p{N}{1,3}"), "isolated"), split(Regex("[一-龥぀-ゟ゠-ヿ]+"), "isolated"), split(Regex(r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""), "isolated"), byte(use_regex=False)]), None, decoders.ByteLevel())),
    "bpe-falcon": ("bytes", pipe(None, pre.Sequence([pre.Punctuation("contiguous"), byte(), pre.Digits(False), split(Regex("[0-9][0-9][0-9]"), "isolated")]), None, decoders.ByteLevel())),
    "bpe-bytenorm": ("bytes", pipe(norm.Sequence([norm.NFKD(), norm.ByteLevel()]), split(Regex("Ġ+"), "merged_with_next"), None, decoders.ByteLevel())),
    "bpe-metaspace": ("bpe", pipe(None, pre.Metaspace(META, "first", False), None, decoders.Sequence([decoders.Replace(META, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]))),
    "bpe-llama": ("bpe", pipe(norm.Sequence([norm.Prepend(META), norm.Replace(" ", META)]), None, PAIR, decoders.Sequence([decoders.Replace(META, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]))),
    "bpe-suffix": ("suffix", pipe(norm.Sequence([norm.NFC(), norm.Replace(Regex(r"\s+"), " "), norm.Lowercase()]), pre.Sequence([split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", True)]), None, decoders.BPEDecoder("</w>"))),
    "bpe-prefix": ("prefix", pipe(norm.Lowercase(), pre.Whitespace(), None, decoders.WordPiece("##", True))),
    "bpe-previous": ("bpe", pipe(None, pre.Sequence([split(" ", "merged_with_previous"), split(Regex("[,.;]+"), "contiguous")]), None, decoders.Fuse())),
    "unigram-xlmr": ("unigram", pipe(norm.Sequence([norm.Strip(False, True), norm.Replace(Regex(" {2,}"), META)]), pre.Metaspace(), PAIR, decoders.Metaspace())),
    "unigram-albert": ("unigram", pipe(norm.Sequence([norm.Replace("``", '"'), norm.NFKD(), norm.StripAccents(), norm.Lowercase(), norm.Replace(Regex(" {2,}"), " ")]), pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace()]), PAIR, decoders.Metaspace())),
    "unigram-never": ("unigram", pipe(None, pre.Metaspace(META, "never"), processors.BertProcessing(("<sep>", 2), ("<cls>", 1)), decoders.Metaspace(META, "never"))),
    "unigram-bytes": ("unigram-bytes", pipe(norm.Replace(" ", META), split(META, "merged_with_next"), None, decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()]))),
    "wordlevel-ctc": ("ctc", pipe(None, pre.Sequence([split(Regex("."), "isolated")]), None, decoders.CTC("<pad>", "|", True))),
}
SPECIALS = ["<pad>", "<cls>", "<sep>", "<unk>"]


def corpus():
    for text in TEXTS * 3 + MORE:
        yield text
    for file in sorted(ROOT.glob("core/base/*.h")):
        yield from file.read_text().splitlines()


def make(kind, configure):
    bytes_too = [f"<0x{b:02X}>" for b in range(256)]
    options = dict(vocab_size=420, special_tokens=SPECIALS, show_progress=False)
    if kind == "wordpiece":
        t, trainer = Tokenizer(models.WordPiece(unk_token="<unk>")), trainers.WordPieceTrainer(**options)
    elif kind in ("wordlevel", "ctc"):
        t, trainer = Tokenizer(models.WordLevel(unk_token="<unk>")), trainers.WordLevelTrainer(**options)
    elif kind == "bytes":
        t, trainer = Tokenizer(models.BPE()), trainers.BpeTrainer(initial_alphabet=pre.ByteLevel.alphabet(), **options)
    elif kind == "suffix":
        t, trainer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>")), trainers.BpeTrainer(end_of_word_suffix="</w>", limit_alphabet=90, **options)
    elif kind == "prefix":
        t, trainer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=True)), trainers.BpeTrainer(continuing_subword_prefix="##", limit_alphabet=90, **options)
    elif kind == "bpe":
        t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        trainer = trainers.BpeTrainer(**{**options, "vocab_size": 700, "limit_alphabet": 90, "special_tokens": SPECIALS + bytes_too})
    else:
        t, trainer = Tokenizer(models.Unigram()), trainers.UnigramTrainer(unk_token="<unk>", **options)
    configure(t)
    t.train_from_iterator(corpus(), trainer)
    data = json.loads(t.to_str())
    if kind == "unigram-bytes":
        data["model"]["vocab"] += [[b, -20.0] for b in bytes_too]
        data["model"]["byte_fallback"] = True
    if kind == "bytes":
        data["model"]["ignore_merges"] = True
    t = Tokenizer.from_str(json.dumps(data))
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    t.add_tokens([AddedToken("<word>", single_word=True, rstrip=True, normalized=False), AddedToken("Quick Brown", normalized=True)])
    return t


def case(t, text, pair=None):
    e = t.encode(text, pair) if pair is not None else t.encode(text)
    out = {"text": text, "ids": e.ids, "offsets": [list(o) for o in e.offsets], "words": [-1 if w is None else w for w in e.word_ids]}
    if pair is not None:
        out.update(pair=pair, types=e.type_ids)
    try:
        out["decoded"] = t.decode(e.ids, skip_special_tokens=pair is None)
    except BaseException:  # some decoders of the reference panic on no tokens at all
        pass
    return out


def main():
    for name, (kind, configure) in ZOO.items():
        t = make(kind, configure)
        folder = ROOT / "tests/golden/tokenizers" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(t.to_str() + "\n")
        config = {"tokenizer_class": "PreTrainedTokenizerFast"}
        if name == "bpe-roberta":  # else the Python class takes the pre-tokenizer's space away
            config["add_prefix_space"] = True
        (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
        cases = [case(t, text) for text in TEXTS + MORE] + [case(t, TEXTS[i], TEXTS[i + 3]) for i in range(3)]
        (folder / "cases.jsonl").write_text("".join(json.dumps(c, ensure_ascii=False) + "\n" for c in cases))
        print(name, t.get_vocab_size(), sum(f.stat().st_size for f in folder.iterdir()), file=sys.stderr)
