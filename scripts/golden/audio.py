"""The golden checkpoints of models that hear and their cases, as data; and what the reference's pipelines answer."""
import subprocess
import tempfile
from pathlib import Path

import torch

from golden import sounds
from golden.models import Case, Golden, labels

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "sounds"
NAMES = ["speech.flac", "phone.wav", "stereo.flac", "short.wav"]


def record():
    """tests/golden/sounds: small sounds, what the goldens listen to."""
    import numpy
    import soundfile
    with tempfile.TemporaryDirectory() as name:
        spoken = Path(name) / "spoken.wav"
        subprocess.run(["espeak-ng", "-v", "en", "-s", "260", "-w", spoken, "The clock tower"], check=True)
        samples, rate = soundfile.read(spoken, dtype="int16")
    soundfile.write(FOLDER / "speech.flac", samples, rate)
    soundfile.write(FOLDER / "phone.wav", sounds.signal(5000), 8000, subtype="ULAW")
    both = numpy.stack([sounds.signal(6000, 5, 0.3), sounds.signal(6000, 6, 0.7)[::-1]], 1)
    soundfile.write(FOLDER / "stereo.flac", both, 44100)
    soundfile.write(FOLDER / "long.wav", sounds.signal(11000, 3), 8000, subtype="ULAW")
    soundfile.write(FOLDER / "short.wav", sounds.signal(1200, 9), 16000, subtype="PCM_U8")


def audio(names=NAMES):
    return [{"audio": f"sounds/{name}"} for name in names]


WORDS = ["yes", "no", "up, or over", "_unknown_", "_silence_"]
SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40}
SPEECH = {**SMALL, "conv_dim": [8] * 7, "classifier_proj_size": 12, "num_conv_pos_embeddings": 16,
          "num_conv_pos_embedding_groups": 4}
STABLE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
SAMPLES = {"preprocessor_config.json": {
    "feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1, "sampling_rate": 16000, "padding_value": 0,
    "padding_side": "right", "do_normalize": True, "return_attention_mask": False}}
MASKED = {"preprocessor_config.json": {**SAMPLES["preprocessor_config.json"], "return_attention_mask": True}}
RAW = {"preprocessor_config.json": {**SAMPLES["preprocessor_config.json"], "do_normalize": False}}
FEW = [Case(["audio-classify"], audio())]
CLASSIFY = [*FEW, Case(["audio-classify", "--top-k", "2"], audio(NAMES[:2])),
            Case(["audio-classify", "--top-k", "all", "--function-to-apply", "sigmoid"], audio(NAMES[:1])),
            Case(["audio-classify", "--top-k", "all", "--function-to-apply", "none"], audio(NAMES[:2]))]


def hears(name, about, model, config, files=None, cases=FEW, **more):
    return Golden(name, about, model, "", {**labels(WORDS), **config}, cases, files=files or SAMPLES, **more)


CLASSIFIERS = [
    hears("wav2vec2", "wav2vec 2.0 as superb/wav2vec2-base-superb-ks is: a sum of all layers, the names of 2021",
          "Wav2Vec2ForSequenceClassification", {**SPEECH, "use_weighted_layer_sum": True}, cases=CLASSIFY, edits=["old weight norm"], weights="bin"),
    hears("wav2vec2-stable", "wav2vec 2.0 as the large ones are; an odd kernel of positions", "Wav2Vec2ForSequenceClassification",
          {**SPEECH, **STABLE, "num_conv_pos_embeddings": 7, "num_conv_pos_embedding_groups": 3, "use_weighted_layer_sum": True}, MASKED),
    hears("wav2vec2-uneven", "wav2vec 2.0 of other convolutions and activations, with MMS's adapters", "Wav2Vec2ForSequenceClassification",
          {**SPEECH, **STABLE, "conv_dim": [6, 10, 8], "conv_kernel": [11, 4, 3], "conv_stride": [8, 5, 3], "conv_bias": False,
           "hidden_act": "relu", "feat_extract_activation": "gelu_new", "layer_norm_eps": 1e-3, "adapter_attn_dim": 6}, RAW),
    hears("wav2vec2-biased", "wav2vec 2.0 whose grouped first convolution has a bias; float16", "Wav2Vec2ForSequenceClassification",
          {**SPEECH, "conv_bias": True, "num_conv_pos_embedding_groups": 1, "num_attention_heads": 1}, RAW, dtype="float16",
          cases=[Case(["audio-classify", "--dtype", "float32"], audio())]),
    hears("hubert", "HuBERT as superb/hubert-base-superb-er is", "HubertForSequenceClassification",
          {**SPEECH, "use_weighted_layer_sum": True}, cases=CLASSIFY),
    hears("hubert-large", "HuBERT of large's layers, without a norm before its projection", "HubertForSequenceClassification",
          {**SPEECH, **STABLE, "feat_proj_layer_norm": False}, MASKED, std=0.2),
    hears("hubert-batch-norm", "HuBERT as mHuBERT-147 is: its positions are normalised over the batch", "HubertForSequenceClassification",
          {**SPEECH, "conv_pos_batch_norm": True}),
    hears("wavlm", "WavLM as wavlm-base-plus is", "WavLMForSequenceClassification",
          {**SPEECH, "use_weighted_layer_sum": True}, cases=CLASSIFY),
    hears("wavlm-large", "WavLM of large's layers", "WavLMForSequenceClassification", {**SPEECH, **STABLE, "num_hidden_layers": 3}, MASKED),
    hears("wavlm-near", "WavLM of few buckets, near each other", "WavLMForSequenceClassification",
          {**SPEECH, "num_buckets": 8, "max_bucket_distance": 12, "num_attention_heads": 2}, RAW, edits=["old weight norm"]),
]

