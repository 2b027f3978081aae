// transformers' decoding of slow tokenizers: added tokens beside the vocabulary stand apart, the
// stretches of tokens between them become text each by itself.
#pragma once

#include <functional>

#include "core/tokenizers/blueprint.h"

namespace hft {

class SlowDecoder : public Decoder {
 public:
  using Join = std::function<std::string(const std::vector<std::string>& stretch)>;
  SlowDecoder(std::vector<std::string> apart, Join join)
      : apart_(std::move(apart)), join_(std::move(join)) {}
  void apply(std::vector<std::string>& tokens) const override;

 private:
  std::vector<std::string> apart_;
  Join join_;
};

// What stands apart: added tokens that are not special, and additional special ones that the
// vocabulary lacks.
std::vector<std::string> set_apart(const TokenizerConfig& config, const Vocabulary& vocabulary);

}  // namespace hft
