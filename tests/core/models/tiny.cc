#include "tests/core/models/tiny.h"

#include <cmath>
#include <limits>

#include "core/checkpoint/config_class.h"
#include "core/checkpoint/model_kinds.h"
#include "core/models/reading.h"

namespace hft::test {

Json tiny_config(const std::string& model_type) {
  if (model_type == "distilbert")
    return {{"model_type", model_type},
            {"vocab_size", 50},
            {"dim", 24},
            {"n_layers", 2},
            {"n_heads", 3},
            {"hidden_dim", 40},
            {"num_labels", 4},
            {"activation", "gelu"},
            {"max_position_embeddings", 20}};
  Json config = {{"model_type", model_type}, {"vocab_size", 50},
                 {"hidden_size", 24},        {"num_hidden_layers", 2},
                 {"num_attention_heads", 3}, {"intermediate_size", 40},
                 {"num_labels", 4},          {"hidden_act", "gelu"},
                 {"layer_norm_eps", 1e-6},   {"max_position_embeddings", 20}};
  if (model_type == "electra" || model_type == "albert") config["embedding_size"] = 16;
  if (model_type.starts_with("deberta"))
    config.update({{"relative_attention", true},
                   {"pos_att_type", {"c2p", "p2c"}},
                   {"max_relative_positions", 10},
                   {"position_buckets", 8},
                   {"conv_kernel_size", 3}});
  if (model_type == "layoutlmv3") {
    config.erase("num_labels");
    config.update({{"coordinate_size", 4}, {"shape_size", 4}, {"max_position_embeddings", 22},
                   {"input_size", 16}, {"patch_size", 8}});
  }
  if (model_type == "modernbert") {
    config["local_attention"] = 6;
    config["classifier_pooling"] = "mean";
  }
  return config;
}

namespace {

// A vision-language model, which takes pictures of 16 x 16 pixels, around a decoder of these fields.
Json with_sight(const std::string& model_type, Json text) {
  Json vision{{"hidden_size", 24}, {"num_attention_heads", 3}, {"intermediate_size", 40}, {"patch_size", 4}};
  Json config{{"model_type", model_type}};
  if (model_type == "idefics3" || model_type == "smolvlm") {
    vision.update({{"num_hidden_layers", 2}, {"image_size", 16}});
    config["image_token_id"] = 49;
    text["model_type"] = "llama";
  } else if (model_type.starts_with("llava")) {
    const bool clip = model_type == "llava";
    vision.update({{"model_type", clip ? "clip_vision_model" : "siglip_vision_model"}, {"num_hidden_layers", 2},
                   {"image_size", 16}});
    config["image_token_index"] = 49;
    config["image_grid_pinpoints"] = {{16, 16}, {16, 32}, {32, 16}};
    text["model_type"] = clip ? "llama" : "qwen2";
  } else {
    vision.update({{"depth", 2}, {"num_heads", 3}, {"embed_dim", 24}, {"out_hidden_size", 24}, {"window_size", 8},
                   {"fullatt_block_indexes", {1}}, {"deepstack_visual_indexes", {0, 1}},
                   {"num_position_embeddings", 9}});
    config["image_token_id"] = 49;
    text["rope_scaling"] = {{"rope_type", "default"}, {"mrope_section", {1, 1, 1}}};
  }
  config["text_config"] = std::move(text);
  config["vision_config"] = std::move(vision);
  return config;
}

}  // namespace

Json tiny_decoder_config(const std::string& model_type) {
  Json config = {{"model_type", model_type},       {"vocab_size", 50},
                 {"num_hidden_layers", 2},         {"num_attention_heads", 4},
                 {"max_position_embeddings", 128}, {"sliding_window", 40}};
  config["hidden_size"] = config["n_embd"] = 24;
  config["intermediate_size"] = config["ffn_dim"] = 40;
  config["n_layer"] = 2;
  config["n_head"] = 4;
  config["n_positions"] = 128;
  config["num_key_value_heads"] = 2;
  config["head_dim"] = 6;
  config["num_experts"] = config["num_local_experts"] = config["num_experts_per_tok"] = 2;
  config["moe_intermediate_size"] = 12;
  config["rotary_pct"] = 1.0;
  config["partial_rotary_factor"] = 1.0;
  if (is_vision_language(Fields(config, "config.json"))) return with_sight(model_type, config);
  return config;
}

Json tiny_seq2seq_config(const std::string& model_type) {
  if (model_type == "blip")
    return {{"model_type", model_type},
            {"vision_config",
             {{"hidden_size", 24}, {"num_hidden_layers", 2}, {"num_attention_heads", 3},
              {"intermediate_size", 40}, {"image_size", 16}, {"patch_size", 8}}},
            {"text_config",
             {{"vocab_size", 50}, {"hidden_size", 24}, {"num_hidden_layers", 2},
              {"num_attention_heads", 2}, {"intermediate_size", 28}, {"max_position_embeddings", 80}}}};
  if (model_type == "vision-encoder-decoder")
    return {{"model_type", model_type},
            {"encoder",
             {{"model_type", "vit"},
              {"hidden_size", 24},
              {"num_hidden_layers", 2},
              {"num_attention_heads", 3},
              {"intermediate_size", 40},
              {"image_size", 16},
              {"patch_size", 8}}},
            {"decoder",
             {{"model_type", "gpt2"},
              {"vocab_size", 50},
              {"n_embd", 16},
              {"n_layer", 2},
              {"n_head", 2},
              {"n_positions", 80}}}};
  return {{"model_type", model_type},
          {"vocab_size", 50},
          {"d_model", 24},
          {"encoder_layers", 2},
          {"decoder_layers", 2},
          {"encoder_attention_heads", 3},
          {"decoder_attention_heads", 4},
          {"encoder_ffn_dim", 40},
          {"decoder_ffn_dim", 28},
          {"max_position_embeddings", 80},
          {"num_mel_bins", 6},
          {"max_source_positions", 10},
          {"max_target_positions", 80},
          {"num_layers", 2},
          {"num_heads", 3},
          {"d_kv", 6},
          {"d_ff", 40}};
}

Json tiny_image_config(const std::string& model_type) {
  const Json tower = {{"hidden_size", 24},       {"num_hidden_layers", 2},
                      {"num_attention_heads", 3}, {"intermediate_size", 40},
                      {"image_size", 32},         {"patch_size", 8}};
  const Json resnet = {{"model_type", "resnet"},
                       {"embedding_size", 8},
                       {"hidden_sizes", {8, 16, 24, 32}},
                       {"depths", {1, 1, 1, 1}}};
  const Json swin = {{"model_type", "swin"}, {"embed_dim", 8},   {"depths", {2, 2, 1, 1}},
                     {"num_heads", {1, 2, 2, 4}}, {"window_size", 4}, {"image_size", 32},
                     {"patch_size", 2}};
  Json config = tower;
  config["model_type"] = model_type;
  config["num_labels"] = 4;
  if (model_type == "vilt") config.update({{"vocab_size", 50}, {"max_position_embeddings", 20}});
  if (model_type == "beit") config["use_relative_position_bias"] = true;
  if (model_type == "dinov2") config["mlp_ratio"] = 2;
  if (model_type == "resnet") config.update(resnet);
  if (model_type.starts_with("convnext"))
    config.update({{"hidden_sizes", {8, 16, 24, 32}}, {"depths", {1, 1, 1, 1}}, {"patch_size", 4}});
  if (model_type == "swin") config.update(swin);
  if (model_type == "timm_wrapper")
    config.update({{"architecture", "vit_tiny_patch8_32"},
                   {"model_args", {{"embed_dim", 24}, {"depth", 2}, {"num_heads", 3}, {"img_size", 32}}}});
  if (model_type == "clip" || model_type == "siglip") {
    config["vision_config"] = tower;
    config["text_config"] = tower;
    config["text_config"].update({{"vocab_size", 50}, {"max_position_embeddings", 20}});
    config["projection_dim"] = 16;
  }
  if (model_type == "segformer")
    config.update({{"hidden_sizes", {8, 8, 16, 16}},
                   {"depths", {1, 1, 1, 1}},
                   {"num_attention_heads", {1, 2, 2, 4}},
                   {"sr_ratios", {4, 2, 2, 1}},
                   {"mlp_ratios", {2, 2, 2, 2}},
                   {"decoder_hidden_size", 16}});
  if (model_type == "detr" || model_type == "table-transformer" || model_type == "conditional_detr") {
    config.update({{"d_model", 64},        {"num_queries", 5},     {"encoder_layers", 1},
                   {"decoder_layers", 2},  {"encoder_ffn_dim", 24}, {"decoder_ffn_dim", 24},
                   {"encoder_attention_heads", 8}, {"decoder_attention_heads", 4},
                   {"use_timm_backbone", false}});
    config["backbone_config"] = resnet;
  }
  if (model_type == "deformable_detr") {
    config.update({{"d_model", 32}, {"encoder_layers", 1}, {"decoder_layers", 2}, {"encoder_attention_heads", 2},
                   {"decoder_attention_heads", 2}, {"encoder_ffn_dim", 24}, {"decoder_ffn_dim", 24},
                   {"num_queries", 5}, {"use_timm_backbone", false}});
    config["backbone_config"] = resnet;
    config["backbone_config"]["out_features"] = {"stage2", "stage3", "stage4"};
  }
  if (model_type.starts_with("rt_detr")) {
    config.update({{"encoder_in_channels", {16, 24, 32}}, {"encoder_hidden_dim", 16}, {"encoder_attention_heads", 2},
                   {"encoder_ffn_dim", 24}, {"d_model", 24}, {"decoder_in_channels", {16, 16, 16}},
                   {"num_queries", 5}, {"decoder_layers", 2}, {"decoder_attention_heads", 2},
                   {"decoder_ffn_dim", 24}, {"decoder_n_points", 3}});
    config["backbone_config"] = resnet;
    config["backbone_config"].update({{"model_type", "rt_detr_resnet"}, {"out_indices", {2, 3, 4}}});
  }
  if (model_type == "mobilenet_v1" || model_type == "mobilenet_v2") config["depth_multiplier"] = 0.25;
  if (model_type == "efficientnet")
    config.update({{"width_coefficient", 0.2}, {"depth_coefficient", 0.5}, {"hidden_dim", 256}});
  if (model_type == "maskformer") {
    config.update({{"fpn_feature_size", 32}, {"mask_feature_size", 16}});
    config["decoder_config"] = {{"model_type", "detr"}, {"d_model", 24}, {"num_queries", 5},
                                {"decoder_layers", 2}, {"decoder_attention_heads", 2},
                                {"decoder_ffn_dim", 24}};
    config["backbone_config"] = swin;
  }
  if (model_type == "mask2former") {
    config.update({{"feature_size", 32},   {"mask_feature_size", 16}, {"hidden_dim", 32},
                   {"num_attention_heads", 4}, {"num_queries", 6}, {"encoder_layers", 1},
                   {"decoder_layers", 4},  {"encoder_feedforward_dim", 24}, {"dim_feedforward", 24}});
    config["backbone_config"] = swin;
  }
  return config;
}

Json tiny_sound_config(const std::string& model_type) {
  Json config = {{"model_type", model_type},
                 {"hidden_size", 24},
                 {"num_hidden_layers", 2},
                 {"num_attention_heads", 3},
                 {"intermediate_size", 40},
                 {"num_labels", 4},
                 {"vocab_size", 50},
                 {"conv_dim", {8, 8, 8}},
                 {"conv_kernel", {10, 3, 2}},
                 {"conv_stride", {5, 2, 2}},
                 {"num_conv_pos_embeddings", 6},
                 {"num_conv_pos_embedding_groups", 3},
                 {"classifier_proj_size", 12},
                 {"use_weighted_layer_sum", true},
                 {"num_mel_bins", 16},
                 {"max_length", 60},
                 {"patch_size", 8},
                 {"frequency_stride", 4},
                 {"time_stride", 6}};
  if (model_type == "hubert") config["conv_pos_batch_norm"] = true;
  if (model_type == "wavlm")
    config.update({{"do_stable_layer_norm", true}, {"feat_extract_norm", "layer"}, {"num_buckets", 8}});
  if (model_type == "clap") {
    config["projection_dim"] = 10;
    config["audio_config"] = {{"patch_embeds_hidden_size", 8}, {"depths", {2, 1}},
                              {"num_attention_heads", {1, 2}}, {"window_size", 4},
                              {"num_mel_bins", 16},            {"spec_size", 32}};
    config["text_config"] = {{"vocab_size", 50},       {"hidden_size", 24},
                             {"num_hidden_layers", 1}, {"num_attention_heads", 3},
                             {"intermediate_size", 40}, {"max_position_embeddings", 20}};
  }
  return config;
}

namespace {

// How wide random numbers are, and whose are about 1: parts of the names of norms' weights.
struct Draw {
  double std;
  bool (*is_norm)(std::string_view name);
};
constexpr Draw kReads{0.2, [](std::string_view name) {
                        return name.ends_with("orm.weight") || name.ends_with("ormalization.weight");
                      }};
// What is written is decided by far more than rounding.
constexpr Draw kWrites{0.3, [](std::string_view name) {
                         return name.ends_with("weight") && (name.find("norm") != name.npos ||
                                                             name.find("ln_") != name.npos);
                       }};

// Random numbers for all that build(weights) binds; variances above 0.
template <class Build>
Tensors random_tensors(const Architecture& architecture, const Draw& draw, Build&& build) {
  auto store = std::make_shared<WeightStore>("tiny", StoredTensors{}, renames_of(architecture.base),
                                             at::kFloat, at::kCPU);
  build(Weights(store));
  auto generator = at::detail::createCPUGenerator(7);
  Tensors tensors;
  for (const auto& [name, shape] : store->missing()) {
    at::Tensor value = at::empty(shape).normal_(0, draw.std, generator);
    if (draw.is_norm(name)) value.add_(1);
    if (name.ends_with("running_var")) value.abs_().add_(0.5);
    tensors[name] = value;
  }
  return tensors;
}

}  // namespace

Tensors tiny_decoder_tensors(const Json& config) {
  const Fields fields(config, "config.json");
  const Architecture& architecture = architecture_of(fields, ModelClass::kCausalLm);
  return random_tensors(architecture, kWrites,
                        [&](const Weights& w) { architecture.decoder(fields, w); });
}

Tensors tiny_seq2seq_tensors(const Json& config) {
  const Fields fields(config, "config.json");
  const Architecture& architecture = architecture_of(fields, ModelClass::kSeq2SeqLm);
  return random_tensors(architecture, kWrites,
                        [&](const Weights& w) { architecture.seq2seq(fields, w); });
}

Tensors tiny_image_tensors(const Architecture& architecture, const Json& config, ImageHead head) {
  Json complete = config;
  apply_config_class(complete);
  return random_tensors(architecture, kReads, [&](const Weights& w) {
    architecture.image(Fields(complete, "config.json"), w, head);
  });
}

Tensors tiny_sound_tensors(const Architecture& architecture, const Json& config, SoundHead head) {
  return random_tensors(architecture, kReads, [&](const Weights& w) {
    architecture.sound(Fields(config, "config.json"), w, head);
  });
}

Tensors tiny_tensors(const Json& config, Head head) {
  Json complete = config;
  apply_config_class(complete);
  const Fields fields(complete, "config.json");
  const Architecture& architecture = architecture_of(fields, ModelClass::kText, head);
  return random_tensors(architecture, kReads, [&](const Weights& w) {
    build_reader(architecture, fields, w, head);
  });
}

std::string safetensors_of(const Tensors& tensors) {
  Json header = Json::object();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const char* type = tensor.scalar_type() == at::kBFloat16 ? "BF16"
                       : tensor.scalar_type() == at::kHalf   ? "F16"
                       : tensor.scalar_type() == at::kLong   ? "I64"
                                                             : "F32";
    header[name] = {{"dtype", type},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {data.size(), data.size() + tensor.nbytes()}}};
    data.append(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + text + data;
}

void write_model(const fs::path& folder, const Json& config, const Tensors& tensors) {
  spit(folder / "config.json", config.dump());
  spit(folder / "model.safetensors", safetensors_of(tensors));
}

TokenBatch tiny_batch() {
  TokenBatch batch;
  for (int length : {7, 1, 12, 3}) {
    for (int i = 0; i < length; ++i)
      batch.ids.push_back(5 + (static_cast<int>(batch.ids.size()) * 17 + length) % 45);
    batch.starts.push_back(static_cast<std::int32_t>(batch.ids.size()));
  }
  return batch;
}

TokenBatch only(const TokenBatch& batch, std::int64_t b) {
  TokenBatch one;
  one.ids.assign(batch.ids.begin() + batch.starts[b], batch.ids.begin() + batch.starts[b + 1]);
  one.starts.push_back(static_cast<std::int32_t>(one.ids.size()));
  return one;
}

std::unique_ptr<TextModel> load(const fs::path& folder, Head head, const std::string& dtype) {
  return load_model<TextModel>({.folder = folder, .head = head, .dtype = dtype, .device = "cpu"});
}

Ids some_ids(int count, int from) {
  Ids ids;
  for (int i = 0; i < count; ++i) ids.push_back((from + i * i * 7 + i) % 50);
  return ids;
}

std::vector<float> after(Decoder& model, int sequence, const Ids& ids, std::size_t step) {
  Decoded out;
  for (std::size_t i = 0; i < ids.size(); i += step)
    model.forward(
        std::vector<Feed>{{sequence, std::span(ids).subspan(i, std::min(step, ids.size() - i))}},
        out);
  return out.logits.data;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size() || a.empty()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::abs(double(a[i]) - b[i]) / std::max(1.0, std::abs(double(b[i]))));
  return worst;
}

}  // namespace hft::test
