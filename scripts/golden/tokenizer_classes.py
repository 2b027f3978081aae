"""Writes tests/golden/tokenizer-classes/: small vocabularies in every format, and classes.jsonl, a
line for each Python tokenizer class: which of them its folder holds under which name, its
tokenizer_config.json, and what the reference makes of some texts.
"""
import json
import shutil
import sys
import tempfile
from pathlib import Path

import transformers as tf
from comparers import tokenizer_classes as classes

OUT = classes.ROOT / "tests" / "golden" / "tokenizer-classes"
TEXTS = ["The quick brown fox; 12345 times, isn't it?", "Über naïve café — Ångström's ``résumé''!", "  two  spaces and\ttabs\n", "日本語 Привет नमस्ते 👍🏽",
         "a<mask> b [MASK]c </s><s> <|endoftext|>x", ">>fr<< UPPER Case 9, 10,", "", "HELLO WORLD"]
SETTINGS = {"MBart50": {"src_lang": "uk_UA"}, "Nllb": {"legacy_behaviour": True, "src_lang": "deu_Latn"}, "Llama": {"legacy": False, "add_eos_token": True},
            "T5": {"extra_ids": 7}, "Pegasus": {"offset": 0, "mask_token": "[MASK]", "mask_token_sent": None},
            "XLM": {"do_lowercase_and_remove_accent": False}, "BertJapanese": {"subword_tokenizer_type": "character"}, "Bert": {"do_lower_case": False}, "GPT2": {"add_bos_token": True}}


def shared(name, kind, model):
    """Files of the folder: name -> name among the shared ones."""
    if kind == "wordpiece":
        return {"vocab.txt": "wordpiece.txt"}
    if kind in ("bytes", "whisper", "clip", "words"):
        base = "bytes" if kind == "whisper" else kind
        return {"vocab.json": f"{base}.json", "merges.txt": f"{base}.merges"}
    if kind == "none":
        return {}
    if kind == "dictionary":
        return {"vocab.txt": "dictionary.txt", "bpe.codes": "dictionary.codes"}
    if kind == "residues":
        return {"vocab.txt": "residues.txt"}
    if kind in ("control", "merges", "entities"):
        return {"vocab.json": f"{kind}.json", "merges.txt": f"{kind}.merges"}
    if kind == "letters":
        return {"vocab.json": "letters.json"}
    if kind == "marian":
        return {"source.spm": f"{model}.model", "target.spm": f"{model}.model", "vocab.json": "marian.json"}
    if kind == "m2m":
        return {"sentencepiece.bpe.model": f"{model}.model", "vocab.json": "m2m.json"}
    return {kind: f"{model}.model"}


def write_shared(files, used):
    for kind, names in (("dictionary", ("vocab.txt", "bpe.codes")), ("residues", ("vocab.txt",)), *((k, ("vocab.json", "merges.txt"))
                        for k in ("control", "merges", "entities"))):
        with tempfile.TemporaryDirectory() as temporary:
            classes.write_files(Path(temporary), kind, files, None)
            for name in names:
                shutil.copy(Path(temporary) / name, OUT / shared(None, kind, None)[name])
    for name in used - {f.name for f in OUT.iterdir() if f.stem in ("dictionary", "residues", "control", "merges", "entities")}:
        stem, suffix = name.rsplit(".", 1)
        data = files[stem]
        if suffix == "model":
            (OUT / name).write_bytes(data)
        elif suffix == "txt":
            (OUT / name).write_text("\n".join(data) + "\n")
        elif suffix == "merges":
            (OUT / name).write_text("#version: 0.2\n" + "\n".join(data[1]) + "\n")
        else:
            (OUT / name).write_text(json.dumps(data[0] if isinstance(data, tuple) else data, ensure_ascii=False) + "\n")


def case(tok, text, pair=None):
    e = tok(text) if pair is None else tok(text, pair)
    out = {"text": text, "ids": e["input_ids"], "decoded": tok.decode(e["input_ids"], skip_special_tokens=pair is None)}
    if pair is not None:
        out["pair"] = pair
    if tok.is_fast:
        out.update(types=e.encodings[0].type_ids, offsets=[list(o) for o in e.encodings[0].offsets])
    return out


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    files = classes.all_files(rule="identity")
    used, lines = set(), []
    for name, (kind, models, _) in classes.CLASSES.items():
        if name == "Splinter":  # its fast class does not load in transformers 4.57
            continue
        named = shared(name, kind, models[0] if models else None)
        for settings in [{}] + ([SETTINGS[name]] if name in SETTINGS else []):
            config = {"tokenizer_class": f"{name}Tokenizer", **settings}
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                classes.write_files(folder, kind, files, models[0] if models else None)
                extra = {f.name: json.loads(f.read_text()) for f in folder.iterdir() if f.name in ("added_tokens.json", "special_tokens_map.json")}
                (folder / "tokenizer_config.json").write_text(json.dumps(config))
                tok = tf.AutoTokenizer.from_pretrained(folder)
                cases = [case(tok, text) for text in TEXTS]
                cases.append(case(tok, TEXTS[0], TEXTS[1]))
                if name in ("Bert", "Marian"):  # no second text to a fast class, but to a slow one
                    cases.append(case(tok, TEXTS[0], ""))
                if name == "CodeLlama":
                    cases.append(case(tok, "def one(<FILL_ME>):"))
            used |= set(named.values())
            lines.append({"class": name, "files": named, "json": {"tokenizer_config.json": config, **extra}, "cases": cases})
    write_shared(files, used)
    (OUT / "classes.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    print(len(lines), "lines,", sum(f.stat().st_size for f in OUT.iterdir()) // 1024, "KiB", file=sys.stderr)
