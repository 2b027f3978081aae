"""The golden checkpoints of vision-language models, in the layouts their repositories have; their cases, and what the
image-text-to-text pipeline answers."""
import copy

import torch
import transformers as tf

from golden.answers import put
from golden.models import Case, Golden
from golden.vision import image_of, processor

TOWER = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40, "image_size": 32,
         "patch_size": 8}
TEXT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48,
        "max_position_embeddings": 512}
SQUARE = {"height": 32, "width": 32}
# Pictures first, whatever the order of the parts, as LLaVA-1.5's does.
TURNS = ("{% for message in messages %}{{ message['role'] | upper }}: "
         "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\\n' }}{% endfor %}"
         "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endfor %}{% endfor %}"
         "{% if add_generation_prompt %}ASSISTANT:{% endif %}")
PLACE = "<|vision_start|><|image_pad|><|vision_end|>"


def marked(place):
    """ChatML, whose pictures stand where the user has them."""
    return ("{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}{% if message.content is string %}"
            "{{ message.content }}{% else %}{% for part in message.content %}{% if part.type == 'image' %}" + place +
            "{% elif 'text' in part %}{{ part.text }}{% endif %}{% endfor %}{% endif %}{{ '<|im_end|>\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def said(*parts, role="user"):
    """A message; None stands for a picture."""
    return {"role": role, "content": [{"type": "image"} if p is None else {"type": "text", "text": p} for p in parts]}


def asked(question, names, *messages):
    return {"messages": [*messages, said(*[None] * len(names), question)], "image": [f"pictures/{n}" for n in names]}


NEW = ["--max-new-tokens", "10", "--dtype", "float32"]  # the files hold float16
CHATS = [asked("Who counts the boats?", ["wide.png"]), asked("Is the museum open?", ["tall.jpg"]),
         asked("Why?", ["turned.jpg"], said("Be brief.", role="system"))]
TWO = [asked("Which is the harbour?", ["wide.png", "clear.png"]),
       {"messages": [said("Look at", None, "and then at", None, "once more."), said("Yes.", role="assistant"),
                     said("Why is the clock late?")],
        "image": ["pictures/half.jpg", "pictures/grey.png"]}]
ALONE = [{"messages": [said("Who counts the boats?")]}]
QUESTIONS = [{"image": f"pictures/{name}", "question": question} for name in ("wide.png", "palette.png")
             for question in ("How many red boats are there?", "Is the museum open on Thursday?")]


def cases(raw, *more):
    """raw: prompts with places for pictures, each with its pictures."""
    texts = [{"text": text, "image": names if len(names) > 1 else names[0]} for text, names in raw]
    return [Case(["generate", "--no-full-text", *NEW], [*CHATS, *ALONE]), Case(["generate", *NEW], texts),
            Case(["generate", "--no-full-text", "--num-beams", "3", *NEW], CHATS[:2]),
            Case(["vqa", *NEW], QUESTIONS),
            Case(["caption", *NEW], [{"image": "pictures/tall.jpg"}]), *more]


SEVERAL = Case(["generate", "--no-full-text", *NEW], TWO)
RAW = cases([("USER: <image>\nWho counts the boats? ASSISTANT:", ["pictures/wide.png"])])


def language(model_type, **more):
    return {"model_type": model_type, **TEXT, **more}


def llava(name, about, text, vision, files, cases=RAW, tokenizer="llama", **more):
    config = {"text_config": text, "vision_config": {"model_type": "clip_vision_model", **TOWER, **vision}, **more.pop("config", {})}
    return Golden(name, about, "LlavaForConditionalGeneration", tokenizer, config, cases, files=files, std=0.3, dtype="float16", **more)


def crops(edge, kind="CLIPImageProcessor", **more):
    return processor(kind, {"shortest_edge": edge}, resample=3, do_center_crop=True, crop_size={"height": edge, "width": edge},
                     **more)


def says(**fields):
    return {"processor_config.json": {"processor_class": "LlavaProcessor", "image_token": "<image>", **fields}}


LLAVA = [
    llava("llava", "LLaVA-1.5 as its repository is: old names, the template in JSON, the processor's fields by themselves",
          language("llama"), {}, {**crops(32), **says(patch_size=8, vision_feature_select_strategy="default",
                                                     num_additional_image_tokens=1), "chat_template.json": {"chat_template": TURNS}}),
    llava("llava-new-names", "LLaVA under the names of later releases; states of two layers, all tokens", language("mistral"),
          {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 36},
          {**crops(32, "LlavaImageProcessor"), **says(patch_size=8, vision_feature_select_strategy="full",
                                                     num_additional_image_tokens=1), "chat_template.jinja": TURNS},
          cases=[*RAW, SEVERAL], edits=["new llava names"],
          config={"vision_feature_layer": [-2, 1], "vision_feature_select_strategy": "full", "multimodal_projector_bias": False,
                  "projector_hidden_act": "gelu_pytorch_tanh"}),
    llava("llava-siglip", "LLaVA with SigLIP's tower and Qwen2's text, tied; pictures made squares first",
          language("qwen2", tie_word_embeddings=True),
          {"model_type": "siglip_vision_model", "hidden_size": 32, "num_attention_heads": 4, "image_size": 48, "patch_size": 12},
          {**crops(48, "LlavaImageProcessor", do_pad=True), **says(patch_size=12, vision_feature_select_strategy="full",
                                                                  num_additional_image_tokens=0),
           "chat_template.jinja": marked("<image>\n")}, tokenizer="qwen2/images", cases=[*RAW, SEVERAL],
          config={"vision_feature_layer": -1, "vision_feature_select_strategy": "full"}),
]
GRIDS = [[16 * a, 16 * b] for a in (1, 2, 3) for b in (1, 2, 3)]
OV_RAW = cases([("<image>\nWho counts the boats?", ["pictures/wide.png"]), ("Why? <image> A", ["pictures/tall.jpg"])], SEVERAL)


def onevision(name, about, text, vision, tiles, aspect="anyres_max_9", kind="LlavaOnevisionImageProcessor", cases=OV_RAW, **more):
    edge = vision["image_size"]
    side = edge // vision["patch_size"]
    config = {"text_config": text, "vision_config": {"model_type": "siglip_vision_model", **TOWER, "vision_use_head": False, **vision},
              "image_grid_pinpoints": tiles, "vision_aspect_ratio": aspect, "vision_feature_layer": -1,
              "vision_feature_select_strategy": "full"}
    files = {**processor(kind, {"height": edge, "width": edge}, resample=3, image_grid_pinpoints=tiles, do_pad=True),
             "processor_config.json": {"processor_class": "LlavaOnevisionProcessor", "image_token": "<image>", "video_token": "<video>",
                                       "num_image_tokens": side * side, "vision_feature_select_strategy": "full",
                                       "vision_aspect_ratio": aspect},
             "chat_template.jinja": marked("<image>\n"), **more.pop("files", {})}
    return Golden(name, about, "LlavaOnevisionForConditionalGeneration", "qwen2/images", config, cases, files=files, std=0.3, dtype="float16", **more)


ONEVISION = [
    onevision("llava-onevision", "LLaVA-OneVision: tiles without what pads them, a token at the end of rows, several pictures",
              language("qwen2", tie_word_embeddings=True), {"image_size": 16, "patch_size": 4}, GRIDS),
    onevision("llava-onevision-shrunk", "more tiles than it takes: shrunk; layers and heads otherwise", language("qwen2", num_hidden_layers=3),
              {"image_size": 16, "patch_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2},
              [[16 * a, 16 * b] for a in (1, 2, 4, 5) for b in (1, 3, 4, 6)], "anyres_max_4"),
    onevision("llava-onevision-fast", "on torchvision; other sizes", language("qwen2", hidden_size=24, num_attention_heads=2),
              {"image_size": 12, "patch_size": 3, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 20},
              [[12 * a, 12 * b] for a in (1, 2, 4) for b in (1, 2, 3)], kind="LlavaOnevisionImageProcessorFast"),
]
QWEN_RAW = cases([(PLACE + "Who counts the boats?", ["pictures/wide.png"]),
                  ("A" + PLACE + "B" + PLACE, ["pictures/tall.jpg", "pictures/grey.png"])], SEVERAL)


def qwen(name, about, model, text, vision, pixels, cases=QWEN_RAW, **more):
    """pixels: what preprocessor_config.json says of patches and areas."""
    config = {"text_config": text, "vision_config": vision, "tie_word_embeddings": text.get("tie_word_embeddings", False)}
    files = {**processor("Qwen2VLImageProcessor", pixels.pop("size", None), resample=3, **pixels),
             "chat_template.json": {"chat_template": marked(PLACE)}, **more.pop("files", {})}
    return Golden(name, about, model, "qwen2/vision", config, cases, files=files, std=0.3, dtype="float16", **more)


def patches(edge, **more):
    return {"patch_size": edge, "temporal_patch_size": 2, "merge_size": 2, **more}


def turning(*sections, **more):
    return {"rope_scaling": {"type": "mrope", "mrope_section": list(sections)}, "rope_theta": 10000.0, **TEXT, **more}


Q2 = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 4, "spatial_merge_size": 2,
      "temporal_patch_size": 2}
Q25 = {"depth": 3, "hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 40, "num_heads": 2, "patch_size": 4,
       "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 16, "fullatt_block_indexes": [1]}
Q3 = {"depth": 3, "hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 40, "num_heads": 2, "patch_size": 4,
      "spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 36, "deepstack_visual_indexes": [0, 1]}
Q2_CLASS, Q25_CLASS, Q3_CLASS = (f"{n}ForConditionalGeneration" for n in ("Qwen2VL", "Qwen2_5_VL", "Qwen3VL"))
WHOLE = {"min_pixels": 8 * 8 * 4, "max_pixels": 8 * 8 * 60}
QWEN = [
    qwen("qwen2-vl", "Qwen2-VL as its first repositories are: a flat config, areas by name, old names", Q2_CLASS,
         turning(2, 1, 1, tie_word_embeddings=True), Q2, patches(4, **WHOLE), edits=["flat config"]),
    qwen("qwen2-vl-deep", "Qwen2-VL: more layers, wider heads, small areas", Q2_CLASS, turning(4, 2, 2, num_hidden_layers=3, num_attention_heads=2),
         {**Q2, "depth": 3, "embed_dim": 24, "num_heads": 3, "mlp_ratio": 1.5}, patches(4, size={"shortest_edge": 256, "longest_edge": 900})),
    qwen("qwen2-vl-patches", "Qwen2-VL: patches of 7, a kernel of 3 times, groups of 9", Q2_CLASS, turning(1, 1, 2, hidden_size=40, num_attention_heads=5, num_key_value_heads=1),
         {**Q2, "embed_dim": 16, "patch_size": 7, "temporal_patch_size": 3, "spatial_merge_size": 3, "hidden_size": 40},
         {"patch_size": 7, "temporal_patch_size": 3, "merge_size": 3, "min_pixels": 21 * 21, "max_pixels": 21 * 21 * 12}),
    qwen("qwen2-5-vl", "Qwen2.5-VL: windows that fit and that do not", Q25_CLASS, turning(2, 1, 1), Q25, patches(4, **WHOLE)),
    qwen("qwen2-5-vl-deep", "Qwen2.5-VL: more blocks, wide windows, tied", Q25_CLASS, turning(4, 2, 2, num_attention_heads=2, tie_word_embeddings=True),
         {**Q25, "depth": 4, "hidden_size": 24, "num_heads": 3, "window_size": 24, "fullatt_block_indexes": [0, 3]},
         patches(4, min_pixels=64, max_pixels=8 * 8 * 40)),
    qwen("qwen2-5-vl-narrow", "Qwen2.5-VL: no block that attends to all, windows of one group", Q25_CLASS, turning(2, 1, 1, num_hidden_layers=1),
         {**Q25, "depth": 2, "window_size": 8, "fullatt_block_indexes": []}, patches(4, size={"shortest_edge": 64, "longest_edge": 3000})),
    qwen("qwen3-vl", "Qwen3-VL: deepstack, interleaved positions, sampled tables", Q3_CLASS,
         {**TEXT, "head_dim": 16, "rope_theta": 10000.0, "tie_word_embeddings": True,
          "rope_scaling": {"rope_type": "default", "mrope_section": [4, 2, 2], "mrope_interleaved": True}},
         Q3, patches(4, size={"shortest_edge": 256, "longest_edge": 4000})),
    qwen("qwen3-vl-deep", "Qwen3-VL: one layer of text, more of deepstack", Q3_CLASS,
         {**TEXT, "num_hidden_layers": 1, "head_dim": 8, "rope_theta": 500.0,
          "rope_scaling": {"rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True}},
         {**Q3, "depth": 4, "deepstack_visual_indexes": [1, 2], "num_position_embeddings": 25, "hidden_size": 24, "num_heads": 3},
         patches(4, size={"shortest_edge": 64, "longest_edge": 2000})),
    qwen("qwen3-vl-wide", "Qwen3-VL: wide heads, patches of 6", Q3_CLASS,
         {**TEXT, "num_hidden_layers": 3, "num_attention_heads": 2, "head_dim": 24, "rope_theta": 10000.0,
          "rope_scaling": {"rope_type": "default", "mrope_section": [4, 4, 4], "mrope_interleaved": True}},
         {**Q3, "hidden_size": 16, "intermediate_size": 20, "patch_size": 6, "deepstack_visual_indexes": [2, 0, 1], "num_position_embeddings": 64},
         patches(6, size={"shortest_edge": 144, "longest_edge": 6000})),
]
SPLIT_TURNS = ("<|im_start|>{% for message in messages %}{{ message.role | capitalize }}"
               "{% if message.content[0].type == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
               "{% for part in message.content %}{% if part.type == 'image' %}{{ '<image>' }}{% else %}{{ part.text }}{% endif %}"
               "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}")
SPLIT_RAW = cases([("<image>Who counts the boats?", ["pictures/wide.png"]), ("A <image> and <image>", ["pictures/tall.jpg", "pictures/grey.png"])], SEVERAL)


def idefics3(name, about, kind, text, vision, images, scale=2, cases=SPLIT_RAW, **more):
    """images: what preprocessor_config.json says beside the defaults."""
    edge = images["max_image_size"]["longest_edge"]
    tokens = (edge // vision["patch_size"] // scale) ** 2
    files = {**processor(images.pop("class", f"{kind}ImageProcessor"), images.pop("size"), resample=1, do_pad=True, **images),
             "processor_config.json": {"processor_class": f"{kind}Processor", "image_seq_len": tokens},
             "chat_template.json": {"chat_template": SPLIT_TURNS}, **more.pop("files", {})}
    config = {"text_config": text, "vision_config": vision, "scale_factor": scale, **more.pop("config", {})}
    return Golden(name, about, f"{kind}ForConditionalGeneration", more.pop("tokenizer", "qwen2/squares"), config, cases, files=files,
                  std=0.3, dtype="float16", **more)


IDEFICS3 = [
    idefics3("smolvlm", "SmolVLM: pictures in squares named by row and column, and the whole", "SmolVLM", language("llama"), TOWER,
             {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}, "do_image_splitting": True}),
    idefics3("idefics3-whole", "Idefics3 without splitting; squares of nine patches, a tied text", "Idefics3",
             language("llama", tie_word_embeddings=True, hidden_size=40, num_attention_heads=5, num_key_value_heads=1),
             {**TOWER, "image_size": 24, "patch_size": 4, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 3},
             {"size": {"longest_edge": 50}, "max_image_size": {"longest_edge": 24}, "do_image_splitting": False}, scale=3),
    idefics3("idefics3-sparse", "Idefics3 whose squares have fewer patches than there are positions; a size of its own, "
             "on Pillow whatever its name", "Idefics3", language("mistral"),
             {**TOWER, "image_size": 56, "patch_size": 4},
             {"size": {"height": 50, "width": 90}, "max_image_size": {"longest_edge": 32}, "class": "Idefics3ImageProcessorFast"}),
]
V5_FIELDS = {"processor_class": "LlavaProcessor", "image_token": "<image>", "patch_size": 8, "num_additional_image_tokens": 1,
             "vision_feature_select_strategy": "default",
             "image_processor": crops(32, "CLIPImageProcessorPil")["preprocessor_config.json"]}
V5_IDEFICS3 = {"image_seq_len": 4, "processor_class": "Idefics3Processor",
              "image_processor": processor("Idefics3ImageProcessorPil", {"longest_edge": 70}, max_image_size={"longest_edge": 24},
                                           resample=1, do_image_splitting=True)["preprocessor_config.json"]}
VERSION_5 = [idefics3("v5-idefics3", "As transformers 5 saves it: Idefics3, one file for the processor", "Idefics3",
                      language("llama"), {**TOWER, "image_size": 32, "patch_size": 6},
                      {"size": None, "max_image_size": {"longest_edge": 24}}, release=5, tokenizer="of smolvlm",
                      files={"preprocessor_config.json": None, "processor_config.json": V5_IDEFICS3,
                             "chat_template.json": None, "chat_template.jinja": SPLIT_TURNS}),
             llava("v5-llava", "As transformers 5 saves it: LLaVA, the tower's names without vision_model, one file for the processor",
                   language("llama", tie_word_embeddings=False), {"num_hidden_layers": 3},
                   {"processor_config.json": V5_FIELDS, "chat_template.jinja": TURNS}, tokenizer="of llava", release=5)]
VISION_LANGUAGE = LLAVA + ONEVISION + QWEN + IDEFICS3 + VERSION_5


def new_llava_names(tensors):
    """As transformers has them in memory since 4.52."""
    def renamed(name):
        for old, new in (("language_model.model", "model.language_model"), ("vision_tower", "model.vision_tower"),
                         ("multi_modal_projector", "model.multi_modal_projector"), ("language_model.lm_head", "lm_head")):
            if name.startswith(old):
                return new + name.removeprefix(old)
        return name
    return {renamed(k): v for k, v in tensors.items()}


def save(golden, folder, widen, name_tokens):
    """The checkpoint with its processor; its files' images tokens are the tokenizer's."""
    from golden import tokenizers_of
    tokenizer = tokenizers_of.make(golden.tokenizer, folder, golden.max_length or 4096)
    ids = tokenizer.get_vocab()
    config = copy.deepcopy(golden.config)
    config["text_config"]["vocab_size"] = len(tokenizer)
    place = next(t for t in ("<image>", "<|image_pad|>") if t in ids)
    config["image_token_index" if golden.model.startswith("Llava") else "image_token_id"] = ids[place]
    if place == "<image>":
        if "<video>" in ids:
            config["video_token_index"] = ids["<video>"]
    else:
        config.update({"video_token_id": ids["<|video_pad|>"], "vision_start_token_id": ids["<|vision_start|>"],
                       "vision_end_token_id": ids["<|vision_end|>"]})
    torch.manual_seed(sum(golden.name.encode()))
    cls = getattr(tf, golden.model)
    model = cls(cls.config_class(**config)).eval()
    widen(model, golden.std)
    model.tie_weights()
    name_tokens(model, tokenizer)
    for part in (model.config, model.generation_config):
        part.pad_token_id = ids.get("<pad>", ids.get("<|endoftext|>"))
    if golden.dtype:
        model = model.to(getattr(torch, golden.dtype))
    model.save_pretrained(folder)
    for name, content in golden.files.items():
        if content is None:
            continue
        if isinstance(content, str):
            (folder / name).write_text(content)
        else:
            put(folder / name, {k: v for k, v in content.items() if v is not None})


def flatten(content):
    """The language model's fields among the others', as the first files of Qwen2-VL have them."""
    text = content.pop("text_config")
    return {**{k: v for k, v in text.items() if k not in ("model_type", "layer_types")}, **content}


def messages_of(row):
    if "messages" in row:
        return copy.deepcopy(row["messages"])
    return [said(None, row.get("question", "Describe this image."))]


def answers(golden, folder, args, inputs):
    from golden.decoders import arguments
    from transformers.models.smolvlm import processing_smolvlm
    processing_smolvlm.num2words = str  # said of videos alone
    pipe = tf.pipeline("image-text-to-text", model=str(folder), dtype=torch.float32, device=-1)
    given, _ = arguments(args[1:])
    full = given.pop("return_full_text", True)
    outputs = []
    for row in inputs:
        names = row.get("image", [])
        images = [image_of({"image": n}) for n in ([names] if isinstance(names, str) else names)]
        if "text" in row:
            text = row["text"]
        else:  # the pictures' paths in the parts: version 5 takes them only there
            text, given_images, images = messages_of(row), iter(images), []
            for message in text:
                for part in message["content"]:
                    if part["type"] == "image":
                        part["image"] = next(given_images)
        more = {"generate_kwargs": dict(given), "return_full_text": full and "text" in row}
        if images:
            answer = pipe(images=images, text=text, **more)
        else:
            answer = pipe(text=text, **more)
        field = "answer" if args[0] == "vqa" else "generated_text"
        outputs.append([{field: a["generated_text"] if args[0] == "generate" else a["generated_text"].strip()} for a in answer])
    return outputs
