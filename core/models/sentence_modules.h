// The sentence-transformers side of a model folder: modules.json lists what follows the encoder
// (Pooling, Dense, LayerNorm, Normalize), each in a folder with a config.json.
// Reference: sentence-transformers 5. Without modules.json the encoder is followed by mean pooling.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/models/heads.h"
#include "core/nn/sequences.h"

namespace hft {

enum class Pooling { kCls, kMax, kMean, kMeanSqrtLength, kWeightedMean, kLast };

class SentenceModules {
 public:
  // Reads what modules.json of `folder` says, with the request's overrides.
  SentenceModules(const ModelRequest& request);

  // Where the encoder's config.json and weights lie: the folder, or the first module's below it.
  const std::filesystem::path& encoder_folder() const { return encoder_folder_; }
  // Binds the weights of Dense and LayerNorm modules; `size` is the encoder's hidden size.
  void bind(std::int64_t size, at::Device device);
  // The only rows of the encoder's output that pooling reads; undefined: all.
  Tensor rows(const Sequences& seqs) const;
  // hidden: those rows, [R,D] -> [B,D']
  Tensor operator()(const Tensor& hidden, const Sequences& seqs) const;

 private:
  struct Module {
    std::string kind;  // "Dense", "Normalize", "LayerNorm"
    std::filesystem::path folder;
  };
  std::filesystem::path encoder_folder_;
  std::vector<Pooling> pooling_;
  std::vector<Module> modules_;
  std::vector<std::function<Tensor(Tensor)>> steps_;  // [B,D] -> [B,D']
};

}  // namespace hft
