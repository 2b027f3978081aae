"""The golden checkpoints that write about pictures and their cases; and what the reference's pipelines answer."""
import torch

from golden import documents
from golden.models import Case
from golden.vision import SQUARE, TOWER, Golden, images, processor

TEXT = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 32,
        "max_position_embeddings": 64}
FEW = images(["wide.png", "tall.jpg", "turned.jpg"])
CAPTION = [Case(["caption", "--max-new-tokens", "12"], FEW),
           Case(["caption", "--max-new-tokens", "9", "--num-beams", "3", "--prompt", "a photo of the"], FEW[:2])]
ASKED = [{**image, "question": question} for image in FEW
         for question in ("How many red boats are there?", "Is the museum open on Thursday?")]
VQA = [Case(["vqa", "--max-new-tokens", "8"], ASKED), Case(["vqa", "--max-new-tokens", "8", "--num-beams", "2"], ASKED[:2])]


def blip(name, about, model, cases, vision=None, text=None, tokenizer="bert", **more):
    """The mark that begins a text lies behind the words of the vocabulary, as in the real files."""
    return Golden(name, about, model, tokenizer,
                  {"vision_config": {**TOWER, "image_size": 32, "patch_size": 8, **(vision or {})},
                   "text_config": {**TEXT, **(text or {})}}, cases,
                  files=processor("BlipImageProcessor", SQUARE, resample=3), max_length=40, texts=True, **more)


BLIP = [
    blip("blip-caption", "BLIP that describes, as pickled weights", "BlipForConditionalGeneration", CAPTION, weights="bin"),
    blip("blip-caption-deep", "more layers of text, fewer of pictures, another activation", "BlipForConditionalGeneration",
         CAPTION, {"num_hidden_layers": 1, "hidden_act": "gelu_pytorch_tanh"}, {"num_hidden_layers": 3, "hidden_act": "relu"}),
    blip("blip-caption-wide", "wider pictures than words", "BlipForConditionalGeneration", CAPTION[:1],
         {"hidden_size": 36, "layer_norm_eps": 1e-3}, {"hidden_size": 16, "num_attention_heads": 2, "layer_norm_eps": 1e-6}),
    blip("blip-vqa", "BLIP that answers", "BlipForQuestionAnswering", VQA),
    blip("blip-vqa-deep", "more layers", "BlipForQuestionAnswering", VQA, {"num_hidden_layers": 3}, {"num_hidden_layers": 3}),
    blip("blip-vqa-heads", "other heads and patches", "BlipForQuestionAnswering", VQA[:1],
         {"num_attention_heads": 2, "patch_size": 16}, {"num_attention_heads": 4, "intermediate_size": 20}),
]


def sizes(vocab):
    """Fields of text_config, of a vocabulary of so many words."""
    return {"vocab_size": vocab + 2, "bos_token_id": vocab, "sep_token_id": 3, "pad_token_id": 0}


def pipe(task, folder):
    import transformers as tf
    return tf.pipeline(task, model=str(folder), dtype=torch.float32, device=-1,
                       tokenizer=tf.AutoTokenizer.from_pretrained(folder, model_input_names=["input_ids", "attention_mask"]),
                       image_processor=tf.AutoImageProcessor.from_pretrained(folder, use_fast=False))


def settings(o):
    return {name: getattr(o, name) for name in ("max_new_tokens", "num_beams") if getattr(o, name)}


def caption(golden, folder, o, inputs):
    import transformers as tf
    from golden.vision import image_of
    if golden.release == 5:
        p = documents.parts(folder, tf.VisionEncoderDecoderModel)
        return [documents.prompted(p, image_of(i), o.prompt, settings(o)) for i in inputs]
    p = pipe("image-to-text", folder)
    if o.prompt and p.model.config.model_type == "vision-encoder-decoder":
        return [documents.prompted(p, image_of(i), o.prompt, settings(o)) for i in inputs]
    more = {"prompt": o.prompt} if o.prompt else {}
    return [p(image_of(i), generate_kwargs=settings(o), **more) for i in inputs]


def vqa(golden, folder, o, inputs):
    from golden.vision import image_of
    if golden.release == 5:
        import transformers as tf
        p = documents.parts(folder, tf.ViltForQuestionAnswering)
        return [documents.scored(p, image_of(i), i["question"], o.top_k) for i in inputs]
    p = pipe("visual-question-answering", folder)
    if p.model.can_generate():
        p.generation_config.update(**settings(o))  # the pipeline hands on no parameters
    extra = {"top_k": o.top_k} if hasattr(o, "top_k") else {}
    return [p(image=image_of(i), question=i["question"], **extra) for i in inputs]
