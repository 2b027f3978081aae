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
  Regex(Regex&&) noexcept;
  ~Regex();

  // Calls match(begin, end) for each match from left to right, as Python's finditer does: an empty
  // match right after another one is skipped. Throws kBadData when the budget is spent.
  void for_matches(std::string_view text, const std::function<void(std::size_t, std::size_t)>& match) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The pattern that matches this text only.
std::string escaped(std::string_view text);

}  // namespace hft
