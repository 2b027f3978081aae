"""The golden checkpoints that read pages (LayoutLM), score answers about pictures (ViLT), or write as two halves
(VisionEncoderDecoder), their pages, and what the reference's pipelines answer."""
import dataclasses
from types import SimpleNamespace

import torch

from golden import photos
from golden.models import Case, Golden, labels
from golden.vision import SMALL, SQUARE, processor

PAGES = {
    "invoice.png": [("ACME Trading Corp.", 30, 20, 30), ("Invoice number: 4711", 30, 80, 22), ("Date: 14 March 1998", 330, 80, 22),
                    ("Nine red boats", 30, 150, 22), ("$12.50", 430, 150, 22), ("Two boxes of pears", 30, 190, 22),
                    ("$8.00", 430, 190, 22), ("Total due", 30, 250, 26), ("$20.50", 430, 250, 26)],
    "letter.png": [("Dear Maria Lopez,", 40, 30, 24), ("the committee will open the library on Friday,", 40, 80, 20),
                   ("before the storm. Karl Weber repairs", 40, 115, 20), ("the broken clock after lunch.", 40, 150, 20),
                   ("Yours, Ada", 40, 205, 24)],
    "empty.png": [],
    "digit.png": [("7", 120, 60, 90)],
}


def pages():
    from PIL import Image, ImageDraw, ImageFont
    for name, lines in PAGES.items():
        image = Image.new("L", (300, 200) if name == "digit.png" else (600, 310), 255)
        draw = ImageDraw.Draw(image)
        for text, x, y, size in lines:
            draw.text((x, y), text, fill=0, font=ImageFont.load_default(size))
        image.save(photos.FOLDER / name, optimize=True)


def asked(page, *questions, **more):
    return [{"image": f"pictures/{page}", "question": q, **more} for q in questions]


WORDS = [["Invoice", [50, 100, 200, 130]], ["number:", [210, 100, 330, 130]], ["4711", [340, 100, 420, 130]], ["Total", [50, 500, 150, 540]],
         ["due", [160, 500, 220, 540]], ["$20.50", [700, 500, 860, 540]], ["Café", [0, 0, 1000, 1000]], ["the keys of", [1, 2, 1, 2]]]
MANY = [[w, [37 * i % 900, 11 * i % 900, 37 * i % 900 + 60, 11 * i % 900 + 20]]
        for i, w in enumerate("the harbour master counts nine red boats in March , before the storm".split() * 8)]
QUESTIONS = ("What is the total?", "Who repairs the clock ?")
GIVEN = asked("invoice.png", *QUESTIONS, word_boxes=WORDS)
DOC_QA = [
    Case(["doc-qa"], [*asked("invoice.png", *QUESTIONS), *asked("letter.png", *QUESTIONS), *asked("empty.png", QUESTIONS[0]), *GIVEN]),
    Case(["doc-qa", "--top-k", "3", "--max-answer-len", "4"], [*asked("letter.png", QUESTIONS[1]), *GIVEN]),
    Case(["doc-qa", "--max-seq-len", "48", "--doc-stride", "16", "--top-k", "2"], asked("letter.png", QUESTIONS[0], word_boxes=MANY)),
    Case(["doc-qa", "--handle-impossible-answer", "--top-k", "4"], [*asked("empty.png", QUESTIONS[0]), *GIVEN]),
    Case(["doc-qa", "--tesseract-config", "--psm 6", "--lang", "eng"], asked("invoice.png", QUESTIONS[1])),
    Case(["doc-qa", "--tesseract-config", "--psm 10"], asked("digit.png", QUESTIONS[0])),
]
LAYOUT = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
          "max_position_embeddings": 130, "max_2d_position_embeddings": 1001}


def layoutlm(name, about, config, cases=DOC_QA, tokenizer="roberta/prefix", **more):
    cases = [Case([*case.args, "--dtype", "float32"], case.inputs) for case in cases]
    return Golden(name, about, "LayoutLMForQuestionAnswering", tokenizer, {**LAYOUT, **config}, cases, max_length=128, std=0.7,
                  dtype="bfloat16", **more)


