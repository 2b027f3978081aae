#include "core/models/vision/mask_backbone.h"

#include "core/base/error.h"
#include "core/models/vision/resnet.h"
#include "core/models/vision/swin.h"

namespace hft {

MaskBackbone::MaskBackbone(const Fields& config, const Weights& w, bool of_maskformer) {
  const Fields own = config.object("backbone_config");
  const auto type = own.text("model_type", own.json().empty() ? "" : "swin");
  if (type == "resnet") {
    const ResNetShape shape = resnet_shape(own);
    channels = shape.channels;
    widths = shape.widths;
    maps = hf_resnet(shape, w);
    return;
  }
  if (type != "swin" && type != "maskformer-swin")
    fail(Errc::kUnsupported, config.where(), ": backbone '",
         type.empty() ? config.text("backbone", "of timm") : type,
         "' is not supported, wanted swin or resnet in backbone_config");
  const SwinShape shape(own);
  channels = shape.channels;
  std::vector<LayerNorm> norms;
  for (std::size_t i = 0; i < shape.depths.size(); ++i) {
    widths.push_back(shape.width(i));
    const auto name = of_maskformer ? std::to_string(i) : "stage" + std::to_string(i + 1);
    norms.emplace_back(w / "hidden_states_norms" / name, shape.width(i), 1e-5);
  }
  const Weights at = of_maskformer ? w / "model" : w;
  if (of_maskformer) (at / "layernorm").ignore();
  maps = [norms, swin = Swin(shape, at)](const Pictures& pictures) {
    std::vector<Cells> stages = swin(pictures, true);
    for (std::size_t i = 0; i < stages.size(); ++i) stages[i].x = norms[i](stages[i].x);
    return stages;
  };
}

}  // namespace hft
