// The text of one answer while it is generated: pieces that no later token changes, cut before a
// stop string. All pieces together are the text that is shown when it is printed at the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/generation/generation_config.h"
#include "core/tokenizers/decode_stream.h"

namespace hft {

class TextStream {
 public:
  // The text of `prompt` is passed over. exact: spaces stay as the tokens have them. The tokenizer
  // must outlive the stream.
  TextStream(const Tokenizer& tokenizer, const TokenIds& prompt,
             std::vector<std::string> stop_strings, bool exact = false);
  std::string push(std::int32_t id);
  // The rest, once all tokens were pushed.
  std::string finish();

 private:
  std::string release(bool all);
  DecodeStream stream_;
  std::vector<std::string> stop_strings_;
  std::int64_t skip_;  // code points of the prompt still to pass over
  std::string held_;   // decoded, not yet shown
  bool stopped_ = false;
};

// What the pipeline makes of ids that go on from a prompt: the new text, cut before a stop string.
// exact: as of a TextStream.
std::string new_text(const Tokenizer& tokenizer, const TokenIds& prompt, const TokenIds& ids,
                     const std::vector<std::string>& stop_strings, bool exact = false);

}  // namespace hft