LAYOUTLM = [
    layoutlm("layoutlm", "LayoutLM as impira/layoutlm-document-qa is: RoBERTa's tokenizer, pickled weights",
             {"type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1}, weights="bin"),
    layoutlm("layoutlm-bert", "LayoutLM with BERT's tokenizer and two token types", {"hidden_act": "relu"}, DOC_QA[:4], tokenizer="bert"),
    layoutlm("layoutlm-deep", "LayoutLM of more layers, one head each",
             {"num_hidden_layers": 4, "num_attention_heads": 1, "hidden_size": 10, "type_vocab_size": 1},
             [Case(DOC_QA[0].args, GIVEN)]),
]

ALONE = [{k: v for k, v in row.items() if k != "image"} for row in GIVEN]
LOOKED = [Case(DOC_QA[0].args, [*DOC_QA[0].inputs, *ALONE]), *DOC_QA[1:4]]
LAYOUT_3 = {**LAYOUT, "hidden_size": 24, "coordinate_size": 4, "shape_size": 4, "max_2d_position_embeddings": 1024, "type_vocab_size": 1,
            "input_size": 32, "patch_size": 8}


def layoutlmv3(name, about, config, cases=LOOKED, size=32, files=None, **more):
    cases = [Case([*case.args, "--dtype", "float32"], case.inputs) for case in cases]
    if files is None:
        files = processor("LayoutLMv3ImageProcessor", {"height": size, "width": size}, **{"apply_ocr": True, **more.pop("processed", {})})
    return Golden(name, about, "LayoutLMv3ForQuestionAnswering", "layoutlmv3", {**LAYOUT_3, **config}, cases, max_length=128, std=0.7,
                  files=files, **more)


LAYOUTLMV3 = [
    layoutlmv3("layoutlmv3", "LayoutLMv3 as microsoft/layoutlmv3-base is", {}, dtype="bfloat16"),
    layoutlmv3("layoutlmv3-deep", "LayoutLMv3 of more layers, narrow coordinates, other buckets, the processor's own way to read; pickled weights",
               {"num_hidden_layers": 4, "num_attention_heads": 4, "hidden_size": 16, "coordinate_size": 3, "shape_size": 2, "hidden_act": "relu",
                "rel_pos_bins": 16, "max_rel_pos": 20, "rel_2d_pos_bins": 20, "max_rel_2d_pos": 100, "input_size": 48, "patch_size": 16},
               LOOKED[:2], 48, weights="bin", processed={"ocr_lang": "eng", "tesseract_config": "--psm 6"}),
    layoutlmv3("layoutlmv3-flat", "LayoutLMv3 without biases by place, one head; the pipeline reads the pages",
               {"num_attention_heads": 1, "has_spatial_attention_bias": False, "type_vocab_size": 2},
               [LOOKED[0], *DOC_QA[4:]], processed={"apply_ocr": False}),
    layoutlmv3("layoutlmv3-unbiased", "LayoutLMv3 whose biases by place are not used, for want of those by position",
               {"has_relative_attention_bias": False, "shape_size": 2, "coordinate_size": 5}, [Case(DOC_QA[0].args, [*GIVEN, *ALONE])]),
    layoutlmv3("layoutlmv3-words", "LayoutLMv3 that does not look at pages", {"visual_embed": False}, [LOOKED[0], DOC_QA[2]], files={}),
]

ANSWERS = labels(["yes", "no", "two", "a red boat", "on the table", "3", "nothing"])
FEW = [{"image": f"pictures/{name}"} for name in ("wide.png", "tall.jpg", "turned.jpg")]
VQA = [{**image, "question": q} for image in FEW for q in ("How many red boats are there?", "Is the museum open on Thursday?")]


def vilt(name, about, config, size=48, divisor=16, **more):
    files = processor("ViltImageProcessor", {"shortest_edge": size}, resample=3, size_divisor=divisor, do_pad=True)
    base = {**SMALL, "image_size": 48, "patch_size": 16, "max_position_embeddings": 40, **ANSWERS}
    return Golden(name, about, "ViltForQuestionAnswering", "bert", {**base, **config},
                  [Case(["vqa"], VQA), Case(["vqa", "--top-k", "3"], VQA[:2])], max_length=40, files=files, std=0.9, **more)


VILT = [
    vilt("vilt", "ViLT on pictures that are not square", {}),
    vilt("vilt-small", "ViLT of small patches, positions of another grid, no biases of q, k, v; pickled",
         {"patch_size": 8, "qkv_bias": False, "num_hidden_layers": 1}, size=32, divisor=8, weights="bin"),
    vilt("vilt-deep", "ViLT of more layers and three kinds of tokens, the two ones together",
         {"num_hidden_layers": 4, "hidden_size": 16, "num_attention_heads": 2, "modality_type_vocab_size": 3, "hidden_act": "relu"}),
]

CAPTION = [Case(["caption", "--max-new-tokens", "12"], FEW), Case(["caption", "--max-new-tokens", "9", "--num-beams", "3"], FEW[:2])]
SEEING = {**SMALL, "model_type": "vit"}
GPT2 = {"model_type": "gpt2", "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
LINES = {"model_type": "trocr", "d_model": 16, "decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 24,
         "max_position_embeddings": 64, "cross_attention_hidden_size": 24}
PAGE = {"model_type": "donut-swin", "image_size": [64, 48], "patch_size": 4, "embed_dim": 8, "depths": [2, 1], "num_heads": [2, 2],
        "window_size": 4}
MBART = {"model_type": "mbart", "d_model": 16, "decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 24,
         "encoder_layers": 0, "max_position_embeddings": 64, "scale_embedding": True}
ASKED = [*asked("invoice.png", *QUESTIONS), *asked("letter.png", *QUESTIONS), *asked("digit.png", *QUESTIONS)]
DONUT = [Case(["doc-qa", "--max-new-tokens", "24"], ASKED), Case(["doc-qa", "--max-new-tokens", "20", "--num-beams", "2"], ASKED[:2]),
         Case(["caption", "--max-new-tokens", "12", "--prompt", "<s_docvqa><s_question>Who?</s_question>"], ASKED[::2])]


def two(name, about, encoder, decoder, tokenizer, cases=CAPTION, files=None, **more):
    return Golden(name, about, "VisionEncoderDecoderModel", tokenizer, {"encoder": encoder, "decoder": decoder}, cases, max_length=64,
                  files=files or processor("ViTImageProcessor", SQUARE), **more)


def donut(name, about, encoder=None, decoder=None, cases=DONUT, size=None, **more):
    files = more.pop("files", None) or processor("DonutImageProcessor", size or {"height": 64, "width": 48}, do_thumbnail=True, do_pad=True,
                                                 **{"do_align_long_axis": False, **more.pop("processed", {})})
    return two(name, about, {**PAGE, **(encoder or {})}, {**MBART, **(decoder or {})}, "xlm-roberta/donut", cases, files, **more)


HALVES = [
    two("vit-gpt2", "ViT and GPT-2 of different widths, pickled weights", SEEING, GPT2, "gpt2", weights="bin"),
    two("vit-gpt2-deep", "ViT and GPT-2 of one width, more layers, settings in config.json alone", SEEING,
        {**GPT2, "n_embd": 24, "n_layer": 3, "n_head": 3, "layer_norm_epsilon": 1e-3}, "gpt2",
        without=["generation_config.json"]),
    two("swin-gpt2", "Swin and GPT-2", {"model_type": "swin", "image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 2],
                                        "num_heads": [2, 2], "window_size": 4}, {**GPT2, "n_inner": 20, "activation_function": "relu"}, "gpt2"),
    two("trocr", "TrOCR as its base models are: ViT without biases of q, k, v, learned positions", {**SEEING, "qkv_bias": False}, LINES,
        "roberta"),
    two("trocr-small", "TrOCR as its small models are: DeiT, scaled embeddings, a head of its own", {**SEEING, "model_type": "deit"},
        {**LINES, "scale_embedding": True, "activation_function": "relu", "tie_word_embeddings": False}, "roberta"),
    two("trocr-sinusoidal", "TrOCR with BEiT, sinusoidal positions, no norm of the embeddings",
        {**SEEING, "model_type": "beit", "use_relative_position_bias": True, "use_mean_pooling": False, "layer_scale_init_value": 0.1},
        {**LINES, "use_learned_position_embeddings": False, "layernorm_embedding": False, "decoder_layers": 3}, "roberta"),
    donut("donut", "Donut as naver-clova-ix/donut-base-finetuned-docvqa is", weights="bin"),
    donut("donut-wide", "Donut on pages that are wider than high, turned to fit, the size as a list; another width of its decoder",
          {"image_size": [48, 64]}, {"d_model": 24, "decoder_attention_heads": 3}, size=[64, 48], processed={"do_align_long_axis": True}),
    donut("donut-deep", "Donut of more layers, heads and stages, with a head of its own", {"depths": [1, 2, 1], "num_heads": [1, 2, 4], "image_size": 64},
          {"decoder_layers": 3, "tie_word_embeddings": False, "decoder_ffn_dim": 40}, DONUT[:2], {"height": 64, "width": 64}),
]


OLD = {"do_normalize": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2}


def extractor(name, size, **more):
    """preprocessor_config.json as the first releases wrote it."""
    return {"preprocessor_config.json": {**OLD, "feature_extractor_type": f"{name}FeatureExtractor", "size": size, **more}}


# The files that the repositories of these models have, in small.
HALVES += [
    two("default-vit-gpt2", "nlpconnect/vit-gpt2-image-captioning: a feature extractor, no generation settings but config.json's", SEEING,
        {**GPT2, "n_inner": None, "summary_type": "cls_index", "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}},
        "gpt2", files=extractor("ViT", 32), weights="bin", without=["generation_config.json"],
        config_fields={"dtype": None, "torch_dtype": "float32", "transformers_version": None}),
    two("default-trocr", "microsoft/trocr-base-handwritten: a feature extractor, vocab.json and merges.txt alone", {**SEEING, "qkv_bias": False},
        {**LINES, "activation_function": "gelu", "scale_embedding": False, "use_learned_position_embeddings": True, "layernorm_embedding": True},
        "roberta", files=extractor("ViT", 32), weights="bin", without=["tokenizer.json"], config_fields={"dtype": None, "transformers_version": None}),
    donut("default-donut-small", "naver-clova-ix/donut-base-finetuned-docvqa: a feature extractor whose size is a list, the rest its class's", weights="bin",
          files=extractor("Donut", [48, 64], do_align_long_axis=False), without=["generation_config.json"],
          config_fields={"dtype": None, "transformers_version": None}),
]


def version_5(golden, tokenizer, cases):
    """The same as transformers 5 saves it: the processor of pictures inside processor_config.json."""
    own = dict(golden.files.get("preprocessor_config.json", {}))
    if own:  # by Pillow, as the others
        own["image_processor_type"] += "Pil"
    return dataclasses.replace(
        golden, name=f"v5-{golden.name}", about=f"As transformers 5 saves it: {golden.about}", tokenizer=f"of {tokenizer}", cases=cases,
        release=5, weights="safetensors", files={"processor_config.json": {"image_processor": own}} if own else {})


SAVED_BY_5 = [version_5(LAYOUTLM[0], "layoutlm", [Case([*DOC_QA[1].args, "--dtype", "float32"], GIVEN)]), version_5(VILT[1], "vilt", [Case(["vqa", "--top-k", "3"], VQA)]),
              version_5(HALVES[0], "vit-gpt2", CAPTION[:1]), version_5(HALVES[3], "trocr", CAPTION[:1]),
              version_5(HALVES[7], "donut", DONUT[:1])]
HALVES += SAVED_BY_5[2:]
DOCUMENTS = LAYOUTLM + LAYOUTLMV3 + VILT + HALVES + SAVED_BY_5[:2]


def halves(config, tokenizer):
    """The whole config of two halves, with the tokenizer's ids."""
    decoder = {**config["decoder"], "vocab_size": len(tokenizer), "is_decoder": True, "add_cross_attention": True,
               "pad_token_id": tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
               "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    ids = {k: decoder[k] for k in ("pad_token_id", "eos_token_id")}
    return {**config, "decoder": decoder, "decoder_start_token_id": tokenizer.bos_token_id, **ids}


def favour(model, tokenizer):
    """Donut's answers end now and then: the mark at their end follows what is written after a few tokens."""
    ids = tokenizer("<s_docvqa><s_question>Who repairs the clock?</s_question><s_answer> nine red", add_special_tokens=False,
                    return_tensors="pt").input_ids
    sides = model.config.encoder.image_size
    height, width = sides if isinstance(sides, list) else (sides, sides)
    with torch.no_grad():
        out = model(pixel_values=torch.ones(1, 3, height, width) * 2, decoder_input_ids=ids, output_hidden_states=True)
        state = out.decoder_hidden_states[-1][0, -1]
        length = 1.6 if model.config.decoder.tie_word_embeddings else 1.3
        model.decoder.get_output_embeddings().weight[tokenizer.convert_tokens_to_ids("</s_answer>")] = state / state.norm() * length


def doc_qa(golden, folder, o, inputs):
    import transformers as tf
    from golden.answers import chosen
    from golden.blip import settings
    from golden.vision import image_of
    more = {}
    if golden in HALVES and golden.release == 5:
        return [written(parts(folder, tf.VisionEncoderDecoderModel), image_of(i), i["question"], settings(o)) for i in inputs]
    if golden in HALVES:
        more["image_processor"] = tf.AutoImageProcessor.from_pretrained(folder, use_fast=False)
    if golden in LAYOUTLMV3 and golden.files:
        more.update(image_processor=tf.AutoImageProcessor.from_pretrained(folder, use_fast=False), pipeline_class=looking())
    p = tf.pipeline("document-question-answering", model=str(folder), dtype=torch.float32, device=-1,
                    tokenizer=tf.AutoTokenizer.from_pretrained(folder), **more)
    if golden in HALVES:
        p.generation_config.update(**settings(o))  # the pipeline hands on no parameters
    extra = chosen(o, "top_k", "doc_stride", "max_answer_len", "max_seq_len", "handle_impossible_answer", "lang", "tesseract_config")
    return [p({**i, "image": image_of(i) if "image" in i else None}, **extra) for i in inputs]


def looking():
    from transformers.pipelines.document_question_answering import DocumentQuestionAnsweringPipeline

    class Looking(DocumentQuestionAnsweringPipeline):
        """The pipeline hands pictures on by the name that LayoutLMv2 has for them, and takes the logits of patches for tokens'."""

        def _forward(self, inputs, **more):
            if "image" in inputs:
                inputs["pixel_values"] = inputs.pop("image")
            out = super()._forward(inputs, **more)
            for side in ("start_logits", "end_logits"):
                out[side] = out[side][:, :inputs["input_ids"].shape[1]]
            return out
    return Looking


def parts(folder, kind):
    """What the pipelines that transformers 5 has no more were made of."""
    import transformers as tf
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    return SimpleNamespace(model=model, generation_config=getattr(model, "generation_config", None),
                           tokenizer=tf.AutoTokenizer.from_pretrained(folder), image_processor=tf.AutoImageProcessor.from_pretrained(folder))


def pixels_of(pipe, image):
    from PIL import Image, ImageOps
    picture = ImageOps.exif_transpose(Image.open(image)).convert("RGB")
    return pipe.image_processor(images=picture, return_tensors="pt")


def scored(pipe, image, question, top_k=5):
    with torch.no_grad():
        logits = pipe.model(**pipe.tokenizer(question, return_tensors="pt"), **pixels_of(pipe, image)).logits
    best = logits.sigmoid()[0].topk(min(top_k, logits.shape[1]))
    return [{"score": s, "answer": pipe.model.config.id2label[i]} for s, i in zip(best.values.tolist(), best.indices.tolist())]


def written(pipe, image, question, more):
    """The pipeline's own reading of what is written; as transformers 5 has it, it cannot generate itself."""
    from transformers.pipelines.document_question_answering import DocumentQuestionAnsweringPipeline as Pipeline
    ids = pipe.tokenizer(f"<s_docvqa><s_question>{question}</s_question><s_answer>", add_special_tokens=False, return_tensors="pt").input_ids
    out = pipe.model.generate(pixels_of(pipe, image).pixel_values, decoder_input_ids=ids, generation_config=pipe.generation_config, **more)
    return [Pipeline.postprocess_encoder_decoder_single(pipe, {"sequences": out})]


def prompted(pipe, image, prompt, more):
    """What the pipeline of captions would give, did it hand prompts on to two halves."""
    ids = {}
    if prompt:
        ids["decoder_input_ids"] = pipe.tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
    out = pipe.model.generate(pixels_of(pipe, image).pixel_values, **ids, generation_config=pipe.generation_config, **more)
    return [{"generated_text": pipe.tokenizer.decode(row, skip_special_tokens=True)} for row in out]


def read_pages():
    """tests/golden/pictures/words.json: the words and boxes that the pipeline gets of each page."""
    import json
    from PIL import Image
    from transformers.pipelines.document_question_answering import apply_tesseract
    words = {}
    for page, config in [(name, "") for name in PAGES] + [("invoice.png", "--psm 6"), ("digit.png", "--psm 10"),
                                                         ("letter.png", "-c tessedit_char_whitelist=abcdefghij"), ("wide.png", "")]:
        found = apply_tesseract(Image.open(photos.FOLDER / page).convert("RGB"), None, config)
        words[f"{page} {config}".strip()] = [[word, box] for word, box in zip(*found)]
    rows = ",\n".join(f" {json.dumps(page)}: {json.dumps(found, ensure_ascii=False)}" for page, found in words.items())
    (photos.FOLDER / "words.json").write_text("{\n" + rows + "\n}\n")
