// Decoding token by token, for text shown while it is generated: never half a character, and the
// parts put together are what decode gives for all ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/tokenizers/tokenizer.h"

namespace hft {

class DecodeStream {
 public:
  // The tokenizer must outlive the stream. clean_up as in Tokenizer::decode.
  explicit DecodeStream(const Tokenizer& tokenizer, bool skip_special_tokens = true,
                        std::optional<bool> clean_up = {});
  // Takes the next token; returns the text that no later token can change, "" when there is none.
  std::string push(std::int32_t id);
  // The rest, once the last token was pushed.
  std::string finish();

 private:
  std::string decode(std::size_t from) const;
  std::string release(std::string text, bool all);

  const Tokenizer& tokenizer_;
  bool skip_special_tokens_, clean_up_;
  std::vector<std::int32_t> ids_;
  std::size_t context_ = 0;  // decoding starts here: the tokens shown last, which give the context
  std::size_t fresh_tokens_ = 0;  // pushed since something was shown
  std::string shown_;             // what decoding from context_ gave for the tokens already shown
  std::string all_shown_;         // everything decoded so far, before clean-up
  std::string held_;              // decoded, but a clean-up may still change it
};

}  // namespace hft
