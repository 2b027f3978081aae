"""Writes tests/golden/speech/speech.json: what transformers makes of small numbers on the way from Whisper's logits to
text with times. Texts are those of the tokenizer of tests/golden/whisper-english."""
import json
import random
from pathlib import Path

import numpy
import torch
import transformers as tf
from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor
from transformers.models.whisper import generation_whisper as g
from transformers.models.whisper import tokenization_whisper as t

ROOT = Path(__file__).resolve().parents[2] / "tests" / "golden"
VOCAB, FIRST, EOS = 30, 18, 10


def rules():
    """Scores before and after, with -inf as null."""
    draw = torch.Generator().manual_seed(5)
    for written in ([], [18], [20], [20, 3], [20, 3, 24], [20, 3, 24, 24], [20, 3, 24, 25, 4], [20, 3, 29], [20, 3, 4],
                    [18, 3, 18], [3], [3, 4], [20, 21, 22]):
        for latest in (None, 3):
            for lift in (-3.0, 0.0, 1.5):
                config = tf.GenerationConfig(eos_token_id=EOS, no_timestamps_token_id=FIRST - 1)
                if latest is not None:
                    config.max_initial_timestamp_index = latest
                row = (torch.randn(VOCAB, generator=draw) * 2).round(decimals=3)
                row[FIRST:] += lift
                prompt = [7, 8]
                out = WhisperTimeStampLogitsProcessor(config, begin_index=2)(torch.tensor([prompt + written]), row[None])[0]
                yield {"written": written, "latest": latest, "in": row.tolist(),
                       "out": [None if x == -torch.inf else x for x in out.tolist()]}


def alignments():
    draw = numpy.random.RandomState(3)
    for heads, tokens, positions in ((1, 1, 5), (2, 4, 9), (3, 6, 3), (2, 5, 30), (1, 3, 2)):
        w = torch.tensor(draw.rand(heads, tokens, positions).round(3), dtype=torch.float32)
        m = g._median_filter(((w - w.mean(-2, keepdim=True)) / w.std(-2, keepdim=True, unbiased=False))[None], 7)[0].mean(0)
        text, time = g._dynamic_time_warping(-m.double().numpy())
        jumps = numpy.pad(numpy.diff(text), (1, 0), constant_values=1).astype(bool)
        yield {"shape": [heads, tokens, positions], "weights": w.flatten().tolist(), "positions": time[jumps].tolist()}


def paths():
    draw = numpy.random.RandomState(4)
    for rows, cols, few in ((3, 5, False), (4, 4, True), (1, 6, True), (6, 2, True), (5, 7, True), (0, 3, True), (3, 0, True)):
        m = draw.randint(0, 3, (rows, cols)).astype(float) if few else draw.rand(rows, cols).round(3)
        text, time = g._dynamic_time_warping(m)
        yield {"rows": rows, "cols": cols, "costs": m.flatten().tolist(), "path": [list(map(int, p)) for p in zip(text, time)]}
    text, time = g._dynamic_time_warping(numpy.ones((4, 6)))
    yield {"rows": 4, "cols": 6, "costs": [1.0] * 24, "path": [list(map(int, p)) for p in zip(text, time)]}


def joins():
    draw = random.Random(6)
    for length in (0, 1, 3, 8, 20):
        for _ in range(4):
            base = [draw.randrange(8) for _ in range(length * 3)]
            parts = [base[i * length:(i + 1) * length + draw.randrange(4)] for i in range(3)]
            parts[1] = [x if draw.random() < 0.8 else 9 for x in parts[1]]
            times = [[(round(0.1 * (i * length + j), 1), round(0.1 * (i * length + j + draw.randrange(3)), 1))
                      for j in range(len(p))] for i, p in enumerate(parts)]
            tokens, when = t._find_longest_common_sequence(parts, times)
            yield {"parts": parts, "times": times, "joined": t._find_longest_common_sequence(parts, None), "timed": [tokens, when]}


def decoded(tokenizer):
    """Token lists as models might write them, and as none would."""
    draw = random.Random(7)
    first = tokenizer.convert_tokens_to_ids("<|notimestamps|>") + 1
    said = tokenizer(" The boats, (nine) red \"ones\" wait. Zug? Ümläute und 東京!", add_special_tokens=False).input_ids

    def some():
        ids = []
        for _ in range(draw.randrange(4)):
            begin = draw.randrange(0, 60)
            end = begin + draw.randrange(0, 40)
            at = draw.randrange(len(said) - 6)
            ids += [first + begin, *said[at:at + draw.randrange(1, 30)], first + end]
        if draw.random() < 0.4:
            ids += [first + 90, *said[:draw.randrange(5)]]
        if draw.random() < 0.3:
            ids.insert(0, tokenizer.convert_tokens_to_ids("<|startoftranscript|>"))
        return ids

    for kind in (None, True, "word"):
        for i in range(14):
            outputs = []
            for k in range(1 if i < 6 else draw.randrange(1, 4)):
                ids = some()
                times = sorted(round(draw.random() * 2, 2) for _ in ids)
                output = {"tokens": torch.tensor([ids]), "token_timestamps": torch.tensor([times], dtype=torch.float32)}
                if i >= 6:
                    output["stride"] = (2.0, 0.0 if k == 0 else 0.4, 0.3 if draw.random() < 0.7 else 0.0)
                outputs.append(output)
            text, more = tokenizer._decode_asr([dict(o) for o in outputs], return_timestamps=kind, return_language=None, time_precision=0.02)
            yield {"times": "none" if kind is None else "words" if kind == "word" else "segments",
                   "outputs": [{"ids": o["tokens"][0].tolist(), "times": o["token_timestamps"][0].tolist(),
                                **({"stride": list(o["stride"])} if "stride" in o else {})} for o in outputs],
                   "text": text, "chunks": [[c["text"], *c["timestamp"]] for c in more.get("chunks", [])]}


def words(tokenizer):
    for said, language in ((" Hello there, \"you\" (all)!", None), ("No space. Three dots... and - a dash", None),
                           (" 東京に行く。雨", "japanese"), (" 東京に行く。雨", None), (" ¿Qué? ¡Sí! naïve café 🎉 x", None), ("", None)):
        ids = tokenizer(said, add_special_tokens=False).input_ids
        found = t._combine_tokens_into_words(tokenizer, ids, language)
        yield {"ids": ids, "language": language or "", "words": found[0], "tokens": [list(map(int, i)) for i in found[2]]}


def main():
    tokenizer = tf.AutoTokenizer.from_pretrained(ROOT / "whisper-english")
    content = {"rules": list(rules()), "alignments": list(alignments()), "paths": list(paths()), "joins": list(joins()),
               "decoded": list(decoded(tokenizer)), "words": list(words(tokenizer))}
    rows = ",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]"
                      for name, cases in content.items())
    (ROOT / "speech").mkdir(exist_ok=True)
    (ROOT / "speech" / "speech.json").write_text("{\n" + rows + "\n}\n")
