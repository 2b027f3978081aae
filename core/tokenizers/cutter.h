// The cuts of well-known pre-tokenizer patterns without a regular expression engine. Their matches
// cover a text without gaps, so each piece ends where the next begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hft {

class Cutter {
 public:
  // The cutter that finds the matches of this pattern (Oniguruma syntax), when it is a known one.
  static std::optional<Cutter> of_pattern(std::string_view pattern);
  static Cutter gpt2() { return {Style::kGpt2, 0, true}; }

  // Calls emit(begin, end) for each piece of well-formed UTF-8.
  template <class Emit>
  void cut(std::string_view text, const Emit& emit) const {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = next(text, at);
      emit(at, end);
      at = end;
    }
  }

 private:
  enum class Style { kGpt2, kCl100k, kO200k };
  Cutter(Style style, int digits, bool contractions)
      : style_(style), digits_(digits), contractions_(contractions) {}
  // The end of the piece that begins at `at`.
  std::size_t next(std::string_view text, std::size_t at) const {
    return style_ == Style::kGpt2     ? next_gpt2(text, at)
           : style_ == Style::kCl100k ? next_cl100k(text, at)
                                      : next_o200k(text, at);
  }
  std::size_t next_gpt2(std::string_view text, std::size_t at) const;
  std::size_t next_cl100k(std::string_view text, std::size_t at) const;
  std::size_t next_o200k(std::string_view text, std::size_t at) const;

  Style style_;
  int digits_;         // but for GPT-2: how many make a piece
  bool contractions_;  // o200k: 's, 't … belong to the word before them
};

}  // namespace hft
