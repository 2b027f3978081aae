// The regular expressions of tokenizer files, run by Oniguruma (the reference's engine, syntax
// Ruby) with a budget of steps, so that (a+)+ ends in an error rather than never.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace hft {

class Regex {
 public:
  // Throws kBadData "… is not a regular expression: cause".
  explicit Regex(const std::string& pattern);
  // Matches this text, character for character.
  static Regex literal(std::string text);
  Regex(Regex&&) noexcept;
  ~Regex();

  // Calls match(begin, end) for each match from left to right, as Python's finditer does: an empty
  // match right after another one is skipped. Throws kBadData when the budget is spent.
  template <class Match>
  void for_matches(std::string_view text, const Match& match) const {
    if (!is_literal()) return search(text, match);
    const std::string& wanted = pattern();
    for (std::size_t at = text.find(wanted); at != std::string_view::npos;
         at = text.find(wanted, at + wanted.size()))
      match(at, at + wanted.size());
  }
  const std::string& pattern() const;

 private:
  struct Impl;
  Regex() = default;
  bool is_literal() const;
  void search(std::string_view text,
              const std::function<void(std::size_t, std::size_t)>& match) const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hft
