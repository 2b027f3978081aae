"""The golden checkpoints of image models and their cases, as data; and what the reference's pipelines answer."""
import re
import sys

import torch

from golden import photos
from golden.models import Case, Golden, labels


def importable_torchvision():
    """A torchvision that was built for CUDA imports beside a CPU torch once the operators it adds to are declared."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    while True:
        try:
            import torchvision  # noqa: F401
            return library
        except ImportError:
            return None
        except RuntimeError as error:
            name = re.search(r"torchvision::(\w+)", str(error)).group(1)
            library.define(f"{name}(Tensor x) -> Tensor")
            for module in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
                del sys.modules[module]


LIBRARY = importable_torchvision()  # kept: its declarations go with it


def processor(kind, size, **more):
    """preprocessor_config.json of a class that Pillow serves."""
    fields = {"image_processor_type": kind, "do_resize": True, "size": size, "resample": 2, "do_rescale": True,
              "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.48, 0.45, 0.41],
              "image_std": [0.23, 0.22, 0.26]}
    return {"preprocessor_config.json": {**fields, **more}}


def images(names=photos.NAMES):
    return [{"image": f"pictures/{name}"} for name in names]


SPECIES = ["tench, Tinca tinca", "Egyptian cat", "red-haired fox", "jar", "pier"]
SQUARE = {"height": 32, "width": 32}
SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40, "image_size": 32,
         "patch_size": 8}
CLASSIFY = [Case(["image-classify"], images()), Case(["image-classify", "--top-k", "2"], images(["wide.png", "tall.jpg"])),
            Case(["image-classify", "--top-k", "all", "--function-to-apply", "none"], images(["wide.png", "tall.jpg"]))]
FEW = [Case(["image-classify"], images(["wide.png", "tall.jpg", "clear.png"]))]


def vision(name, about, model, config, files, cases=FEW, **more):
    return Golden(name, about, model, "", {**labels(SPECIES), **config}, cases, files=files, **more)


VIT = processor("ViTImageProcessor", SQUARE)
OLD_VIT = {"preprocessor_config.json": {"feature_extractor_type": "ViTFeatureExtractor", "do_normalize": True, "do_resize": True,
                                        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2, "size": 32}}
RESNET = {"embedding_size": 8, "hidden_sizes": [16, 32, 48], "depths": [2, 1, 2]}
CROPPED = processor("ConvNextImageProcessor", {"shortest_edge": 48}, crop_pct=0.875, resample=3)

VISION = [
    vision("vit", "ViT as google/vit-base-patch16-224 is", "ViTForImageClassification", SMALL, VIT, CLASSIFY),
    vision("vit-old", "ViT with a processor of 2021, without biases of q, k, v; bfloat16 weights", "ViTForImageClassification",
           {**SMALL, "qkv_bias": False, "hidden_act": "gelu_new", "layer_norm_eps": 1e-6}, OLD_VIT, dtype="bfloat16",
           cases=[Case(["image-classify", "--dtype", "float32"], images(["wide.png", "tall.jpg"]))]),
    vision("vit-multi-label", "ViT whose labels are independent; a patch that is not square", "ViTForImageClassification",
           {**SMALL, "image_size": [32, 24], "patch_size": [8, 6], "problem_type": "multi_label_classification"},
           processor("ViTImageProcessor", {"height": 32, "width": 24}, resample=3)),
    vision("deit", "DeiT, whose distilled token is not asked", "DeiTForImageClassification", SMALL,
           processor("DeiTImageProcessor", {"height": 40, "width": 40}, resample=3, do_center_crop=True, crop_size=SQUARE)),
    vision("deit-teacher", "DeiT with both heads", "DeiTForImageClassificationWithTeacher", SMALL, VIT),
    vision("deit-deep", "DeiT of more layers, one head each", "DeiTForImageClassification",
           {**SMALL, "num_hidden_layers": 4, "num_attention_heads": 1, "hidden_size": 16}, VIT),
    vision("beit", "BEiT with relative positions in each layer, scaled branches, the mean of the patches",
           "BeitForImageClassification", {**SMALL, "use_relative_position_bias": True, "layer_scale_init_value": 0.1},
           processor("BeitImageProcessor", SQUARE, resample=3), CLASSIFY),
    vision("beit-shared", "BEiT with one table of relative positions, and learned ones; the class token", "BeitForImageClassification",
           {**SMALL, "use_shared_relative_position_bias": True, "use_absolute_position_embeddings": True,
            "use_mean_pooling": False, "layer_scale_init_value": 0.0, "use_mask_token": True}, VIT),
    vision("beit-other-size", "BEiT on pictures larger than its tables", "BeitForImageClassification",
           {**SMALL, "use_relative_position_bias": True, "use_absolute_position_embeddings": True},
           processor("BeitImageProcessor", {"height": 48, "width": 40})),
    vision("dinov2", "DINOv2 with a linear head, on pictures larger than its positions", "Dinov2ForImageClassification",
           {**SMALL, "mlp_ratio": 2, "patch_size": 7, "image_size": 28},
           processor("BitImageProcessor", {"shortest_edge": 40}, do_center_crop=True, crop_size={"height": 35, "width": 35},
                     resample=3), CLASSIFY),
    vision("dinov2-gated", "DINOv2 as its giant is: gated products", "Dinov2ForImageClassification",
           {**SMALL, "mlp_ratio": 3, "use_swiglu_ffn": True, "use_mask_token": False}, VIT),
    vision("dinov2-uncropped", "DINOv2 on pictures that keep their shape", "Dinov2ForImageClassification",
           {**SMALL, "mlp_ratio": 2}, processor("BitImageProcessor", {"shortest_edge": 32}, do_center_crop=False)),
    vision("resnet", "ResNet of bottlenecks, cropped by a share", "ResNetForImageClassification", RESNET, CROPPED, CLASSIFY, std=0.15),
    vision("resnet-basic", "ResNet as resnet-18 is", "ResNetForImageClassification",
           {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 2, 1, 1], "layer_type": "basic"}, CROPPED, std=0.15),
    vision("resnet-early", "ResNet that halves in its first stage and first convolution", "ResNetForImageClassification",
           {**RESNET, "downsample_in_first_stage": True, "downsample_in_bottleneck": True, "hidden_act": "gelu"}, CROPPED, std=0.15),
]


def timm(name, about, architecture, args, size, **cfg):
    """A checkpoint in timm's own layout: no prefix of names, no model_type."""
    pretrained = {"input_size": [3, size, size], "fixed_input_size": True, "interpolation": "bicubic", "crop_pct": 0.9,
                  "crop_mode": "center", "mean": [0.5, 0.4, 0.6], "std": [0.5, 0.3, 0.4], "num_classes": 5, **cfg}
    fields = {"architecture": architecture, "model_args": args, "num_classes": 5, "label_names": SPECIES,
              "pretrained_cfg": pretrained}
    return vision(name, about, "TimmWrapperForImageClassification", fields, {}, timm=True, std=0.1 if "resnet" in name else 0.4)


