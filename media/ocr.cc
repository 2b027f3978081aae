#include "media/ocr.h"

#include <charconv>

#include "core/base/error.h"
#include "core/base/library.h"

namespace hft::media {
namespace {

// The parts of a command line: white space parts them, quotes and backslashes keep it.
std::vector<std::string> shell_words(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    const bool space = std::string_view(" \t\r\n").find(c) != std::string_view::npos;
    if (!quote && space) {
      inside = false;
      continue;
    }
    if (!std::exchange(inside, true)) words.emplace_back();
    if (c == quote) {
      quote = 0;
    } else if (!quote && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      if (c == '\\' && quote != '\'' && i + 1 < text.size()) c = text[++i];
      words.back() += c;
    }
  }
  if (quote) fail(Errc::kUsage, "--tesseract-config: a quotation is not closed");
  return words;
}

int number_of(const std::string& flag, const std::string& text, int most) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most)
    fail(Errc::kUsage, "--tesseract-config: ", flag, ": '", text, "' is no number from 0 to ",
         most);
  return value;
}

}  // namespace

OcrOptions ocr_options(const std::string& languages, std::string_view flags) {
  OcrOptions o;
  if (!languages.empty()) o.languages = languages;
  const auto words = shell_words(flags);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& flag = words[i];
    if (!flag.starts_with('-')) {
      o.configs.push_back(flag);
      continue;
    }
    if (i + 1 == words.size()) fail(Errc::kUsage, "--tesseract-config: ", flag, " needs a value");
    const std::string& value = words[++i];
    const auto equals = value.find('=');
    if (flag == "-l") {
      o.languages = value;
    } else if (flag == "--psm") {
      o.segmentation = number_of(flag, value, 13);
    } else if (flag == "--oem") {
      o.engine = number_of(flag, value, 3);
    } else if (flag == "--tessdata-dir") {
      o.data = value;
    } else if (flag == "--dpi") {
      o.variables.emplace_back("user_defined_dpi", value);
    } else if (flag == "--user-words") {
      o.variables.emplace_back("user_words_file", value);
    } else if (flag == "--user-patterns") {
      o.variables.emplace_back("user_patterns_file", value);
    } else if (flag == "-c" && equals != std::string::npos) {
      o.variables.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else {
      fail(Errc::kUsage, "--tesseract-config: '", flag, " ", value,
           "' is none of -l, --psm, --oem, --dpi, --tessdata-dir, --user-words, --user-patterns, ",
           "-c NAME=VALUE");
    }
  }
  return o;
}

const OcrBackend& ocr_backend() {
  static const OcrBackend* opened =
      reinterpret_cast<const OcrBackend* (*)()>(open_library("hft_ocr", "hft_ocr"))();
  return *opened;
}

}  // namespace hft::media
