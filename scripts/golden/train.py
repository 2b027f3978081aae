"""What transformers' Trainer, and PEFT under it, log in 50 steps, dropout 0: tests/golden/train/NAME.json, and of several
processes tests/golden/train_ranks/NAME.json."""
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers as tf

ROOT = Path(__file__).resolve().parent.parent.parent / "tests" / "golden"
WORDS = "the harbour master counts nine boats in the morning and a clock stands still over the old market".split()
NO_DROPOUT = {"distilbert": ["dropout", "attention_dropout", "seq_classif_dropout", "qa_dropout"],
              "bert": ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"],
              "gpt2": ["resid_pdrop", "embd_pdrop", "attn_pdrop"], "llama": ["attention_dropout"],
              "t5": ["dropout_rate"], "bart": ["dropout"],
              "wav2vec2": ["activation_dropout", "attention_dropout", "final_dropout", "hidden_dropout", "layerdrop", "mask_time_prob"]}
STEPS = {"max_steps": 50, "per_device_train_batch_size": 4, "logging_steps": 1, "learning_rate": 1e-3}
EVAL = {"eval_strategy": "steps", "eval_steps": 25}


def sentences(rng, count):
    return [" ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 12))) for _ in range(count)]


def labelled(rng, count, label):
    return [{"text": t, "label": label(rng, t)} for t in sentences(rng, count)]


def tagged(rng, count):
    rows = [{"tokens": t.split()} for t in sentences(rng, count)]
    return [{**r, "ner_tags": [rng.choice(["O", "O", "B-PER", "I-PER", "B-LOC"]) for _ in r["tokens"]]} for r in rows]


def asked(rng, count):
    rows = []
    for context in sentences(rng, count):
        words = context.split()
        first = rng.randrange(len(words))
        answer = " ".join(words[first:first + rng.randint(1, 2)])
        start = len(" ".join(words[:first])) + (first > 0)
        rows.append({"question": "who counts the boats", "context": context,
                     "answers": {"text": [answer], "answer_start": [start]}})
    return rows


def painted(rng, count, names=True):
    """Pictures of 12 x 10 pixels as bytes in base64, as JSON lines have them; three colours to tell apart."""
    import base64
    import io
    from PIL import Image
    rows = []
    for i in range(count):
        colour = i % 3
        image = Image.new("RGB", (12, 10))
        image.putdata([tuple(rng.randint(0, 90) + 120 * (c == colour) for c in range(3)) for _ in range(120)])
        out = io.BytesIO()
        image.save(out, "PNG")
        rows.append({"image": "data:image/png;base64," + base64.b64encode(out.getvalue()).decode(),
                     "label": ["red", "green", "blue"][colour] if names else colour})
    return rows


def rung(rng, count, label):
    """Sounds of 1600 samples as WAV in base64: low, middle and high."""
    import base64
    import io
    import wave
    rows = []
    for i in range(count):
        kind = i % 3
        samples = [int(6000 * math.sin(t * (0.05 + 0.2 * kind)) + rng.randint(-900, 900)) for t in range(1600)]
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1), file.setsampwidth(2), file.setframerate(16000)
            file.writeframes(b"".join(s.to_bytes(2, "little", signed=True) for s in samples))
        rows.append({"audio": "data:audio/wav;base64," + base64.b64encode(out.getvalue()).decode(), **label(kind)})
    return rows


def samples_of(text):
    import base64
    import io
    import wave
    import numpy
    with wave.open(io.BytesIO(base64.b64decode(text.split(",")[1]))) as file:
        return numpy.frombuffer(file.readframes(10**6), "<i2").astype("float32") / 32768


def reordered(rng, count):
    rows = []
    for text in sentences(rng, count):
        rows.append({"source": text, "target": " ".join(reversed(text.split()[:4]))})
    return rows


def completed(rng, count):
    return [{"prompt": t + " ->", "completion": " " + " ".join(t.split()[:2])} for t in sentences(rng, count)]


def alike(rng, count):
    return [{"anchor": t, "positive": " ".join(t.split()[::-1]), "negative": o}
            for t, o in zip(sentences(rng, count), sentences(rng, count))]


def ranked(rng, count):
    return [{"query": t, "text": o, "score": round(rng.random(), 2)}
            for t, o in zip(sentences(rng, count), sentences(rng, count))]


