"""The golden checkpoints of Whisper, their sounds and cases, and how the reference's pipeline answers."""
import json
import subprocess
import tempfile
from pathlib import Path

import torch
import transformers as tf

from golden import texts
from golden.models import F32, Case, Golden

ROOT = Path(__file__).resolve().parents[2] / "tests" / "golden"
BPE = 300  # tokens of text
LANGUAGES = ("en", "de", "fr", "ja")
SAID = {"en": ("en", "The harbour master counts nine red boats before the rain comes."),
        "de": ("de", "Guten Morgen. Der Zug nach Hamburg hat heute leider zwölf Minuten Verspätung, und alle warten. "
                     "Trinken wir einen Kaffee?"),
        "fr": ("fr", "Il pleut.")}


def sounds():
    """Speech of espeak-ng over a telephone: mu-law, 8 kHz."""
    (ROOT / "speech").mkdir(exist_ok=True)
    for name, (voice, said) in SAID.items():
        file = ROOT / "speech" / f"{name}.wav"
        if file.exists():
            continue
        with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
            subprocess.run(["espeak-ng", "-v", voice, "-w", wav.name, said], check=True)
            subprocess.run(["sox", wav.name, "-r", "8000", "-e", "mu-law", str(file)], check=True)


def tokenizer(folder, languages, times):
    """A byte-level BPE in the files of the slow tokenizer, with Whisper's special tokens after it."""
    import tokenizers
    trained = tokenizers.ByteLevelBPETokenizer()
    trained.train_from_iterator(texts.corpus(), vocab_size=BPE, min_frequency=2, show_progress=False)
    trained.save_model(str(folder))
    vocab = json.loads((folder / "vocab.json").read_text())
    vocab["<|endoftext|>"] = len(vocab)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    specials = ["<|startoftranscript|>", *(f"<|{code}|>" for code in languages), "<|translate|>", "<|transcribe|>",
                "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    names = [*specials, *(f"<|{i * 0.02:.2f}|>" for i in range(times + 1))]
    added = {name: len(vocab) + i for i, name in enumerate(names)}
    (folder / "added_tokens.json").write_text(json.dumps(added))
    end = "<|endoftext|>"
    (folder / "special_tokens_map.json").write_text(json.dumps(
        {"bos_token": end, "eos_token": end, "unk_token": end, "pad_token": end, "additional_special_tokens": [end, *specials]}))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "WhisperTokenizer", "processor_class": "WhisperProcessor", "add_prefix_space": False,
         "clean_up_tokenization_spaces": True, "errors": "replace", "model_max_length": 1024}))
    return {**vocab, **added}


def save(golden, folder, build):
    """The whole checkpoint; what Whisper's files have beside those of others stands in golden.whisper."""
    w = golden.whisper
    ids = tokenizer(folder, w["languages"], w["seconds"] * 50)
    bins = golden.config.get("num_mel_bins", 80)
    tf.WhisperFeatureExtractor(feature_size=bins, chunk_length=w["seconds"]).save_pretrained(folder)
    golden.config.update(
        max_source_positions=w["seconds"] * 50, pad_token_id=ids["<|endoftext|>"], bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"], decoder_start_token_id=ids["<|startoftranscript|>"], suppress_tokens=None,
        begin_suppress_tokens=None)
    model = build(golden, max(ids.values()) + 1)
    if golden.dtype:
        model = model.to(getattr(torch, golden.dtype))
    with torch.no_grad():  # texts that end now and then
        table = model.model.decoder.embed_tokens.weight
        table[ids["<|endoftext|>"]] *= 1.5
    model.save_pretrained(folder)
    generation = {
        "bos_token_id": ids["<|endoftext|>"], "eos_token_id": ids["<|endoftext|>"], "pad_token_id": ids["<|endoftext|>"],
        "decoder_start_token_id": ids["<|startoftranscript|>"], "max_length": golden.config["max_target_positions"],
        "no_timestamps_token_id": ids["<|notimestamps|>"], "prev_sot_token_id": ids["<|startofprev|>"],
        "suppress_tokens": [1, 2, 7, ids["<|translate|>"], ids["<|transcribe|>"], ids["<|startoflm|>"],
                            ids["<|startofprev|>"], ids["<|nospeech|>"]],
        "begin_suppress_tokens": [220, ids["<|endoftext|>"]], "return_timestamps": False,
        "alignment_heads": [[0, 1], [1, 0]], "is_multilingual": bool(w["languages"]),
        "transformers_version": "4.57.6", **golden.generation}
    if w["languages"]:
        generation["lang_to_id"] = {f"<|{code}|>": ids[f"<|{code}|>"] for code in w["languages"]}
        generation["task_to_id"] = {"transcribe": ids["<|transcribe|>"], "translate": ids["<|translate|>"]}
    if w.get("forced"):
        generation["forced_decoder_ids"] = [[1, None], [2, ids["<|transcribe|>"]]]
    (folder / "generation_config.json").write_text(json.dumps({k: v for k, v in generation.items() if v is not None}))
    if golden.release == 5:  # one file for the processor, one for the tokenizer
        tf.WhisperProcessor.from_pretrained(folder).save_pretrained(folder)
        for name in ("preprocessor_config.json", "vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json"):
            (folder / name).unlink(missing_ok=True)


def heard(*names):
    return [{"audio": f"speech/{name}.wav"} for name in names]


SHORT, TWO, ALL = heard("fr"), heard("fr", "en"), heard("fr", "en", "de")
TIMES, WORDS = ["--return-timestamps", "true"], ["--return-timestamps", "word"]
GREEDY = ["--num-beams", "1"]
FALLBACK = ["--temperatures", "0,0.4,0.8", "--compression-ratio-threshold", "1.3", "--logprob-threshold", "-2.5",
            "--seed", "42"]


