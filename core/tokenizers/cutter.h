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
  static Cutter gpt2() { return Cutter(false, 0); }

  // Calls emit(begin, end) for each piece of well-formed UTF-8.
  template <class Emit>
  void cut(std::string_view text, const Emit& emit) const {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = cl100k_ ? next_cl100k(text, at) : next_gpt2(text, at);
      emit(at, end);
      at = end;
    }
  }

 private:
  Cutter(bool cl100k, int digits) : cl100k_(cl100k), digits_(digits) {}
  std::size_t next_gpt2(std::string_view text, std::size_t at) const;
  std::size_t next_cl100k(std::string_view text, std::size_t at) const;

  bool cl100k_;
  int digits_;  // of cl100k: how many make a piece
};

}  // namespace hft