TIMM = [
    timm("timm-vit", "timm's vit_small_patch16_224, small", "vit_small_patch16_224",
         {"embed_dim": 24, "depth": 2, "num_heads": 3, "patch_size": 8, "img_size": 32}, 32),
    timm("timm-vit-clip", "timm's CLIP tower: normalised before the blocks, quick gelu", "vit_base_patch32_clip_quickgelu_224",
         {"embed_dim": 24, "depth": 2, "num_heads": 3, "patch_size": 8, "img_size": 32}, 32, interpolation="bilinear", crop_pct=0.875),
    timm("timm-vit-gap", "timm's ViT without a class token, registers and scaled branches, the mean", "vit_medium_patch16_gap_256",
         {"embed_dim": 24, "depth": 2, "num_heads": 3, "patch_size": 8, "img_size": 32, "reg_tokens": 2}, 32),
    timm("timm-deit", "timm's deit_tiny_distilled_patch16_224", "deit_tiny_distilled_patch16_224",
         {"embed_dim": 24, "depth": 2, "num_heads": 3, "patch_size": 8, "img_size": 32}, 32),
    timm("timm-deit3", "timm's deit3_small_patch16_224: the class token without a position", "deit3_small_patch16_224",
         {"embed_dim": 24, "depth": 2, "num_heads": 3, "patch_size": 8, "img_size": 32}, 32, crop_pct=1.0),
    timm("timm-resnet", "timm's resnet50", "resnet50", {"layers": [1, 1, 1, 1], "channels": [4, 8, 8, 12]}, 48),
    timm("timm-resnet18", "timm's resnet18", "resnet18", {"layers": [1, 1, 1, 1], "channels": [8, 8, 12, 16]}, 48),
    timm("timm-resnetd", "timm's resnet50d: a deep stem, averaged shortcuts", "resnet50d",
         {"layers": [1, 1, 1, 1], "channels": [4, 8, 8, 12]}, 48),
]