AST_FILES = {"preprocessor_config.json": {
    "feature_extractor_type": "ASTFeatureExtractor", "sampling_rate": 16000, "num_mel_bins": 32, "max_length": 100, "mean": -4.3,
    "std": 4.6, "do_normalize": True, "feature_size": 1, "padding_value": 0.0, "return_attention_mask": False}}
AST = {**SMALL, "num_mel_bins": 32, "max_length": 100, "patch_size": 8, "frequency_stride": 5, "time_stride": 5}
SPECTROGRAMS = [
    hears("ast", "AST as MIT/ast-finetuned-audioset-10-10-0.4593 is", "ASTForAudioClassification", AST, AST_FILES, CLASSIFY),
    hears("ast-uneven", "AST with two strides, without biases of q, k, v", "ASTForAudioClassification",
          {**AST, "frequency_stride": 8, "time_stride": 6, "qkv_bias": False, "hidden_act": "gelu_new", "layer_norm_eps": 1e-5}, AST_FILES),
    hears("ast-long", "AST of more layers whose patches are not shared, on longer sounds", "ASTForAudioClassification",
          {**AST, "num_hidden_layers": 4, "num_attention_heads": 1, "frequency_stride": 8, "time_stride": 8, "max_length": 180},
          {"preprocessor_config.json": {**AST_FILES["preprocessor_config.json"], "max_length": 180, "do_normalize": False}}),
]

LABELS = "a red car,two boats,The clock tower"
CLAP_FILES = {"preprocessor_config.json": {
    "feature_extractor_type": "ClapFeatureExtractor", "sampling_rate": 48000, "feature_size": 16, "hop_length": 480,
    "fft_window_size": 1024, "max_length_s": 2, "frequency_min": 50, "frequency_max": 14000, "padding": "repeatpad",
    "truncation": "rand_trunc", "top_db": None, "padding_value": 0.0, "return_attention_mask": False}}
AUDIO_TOWER = {"patch_embeds_hidden_size": 12, "hidden_size": 24, "depths": [2, 2], "num_attention_heads": [2, 3], "window_size": 4,
               "num_mel_bins": 16, "spec_size": 64, "mlp_ratio": 2.0}
TEXT_TOWER = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
              "max_position_embeddings": 66}
ZERO_SHOT = [Case(["audio-classify", "--candidate-labels", LABELS], audio()),
             Case(["audio-classify", "--candidate-labels", LABELS, "--hypothesis-template", "I hear {}"], audio(NAMES[:1]))]


TEXTS = [{"text": t} for t in ("a red car", "The clock tower of Porto", "東京")]
FUSED = [Case(["audio-classify", "--candidate-labels", LABELS], audio(["long.wav", *NAMES])),
         Case(["embed"], [*audio(["long.wav", "phone.wav"]), *TEXTS[:1]])]


def clap(name, about, audio_config=None, files=None, cases=ZERO_SHOT, **config):
    settings = {"preprocessor_config.json": {**CLAP_FILES["preprocessor_config.json"], **(files or {})}}
    return Golden(name, about, "ClapModel", "roberta", {"audio_config": {**AUDIO_TOWER, **(audio_config or {})},
                  "text_config": TEXT_TOWER, "projection_dim": 20, **config}, cases, files=settings, max_length=64, texts=True,
                  edits=["far likeness"])


