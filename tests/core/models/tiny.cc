#include "tests/core/models/tiny.h"

#include <cmath>
#include <limits>

#include "core/checkpoint/config_class.h"
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
  if (model_type == "electra") config["embedding_size"] = 16;
  if (model_type == "modernbert") {
    config["local_attention"] = 6;
    config["classifier_pooling"] = "mean";
  }
  return config;
}

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
  config["rotary_pct"] = 1.0;
  config["partial_rotary_factor"] = 1.0;
  return config;
}

Json tiny_seq2seq_config(const std::string& model_type) {
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
          {"num_layers", 2},
          {"num_heads", 3},
          {"d_kv", 6},
          {"d_ff", 40}};
}

Tensors tiny_tensors(const Json& config, Head head) {
  Json complete = config;
  apply_config_class(complete);
  const Fields fields(complete, "config.json");
  const Architecture& architecture = architecture_of(fields, ModelClass::kText, head);
  auto store = std::make_shared<WeightStore>("tiny", StoredTensors{}, renames_of(architecture.base),
                                             at::kFloat, at::kCPU);
  build_reader(architecture, fields, Weights(store), head);
  auto generator = at::detail::createCPUGenerator(7);
  Tensors tensors;
  for (const auto& [name, shape] : store->missing()) {
    at::Tensor value = at::empty(shape).normal_(0, 0.2, generator);
    if (name.ends_with("orm.weight")) value.add_(1);
    tensors[name] = value;
  }
  return tensors;
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
