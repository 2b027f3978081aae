// The languages of Whisper, by code and English name (openai/whisper, tokenizer.py).
#pragma once

#include <span>
#include <string_view>

namespace hft {

struct SpeechLanguage {
  std::string_view code, name;
};

std::span<const SpeechLanguage> speech_languages();
// Of a code or a name ("burmese" and "myanmar" are "my"), in small letters; "": none.
std::string_view speech_language_code(std::string_view name);
std::string_view speech_language_name(std::string_view code);

}  // namespace hft