PAIRS = [
    clap("clap", "CLAP as laion/clap-htsat-unfused is", cases=[*ZERO_SHOT, Case(["embed"], [*audio(NAMES[:2]), *TEXTS])]),
    clap("clap-deep", "CLAP of three stages, the last of one window; sounds that are repeated to the end",
         {"depths": [2, 1, 1], "num_attention_heads": [1, 2, 4], "hidden_size": 48, "qkv_bias": False}, {"padding": "repeat"}, projection_hidden_act="gelu"),
    clap("clap-fused", "CLAP that hears a long sound in parts, as laion/clap-htsat-fused",
         {"enable_fusion": True, "fusion_type": "aff_2d", "num_mel_bins": 64, "spec_size": 128},
         {"truncation": "fusion", "feature_size": 64, "max_length_s": 1, "hop_length": 240}, FUSED),
    clap("clap-fused-small", "CLAP with fusion: long patches that end before the whole does, narrow fusion",
         {"enable_fusion": True, "fusion_type": "aff_2d", "aff_block_r": 2, "patch_size": 6, "patch_stride": 4, "num_mel_bins": 64,
          "spec_size": 64, "enable_patch_layer_norm": False},
         {"truncation": "fusion", "feature_size": 64, "max_length_s": 1, "hop_length": 800, "padding": "repeat"}, FUSED),
    clap("clap-small", "CLAP of pictures that are not stretched in time, without a norm of patches",
         {"enable_patch_layer_norm": False, "spec_size": 32, "num_mel_bins": 8, "window_size": 3},
         {"feature_size": 8, "max_length_s": 1, "hop_length": 384, "padding": "pad", "frequency_min": 0}),
]

# What the random models say most often are blanks and spaces.
LETTERS = ["L", "<s>", "</s>", "<unk>", "U", *"ETAO", "I", *"NHSRD", "<pad>", "|", *"MWCFGYPBVK'XJQZ"]
SPECIALS = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


def letters(names=LETTERS, **more):
    """The files of a Wav2Vec2CTCTokenizer."""
    return {"vocab.json": {name: i for i, name in enumerate(names)}, "special_tokens_map.json": {**SPECIALS, **more.pop("specials", {})},
            "tokenizer_config.json": {**SPECIALS, "do_lower_case": False, "word_delimiter_token": "|",
                                      "tokenizer_class": "Wav2Vec2CTCTokenizer", **more}}


TIMES = [Case(["transcribe", "--return-timestamps", way], audio()) for way in ("word", "char")]
CHUNKS = [Case(["transcribe", "--chunk-length-s", "0.4"], audio()),
          Case(["transcribe", "--chunk-length-s", "0.3", "--stride-length-s", "0.1,0.04", "--return-timestamps", "word"], audio()),
          Case(["transcribe", "--chunk-length-s", "0.25", "--stride-length-s", "0.03", "--return-timestamps", "char"], audio()),
          Case(["transcribe", "--chunk-length-s", "30"], audio(NAMES[:2]))]


def spells(name, about, model, config, files, tokenizer=None, cases=None, **more):
    return Golden(name, about, model, "", {**SPEECH, "vocab_size": 32, **config},
                  cases or [Case(["transcribe"], audio()), *TIMES, CHUNKS[0]], files={**files, **(tokenizer or letters())}, **more)


