// Tokens in files that are about to be uploaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hft::hub {

// Looks through a file's bytes, piece after piece, for a token of the Hub: a word of "hf_" and 34
// letters or digits that are not all the same (a placeholder), or the user's own token, whatever
// its form.
class TokenSearch {
 public:
  explicit TokenSearch(std::string own_token) : own_(std::move(own_token)) {}
  void feed(std::string_view bytes);
  // Where the first one begins, of all that was fed; none when there is none.
  std::optional<std::int64_t> found() const;

 private:
  std::string own_, tail_;
  std::int64_t at_ = 0;  // of tail_
  std::optional<std::int64_t> found_;
};

}  // namespace hft::hub