LABELS = "a red car,two boats,The clock tower"
TOWER = {k: v for k, v in SMALL.items() if k not in ("image_size", "patch_size")}
WORDS = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
ASKED = images(["wide.png", "tall.jpg", "turned.jpg"])
ZERO_SHOT = [Case(["image-classify", "--candidate-labels", LABELS], ASKED),
             Case(["image-classify", "--candidate-labels", LABELS, "--hypothesis-template", "{} on a table"], ASKED[:1])]
SPACE = [*ZERO_SHOT, Case(["embed"], [*ASKED, *({"text": t} for t in ("a red car", "The clock tower of Porto", "東京"))])]


def pair(name, about, model, tokenizer, vision_config, text_config, cases=SPACE, processed=None, **config):
    """A model of pictures and texts; the ids of its texts' ends are the tokenizer's."""
    return Golden(name, about, model, tokenizer, {"vision_config": {**TOWER, "image_size": 32, "patch_size": 8, **vision_config},
                  "text_config": {**WORDS, "max_position_embeddings": 64, **text_config}, **config}, cases,
                  files=processed or processor("CLIPImageProcessor", {"shortest_edge": 32}, do_center_crop=True,
                                               crop_size=SQUARE, resample=3), max_length=64, texts=True,
                  std=0.3 if name.startswith("siglip") else 0.4)


PAIRS = [
    pair("clip", "CLIP, whose config says 2 for the end of a text", "CLIPModel", "clip", {}, {"eos_token_id": 2}, projection_dim=20),
    pair("clip-end", "CLIP whose padding is the end of a text", "CLIPModel", "clip", {"hidden_act": "gelu"}, {"hidden_act": "gelu"},
         projection_dim=12),
    pair("clip-pad", "CLIP with a padding of its own", "CLIPModel", "clip/!", {"layer_norm_eps": 1e-3}, {}, projection_dim=20),
    pair("siglip", "SigLIP", "SiglipModel", "siglip", {}, {"projection_size": 24},
         processed=processor("SiglipImageProcessor", SQUARE, resample=3)),
    pair("siglip-long", "SigLIP with more positions than tokens are read", "SiglipModel", "siglip", {"num_hidden_layers": 1},
         {"max_position_embeddings": 70, "projection_size": 24}, processed=processor("SiglipImageProcessor", SQUARE)),
    vision("siglip-classify", "SigLIP's tower with a classifier", "SiglipForImageClassification",
           {"vision_config": {**TOWER, "image_size": 32, "patch_size": 8}, "text_config": {**WORDS, "vocab_size": 30}},
           processor("SiglipImageProcessor", SQUARE)),
    vision("clip-classify", "CLIP's tower with a classifier", "CLIPForImageClassification",
           {"vision_config": {**TOWER, "image_size": 32, "patch_size": 8}, "text_config": {**WORDS, "vocab_size": 30}},
           processor("CLIPImageProcessor", {"shortest_edge": 32}, do_center_crop=True, crop_size=SQUARE)),
]

