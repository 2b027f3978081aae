#include "core/tokenizers/slow_decoder.h"

#include <algorithm>

#include "core/base/text.h"

namespace hft {

void SlowDecoder::apply(std::vector<std::string>& tokens) const {
  std::vector<std::string> texts, stretch;
  for (std::string& token : tokens) {
    if (std::find(apart_.begin(), apart_.end(), token) == apart_.end()) {
      stretch.push_back(std::move(token));
      continue;
    }
    if (std::string text = join_(stretch); !text.empty()) texts.push_back(std::move(text));
    stretch.clear();
    texts.push_back(std::move(token));
  }
  if (!stretch.empty()) texts.push_back(join_(stretch));
  tokens.assign(1, joined(texts, " "));
}

std::vector<std::string> set_apart(const TokenizerConfig& config, const Vocabulary& vocabulary) {
  std::vector<std::string> apart;
  for (const auto& special : config.special_tokens)
    if (special.name == "additional" && vocabulary.find(special.token.content) < 0)
      apart.push_back(special.token.content);
  for (const AddedToken& token : config.added_tokens)
    if (!config.is_special(token.content)) apart.push_back(token.content);
  return apart;
}

}  // namespace hft
