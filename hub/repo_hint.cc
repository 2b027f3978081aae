#include "hub/repo_hint.h"

#include <regex>

#include "hub/names.h"

namespace hft::hub {

std::string meant_repository(std::string_view text) {
  static const std::regex kAddress(
      R"((?:(?:https?://[^/]+/|(?:[\w-]+\.)+[a-z]+/)(?:models/)?|hf://)([\w.-]+(?:/[\w.-]+)?))"
      R"((?:(?:@|/(?:tree|blob|resolve|commit)/)([^/?#]+))?(?:[/?#].*)?)");
  static const std::regex kId(R"(([\w.-]+(?:/[\w.-]+)?)(?:@([^/]+))?/?)");
  constexpr std::size_t kLongest = 300;  // std::regex recurses
  std::match_results<std::string_view::const_iterator> found;
  const auto matches = [&](const std::regex& form) {
    return std::regex_match(text.begin(), text.end(), found, form);
  };
  if (text.size() > kLongest || (!matches(kAddress) && !matches(kId))) return "";
  std::string id = found[1].str();
  if (id.ends_with(".git")) id.resize(id.size() - 4);
  if (!is_repo_id(id)) return "";
  return found[2].matched ? id + " --revision " + found[2].str() : id;
}

}  // namespace hft::hub
