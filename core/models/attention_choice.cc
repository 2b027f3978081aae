// Source: _supports_sdpa and _supports_flash_attn of the classes of transformers 4.57, and what
// _flash_attn_2_can_dispatch asks for.
#include "core/models/attention_choice.h"

#include "core/base/error.h"
#include "core/checkpoint/model_kinds.h"

namespace hft {
namespace {

constexpr std::string_view kWithoutSdpa =
    " blip clap convnext convnextv2 deberta deberta-v2 detr donut-swin electra gpt_oss layoutlm "
    "mask2former maskformer mpnet mt5 resnet segformer swin t5 table-transformer umt5 vilt wavlm ";
constexpr std::string_view kWithoutFlash =
    " albert beit bert blip camembert clap clip convnext convnextv2 deberta deberta-v2 detr "
    "donut-swin electra layoutlm mask2former maskformer mpnet mt5 resnet roberta segformer swin t5 "
    "table-transformer umt5 vilt wavlm xlm-roberta ";

bool lists(std::string_view types, const std::string& type) {
  return types.find(" " + type + " ") != std::string_view::npos;
}

std::string class_words(const Fields& config) {
  const std::string name = class_of(config);
  return name.empty() ? "model_type '" + config.text("model_type") + "'" : name;
}

}  // namespace

void choose_attention(const ModelRequest& request, const Fields& config, WeightStore& store) {
  const std::string flag = "--attn-implementation " + request.attention;
  const std::string type = config.text("model_type", "");
  if (request.attention == "sdpa" && lists(kWithoutSdpa, type))
    fail_hint(Errc::kUnsupported, "--attn-implementation eager", flag, ": ", class_words(config),
              " does not support an attention implementation through "
              "torch.nn.functional.scaled_dot_product_attention yet");
  if (request.attention != "flash_attention_2") return;
  if (lists(kWithoutFlash, type))
    fail_hint(Errc::kUnsupported, "--attn-implementation auto", flag, ": ", class_words(config),
              " does not support Flash Attention 2.0 yet");
  if (store.dtype() == at::kFloat)
    store.warn(flag + ": Flash Attention 2 only supports torch.float16 and torch.bfloat16 dtypes, " +
               "but the model computes in float32; sdpa computes");
  else if (store.device().is_cpu())
    store.warn(flag + ": Flash Attention 2 is not available on CPU; sdpa computes");
}

}  // namespace hft
