"""What transformers' pipelines and sentence-transformers answer to the arguments of a golden case."""
import argparse
import json

import torch
import transformers as tf

from golden import audio, blip, decoders, documents, seq2seq, vision, whisper


def parser():
    """The flags of hft that golden cases use, as the pipelines' parameters."""
    p = argparse.ArgumentParser()
    p.add_argument("command")
    p.add_argument("--dtype", default="float32")
    p.add_argument("--top-k", type=lambda v: None if v == "all" else int(v), default=argparse.SUPPRESS)
    p.add_argument("--function-to-apply")
    p.add_argument("--candidate-labels")
    p.add_argument("--hypothesis-template", default=argparse.SUPPRESS)
    p.add_argument("--multi-label", action="store_true", default=argparse.SUPPRESS)
    p.add_argument("--aggregation-strategy", default="simple")
    p.add_argument("--stride", type=int, default=argparse.SUPPRESS)
    p.add_argument("--ignore-labels", default=argparse.SUPPRESS)
    p.add_argument("--doc-stride", type=int, default=argparse.SUPPRESS)
    p.add_argument("--max-answer-len", type=int, default=argparse.SUPPRESS)
    p.add_argument("--max-seq-len", type=int, default=argparse.SUPPRESS)
    p.add_argument("--handle-impossible-answer", action="store_true", default=argparse.SUPPRESS)
    p.add_argument("--lang", default=argparse.SUPPRESS)
    p.add_argument("--tesseract-config", default=argparse.SUPPRESS)
    p.add_argument("--targets", default=argparse.SUPPRESS)
    p.add_argument("--pooling", default="auto")
    p.add_argument("--normalize", dest="normalize", action="store_true", default=None)
    p.add_argument("--no-normalize", dest="normalize", action="store_false")
    p.add_argument("--prompt-name")
    p.add_argument("--query")
    p.add_argument("--max-length", type=int)
    for name in ("--threshold", "--mask-threshold", "--overlap-mask-area-threshold"):
        p.add_argument(name, type=float, default=argparse.SUPPRESS)
    p.add_argument("--subtask", default=argparse.SUPPRESS)
    p.add_argument("--max-new-tokens", type=int)
    p.add_argument("--num-beams", type=int)
    p.add_argument("--prompt")
    p.add_argument("--return-timestamps", default=argparse.SUPPRESS)
    p.add_argument("--chunk-length-s", type=float, default=argparse.SUPPRESS)
    p.add_argument("--stride-length-s", default=argparse.SUPPRESS)
    return p


def chosen(options, *names):
    """The options of these names that were given."""
    return {n: getattr(options, n) for n in names if hasattr(options, n)}


def pipe(task, folder):
    return tf.pipeline(task, model=str(folder), tokenizer=str(folder), dtype=torch.float32, device=-1)


def cut(golden):
    """Inputs longer than the model takes are cut, as hft does by default."""
    return {"truncation": True, "max_length": golden.max_length or golden.positions}


def classify(golden, folder, o, inputs):
    if o.candidate_labels:
        p = pipe("zero-shot-classification", folder)
        extra = chosen(o, "multi_label", "hypothesis_template")
        return [p(i["text"], candidate_labels=o.candidate_labels, **extra) for i in inputs]
    p = pipe("text-classification", folder)
    extra = {"top_k": 1, **chosen(o, "top_k")}
    if o.function_to_apply:
        extra["function_to_apply"] = o.function_to_apply
    return [p(i if "text_pair" in i else i["text"], **extra, **cut(golden)) for i in inputs]


def ner(golden, folder, o, inputs):
    extra = chosen(o, "stride")
    if hasattr(o, "ignore_labels"):
        extra["ignore_labels"] = o.ignore_labels.split(",")
    p = tf.pipeline("token-classification", model=str(folder), tokenizer=str(folder), device=-1,
                    dtype=torch.float32, aggregation_strategy=o.aggregation_strategy, **extra)
    return [p(i["text"]) for i in inputs]


def qa(golden, folder, o, inputs):
    p = pipe("question-answering", folder)
    extra = chosen(o, "top_k", "doc_stride", "max_answer_len", "max_seq_len",
                   "handle_impossible_answer")
    return [p(question=i["question"], context=i["context"], **extra) for i in inputs]


def fill_mask(golden, folder, o, inputs):
    p = pipe("fill-mask", folder)
    extra = chosen(o, "top_k")
    if hasattr(o, "targets"):
        extra["targets"] = o.targets.split(",")
    return [p(i["text"], tokenizer_kwargs=cut(golden), **extra) for i in inputs]


