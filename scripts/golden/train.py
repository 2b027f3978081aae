"""What transformers' Trainer, and PEFT under it, log in 50 steps, dropout 0: tests/golden/train/NAME.json."""
import json
import random
import shutil
import tempfile
from pathlib import Path

import torch
import transformers as tf

ROOT = Path(__file__).resolve().parent.parent.parent / "tests" / "golden"
WORDS = "the harbour master counts nine boats in the morning and a clock stands still over the old market".split()
NO_DROPOUT = {"distilbert": ["dropout", "attention_dropout", "seq_classif_dropout", "qa_dropout"],
              "bert": ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"],
              "gpt2": ["resid_pdrop", "embd_pdrop", "attn_pdrop"], "llama": ["attention_dropout"]}
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
    "lora": ("distilbert-classify", "classify", lambda r, n: labelled(r, n, lambda _, t: int("boats" in t)), 24,
             {"learning_rate": 5e-3, "weight_decay": 0.01}),
}
LORA = {"lora_r": 4, "lora_alpha": 16}
BLOCK = 16


def load(model, task, labels, problem):
    folder = ROOT / model
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    cls = {"classify": tf.AutoModelForSequenceClassification, "ner": tf.AutoModelForTokenClassification,
           "qa": tf.AutoModelForQuestionAnswering, "generate": tf.AutoModelForCausalLM}[task]
    more = {name: 0.0 for name in NO_DROPOUT[kind]}
    if labels:
        more |= {"id2label": dict(enumerate(labels)), "label2id": {n: i for i, n in enumerate(labels)}}
    if problem:
        more["problem_type"] = problem
    return cls.from_pretrained(folder, **more)


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


def features(tokenizer, task, rows, labels, problem):
    if task == "generate":
        ids = [i for r in rows for i in tokenizer(r["text"])["input_ids"]]
        return [{"input_ids": ids[i:i + BLOCK], "labels": ids[i:i + BLOCK]}
                for i in range(0, len(ids) // BLOCK * BLOCK, BLOCK)]
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


def block_loss(outputs, labels, num_items_in_batch=None):
    """Over the tokens that are predicted, of which each block has one less than labels."""
    logits, wanted = outputs["logits"][:, :-1].float(), labels[:, 1:]
    sum_ = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.size(-1)), wanted.reshape(-1), reduction="sum")
    return sum_ / (num_items_in_batch * (BLOCK - 1) / BLOCK if num_items_in_batch is not None else wanted.numel())


def run(name, folder):
    model_name, task, rows_of, count, more = CASES[name]
    rng = random.Random(name)
    train, evaluation = rows_of(rng, count), rows_of(rng, 11)
    key = "ner_tags" if task == "ner" else "label"
    labels, problem = known_labels(model_name, train, key) if task in ("classify", "ner") else ([], "")
    arguments = {**STEPS, **more}
    tf.set_seed(arguments.get("seed", 42))
    model = load(model_name, task, labels, problem)
    if name == "lora":
        from peft import LoraConfig, get_peft_model
        tf.set_seed(42)
        model = get_peft_model(model, LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=16, target_modules=["q_lin", "v_lin"]))
    tokenizer = tf.AutoTokenizer.from_pretrained(ROOT / model_name)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    collator = (tf.DataCollatorForTokenClassification if task == "ner" else
                tf.DefaultDataCollator if task == "generate" else tf.DataCollatorWithPadding)
    collator = collator() if task == "generate" else collator(tokenizer)
    data = [features(tokenizer, task, rows, labels, problem) for rows in (train, evaluation)]
    trainer = tf.Trainer(
        model=model, train_dataset=data[0], eval_dataset=data[1], data_collator=collator,
        compute_loss_func=block_loss if task == "generate" else None,
        args=tf.TrainingArguments(folder, report_to=[], disable_tqdm=True, use_cpu=True, save_strategy="no", **arguments))
    trainer.train()
    logs = [{k: v for k, v in e.items() if k in ("loss", "grad_norm", "learning_rate", "epoch", "step", "eval_loss", "train_loss")}
            for e in trainer.state.log_history]
    if task == "generate":
        arguments["block_size"] = BLOCK
    if name == "lora":
        arguments |= LORA
    out = ROOT / "train" / f"{name}.json"
    out.parent.mkdir(exist_ok=True)
    lines = {"train": train, "eval": evaluation, "log": logs}
    head = json.dumps({"model": model_name, "task": task, "arguments": arguments}, ensure_ascii=False)[1:-1]
    body = ",\n".join(f'"{k}": [\n' + ",\n".join(json.dumps(x) for x in v) + "]" for k, v in lines.items())
    out.write_text("{" + head + ",\n" + body + "}\n")
    print(f"train/{name}: {out.stat().st_size / 1024:.0f} KiB", flush=True)


def main(names=None):
    import transformers.trainer as trainer
    trainer.round = lambda x, digits=0: x  # losses with all their digits
    for name in names or CASES:
        with tempfile.TemporaryDirectory() as temporary:
            run(name, temporary)
        shutil.rmtree(temporary, ignore_errors=True)
