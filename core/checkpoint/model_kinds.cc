#include "core/checkpoint/model_kinds.h"

#include <cctype>

#include "core/base/error.h"

namespace hft {
namespace {

// Between spaces.
constexpr ModelKind kKinds[] = {
    {kEncoderWords, true,
     " albert bert bert-generation big_bird camembert canine convbert data2vec-text "
     "deberta deberta-v2 distilbert dpr electra ernie ernie_m esm eurobert flaubert fnet "
     "funnel ibert longformer luke markuplm mega megatron-bert mobilebert modernbert "
     "mpnet mra nezha nomic_bert nystromformer qdqbert rembert roberta roberta-prelayernorm roc_bert "
     "roformer splinter squeezebert tapas xlm xlm-roberta xlm-roberta-xl xlnet xmod yoso "},
    {kDecoderWords, true,
     " biogpt bloom codegen cohere cohere2 cpmant ctrl deepseek_v2 deepseek_v3 exaone4 "
     "falcon falcon_h1 falcon_mamba gemma gemma2 gemma3_text glm glm4 gpt-sw3 gpt2 "
     "gpt_bigcode gpt_neo gpt_neox gpt_neox_japanese gpt_oss gptj granite granitemoe "
     "helium jamba llama mamba mamba2 ministral mistral mixtral modernbert-decoder mpt "
     "nemotron olmo olmo2 olmoe openai-gpt opt persimmon phi phi3 phimoe qwen2 qwen2_moe "
     "qwen3 qwen3_moe qwen3_next recurrent_gemma reformer rwkv smollm3 stablelm "
     "starcoder2 transfo-xl xglm "},
    {kSeq2SeqWords, true,
     " bart bigbird_pegasus blenderbot blenderbot-small encoder-decoder fsmt led longt5 "
     "m2m_100 marian mbart mt5 mvp nllb-moe pegasus pegasus_x plbart prophetnet "
     "switch_transformers t5 t5gemma umt5 xlm-prophetnet "},
    {kVisionWords, false,
     " beit bit conditional_detr convnext convnextv2 cvt data2vec-vision deformable_detr "
     "deit depth_anything detr dinat dinov2 dinov3_vit dpt efficientnet focalnet glpn "
     "hiera imagegpt levit mask2former maskformer mobilenet_v1 mobilenet_v2 mobilevit "
     "mobilevitv2 oneformer poolformer pvt regnet resnet rt_detr rt_detr_v2 sam segformer "
     "swiftformer swin swin2sr swinv2 table-transformer timm_wrapper upernet videomae vit "
     "vit_mae vit_msn vitdet yolos zoedepth "},
    {kVisionLanguageWords, true, " idefics3 llava llava_onevision qwen2_vl qwen2_5_vl qwen3_vl smolvlm "},
    {"a model of pictures and texts", false,
     " align altclip blip blip-2 bridgetower chinese_clip clip clipseg donut-swin flava "
     "florence2 gemma3 git grounding-dino groupvit idefics idefics2 instructblip "
     "internvl kosmos-2 layoutlm layoutlmv2 layoutlmv3 lilt llava_next "
     "mllama owlv2 owlvit paligemma pix2struct pixtral siglip siglip2 trocr udop vilt vipllava "
     "vision-encoder-decoder vision-text-dual-encoder visual_bert xclip "},
    {kAudioWords, false,
     " audio-spectrogram-transformer bark clap data2vec-audio encodec hubert moonshine "
     "musicgen parakeet_ctc qwen2_audio seamless_m4t sew sew-d speech-encoder-decoder "
     "speech_to_text speecht5 unispeech unispeech-sat vits voxtral wav2vec2 wav2vec2-bert "
     "wav2vec2-conformer wavlm whisper "},
};

std::string letters_of(std::string_view text) {
  std::string letters;
  for (char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)))
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return letters;
}

template <class Holds>
std::string_view longest_type(Holds&& holds) {
  std::string_view best;
  for (const auto& kind : kKinds)
    for (std::size_t end = 0, begin = 1; begin < kind.model_types.size(); begin = end + 1) {
      end = kind.model_types.find(' ', begin);
      const auto type = kind.model_types.substr(begin, end - begin);
      if (type.size() > best.size() && holds(type)) best = type;
    }
  return best;
}

// By the class of the checkpoint, where it says so; else what most models of the kind do.
std::string_view command_for(const ModelKind& kind, const std::string& class_name) {
  static constexpr std::pair<std::string_view, std::string_view> kCommands[] = {
      {"ForImageClassification", "image-classify"},
      {"ObjectDetection", "detect"},
      {"Segmentation", "segment"},
      {"ForAudioClassification", "audio-classify"},
      {"ForSequenceClassification", "audio-classify"},
      {"ForCTC", "transcribe"},
      {"SpeechSeq2Seq", "transcribe"},
      {"LayoutLMForQuestionAnswering", "doc-qa"},
      {"LayoutLMv2ForQuestionAnswering", "doc-qa"},
      {"LayoutLMv3ForQuestionAnswering", "doc-qa"},
      {"ForQuestionAnswering", "vqa"},
      {"BlipForConditionalGeneration", "caption"},
      {"VisionEncoderDecoderModel", "caption"},
      {"WhisperForConditionalGeneration", "transcribe"},
      {"ForConditionalGeneration", "generate --image"}};
  for (const auto& [ending, command] : kCommands)
    if (class_name.ends_with(ending)) return command;
  return kind.words == kVisionWords   ? "image-classify"
         : kind.words == kAudioWords        ? "transcribe"
                                          : "embed";
}

}  // namespace

const ModelKind* kind_of(std::string_view model_type) {
  const std::string name = " " + std::string(model_type) + " ";
  for (const auto& kind : kKinds)
    if (!model_type.empty() && kind.model_types.find(name) != std::string_view::npos) return &kind;
  return nullptr;
}

std::string_view model_type_within(std::string_view name) {
  return longest_type([&](auto type) { return name.find(type) != std::string_view::npos; });
}

std::string_view model_type_of_class(std::string_view name) {
  const std::string letters = letters_of(name);
  return longest_type([&](auto type) {
    const std::string start = letters_of(type);
    const std::string_view rest = std::string_view(letters).substr(
        letters.starts_with(start) ? start.size() : letters.size());
    return rest.starts_with("for") || rest.starts_with("lm") || rest.starts_with("mt") ||
           rest.starts_with("model");
  });
}

std::string class_of(const Fields& config) {
  const Json* classes = config.find("architectures");
  if (!classes || !classes->is_array() || classes->empty() || !(*classes)[0].is_string()) return "";
  return (*classes)[0].get<std::string>();
}

bool is_vision_language(const Fields& config) {
  const ModelKind* kind = kind_of(config.text("model_type", ""));
  return kind && kind->words == kVisionLanguageWords;
}

void need_text_model(const Fields& config, std::string_view wanted) {
  const std::string type = config.text("model_type", "");
  const ModelKind* kind = kind_of(type);
  if (!kind || kind->text) return;
  fail_hint(Errc::kUnsupported,
            "hft " + std::string(command_for(*kind, class_of(config))) +
                " is for it, where hft serves such a model; hft models lists them",
            config.where(), ": model_type '", type, "' is ", kind->words, ", wanted ", wanted);
}

}  // namespace hft