NEXT = {"hidden_sizes": [8, 16, 24], "depths": [1, 2, 1], "num_stages": 3}
SWIN = {"embed_dim": 12, "depths": [2, 2], "num_heads": [2, 3], "window_size": 4, "image_size": 32, "patch_size": 2}
SEG = {"hidden_sizes": [8, 12, 16, 24], "depths": [1, 2, 1, 1], "num_attention_heads": [1, 2, 2, 3], "sr_ratios": [4, 2, 2, 1],
       "mlp_ratios": [2, 2, 2, 2], "decoder_hidden_size": 16}
THINGS = ["sky", "tree, bush", "road", "car"]
NETS = [
    vision("convnext", "ConvNeXT cropped by a share", "ConvNextForImageClassification", {**NEXT, "layer_scale_init_value": 0.5}, CROPPED, CLASSIFY),
    vision("convnext-unscaled", "ConvNeXT without scales, warped from 384 on as its rule is", "ConvNextForImageClassification",
           {**NEXT, "layer_scale_init_value": 0.0, "patch_size": 8, "layer_norm_eps": 1e-6},
           processor("ConvNextImageProcessor", {"shortest_edge": 384}, resample=3, crop_pct=0.875)),
    vision("convnextv2", "ConvNeXT V2", "ConvNextV2ForImageClassification", NEXT, CROPPED),
    vision("swin", "Swin with windows that do not fit", "SwinForImageClassification", SWIN,
           processor("ViTImageProcessor", {"height": 36, "width": 36}), CLASSIFY),
    vision("swin-one-window", "Swin whose second stage is one window", "SwinForImageClassification",
           {**SWIN, "window_size": 8, "qkv_bias": False}, VIT),
    vision("swin-deep", "Swin of three stages on wide pictures", "SwinForImageClassification",
           {**SWIN, "depths": [2, 2, 1], "num_heads": [1, 2, 4], "image_size": [32, 48]},
           processor("ViTImageProcessor", {"height": 32, "width": 48})),
    vision("segformer-classify", "SegFormer's encoder with a classifier", "SegformerForImageClassification", SEG,
           processor("SegformerImageProcessor", {"height": 64, "width": 64})),
]


def regions(name, about, model, config, files, cases, **more):
    return Golden(name, about, model, "", {**labels(THINGS), **config}, cases, files=files, **more)


MOBILE = {"image_size": 64, "depth_multiplier": 0.07, "min_depth": 4, "depth_divisible_by": 4}
MOBILE_FILES = [processor(f"MobileNetV{v}ImageProcessor", {"shortest_edge": 72}, do_center_crop=True, crop_size={"height": 65, "width": 64})
                for v in (1, 2)]