def embed(golden, folder, o, inputs):
    if golden.model == "ClapModel":
        return audio.embed(folder, inputs)
    if golden.texts:
        return vision.embed(golden, folder, o, inputs)
    from sentence_transformers import SentenceTransformer, models
    if o.pooling == "auto" and o.normalize is None:
        model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    else:
        word = models.Transformer(str(folder), model_kwargs={"dtype": torch.float32})
        way = {"last": "lasttoken", "auto": golden.pooling}.get(o.pooling, o.pooling)
        parts = [word, models.Pooling(word.get_embedding_dimension(), pooling_mode=way)]
        model = SentenceTransformer(
            modules=parts + ([models.Normalize()] if o.normalize else []), device="cpu")
    vectors = [model.encode(i["text"], prompt_name=o.prompt_name, show_progress_bar=False)
               for i in inputs]
    return [[float(str(x)) for x in v] for v in vectors]  # the shortest digits of a float32


def rerank(golden, folder, o, inputs):
    from sentence_transformers import CrossEncoder
    model = CrossEncoder(str(folder), device="cpu", max_length=o.max_length, model_kwargs={"dtype": torch.float32})
    functions = {"none": torch.nn.Identity(), "sigmoid": torch.nn.Sigmoid(), "softmax": torch.nn.Softmax(-1)}
    extra = {"activation_fn": functions[o.function_to_apply]} if o.function_to_apply else {}
    if o.query:
        return [r["score"] for r in model.rank(o.query, [i["text"] for i in inputs], **chosen(o, "top_k"), **extra)]
    return [model.rank(i["query"], i["documents"], **chosen(o, "top_k"), **extra) if "documents" in i
            else model.predict([(i["query"], i["text"])], **extra)[0] for i in inputs]


COMMANDS = {"classify": classify, "ner": ner, "qa": qa, "fill-mask": fill_mask, "embed": embed, "rerank": rerank,
            "image-classify": vision.image_classify, "detect": vision.detect, "segment": vision.segment,
            "caption": blip.caption, "vqa": blip.vqa, "doc-qa": documents.doc_qa,
            "audio-classify": audio.audio_classify, "transcribe": audio.transcribe}


def of(golden, folder):
    """(case, outputs) for each case, one input at a time."""
    from golden import vision_language
    for case in golden.cases:
        if golden in vision_language.VISION_LANGUAGE:
            yield case, vision_language.answers(golden, folder, case.args, case.inputs)
            continue
        if case.args[0] == "generate":
            yield case, decoders.generate(golden, folder, case.args[1:], case.inputs)
            continue
        if case.args[0] in seq2seq.NAMES:
            yield case, seq2seq.answers(golden, folder, case.args, case.inputs)
            continue
        if golden in whisper.WHISPER:
            yield case, whisper.answers(golden, folder, case.args, case.inputs)
            continue
        options = parser().parse_args(case.args)
        yield case, COMMANDS[options.command](golden, folder, options, case.inputs)


def write_modules(folder, golden, hidden):
    """modules.json and its parts, in the layout older sentence-transformers checkpoints have."""
    names = [("", "Transformer"), ("1_Pooling", "Pooling")]
    names += [(f"{i + 2}_{kind}", kind) for i, kind in enumerate(golden.modules)]
    modules = [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
               for i, (path, kind) in enumerate(names)]
    put(folder / "modules.json", modules)
    put(folder / "sentence_bert_config.json",
        {"max_seq_length": golden.sentence_length, "do_lower_case": False})
    put(folder / "config_sentence_transformers.json",
        {"__version__": {"sentence_transformers": "2.0.0"}, "prompts": golden.prompts,
         "default_prompt_name": None, "similarity_fn_name": "cosine"})
    modes = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens",
             "mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "weightedmean": "weightedmean_tokens",
             "lasttoken": "lasttoken"}
    (folder / "1_Pooling").mkdir()
    put(folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": hidden,
         **{f"pooling_mode_{mode}": way == golden.pooling for way, mode in modes.items()}})
    if "Dense" in golden.modules:
        write_dense(folder / f"{golden.modules.index('Dense') + 2}_Dense", hidden)


def write_dense(folder, hidden):
    from safetensors.torch import save_file
    folder.mkdir()
    put(folder / "config.json", {"in_features": hidden, "out_features": 10, "bias": True,
                                 "activation_function": "torch.nn.modules.activation.Tanh"})
    save_file({"linear.weight": torch.randn(10, hidden) * 0.3, "linear.bias": torch.randn(10) * 0.1},
              folder / "model.safetensors", metadata={"format": "pt"})


def put(file, content):
    file.write_text(json.dumps(content, indent=2) + "\n")
