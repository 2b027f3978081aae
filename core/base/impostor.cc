#include "core/base/impostor.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "core/base/error.h"

namespace hft {

void refuse_impostor(std::string_view text, std::string_view itself, std::string_view kind) {
  if (text.starts_with("version https://git-lfs"))
    fail_hint(Errc::kBadData, "fetch the real file with: git lfs pull",
              "is a Git LFS pointer, not ", itself);
  const auto begin = text.find_first_not_of(" \t\r\n");
  std::string start(text.substr(std::min(begin, text.size()), 16));
  std::transform(start.begin(), start.end(), start.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<?xml"))
    fail_hint(Errc::kBadData, "download the file again", "is an HTML or XML page, not ", kind,
              "; a failed download was saved in its place");
}

}  // namespace hft
