#!/usr/bin/env python3
"""Writes the models that scripts/bench measures: real shapes with seeded random weights and a real
tokenizer, so that speed and memory are those of the real checkpoints and nothing is downloaded.

usage: make_models.py [NAME...]   (into build/bench-models; run by scripts/bench when one is missing)
Needs the Python of `scripts/setup --reference`, and models/all-MiniLM-L6-v2 of `scripts/setup`.
"""
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import torch
import transformers as tf

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "bench-models"
MINILM = ROOT / "models" / "all-MiniLM-L6-v2"
CONLL = ["O", "B-MISC", "I-MISC", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def labels(names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def save(name, cls, config, tokenizer):
    """A checkpoint of this class with weights as its own initialisation draws them."""
    torch.manual_seed(1)
    folder = OUT / name
    part = OUT / f"{name}.partial"
    shutil.rmtree(part, ignore_errors=True)
    cls(config).eval().save_pretrained(part)
    for file in ("tokenizer.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(MINILM / file, part)
    settings = json.loads((MINILM / "tokenizer_config.json").read_text())
    settings.update(model_max_length=512, tokenizer_class=tokenizer)
    (part / "tokenizer_config.json").write_text(json.dumps(settings))
    os.replace(part, folder)


def distilbert():
    config = tf.DistilBertConfig(**labels(["NEGATIVE", "POSITIVE"]))
    save("distilbert", tf.DistilBertForSequenceClassification, config, "DistilBertTokenizer")


def bert_ner():
    save("bert-ner", tf.BertForTokenClassification, tf.BertConfig(**labels(CONLL)), "BertTokenizer")


def export(model, names, output, to):
    """A network for onnxruntime, with free batch and length."""
    tokens = torch.ones(2, 8, dtype=torch.long)
    free = {0: "batch", 1: "length"}
    torch.onnx.export(model.eval(), (tokens,) * len(names), str(to), input_names=names, output_names=[output],
                      opset_version=17, dynamo=False, dynamic_axes={**{name: free for name in names}, output: free})


def distilbert_onnx():
    """The same weights for onnxruntime."""
    if not (OUT / "distilbert").exists():
        distilbert()
    model = tf.AutoModelForSequenceClassification.from_pretrained(OUT / "distilbert", attn_implementation="eager")
    part = OUT / "distilbert.onnx.partial"
    export(model, ["input_ids", "attention_mask"], "logits", part)
    os.replace(part, OUT / "distilbert.onnx")


def minilm_int8():
    """The same weights for onnxruntime, quantised as its documentation does for a processor without VNNI."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    whole, part = OUT / "minilm.partial.onnx", OUT / "minilm.partial.int8.onnx"

    class Hidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = tf.AutoModel.from_pretrained(MINILM, attn_implementation="eager")

        def forward(self, ids, mask):
            return self.model(input_ids=ids, attention_mask=mask).last_hidden_state
    export(Hidden(), ["input_ids", "attention_mask"], "hidden", whole)
    quantize_dynamic(whole, part, weight_type=QuantType.QInt8, reduce_range=True)
    whole.unlink()
    os.replace(part, OUT / "all-MiniLM-L6-v2.int8.onnx")


def words(folder, count, specials, around="$A </s>"):
    """A tokenizer whose words are w5, w6, …: ids can be chosen, and every program has the same."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    vocab = {f"w{i}": i for i in range(count)}
    for token, i in specials.items():
        del vocab[f"w{i}"]
        vocab[token] = i
    made = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(list(specials))
    made.post_processor = processors.TemplateProcessing(
        single=around, special_tokens=[(token, i) for token, i in specials.items() if token in around])
    tf.PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
                               bos_token="<s>" if "<s>" in specials else None).save_pretrained(folder)


def seq2seq(name, cls, config, specials, **fields):
    torch.manual_seed(1)
    part = OUT / f"{name}.partial"
    shutil.rmtree(part, ignore_errors=True)
    cls(config).eval().save_pretrained(part)
    words(part, config.vocab_size, specials)
    file = part / "config.json"  # fields of the original configs that the converter of CTranslate2 reads
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}, indent=1))
    os.replace(part, OUT / name)


