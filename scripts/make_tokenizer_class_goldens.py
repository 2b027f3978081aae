#!/usr/bin/env python3
"""Writes tests/golden/tokenizer-classes/: small vocabularies in every format, and classes.jsonl, a
line for each Python tokenizer class: which of them its folder holds under which name, its
tokenizer_config.json, and what the reference makes of some texts.

usage: make_tokenizer_class_goldens.py     (Python with transformers 4.57 and sentencepiece)
"""
import json
import sys
import tempfile
from pathlib import Path

import fuzz_tokenizer_classes as classes
import transformers as tf

OUT = classes.ROOT / "tests" / "golden" / "tokenizer-classes"
TEXTS = ["The quick brown fox; 12345 times, isn't it?", "Über naïve café — Ångström's ``résumé''!", "  two  spaces and\ttabs\n", "日本語 Привет नमस्ते 👍🏽",
         "a<mask> b [MASK]c </s><s> <|endoftext|>x", ">>fr<< UPPER Case 9, 10,", "", "HELLO WORLD"]
SETTINGS = {"MBart50": {"src_lang": "uk_UA"}, "Nllb": {"legacy_behaviour": True, "src_lang": "deu_Latn"}, "Llama": {"legacy": False, "add_eos_token": True},
            "T5": {"extra_ids": 7}, "Pegasus": {"offset": 20}, "Bert": {"do_lower_case": False}, "GPT2": {"add_bos_token": True}}


def shared(name, kind, model):
    """Files of the folder: name -> name among the shared ones."""
    if kind == "wordpiece":
        return {"vocab.txt": "wordpiece.txt"}
    if kind in ("bytes", "whisper", "clip", "words"):
        base = "bytes" if kind == "whisper" else kind
        return {"vocab.json": f"{base}.json", "merges.txt": f"{base}.merges"}
    if kind == "letters":
        return {"vocab.json": "letters.json"}
    if kind == "marian":
        return {"source.spm": f"{model}.model", "target.spm": f"{model}.model", "vocab.json": "marian.json"}
    if kind == "m2m":
        return {"sentencepiece.bpe.model": f"{model}.model", "vocab.json": "m2m.json"}
    return {kind: f"{model}.model"}


def write_shared(files, used):
    for name in used:
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
    e = tok(text, pair) if pair else tok(text)
    out = {"text": text, "ids": e["input_ids"], "decoded": tok.decode(e["input_ids"], skip_special_tokens=pair is None)}
    if pair:
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
                if name != "CodeLlama":
                    cases.append(case(tok, TEXTS[0], TEXTS[1]))
            used |= set(named.values())
            lines.append({"class": name, "files": named, "json": {"tokenizer_config.json": config, **extra}, "cases": cases})
    write_shared(files, used)
    (OUT / "classes.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    print(len(lines), "lines,", sum(f.stat().st_size for f in OUT.iterdir()) // 1024, "KiB", file=sys.stderr)


if __name__ == "__main__":
    main()