def topic(rng, text):
    return "boats" if "boats" in text else "clock" if "clock" in text else "other"


# name: model, task, rows for training (and 11 for evaluation), arguments of Trainer, more
CASES = {
    "classify": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 37,
                 {**EVAL, "gradient_accumulation_steps": 2, "warmup_steps": 5, "weight_decay": 0.1, "max_grad_norm": 1.0}),
    "new-head": ("distilbert-mlm", "classify", lambda r, n: labelled(r, n, topic), 30,
                 {**EVAL, "lr_scheduler_type": "cosine", "warmup_ratio": 0.1, "label_smoothing_factor": 0.1, "seed": 7, "learning_rate": 2e-4}),
    "regression": ("bert-mlm", "classify", lambda r, n: labelled(r, n, lambda _, t: len(t) / 50 + 0.001), 21,
                   {**EVAL, "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 3, "max_grad_norm": 0.0}),
    "multi-label": ("distilbert-multi-label", "classify",
                    lambda r, n: labelled(r, n, lambda rng, _: [rng.randint(0, 1) for _ in range(5)]), 20,
                    {"lr_scheduler_type": "polynomial", "weight_decay": 0.01, "adam_beta2": 0.95}),
    "tags": ("bert-ner-cased", "ner", tagged, 22, {**EVAL, "gradient_accumulation_steps": 3}),
    "answers": ("distilbert-qa", "qa", asked, 16,
                {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4, "learning_rate": 5e-4}),
    "blocks": ("gpt2-generate", "generate", lambda r, n: [{"text": t} for t in sentences(r, n)], 60,
               {"gradient_accumulation_steps": 2, "weight_decay": 0.1, "learning_rate": 5e-4}),
    "pictures": ("vit", "image-classify", painted, 18,
                 {**EVAL, "seed": 3, "gradient_accumulation_steps": 2, "weight_decay": 0.1, "ignore_mismatched_sizes": True}),
    "cells": ("convnext", "image-classify", lambda r, n: painted(r, n, names=False), 12,
              {"lr_scheduler_type": "inverse_sqrt", "warmup_steps": 4, "max_steps": 20}),
    "statistics": ("resnet-basic", "image-classify", lambda r, n: painted(r, n, names=False), 12,
                   {"max_steps": 20, "learning_rate": 1e-4, "eval_strategy": "steps", "eval_steps": 10}),
    "sounds": ("wav2vec2", "audio-classify", lambda r, n: rung(r, n, lambda k: {"label": ["yes", "no", "_silence_"][k]}), 9,
               {"max_steps": 20, "learning_rate": 1e-4, "warmup_steps": 2}),
    "letters": ("wav2vec2-ctc", "transcribe", lambda r, n: rung(r, n, lambda k: {"text": ["NO", "A", "SE"][k]}), 9,
                {"max_steps": 20, "learning_rate": 1e-4, "gradient_accumulation_steps": 2, "eval_strategy": "steps", "eval_steps": 10}),
    "written": ("default-translate", "translate", reordered, 21, {**EVAL, "gradient_accumulation_steps": 2}),
    "written-again": ("bart-cnn", "translate", reordered, 12, {"max_steps": 20, "label_smoothing_factor": 0.1}),
    "prompts": ("llama-generate", "generate", completed, 18, {"gradient_accumulation_steps": 2, "weight_decay": 0.1}),
    "pairs": ("bert-embed", "embed", alike, 22, {"weight_decay": 0.01, "warmup_ratio": 0.1, "learning_rate": 2e-4}),
    "ranked": ("rerank-bert", "rerank", ranked, 18, {"learning_rate": 2e-4}),
    "adafactor": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 12,
                  {"optim": "adafactor", "weight_decay": 0.1, "max_steps": 20}),
    "rmsprop": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 12,
                {"optim": "rmsprop", "weight_decay": 0.1, "learning_rate": 1e-4, "max_steps": 20}),
    "adagrad": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 12,
                {"optim": "adagrad", "max_steps": 20}),
    "dora": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 24,
             {"learning_rate": 5e-3, "max_steps": 30}),
    "plateau": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 12,
                {"lr_scheduler_type": "reduce_lr_on_plateau", "learning_rate": 1e-2, "eval_strategy": "steps", "eval_steps": 2,
                 "max_steps": 30, "lr_scheduler_kwargs": {"factor": 0.5, "patience": 1}}),
    "lora": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 24,
             {"learning_rate": 5e-3, "weight_decay": 0.01}),
}
# By two processes; 37 examples do not fill their batches. (Of an evaluation Trainer counts the examples that fill up.)
RANKS = {
    "labels": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 37,
               {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "warmup_steps": 5, "weight_decay": 0.1,
                "max_steps": 30}),
    "tags-dealt": ("bert-ner-cased", "ner", tagged, 21, {"per_device_train_batch_size": 2, "max_steps": 20}),
    "prompts-dealt": ("llama-generate", "generate", completed, 15,
                      {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "weight_decay": 0.1, "max_steps": 20}),
}
NOT_OF_TRAINER = {"ignore_mismatched_sizes"}
LORA = {"lora_r": 4, "lora_alpha": 16}
BLOCK = 16