def opus_mt():
    sizes = {f"{side}_{name}": size for side in ("encoder", "decoder")
             for name, size in (("layers", 6), ("attention_heads", 8), ("ffn_dim", 2048))}
    config = tf.MarianConfig(vocab_size=59514, d_model=512, activation_function="swish", scale_embedding=True,
                             max_position_embeddings=512, pad_token_id=59513, decoder_start_token_id=59513,
                             eos_token_id=0, forced_eos_token_id=None, **sizes)
    seq2seq("opus-mt", tf.MarianMTModel, config, {"</s>": 0, "<unk>": 1, "<pad>": 59513},
            static_position_embeddings=True)


def bart_large():
    config = tf.BartConfig(vocab_size=50264, forced_eos_token_id=None)
    seq2seq("bart-large", tf.BartForConditionalGeneration, config, {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3},
            normalize_before=False, normalize_embedding=True, add_final_layer_norm=False,
            static_position_embeddings=False)


def ct2(name):
    """The same weights for CTranslate2."""
    def make():
        if not (OUT / name).exists():
            ALL[name]()
        from ctranslate2.converters import TransformersConverter
        more = [f for f in ("tokenizer.json", "preprocessor_config.json") if name.startswith("whisper")]
        TransformersConverter(str(OUT / name), copy_files=more).convert(str(OUT / f"{name}.ct2"), force=True)
    return make


def generator(name, model, tokenizer, dtype=torch.float32):
    """A decoder with random weights of a real shape and the real tokenizer of its family."""
    subprocess.run([sys.executable, Path(__file__).parent / "make_tokenizers.py", tokenizer], check=True)
    torch.manual_seed(1)
    part = OUT / f"{name}.partial"
    shutil.rmtree(part, ignore_errors=True)
    model().to(dtype).eval().save_pretrained(part)
    for file in (ROOT / "build" / "tokenizers" / tokenizer).iterdir():
        shutil.copy(file, part)
    os.replace(part, OUT / name)


def qwen():
    config = tf.Qwen2Config(vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24,
                            num_attention_heads=14, num_key_value_heads=2, rope_theta=1e6,
                            tie_word_embeddings=True, max_position_embeddings=32768)
    generator("qwen2.5-0.5b", lambda: tf.Qwen2ForCausalLM(config), "qwen", torch.bfloat16)


def gpt2():
    generator("gpt2", lambda: tf.GPT2LMHeadModel(tf.GPT2Config()), "gpt2")


def qwen_gguf(kind="BF16", name="qwen2.5-0.5b.gguf"):
    """The same weights for llama.cpp."""
    if not (OUT / "qwen2.5-0.5b").exists():
        qwen()
    import to_gguf
    part = OUT / f"{name}.partial"
    to_gguf.convert(OUT / "qwen2.5-0.5b", part, kind)
    os.replace(part, OUT / name)


def photos():
    """64 pictures of 640 x 480 with the detail of photos, as JPEG."""
    import numpy
    from PIL import Image
    part = OUT / "photos.partial"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for i in range(64):
        random = numpy.random.default_rng(i)
        coarse = Image.fromarray(random.integers(0, 256, (20, 26, 3), dtype=numpy.uint8)).resize((640, 480), Image.BICUBIC)
        noisy = numpy.asarray(coarse).astype(int) + random.integers(-12, 13, (480, 640, 3))
        Image.fromarray(noisy.clip(0, 255).astype(numpy.uint8)).save(part / f"{i:04}.jpg", quality=90)
    os.replace(part, OUT / "photos")


def recordings():
    """Sounds of many lengths, as FLAC of 16 kHz."""
    import numpy
    import soundfile
    part = OUT / "recordings.partial"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for i in range(24):
        random = numpy.random.default_rng(i)
        t = numpy.arange(int(16000 * random.uniform(2, 12))) / 16000
        tones = sum(numpy.sin(2 * numpy.pi * f * t + numpy.sin(3 * t)) for f in random.uniform(80, 3000, 6)) / 12
        soundfile.write(part / f"{i:04}.flac", tones + random.normal(0, 0.02, len(t)), 16000)
    os.replace(part, OUT / "recordings")


