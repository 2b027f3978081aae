#include "core/tokenizers/byte_alphabet.h"

#include <array>

#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

// Printable Latin-1 stands for itself; the other 68 bytes, in order, for U+0100 and on.
constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

struct Alphabet {
  std::array<std::string, 256> letters;
  std::array<int, 0x144> bytes;
  Alphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const char32_t c = stands_for_itself(byte) ? byte : next++;
      unicode::append(letters[byte], c);
      bytes[c] = static_cast<int>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet value;
  return value;
}

}  // namespace

std::string_view letter_of_byte(unsigned char byte) { return alphabet().letters[byte]; }

int byte_of_letter(char32_t c) { return c < alphabet().bytes.size() ? alphabet().bytes[c] : -1; }

std::optional<std::string> bytes_of_token(std::string_view token) {
  std::string out;
  out.reserve(token.size());
  for (std::size_t at = 0; at < token.size();) {
    const int byte = byte_of_letter(unicode::next(token, at));
    if (byte < 0) return std::nullopt;
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

}  // namespace hft