def load(model, task, labels, problem):
    folder = ROOT / model
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    cls = {"classify": tf.AutoModelForSequenceClassification, "ner": tf.AutoModelForTokenClassification,
           "qa": tf.AutoModelForQuestionAnswering, "generate": tf.AutoModelForCausalLM,
           "image-classify": tf.AutoModelForImageClassification, "audio-classify": tf.AutoModelForAudioClassification,
           "transcribe": tf.AutoModelForCTC, "translate": tf.AutoModelForSeq2SeqLM,
           "rerank": tf.AutoModelForSequenceClassification}[task]
    more = {name: 0.0 for name in NO_DROPOUT.get(kind, [])}
    if labels:
        more |= {"id2label": dict(enumerate(labels)), "label2id": {n: i for i, n in enumerate(labels)}}
    if problem:
        more["problem_type"] = problem
    return cls.from_pretrained(folder, ignore_mismatched_sizes=True, **more)


def known_labels(model, rows, key):
    """As hft finds them: config's where they cover the data's, else the data's."""
    config = json.loads((ROOT / model / "config.json").read_text())
    known = list(config.get("id2label", {}).values()) or ["LABEL_0", "LABEL_1"]
    found = {x for r in rows for x in (r[key] if isinstance(r[key], list) else [r[key]])}
    if any(isinstance(x, float) for x in found):
        return ["LABEL_0"], "regression"
    if key == "label" and isinstance(rows[0]["label"], list):
        return known, "multi_label_classification"
    if all(isinstance(x, int) for x in found):
        return known, ""
    return (known if found <= set(known) else sorted(found)), ""


def picture_of(text):
    import base64
    import io
    from PIL import Image
    return Image.open(io.BytesIO(base64.b64decode(text.split(",")[1]))).convert("RGB")