EFFICIENT = {"width_coefficient": 0.08, "depth_coefficient": 0.5, "depth_divisor": 4, "hidden_dim": 104, "image_size": 64}
EFFICIENT_FILES = processor("EfficientNetImageProcessor", {"height": 64, "width": 64}, resample=0, rescale_offset=False, include_top=True)
MOBILE_NETS = [
    vision("mobilenet-v1", "MobileNet V1", "MobileNetV1ForImageClassification", MOBILE, MOBILE_FILES[0]),
    vision("mobilenet-v1-even", "MobileNet V1 padded alike on both sides", "MobileNetV1ForImageClassification",
           {**MOBILE, "tf_padding": False, "min_depth": 6, "hidden_act": "relu", "layer_norm_eps": 0.01}, MOBILE_FILES[0]),
    vision("mobilenet-v2", "MobileNet V2", "MobileNetV2ForImageClassification", {**MOBILE, "depth_multiplier": 0.1, "finegrained_output": False}, MOBILE_FILES[1], std=0.3),
    vision("mobilenet-v2-dilated", "MobileNet V2 that sees further in place of halving", "MobileNetV2ForImageClassification",
           {**MOBILE, "depth_multiplier": 0.08, "output_stride": 8, "first_layer_is_expansion": False, "depth_divisible_by": 5, "min_depth": 3,
            "expand_ratio": 3.5, "finegrained_output": False}, MOBILE_FILES[1]),
    vision("mobilenet-v2-even", "MobileNet V2 padded alike on both sides", "MobileNetV2ForImageClassification",
           {**MOBILE, "depth_multiplier": 0.05, "tf_padding": False, "finegrained_output": False, "hidden_act": "relu"}, MOBILE_FILES[1]),
    vision("efficientnet", "EfficientNet", "EfficientNetForImageClassification", EFFICIENT, EFFICIENT_FILES),
    vision("efficientnet-uneven", "EfficientNet of its own stages, some padded alike on both sides, the most of each channel",
           "EfficientNetForImageClassification",
           {**EFFICIENT, "width_coefficient": 0.1, "depth_coefficient": 1.1, "hidden_dim": 128, "depth_divisor": 4, "pooling_type": "max",
            "kernel_sizes": [5, 3, 3], "in_channels": [32, 60, 90], "out_channels": [60, 90, 100], "strides": [2, 1, 2],
            "num_block_repeats": [1, 2, 1], "expand_ratios": [1, 3, 2], "depthwise_padding": [0], "squeeze_expansion_ratio": 0.5},
           processor("EfficientNetImageProcessor", {"height": 70, "width": 60}, resample=2, rescale_offset=True, include_top=False)),
]
SEGMENT = [Case(["segment"], images(["wide.png", "tall.jpg", "turned.jpg"]))]
ALL_TASKS = [Case(["segment", "--threshold", "0.2", *more], images(["wide.png", "tall.jpg", "turned.jpg"])) for more in (
    [], ["--subtask", "panoptic", "--mask-threshold", "0.05", "--overlap-mask-area-threshold", "0.1"],
    ["--subtask", "instance", "--mask-threshold", "0.05"], ["--subtask", "semantic"])]
RESNET_BACKBONE = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1],
                   "out_features": ["stage1", "stage2", "stage3", "stage4"]}
LAST_STAGE = {**RESNET_BACKBONE, "out_features": ["stage4"]}
DETR = {"use_timm_backbone": False, "backbone": None, "use_pretrained_backbone": False, "d_model": 32, "num_queries": 6,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 2,
        "encoder_ffn_dim": 24, "decoder_ffn_dim": 28}
DETR_FILES = processor("DetrImageProcessor", {"shortest_edge": 96, "longest_edge": 140}, do_pad=True, do_convert_annotations=True)
DETECT = [Case(["detect", "--threshold", "0.2"], images()), Case(["detect", "--threshold", "0"], images(["tall.jpg"])),
          Case(["detect"], images(["wide.png"]))]