def pictured(name, model, processor):
    """A model of media with random weights of a real shape, and the settings of its processor."""
    torch.manual_seed(1)
    part = OUT / f"{name}.partial"
    shutil.rmtree(part, ignore_errors=True)
    model().eval().save_pretrained(part)
    processor().save_pretrained(part)
    os.replace(part, OUT / name)


def vit_base():
    config = tf.ViTConfig(num_labels=1000)
    pictured("vit-base", lambda: tf.ViTForImageClassification(config), tf.ViTImageProcessor)


def detr_r50():
    backbone = tf.ResNetConfig(out_features=["stage4"])
    config = tf.DetrConfig(use_timm_backbone=False, backbone=None, use_pretrained_backbone=False, backbone_config=backbone,
                           num_labels=91)
    pictured("detr-r50", lambda: tf.DetrForObjectDetection(config), tf.DetrImageProcessor)


def seeing_onnx(name, auto, outputs):
    """The same weights for onnxruntime, for pictures of the size that the photos become."""
    def make():
        if not (OUT / name).exists():
            ALL[name]()
        model = getattr(tf, auto).from_pretrained(OUT / name, attn_implementation="eager")
        height, width = (224, 224) if name == "vit-base" else (800, 1066)
        part = OUT / f"{name}.partial.onnx"
        torch.onnx.export(model.eval(), (torch.zeros(1, 3, height, width),), str(part), input_names=["pixel_values"],
                          output_names=outputs, opset_version=17, dynamo=False,
                          dynamic_axes={x: {0: "batch"} for x in ["pixel_values", *outputs]})
        os.replace(part, OUT / f"{name}.onnx")
    return make


def mask2former_swin_b():
    backbone = tf.SwinConfig(image_size=384, embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32], window_size=12,
                             out_features=["stage1", "stage2", "stage3", "stage4"])
    config = tf.Mask2FormerConfig(backbone_config=backbone, num_labels=133)
    pictured("mask2former-swin-b", lambda: tf.Mask2FormerForUniversalSegmentation(config),
             lambda: tf.Mask2FormerImageProcessor(size={"height": 384, "width": 384}, ignore_index=255))


def whisper_small():
    """With the tokenizer of openai-whisper, whose files that package holds."""
    import whisper
    from transformers.convert_slow_tokenizer import TikTokenConverter
    from whisper.tokenizer import LANGUAGES
    specials = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in list(LANGUAGES)[:99]), "<|translate|>",
                "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    times = [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    made = TikTokenConverter(str(Path(whisper.__file__).parent / "assets" / "multilingual.tiktoken"),
                             additional_special_tokens=specials).converted()
    made.add_tokens(times)
    ids = {token: made.token_to_id(token) for token in specials}
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    config = tf.WhisperConfig(vocab_size=51865, d_model=768, encoder_layers=12, decoder_layers=12, encoder_attention_heads=12,
                              decoder_attention_heads=12, encoder_ffn_dim=3072, decoder_ffn_dim=3072, pad_token_id=end,
                              bos_token_id=end, eos_token_id=end, decoder_start_token_id=start, suppress_tokens=None,
                              begin_suppress_tokens=None)
    torch.manual_seed(1)
    part = OUT / "whisper-small.partial"
    shutil.rmtree(part, ignore_errors=True)
    tf.WhisperForConditionalGeneration(config).eval().save_pretrained(part)
    tf.WhisperTokenizerFast(tokenizer_object=made, additional_special_tokens=specials, pad_token=specials[0],
                            unk_token=specials[0], bos_token=specials[0], eos_token=specials[0]).save_pretrained(part)
    tf.WhisperFeatureExtractor().save_pretrained(part)
    (part / "generation_config.json").write_text(json.dumps(
        {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start, "max_length": 448,
         "no_timestamps_token_id": ids["<|notimestamps|>"], "is_multilingual": True,
         "lang_to_id": {t: ids[t] for t in specials[2:101]}, "alignment_heads": [[5, 3], [8, 0]],
         "task_to_id": {t: ids[f"<|{t}|>"] for t in ("transcribe", "translate")}}))
    os.replace(part, OUT / "whisper-small")