def features(tokenizer, task, rows, labels, problem):
    if task == "generate" and "text" in rows[0]:
        ids = [i for r in rows for i in tokenizer(r["text"])["input_ids"]]
        return [{"input_ids": ids[i:i + BLOCK], "labels": ids[i:i + BLOCK]}
                for i in range(0, len(ids) // BLOCK * BLOCK, BLOCK)]
    if task == "translate":
        return [dict(tokenizer(r["source"])) | {"labels": tokenizer(text_target=r["target"])["input_ids"]} for r in rows]
    if task == "generate" and "prompt" in rows[0]:
        out = []
        for r in rows:
            ids = tokenizer(r["prompt"] + r["completion"])["input_ids"] + [tokenizer.eos_token_id]
            prompt = tokenizer(r["prompt"])["input_ids"]
            same = next(i for i, (a, b) in enumerate(zip(ids, prompt + [-1])) if a != b)
            out.append({"input_ids": ids, "labels": [-100] * same + ids[same:]})
        return out
    if task == "rerank":
        return [dict(tokenizer(r["query"], r["text"])) | {"labels": [r["score"]]} for r in rows]
    if task == "transcribe":
        return [{"input_values": tokenizer.feature_extractor(samples_of(r["audio"]), sampling_rate=16000)["input_values"][0],
                 "labels": tokenizer.tokenizer(r["text"])["input_ids"]} for r in rows]
    if task == "audio-classify":
        return [{"input_values": tokenizer(samples_of(r["audio"]), sampling_rate=16000)["input_values"][0],
                 "labels": labels.index(r["label"])} for r in rows]
    if task == "image-classify":
        def number(label):
            return label if isinstance(label, int) else labels.index(label)
        return [{"pixel_values": torch.tensor(tokenizer(picture_of(r["image"]), return_tensors="np")["pixel_values"][0]),
                 "labels": number(r["label"])} for r in rows]
    out = []
    for r in rows:
        if task == "classify":
            one = dict(tokenizer(r["text"], truncation=True))
            label = r["label"]
            one["labels"] = ([float(x) for x in label] if isinstance(label, list) else
                             float(label) if problem == "regression" else
                             label if isinstance(label, int) else labels.index(label))
        elif task == "ner":
            one = tokenizer(r["tokens"], is_split_into_words=True, truncation=True)
            words, tags, last = one.word_ids(), [], None
            for w in words:
                tags.append(-100 if w is None or w == last else labels.index(r["ner_tags"][w]))
                last = w
            one = {**dict(one), "labels": tags}
        else:
            one = tokenizer(r["question"], r["context"], return_offsets_mapping=True)
            start = r["answers"]["answer_start"][0]
            end = start + len(r["answers"]["text"][0])
            spots = [i for i, s in enumerate(one.sequence_ids()) if s == 1]
            offsets = one["offset_mapping"]
            first = max(i for i in spots if offsets[i][0] <= start)
            last = min(i for i in spots if offsets[i][1] >= end)
            one = {k: v for k, v in one.items() if k != "offset_mapping"} | {"start_positions": first, "end_positions": last}
        out.append(one)
    return out


class Letters:
    """Pads labels; the sounds are equally long."""
    def __call__(self, rows):
        longest = max(len(r["labels"]) for r in rows)
        return {"input_values": torch.tensor([list(r["input_values"]) for r in rows]),
                "labels": torch.tensor([r["labels"] + [-100] * (longest - len(r["labels"])) for r in rows])}


class Prompts:
    def __call__(self, rows):
        longest = max(len(r["labels"]) for r in rows)
        fill = lambda r, key, x: r[key] + [x] * (longest - len(r[key]))
        return {"input_ids": torch.tensor([fill(r, "input_ids", 0) for r in rows]),
                "attention_mask": torch.tensor([[int(i < len(r["labels"])) for i in range(longest)] for r in rows]),
                "labels": torch.tensor([fill(r, "labels", -100) for r in rows])}


def block_loss(outputs, labels, num_items_in_batch=None):
    """Over the tokens that are predicted, of which each block has one less than labels."""
    logits, wanted = outputs["logits"][:, :-1].float(), labels[:, 1:]
    sum_ = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.size(-1)), wanted.reshape(-1), reduction="sum")
    return sum_ / (num_items_in_batch * (BLOCK - 1) / BLOCK if num_items_in_batch is not None else wanted.numel())


def prompt_loss(outputs, labels, num_items_in_batch=None):
    logits, wanted = outputs["logits"][:, :-1].float(), labels[:, 1:]
    sum_ = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.size(-1)), wanted.reshape(-1), reduction="sum")
    return sum_ / (num_items_in_batch if num_items_in_batch is not None else (wanted >= 0).sum())


def run_pairs(arguments, model_name, train, evaluation, folder):
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.losses import MultipleNegativesRankingLoss
    tf.set_seed(42)
    model = SentenceTransformer(str(ROOT / model_name), device="cpu", config_kwargs={n: 0.0 for n in NO_DROPOUT["bert"]})
    SentenceTransformerTrainer.add_model_card_callback = lambda *a: None
    trainer = SentenceTransformerTrainer(
        model=model, train_dataset=Dataset.from_list(train), loss=MultipleNegativesRankingLoss(model),
        args=SentenceTransformerTrainingArguments(folder, report_to=[], disable_tqdm=True, use_cpu=True, save_strategy="no", **arguments))
    trainer.train()
    return trainer.state.log_history


