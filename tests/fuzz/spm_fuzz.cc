// Any bytes as a SentencePiece model, under the class that the first byte picks: reading it ends
// with a tokenizer or one hft::Error.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "core/base/error.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/fuzz/folder.h"

namespace {

constexpr const char* kClasses[] = {"T5",    "Llama",   "XLMRoberta", "Albert",
                                    "Gemma", "Pegasus", "Nllb",       "DebertaV2"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::ofstream(folder() / "tokenizer_config.json")
      << R"({"tokenizer_class": ")" << kClasses[data[0] % std::size(kClasses)] << R"(Tokenizer"})";
  const bool marian = data[0] % std::size(kClasses) == std::size(kClasses) - 1;
  if (marian)
    std::ofstream(folder() / "vocab.json")
        << R"({"</s>": 0, "<unk>": 1, "<pad>": 2, "\u2581a": 3})";
  for (const char* name : {"source.spm", "target.spm"})
    std::ofstream(folder() / (marian ? name : "tokenizer.model"), std::ios::binary)
        .write(reinterpret_cast<const char*>(data) + 1, static_cast<std::streamsize>(size - 1));
  try {
    const auto tokenizer = hft::Tokenizer::load(folder());
    const auto e = tokenizer.encode("Hello, w\xc3\xb6rld 123\n<s>", {.offsets = true});
    tokenizer.decode(e.ids);
  } catch (const hft::Error&) {
  }
  return 0;
}
