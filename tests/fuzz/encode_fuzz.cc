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
  try {
    check(tokenizers()[data[0] % tokenizers().size()], text);
  } catch (const hft::Error&) {
  }
  return 0;
}