def blip_base():
    """Its vocabulary has the two marks more that BLIP's own has."""
    config = tf.BlipConfig()
    config.text_config.bos_token_id, config.text_config.sep_token_id = 30522, 102
    config.vision_config.initializer_range = 0.02  # as drawn by default, all pictures are one
    pictured("blip-base", lambda: tf.BlipForConditionalGeneration(config), tf.BlipImageProcessor)
    for file in ("tokenizer.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(MINILM / file, OUT / "blip-base")
    settings = json.loads((MINILM / "tokenizer_config.json").read_text())
    settings.update(model_max_length=512, tokenizer_class="BertTokenizer", model_input_names=["input_ids", "attention_mask"])
    (OUT / "blip-base" / "tokenizer_config.json").write_text(json.dumps(settings))


def llava_small():
    """CLIP's ViT-B/16 before a Llama of 0.2 billion weights."""
    vision = {"model_type": "clip_vision_model", "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
              "num_attention_heads": 12, "image_size": 224, "patch_size": 16, "initializer_range": 0.02}
    text = {"model_type": "llama", "vocab_size": 32064, "hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 12,
            "num_attention_heads": 16, "num_key_value_heads": 4, "max_position_embeddings": 4096}
    config = tf.LlavaConfig(vision_config=vision, text_config=text, image_token_index=32000)
    torch.manual_seed(1)
    part = OUT / "llava-small.partial"
    shutil.rmtree(part, ignore_errors=True)
    tf.LlavaForConditionalGeneration(config).eval().save_pretrained(part)
    words(part, 32064, {"<s>": 1, "</s>": 2, "<unk>": 0, "<image>": 32000, "<pad>": 32001}, "<s> $A")
    template = ("{% for message in messages %}{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image> ' }}"
                "{% else %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}{% endfor %}")
    tokenizer = tf.AutoTokenizer.from_pretrained(part, model_input_names=["input_ids", "attention_mask"])
    tf.LlavaProcessor(tf.CLIPImageProcessor(), tokenizer, patch_size=16, chat_template=template,
                      vision_feature_select_strategy="default", num_additional_image_tokens=1).save_pretrained(part)
    os.replace(part, OUT / "llava-small")


def wav2vec2_base():
    config = tf.Wav2Vec2Config(num_labels=12, use_weighted_layer_sum=True)
    pictured("wav2vec2-base", lambda: tf.Wav2Vec2ForSequenceClassification(config), tf.Wav2Vec2FeatureExtractor)


def minilm():
    os.symlink(os.path.relpath(MINILM, OUT), OUT / "all-MiniLM-L6-v2")


ALL = {"distilbert": distilbert, "bert-ner": bert_ner, "distilbert.onnx": distilbert_onnx,
       "opus-mt": opus_mt, "opus-mt.ct2": ct2("opus-mt"), "bart-large": bart_large,
       "bart-large.ct2": ct2("bart-large"), "all-MiniLM-L6-v2": minilm, "all-MiniLM-L6-v2.int8.onnx": minilm_int8,
       "qwen2.5-0.5b": qwen, "qwen2.5-0.5b.gguf": qwen_gguf,
       **{f"qwen2.5-0.5b.{kind.lower()}.gguf": lambda kind=kind: qwen_gguf(kind, f"qwen2.5-0.5b.{kind.lower()}.gguf")
          for kind in ("Q8_0", "Q4_0")},
       "gpt2": gpt2, "photos": photos, "vit-base": vit_base,
       "whisper-small": whisper_small, "whisper-small.ct2": ct2("whisper-small"),
       "detr-r50": detr_r50, "mask2former-swin-b": mask2former_swin_b, "blip-base": blip_base, "llava-small": llava_small,
       "vit-base.onnx": seeing_onnx("vit-base", "AutoModelForImageClassification", ["logits"]),
       "detr-r50.onnx": seeing_onnx("detr-r50", "AutoModelForObjectDetection", ["logits", "pred_boxes"]),
       "recordings": recordings, "wav2vec2-base": wav2vec2_base}


def main():
    tf.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    OUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or ALL:
        if not (OUT / name).exists():
            ALL[name]()
            print(f"make_models: {OUT.relative_to(ROOT) / name}", file=sys.stderr)


if __name__ == "__main__":
    main()
