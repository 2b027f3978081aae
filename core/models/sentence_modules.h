// What follows the encoder of a model of sentences: the modules of modules.json (Pooling, Dense,
// LayerNorm, Normalize). Without modules.json: the last token of a causal language model, else the
// mean of all. Reference: sentence-transformers 6.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/checkpoint/sentence_folder.h"
#include "core/models/heads/model.h"
#include "core/nn/sequences.h"

namespace hft {

enum class Pooling { kCls, kMax, kMean, kMeanSqrtLength, kWeightedMean, kLast };

class SentenceModules {
 public:
  // Reads what the request's folder says.
  explicit SentenceModules(const ModelRequest& request);

  const SentenceFolder& folder() const { return folder_; }
  // Binds all modules, with the request's overrides; `config` and `size` are the encoder's
  // config.json and hidden size.
  void bind(const Fields& config, std::int64_t size, at::Device device);
  // The only rows of the encoder's output that pooling reads; undefined: all.
  Tensor rows(const Tokens& tokens) const;
  // hidden: those rows, [R,D] -> [B,D']
  Tensor operator()(const Tensor& hidden, const Tokens& tokens) const;

  // What goes from module to module, and how wide it is.
  struct Features {
    Tensor tokens;    // token_embeddings, [R,D]
    Tensor sentence;  // sentence_embedding, [B,D]
    bool picked = false;  // R is B: the rows that pooling would take
  };
  struct PoolingModule {
    std::vector<Pooling> modes{Pooling::kMean};
    bool include_prompt = true;
  };

 private:
  struct Widths {
    std::int64_t tokens = 0, sentence = 0;
    std::int64_t& of(std::string_view feature) {
      return feature == "token_embeddings" ? tokens : sentence;
    }
  };
  using Step = std::function<void(Features&, const Tokens&)>;
  PoolingModule read_pooling(const std::filesystem::path& folder) const;
  void add_pooling(PoolingModule pooling, Widths& widths);
  void add_dense(const std::filesystem::path& folder, Widths& widths, at::Device device);
  void add_layer_norm(const std::filesystem::path& folder, const Widths& widths, at::Device device);

  SentenceFolder folder_;
  std::string pooling_;
  int normalize_;
  std::int64_t truncate_dim_;
  bool include_prompt_;
  std::vector<PoolingModule> poolings_;
  std::vector<Step> steps_;
};

}  // namespace hft
