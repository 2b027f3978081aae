#include "core/constraints/token_bytes.h"

#include <cstdio>

#include "core/tokenizers/byte_alphabet.h"

namespace hft {
namespace {

// "<0xE2>": what SentencePiece falls back to.
std::string name_of_byte(int byte) {
  char name[8];
  std::snprintf(name, sizeof name, "<0x%02X>", byte);
  return name;
}

}  // namespace

// A decoder makes whole characters of its tokens; so it is asked once how it takes bytes, and for
// text what a token adds behind another.
std::vector<std::string> token_bytes(const Tokenizer& tokenizer) {
  std::vector<std::string> all(static_cast<std::size_t>(tokenizer.id_end()));
  const bool in_letters = tokenizer.join({std::string(letter_of_byte('\n'))}) == "\n";
  const std::string before = "a", joined = tokenizer.join({before});
  for (std::size_t id = 0; id < all.size(); ++id) {
    const std::string token = tokenizer.token(static_cast<std::int32_t>(id));
    if (token.empty() || tokenizer.is_special(static_cast<std::int32_t>(id))) continue;
    const auto bytes = in_letters ? bytes_of_token(token) : std::nullopt;
    const std::string both = bytes ? "" : tokenizer.join({before, token});
    all[id] = bytes ? *bytes : both.starts_with(joined) ? both.substr(joined.size()) : both;
  }
  if (tokenizer.join({name_of_byte('A')}) == "A")
    for (int byte = 0; byte < 256; ++byte)
      if (const auto id = tokenizer.id(name_of_byte(byte)))
        all[static_cast<std::size_t>(*id)] = std::string(1, static_cast<char>(byte));
  return all;
}

}  // namespace hft
