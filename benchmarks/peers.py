"""The programs hft is measured beside, each in one long-lived process: a line of standard input is
one pass over the texts, its answer a line {"seconds": …}; "answers" gives the results instead.

usage: peers.py PEER MODEL TEXTS.jsonl     (run by scripts/bench)
"""
import contextlib
import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

QUESTION = "w11 w12 w13 w14 w15 w16"  # words of the tokenizers that make_models.py writes
TOGETHER = (1, 4, 8)  # pictures of a batch


def pipeline(task, model, texts, **options):
    """The pipeline of transformers, as its documentation batches it."""
    import transformers as tf
    tf.logging.set_verbosity_error()
    made = tf.pipeline(task, model=model, batch_size=16, **options)
    return lambda: made(texts)


def classify(model, texts):
    return pipeline("text-classification", model, texts)


def ner(model, texts):
    return pipeline("token-classification", model, texts, aggregation_strategy="simple")


def sorted_batches(model, texts, finish, size, file):
    """onnxruntime, texts sorted by length, tokenised by the same tokenizer; finish(what the network
    gives, attention mask) is an answer for each text of a batch."""
    import onnxruntime
    import transformers as tf
    tokenizer = tf.AutoTokenizer.from_pretrained(model)
    session = onnxruntime.InferenceSession(file)
    names = [x.name for x in session.get_inputs()]
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))

    def run():
        found = [None] * len(texts)
        for at in range(0, len(order), size):
            part = order[at:at + size]
            x = tokenizer([texts[i] for i in part], padding=True, truncation=True, return_tensors="np")
            out, = session.run(None, {name: x[name] for name in names})
            for i, answer in zip(part, finish(out, x["attention_mask"])):
                found[i] = answer
        return found
    return run


def onnxruntime(model, texts):
    import numpy
    import transformers as tf
    config = tf.AutoConfig.from_pretrained(model)

    def finish(logits, _):
        scores = numpy.exp(logits - logits.max(-1, keepdims=True))
        for row in scores / scores.sum(-1, keepdims=True):
            best = int(row.argmax())
            yield {"label": config.id2label[best], "score": float(row[best])}
    return sorted_batches(model, texts, finish, 16, model.rstrip("/") + ".onnx")


def onnxruntime_int8(model, texts):
    """Sentence vectors by onnxruntime's dynamic quantisation: means over the tokens, of length 1."""
    import numpy

    def finish(hidden, mask):
        sums = (hidden * mask[..., None]).sum(1)
        return (sums / numpy.linalg.norm(sums, axis=-1, keepdims=True)).tolist()
    return sorted_batches(model, texts, finish, 32, model.rstrip("/") + ".int8.onnx")


def embed(model, texts):
    from sentence_transformers import SentenceTransformer
    made = SentenceTransformer(model, device="cpu")
    return lambda: made.encode(texts, batch_size=32, show_progress_bar=False).tolist()


def seen(task, dtype="float32"):
    """The pipeline of transformers on pictures, its processors on Pillow."""
    def make(model, files):
        import torch
        import transformers as tf
        tf.logging.set_verbosity_error()
        made = tf.pipeline(task, model=model, dtype=getattr(torch, dtype), use_fast=False)

        def plain(answer):
            return [{k: v for k, v in one.items() if k != "mask"} for one in answer]
        return lambda: [plain(made(file)) for file in files]
    return make


def captions(size):
    """The image-to-text pipeline, 3 beams and 20 tokens, so many pictures together."""
    def make(model, files):
        import transformers as tf
        tf.logging.set_verbosity_error()
        made = tf.pipeline("image-to-text", model=model, batch_size=size)
        settings = {"num_beams": 3, "max_new_tokens": 20, "min_new_tokens": 20}
        return lambda: made(files, generate_kwargs=settings)
    return make


def asked(size):
    """The image-text-to-text pipeline, one question to each picture and 16 tokens, so many pictures together."""
    def make(model, files):
        import transformers as tf
        tf.logging.set_verbosity_error()
        made = tf.pipeline("image-text-to-text", model=model, batch_size=size)
        settings = {"max_new_tokens": 16, "min_new_tokens": 16, "do_sample": False}
        chats = [[{"role": "user", "content": [{"type": "image", "image": file}, {"type": "text", "text": QUESTION}]}]
                 for file in files]

        def run():
            found = made(text=chats, return_full_text=False, generate_kwargs=settings)
            return [[{"answer": answer["generated_text"].strip()} for answer in one] for one in found]
        return run
    return make