def cases(*more):
    return [Case(["transcribe", *F32, *args], inputs) for args, inputs in (
        ([], SHORT), (GREEDY, SHORT), (TIMES, TWO), ([*TIMES, *GREEDY], ALL), (WORDS, TWO), ([*WORDS, *GREEDY], ALL),
        ([*TIMES, *GREEDY, "--condition-on-prev-tokens"], ALL),
        ([*TIMES, "--condition-on-prev-tokens", "--initial-prompt", "Nine boats."], TWO),
        ([*TIMES, *GREEDY, "--initial-prompt", "Nine boats."], TWO),
        ([*TIMES, *GREEDY, *FALLBACK], TWO), ([*TIMES, *FALLBACK, "--condition-on-prev-tokens"], TWO),
        ([*TIMES, *GREEDY, *FALLBACK, "--no-speech-threshold", "0.0001"], TWO), *more)]


def chunked(length):
    return [(["--chunk-length-s", str(length), *args], inputs) for args, inputs in
            (([], TWO), (GREEDY, ALL), (TIMES, TWO), ([*TIMES, *GREEDY, "--stride-length-s", "0.8,0.4"], ALL), (WORDS, TWO))]


MULTILINGUAL = [Case(["transcribe", *F32, *args], inputs) for args, inputs in (
    ([], SHORT), (GREEDY, TWO), ([*GREEDY, "--language", "German"], TWO), ([*GREEDY, "--language", "<|ja|>"], SHORT),
    ([*GREEDY, *TIMES, "--language", "fr", "--task", "translate"], ALL), ([*GREEDY, *TIMES, "--task", "transcribe"], TWO),
    ([*GREEDY, *TIMES], ALL), ([*GREEDY, *WORDS], TWO), (TIMES, TWO),
    ([*GREEDY, *TIMES, *FALLBACK, "--no-speech-threshold", "0.0001", "--condition-on-prev-tokens"], TWO),
    ([*GREEDY, *TIMES, "--chunk-length-s", "3"], ALL), ([*GREEDY, "--chunk-length-s", "3"], TWO))]
LARGE = [Case(["transcribe", *F32, *args], inputs) for args, inputs in (
    (GREEDY, TWO), ([], SHORT), ([*GREEDY, *TIMES], ALL), ([*GREEDY, *WORDS], TWO), (WORDS, SHORT),
    ([*GREEDY, *TIMES, "--chunk-length-s", "5"], ALL))]


def whisper(name, about, languages, seconds, layers, sizes, cases, **fields):
    config = {"d_model": sizes[0], "encoder_layers": layers[0], "decoder_layers": layers[1], "encoder_attention_heads": sizes[1],
              "decoder_attention_heads": sizes[2], "encoder_ffn_dim": sizes[3], "decoder_ffn_dim": sizes[4],
              "max_target_positions": 40, **fields.pop("config", {})}
    golden = Golden(name, about, "WhisperForConditionalGeneration", "", config, cases, std=fields.pop("std", 0.35),
                    dtype="float16", **fields)
    golden.whisper = {"languages": languages, "seconds": seconds, "forced": name == "whisper-multilingual"}
    return golden


WHISPER = [
    whisper("whisper-multilingual", "Whisper that hears languages, windows of 4 seconds, 80 bins; forced_decoder_ids as "
            "the first files have them", LANGUAGES, 4, (2, 2), (24, 4, 2, 40, 36), MULTILINGUAL,
            generation={"max_initial_timestamp_index": 50}),
    whisper("whisper-english", "Whisper of English alone, windows of 2 seconds, relu", (), 2, (1, 2), (20, 2, 4, 32, 40),
            cases(*chunked(1.5)), generation={"transformers_version": "4.31.0"}, config={"activation_function": "relu"}),
    whisper("whisper-large", "Whisper with 128 bins as large-v3, the whole 30 seconds and their 1,501 times", LANGUAGES, 30,
            (1, 2), (12, 2, 2, 16, 16), LARGE, config={"num_mel_bins": 128}, std=0.5),
    whisper("v5-whisper", "As transformers 5 saves it: one file for the processor", LANGUAGES, 3, (1, 2), (24, 2, 4, 32, 40),
            [Case(["transcribe", *F32, *args], inputs) for args, inputs in ((GREEDY, SHORT), ([*GREEDY, *TIMES], ALL))], release=5),
]


def answers(golden, folder, args, inputs):
    pipe = tf.pipeline("automatic-speech-recognition", model=str(folder), dtype=torch.float32, device=-1)
    given, generate, seed, args = {}, {}, None, list(args[1:])
    while args:
        name = args.pop(0).removeprefix("--").replace("-", "_")
        if name == "condition_on_prev_tokens":
            generate[name] = True
            continue
        value = args.pop(0)
        if name == "dtype":
            continue
        if name == "seed":
            seed = int(value)
        elif name == "return_timestamps":
            given[name] = True if value == "true" else value
        elif name == "chunk_length_s":
            given[name] = float(value)
        elif name == "stride_length_s":
            given[name] = tuple(float(v) for v in value.split(","))
        elif name == "temperatures":
            generate["temperature"] = tuple(float(v) for v in value.split(","))
        elif name == "initial_prompt":
            generate["prompt_ids"] = pipe.tokenizer.get_prompt_ids(value, return_tensors="pt")
        elif name in ("language", "task"):
            generate[name] = value
        else:
            generate[name] = json.loads(value)
    outputs = []
    for row in inputs:
        if seed is not None:
            tf.set_seed(seed)
        outputs.append(pipe(str(ROOT / row["audio"]), generate_kwargs=dict(generate), **given))
    return outputs
