// The 256 printable code points byte-level tokenizers write bytes with (GPT-2's bytes_to_unicode).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hft {

// The code point of a byte, as UTF-8 (one or two bytes).
std::string_view letter_of_byte(unsigned char byte);
// The byte of a code point; -1 for one outside the alphabet.
int byte_of_letter(char32_t c);
// The bytes a token stands for; nullopt when a code point is outside the alphabet.
std::optional<std::string> bytes_of_token(std::string_view token);

}  // namespace hft