def seen_by_onnxruntime(task, size):
    """onnxruntime on pictures, `size` at a time, its tensors made and read by the processors of transformers."""
    def make(model, files):
        import onnxruntime
        import torch
        import transformers as tf
        from PIL import Image
        from types import SimpleNamespace
        processor = tf.AutoImageProcessor.from_pretrained(model, use_fast=False)
        names = tf.AutoConfig.from_pretrained(model).id2label
        session = onnxruntime.InferenceSession(model.rstrip("/") + ".onnx")

        def labelled(logits):
            scores, ids = torch.tensor(logits).softmax(-1).topk(5)
            return [{"label": names[int(i)], "score": float(s)} for s, i in zip(scores, ids)]

        def detected(out, image):
            out = SimpleNamespace(logits=torch.tensor(out[0]), pred_boxes=torch.tensor(out[1]))
            found, = processor.post_process_object_detection(out, 0.5, [image.size[::-1]])
            return [{"score": float(s), "label": names[int(l)],
                     "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), map(int, b)))}
                    for s, l, b in zip(found["scores"], found["labels"], found["boxes"].tolist())]

        def run():
            answers = []
            for at in range(0, len(files), size):
                images = [Image.open(file).convert("RGB") for file in files[at:at + size]]
                out = session.run(None, {"pixel_values": processor(images, return_tensors="np")["pixel_values"]})
                answers += map(labelled, out[0]) if task == "classify" else [detected(out, images[0])]
            return answers
        return run
    return make


def heard(task, dtype):
    """A pipeline of sounds, which its documentation gives one by one: padding would change what it says."""
    def make(model, files):
        import torch
        import transformers as tf
        tf.logging.set_verbosity_error()
        made = tf.pipeline(task, model=model, dtype=getattr(torch, dtype))
        return lambda: [made(file, top_k=5) for file in files]
    return make


def ceiling(*_):
    """What this machine can do at this moment: GB/s read, Gflop/s of f32 and, where oneDNN packs it, bf16 products."""
    import torch
    data = torch.ones(128 << 20)  # 512 MiB

    def best(f, times=5):
        f()
        seconds = []
        for _ in range(times):
            start = time.perf_counter()
            f()
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    def product(dtype):
        m, k, n = 512, 768, 3072
        x, w = torch.randn(m, k).to(dtype), torch.randn(n, k).to(dtype)
        packed = torch.ops.mkldnn._reorder_linear_weight(w, m)
        run = torch.ops.mkldnn._linear_pointwise
        return 2 * m * k * n / best(lambda: run(x, packed, None, "none", [], ""), 20) / 1e9

    with torch.no_grad():
        found = {"read GB/s": data.numel() * 4 / best(data.sum) / 1e9, "f32 Gflop/s": product(torch.float32)}
        with contextlib.suppress(RuntimeError):  # the processor lacks what it needs
            found["bf16 Gflop/s"] = product(torch.bfloat16)
    return lambda: found


PEERS = {"classify": classify, "ner": ner,
         **{f"{name}{end}": seen(task, dtype) for end, dtype in (("", "float32"), ("-bf16", "bfloat16"))
            for name, task in (("image-classify", "image-classification"), ("detect", "object-detection"),
                               ("segment", "image-segmentation"))},
         "image-classify-onnx": seen_by_onnxruntime("classify", 16), "detect-onnx": seen_by_onnxruntime("detect", 1),
         **{f"audio-classify{end}": heard("audio-classification", dtype)
            for end, dtype in (("", "float32"), ("-bf16", "bfloat16"))},
         **{f"{task}-{size}": make(size) for task, make in (("caption", captions), ("vqa", asked)) for size in TOGETHER},
         "onnxruntime": onnxruntime, "onnxruntime_int8": onnxruntime_int8, "embed": embed, "ceiling": ceiling}


def main():
    peer, model, file = sys.argv[1:4]
    with open(file) as lines:
        rows = [json.loads(line) for line in lines]
    texts = [row.get("text") or row.get("image") or row["audio"] for row in rows]
    run = PEERS[peer](model, texts)
    if peer != "ceiling":
        run()  # warm
    print("{}", flush=True)
    for command in sys.stdin:
        start = time.perf_counter()
        found = run()
        seconds = time.perf_counter() - start
        wanted = command.strip() == "answers"
        print(json.dumps(found if wanted else {"seconds": seconds}, default=float), flush=True)


if __name__ == "__main__":
    main()
