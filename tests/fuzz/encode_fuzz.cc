// Any text through the tokenizers of tests/golden/tokenizers: ids with and without offsets agree,
// offsets stay inside the text, and what a stream decodes is what decode gives.
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/tokenizers/decode_stream.h"
#include "core/tokenizers/tokenizer.h"
#include "core/tokenizers/unicode.h"

namespace {

const std::vector<hft::Tokenizer>& tokenizers() {
  static const auto all = [] {
    std::vector<hft::Tokenizer> loaded;
    for (const auto& entry :
         std::filesystem::directory_iterator(HFT_SOURCE_DIR "/tests/golden/tokenizers"))
      if (entry.is_directory()) loaded.push_back(hft::Tokenizer::load(entry.path()));
    return loaded;
  }();
  return all;
}

void need(bool holds) {
  if (!holds) std::abort();
}

// Windows of a pair: whatever is cut, the arrays are of one length.
void check_windows(const hft::Tokenizer& tokenizer, std::string_view text, unsigned char seed) {
  const std::size_t half = text.size() / 2;
  const hft::EncodeOptions options{.offsets = true,
                                   .truncation = static_cast<hft::Truncation>(seed % 4),
                                   .max_length = seed % 32,
                                   .stride = seed % 5};
  for (const auto& e :
       tokenizer.encode_pair_windows(text.substr(0, half), text.substr(half), options))
    need(e.offsets.size() == e.size() && e.word_ids.size() == e.size() &&
         e.type_ids.size() == e.size() && e.sequence_ids.size() == e.size());
}

void check(const hft::Tokenizer& tokenizer, std::string_view text) {
  const auto e = tokenizer.encode(text, {.offsets = true});
  need(e.ids == tokenizer.encode(text).ids);
  const auto length = static_cast<std::int32_t>(hft::unicode::count(text));
  for (const auto& span : e.offsets)
    need(span.begin >= 0 && span.begin <= span.end && span.end <= length + 1);
  hft::DecodeStream stream(tokenizer);
  std::string streamed;
  for (auto id : e.ids) streamed += stream.push(id);
  need(streamed + stream.finish() == tokenizer.decode(e.ids));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto& tokenizer = tokenizers()[data[0] % tokenizers().size()];
  for (const bool windows : {false, true}) {
    try {
      windows ? check_windows(tokenizer, text, data[size - 1]) : check(tokenizer, text);
    } catch (const hft::Error&) {
    }
  }
  return 0;
}