MASKS = processor("Mask2FormerImageProcessor", {"shortest_edge": 64, "longest_edge": 128}, size_divisor=32, ignore_index=255)
SWIN_BACKBONE = {"model_type": "swin", "embed_dim": 4, "depths": [2, 2, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 3,
                 "image_size": 64, "patch_size": 4, "out_features": ["stage1", "stage2", "stage3", "stage4"]}
MASK2FORMER = {"feature_size": 32, "mask_feature_size": 8, "hidden_dim": 32, "num_attention_heads": 4, "num_queries": 7,
               "encoder_layers": 1, "decoder_layers": 4, "encoder_feedforward_dim": 16, "dim_feedforward": 16}

VD = {"model_type": "rt_detr_resnet", "embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 2, 1, 1],
      "layer_type": "bottleneck", "out_indices": [2, 3, 4]}
RT_DETR = {"encoder_in_channels": [16, 24, 32], "encoder_hidden_dim": 16, "encoder_attention_heads": 2, "encoder_ffn_dim": 20,
           "decoder_in_channels": [16, 16, 16], "d_model": 24, "num_queries": 7, "decoder_layers": 2, "decoder_attention_heads": 2,
           "decoder_ffn_dim": 28, "decoder_n_points": 3, "num_denoising": 4}
RT_FILES = processor("RTDetrImageProcessor", {"height": 64, "width": 96}, do_normalize=False, do_pad=False)
F32 = ["--dtype", "float32"]  # the files hold float16
RT_DETECT = [Case(["detect", "--threshold", "0.6", *F32], images()), Case(["detect", "--threshold", "0", *F32], images(["tall.jpg"]))]
TOP = [Case(["detect", "--threshold", "0.6", *F32], images(["wide.png", "tall.jpg"])), Case(["detect", "--threshold", "0", *F32], images(["clear.png"]))]
DEFORMABLE_FILES = processor("DeformableDetrImageProcessor", {"shortest_edge": 96, "longest_edge": 140}, do_pad=True)
TIMM_SMALL = {"use_timm_backbone": True, "backbone": "resnet50", "backbone_kwargs": {"layers": [1, 1, 1, 2], "channels": [4, 4, 6, 8]}}

FINDERS = [
    regions("rt-detr", "RT-DETR", "RTDetrForObjectDetection", {**RT_DETR, "backbone_config": VD}, RT_FILES, RT_DETECT, std=0.3, dtype="float16"),
    regions("rt-detr-basic", "RT-DETR on basic blocks, its layers normalised first, narrow paths, other activations",
            "RTDetrForObjectDetection",
            {**RT_DETR, "encode_proj_layers": [1, 2], "normalize_before": True, "hidden_expansion": 0.5,
             "encoder_activation_function": "relu", "activation_function": "gelu", "decoder_activation_function": "gelu",
             "positional_encoding_temperature": 100, "backbone_config": {**VD, "layer_type": "basic"}}, RT_FILES, TOP, std=0.3, dtype="float16"),
    regions("rt-detr-v2", "RT-DETRv2: offsets of its own scale", "RTDetrV2ForObjectDetection",
            {**RT_DETR, "decoder_offset_scale": 0.8, "decoder_layers": 3, "encoder_in_channels": [32, 24, 40],
             "backbone_config": {**VD, "downsample_in_bottleneck": True, "hidden_sizes": [16, 32, 24, 40],
                                 "downsample_in_first_stage": True}},
            processor("RTDetrImageProcessor", {"height": 64, "width": 64}, do_normalize=True), TOP, std=0.3, dtype="float16"),
    regions("deformable-detr", "Deformable DETR as SenseTime/deformable-detr is", "DeformableDetrForObjectDetection",
            {**DETR, **TIMM_SMALL, "num_feature_levels": 4, "encoder_n_points": 3}, DEFORMABLE_FILES, TOP, dtype="float16"),
    regions("deformable-detr-refined", "Deformable DETR whose boxes move, gelu", "DeformableDetrForObjectDetection",
            {**DETR, **TIMM_SMALL, "num_feature_levels": 4, "with_box_refine": True, "decoder_layers": 3, "activation_function": "gelu",
             "backbone": "resnet18"}, DEFORMABLE_FILES, TOP, std=0.2, dtype="float16", weights="pickle"),
    regions("deformable-detr-two-stage", "Deformable DETR whose queries are the best cells", "DeformableDetrForObjectDetection",
            {**DETR, **TIMM_SMALL, "num_feature_levels": 3, "with_box_refine": True, "two_stage": True, "two_stage_num_proposals": 9},
            DEFORMABLE_FILES, TOP, std=0.2, dtype="float16", weights="pickle"),
    regions("conditional-detr", "Conditional DETR", "ConditionalDetrForObjectDetection", {**DETR, **TIMM_SMALL},
            processor("ConditionalDetrImageProcessor", {"shortest_edge": 96, "longest_edge": 140}, do_pad=True), TOP, dtype="float16"),
    regions("conditional-detr-deep", "Conditional DETR of three layers, normalised between them, on basic blocks",
            "ConditionalDetrForObjectDetection",
            {**DETR, "decoder_layers": 3, "auxiliary_loss": True, "activation_function": "gelu", "d_model": 24, "num_queries": 20,
             **TIMM_SMALL, "backbone": "resnet18", "dilation": True},
            processor("ConditionalDetrImageProcessor", {"shortest_edge": 64, "longest_edge": 140}, do_pad=True), TOP, std=0.6, dtype="float16"),
    regions("segformer", "SegFormer", "SegformerForSemanticSegmentation", SEG,
            processor("SegformerImageProcessor", {"height": 64, "width": 64}), SEGMENT),
    regions("segformer-plain", "SegFormer without coarser keys, on wide pictures", "SegformerForSemanticSegmentation",
            {**SEG, "sr_ratios": [1, 1, 1, 1], "hidden_act": "relu"},
            processor("SegformerImageProcessor", {"height": 48, "width": 80}), SEGMENT),
    regions("segformer-deep", "SegFormer with other strides", "SegformerForSemanticSegmentation",
            {**SEG, "strides": [2, 2, 2, 2], "patch_sizes": [5, 3, 3, 3], "depths": [2, 1, 1, 1]},
            processor("SegformerImageProcessor", {"height": 32, "width": 32}), SEGMENT),
    regions("detr", "DETR on transformers' own ResNet", "DetrForObjectDetection", {**DETR, "backbone_config": LAST_STAGE}, DETR_FILES, DETECT),
    regions("detr-timm", "DETR on timm's ResNet, as facebook/detr-resnet-50 names it, dilated", "DetrForObjectDetection",
            {**DETR, "use_timm_backbone": True, "backbone": "resnet50", "dilation": True, "num_channels": 3,
             "backbone_kwargs": {"layers": [1, 1, 1, 2], "channels": [4, 4, 6, 8]}}, DETR_FILES, DETECT),
    regions("detr-basic", "DETR with gelu on basic blocks", "DetrForObjectDetection",
            {**DETR, "activation_function": "gelu", "d_model": 24, "backbone_config": {**LAST_STAGE, "layer_type": "basic"}}, DETR_FILES, DETECT),
    regions("table-transformer", "Table Transformer, normalised first", "TableTransformerForObjectDetection",
            {**DETR, "backbone_config": LAST_STAGE}, DETR_FILES, DETECT),
    regions("detr-panoptic", "DETR with its head for masks", "DetrForSegmentation",
            {**DETR, "encoder_attention_heads": 8, "encoder_layers": 1, "backbone_config": RESNET_BACKBONE}, DETR_FILES, ALL_TASKS),
    regions("mask2former", "Mask2Former on Swin", "Mask2FormerForUniversalSegmentation",
            {**MASK2FORMER, "backbone_config": SWIN_BACKBONE}, MASKS, ALL_TASKS),
    regions("mask2former-resnet", "Mask2Former on ResNet", "Mask2FormerForUniversalSegmentation",
            {**MASK2FORMER, "num_queries": 5, "backbone_config": RESNET_BACKBONE}, MASKS, ALL_TASKS),
    regions("maskformer", "MaskFormer on Swin", "MaskFormerForInstanceSegmentation",
            {"fpn_feature_size": 32, "mask_feature_size": 8, "backbone_config": SWIN_BACKBONE,
             "decoder_config": {"model_type": "detr", **{k: v for k, v in DETR.items() if "backbone" not in k}, "d_model": 24}},
            processor("MaskFormerImageProcessor", {"shortest_edge": 64, "longest_edge": 128}, size_divisor=32, ignore_index=255), ALL_TASKS, std=0.3),
    regions("mask2former-deep", "Mask2Former of more layers", "Mask2FormerForUniversalSegmentation",
            {**MASK2FORMER, "decoder_layers": 6, "num_attention_heads": 2, "backbone_config": SWIN_BACKBONE}, MASKS, ALL_TASKS),
]
VISION += PAIRS + NETS + MOBILE_NETS + FINDERS


def image_of(row):
    return str(photos.FOLDER.parent / row["image"])


def image_classify(golden, folder, o, inputs):
    import transformers as tf
    if o.candidate_labels:
        p = tf.pipeline("zero-shot-image-classification", model=str(folder), dtype=torch.float32, device=-1, use_fast=False)
        extra = {"hypothesis_template": o.hypothesis_template} if hasattr(o, "hypothesis_template") else {}
        return [p(image_of(i), candidate_labels=o.candidate_labels.split(","), **extra) for i in inputs]
    p = tf.pipeline("image-classification", model=str(folder), dtype=torch.float32, device=-1,
                    **({} if golden.timm else {"use_fast": False}))
    extra = {"top_k": p.model.config.num_labels if getattr(o, "top_k", 5) is None else getattr(o, "top_k", 5)}
    if o.function_to_apply:
        extra["function_to_apply"] = o.function_to_apply
    return [p(image_of(i), **extra) for i in inputs]


def detect(golden, folder, o, inputs):
    import transformers as tf
    p = tf.pipeline("object-detection", model=str(folder), dtype=torch.float32, device=-1, use_fast=False)
    extra = {"threshold": o.threshold} if hasattr(o, "threshold") else {}
    return [p(image_of(i), **extra) for i in inputs]


def run_lengths(mask):
    """COCO's: down the columns, zeros first; packed as pycocotools packs them."""
    import numpy
    pixels = (numpy.asarray(mask) > 0).flatten(order="F")
    changes = numpy.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    ends = [0, *changes.tolist(), len(pixels)]
    runs = [b - a for a, b in zip(ends, ends[1:])]
    runs = [0, *runs] if pixels[0] else runs
    text = ""
    for i, run in enumerate(runs):
        x, more = run - (runs[i - 2] if i > 2 else 0), True
        while more:
            bits = x & 31
            x >>= 5
            more = x != -1 if bits & 16 else x != 0
            text += chr((bits | 32 if more else bits) + 48)
    return {"size": list(numpy.asarray(mask).shape), "counts": text}


def segment(golden, folder, o, inputs):
    import numpy
    import transformers as tf
    p = tf.pipeline("image-segmentation", model=str(folder), dtype=torch.float32, device=-1, use_fast=False)
    extra = {n: getattr(o, n) for n in ("threshold", "mask_threshold", "overlap_mask_area_threshold", "subtask") if hasattr(o, n)}
    return [[{"score": s["score"], "label": s["label"], "mask": run_lengths(s["mask"]),
              "area": int((numpy.asarray(s["mask"]) > 0).sum())} for s in p(image_of(i), **extra)] for i in inputs]


def embed(golden, folder, o, inputs):
    """The features of a picture or a text in the space that both share."""
    import transformers as tf
    from PIL import Image, ImageOps
    model = tf.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    processor = tf.AutoImageProcessor.from_pretrained(folder, use_fast=False)
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    padding = {"padding": "max_length", "max_length": 64, "truncation": True} if "siglip" in model.config.model_type else {}
    vectors = []
    with torch.no_grad():
        for row in inputs:
            if "image" in row:
                image = ImageOps.exif_transpose(Image.open(image_of(row))).convert("RGB")
                vectors.append(model.get_image_features(**processor(image, return_tensors="pt"))[0])
            else:
                vectors.append(model.get_text_features(**tokenizer(row["text"], return_tensors="pt", **padding))[0])
    return [[float(str(x)) for x in v.numpy()] for v in vectors]
