// Any bytes as a tokenizer.json: reading them ends with a tokenizer or one hft::Error.
#include <filesystem>
#include <fstream>
#include <string_view>

#include "core/base/error.h"
#include "core/tokenizers/tokenizer.h"
#include "tests/fuzz/folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::ofstream(folder() / "tokenizer.json", std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    const auto tokenizer = hft::Tokenizer::load(folder());
    const auto e = tokenizer.encode("Hello, w\xc3\xb6rld 123\n<s>", {.offsets = true});
    tokenizer.decode(e.ids);
  } catch (const hft::Error&) {
  }
  return 0;
}