CTC = [
    spells("wav2vec2-ctc", "wav2vec 2.0 as facebook/wav2vec2-base-960h is", "Wav2Vec2ForCTC", {}, SAMPLES,
           cases=[Case(["transcribe"], audio()), *TIMES, *CHUNKS], edits=["old weight norm"]),
    spells("wav2vec2-ctc-lower", "wav2vec 2.0 of the large kind, whose text is lowered; a word of letters with an accent",
           "Wav2Vec2ForCTC", {**STABLE, "vocab_size": 12}, MASKED,
           letters(["'", "<unk>", "[PAD]", "<s>", "</s>", *"ÄÉΣOA", "TH", "|"], do_lower_case=True, pad_token="[PAD]",
                   specials={"pad_token": "[PAD]"})),
    spells("wav2vec2-ctc-few", "wav2vec 2.0 with fewer letters than outputs, other delimiters and cleaning up", "Wav2Vec2ForCTC",
           {"vocab_size": 11}, RAW, letters(["<unk>", "<s>", "</s>", "<pad>", ".", "a", "_", "n't", "b"], word_delimiter_token="_",
                                            clean_up_tokenization_spaces=True)),
    spells("wav2vec2-mms", "wav2vec 2.0 with adapters and letters for each language, as facebook/mms-1b-all is", "Wav2Vec2ForCTC",
           {**STABLE, "adapter_attn_dim": 6}, MASKED,
           {**letters(target_lang="eng"), "vocab.json": {
               "eng": {name: i for i, name in enumerate(LETTERS)}, "fra": {name.lower(): i for i, name in enumerate(LETTERS)}}}, std=0.2),
    spells("hubert-ctc", "HuBERT as facebook/hubert-large-ls960-ft is", "HubertForCTC", STABLE, MASKED),
    spells("wavlm-ctc", "WavLM as patrickvonplaten/wavlm-libri-clean-100h-base-plus is", "WavLMForCTC", {}, SAMPLES),
]
NEWER = [
    hears("v5-wav2vec2", "As transformers 5 saves it: wav2vec 2.0, a sum of all layers", "Wav2Vec2ForSequenceClassification",
          {**SPEECH, "use_weighted_layer_sum": True}, release=5),
    hears("v5-ast", "As transformers 5 saves it: AST", "ASTForAudioClassification", AST, AST_FILES, release=5),
    spells("v5-wavlm-ctc", "As transformers 5 saves it: WavLM for CTC", "WavLMForCTC", STABLE, MASKED, cases=TIMES[:1], release=5),
]
AUDIO = CLASSIFIERS + SPECTROGRAMS + PAIRS + CTC + NEWER


def old_weight_norm(tensors):
    """The names that the normalised weight had before PyTorch 2."""
    return {k.replace("parametrizations.weight.original0", "weight_g").replace("parametrizations.weight.original1", "weight_v"): v
            for k, v in tensors.items()}


def far_likeness(tensors):
    """Scores that differ as those of trained models do."""
    return {**tensors, "logit_scale_a": torch.tensor(3.0)}


def sound_of(row):
    return str(FOLDER.parent / row["audio"])


def in_turn():
    """In place of numpy.random.choice of CLAP's extractor: the first, the middle and the last of three ranges."""
    count = [0]

    def choose(frames):
        count[0] += 1
        return frames[{1: 0, 2: (len(frames) - 1) // 2, 0: -1}[count[0] % 3]]
    return choose


def audio_classify(golden, folder, o, inputs):
    import numpy
    import transformers as tf
    numpy.random.choice = in_turn()
    if o.candidate_labels:
        p = tf.pipeline("zero-shot-audio-classification", model=str(folder), dtype=torch.float32, device=-1)
        extra = {"hypothesis_template": o.hypothesis_template} if hasattr(o, "hypothesis_template") else {}
        return [p(sound_of(i), candidate_labels=o.candidate_labels.split(","), **extra) for i in inputs]
    p = tf.pipeline("audio-classification", model=str(folder), dtype=torch.float32, device=-1)
    extra = {"top_k": p.model.config.num_labels if getattr(o, "top_k", 5) is None else getattr(o, "top_k", 5)}
    if o.function_to_apply:
        extra["function_to_apply"] = o.function_to_apply
    return [p(sound_of(i), **extra) for i in inputs]


def embed(folder, inputs):
    """The features of a sound or a text in the space that both share."""
    import numpy
    import transformers as tf
    from transformers.pipelines.audio_utils import ffmpeg_read
    numpy.random.choice = in_turn()
    model = tf.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    extractor, tokenizer = tf.AutoFeatureExtractor.from_pretrained(folder), tf.AutoTokenizer.from_pretrained(folder)
    vectors = []
    with torch.no_grad():
        for row in inputs:
            if "audio" in row:
                sound = ffmpeg_read(open(sound_of(row), "rb").read(), extractor.sampling_rate)
                heard = extractor([sound], sampling_rate=extractor.sampling_rate, return_tensors="pt")
                vectors.append(model.get_audio_features(**heard)[0])
            else:
                vectors.append(model.get_text_features(**tokenizer(row["text"], return_tensors="pt"))[0])
    return [[float(str(x)) for x in v.numpy()] for v in vectors]


def transcribe(golden, folder, o, inputs):
    import transformers as tf
    p = tf.pipeline("automatic-speech-recognition", model=str(folder), dtype=torch.float32, device=-1)
    extra = {n: getattr(o, n) for n in ("return_timestamps", "chunk_length_s") if hasattr(o, n)}
    if hasattr(o, "stride_length_s"):
        sides = [float(part) for part in o.stride_length_s.split(",")]
        extra["stride_length_s"] = sides if len(sides) > 1 else sides[0]
    return [p(sound_of(i), **extra) for i in inputs]