def run(name, folder):
    model_name, task, rows_of, count, more = (CASES | RANKS)[name]
    rng = random.Random(name)
    train, evaluation = rows_of(rng, count), rows_of(rng, 11)
    key = "ner_tags" if task == "ner" else "label"
    labels, problem = known_labels(model_name, train, key) if task in ("classify", "ner", "image-classify", "audio-classify") else ([], "multi_label_classification" if task == "rerank" else "")
    arguments = {**STEPS, **more}
    own = {k: arguments.pop(k) for k in list(arguments) if k in NOT_OF_TRAINER}
    if task == "embed":
        return write(name, model_name, task, arguments, train, evaluation,
                     run_pairs(arguments, model_name, train, evaluation, folder))
    tf.set_seed(arguments.get("seed", 42))
    model = load(model_name, task, labels, problem)
    if name in ("lora", "dora"):
        from peft import LoraConfig, get_peft_model
        tf.set_seed(42)
        model = get_peft_model(model, LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=16, target_modules=["q_lin", "v_lin"],
                                                 use_dora=name == "dora"))
    if task == "transcribe":
        tokenizer = tf.Wav2Vec2Processor.from_pretrained(ROOT / model_name)
        collator = Letters()
    elif task == "audio-classify":
        tokenizer = tf.AutoFeatureExtractor.from_pretrained(ROOT / model_name)
        collator = tf.DefaultDataCollator()
    elif task == "translate":
        tokenizer = tf.AutoTokenizer.from_pretrained(ROOT / model_name)
        collator = tf.DataCollatorForSeq2Seq(tokenizer, model)
    elif name.startswith("prompts"):
        tokenizer = tf.AutoTokenizer.from_pretrained(ROOT / model_name)
        collator = Prompts()
    elif task == "image-classify":
        tokenizer = tf.AutoImageProcessor.from_pretrained(ROOT / model_name, use_fast=False)
        collator = tf.DefaultDataCollator()
    else:
        tokenizer = tf.AutoTokenizer.from_pretrained(ROOT / model_name)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        collator = (tf.DataCollatorForTokenClassification if task == "ner" else
                    tf.DefaultDataCollator if task == "generate" else tf.DataCollatorWithPadding)
        collator = collator() if task == "generate" else collator(tokenizer)
    data = [features(tokenizer, task, rows, labels, problem) for rows in (train, evaluation)]
    trainer = tf.Trainer(
        model=model, train_dataset=data[0], eval_dataset=data[1], data_collator=collator,
        compute_loss_func=prompt_loss if name.startswith("prompts") else block_loss if task == "generate" else None,
        args=tf.TrainingArguments(folder, report_to=[], disable_tqdm=True, use_cpu=True, save_strategy="no", **arguments))
    trainer.train()
    arguments |= own
    if name == "blocks":
        arguments["block_size"] = BLOCK
    if name in ("lora", "dora"):
        arguments |= LORA
    if name == "dora":
        arguments["use_dora"] = True
    write(name, model_name, task, arguments, train, evaluation, trainer.state.log_history)


def write(name, model_name, task, arguments, train, evaluation, history):
    logs = [{k: v for k, v in e.items() if k in ("loss", "grad_norm", "learning_rate", "epoch", "step", "eval_loss", "train_loss")}
            for e in history]
    if os.environ.get("RANK", "0") != "0":
        return
    out = ROOT / ("train_ranks" if name in RANKS else "train") / f"{name}.json"
    out.parent.mkdir(exist_ok=True)
    lines = {"train": train, "eval": evaluation, "log": logs}
    head = json.dumps({"model": model_name, "task": task, "arguments": arguments}, ensure_ascii=False)[1:-1]
    body = ",\n".join(f'"{k}": [\n' + ",\n".join(json.dumps(x) for x in v) + "]" for k, v in lines.items())
    out.write_text("{" + head + ",\n" + body + "}\n")
    print(f"{out.parent.name}/{name}: {out.stat().st_size / 1024:.0f} KiB", flush=True)


def start(name, processes=2):
    code = f"from golden import train; train.main([{name!r}])"
    own = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511", "OMP_NUM_THREADS": "1"}
    for one in [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT.parent.parent / "scripts",
                                 env=os.environ | own | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
                for rank in range(processes)]:
        assert one.wait() == 0


def main(names=None):
    import transformers.trainer as trainer
    trainer.round = lambda x, digits=0: x  # losses with all their digits
    for name in names or CASES | RANKS:
        if name in RANKS and "RANK" not in os.environ:
            start(name)
            continue
        with tempfile.TemporaryDirectory() as temporary:
            run(name, temporary)
        shutil.rmtree(temporary, ignore_errors=True)
