#include "core/checkpoint/embedded.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/library.h"
#include "core/base/text.h"

namespace hft {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEmbedded = "hft/";

// Beside the program in a build folder; in share/ of the prefix whose lib/ or lib/ARCH/ it is in.
fs::path embedded_models_folder() {
  const fs::path here = library_folder();
  for (const fs::path& prefix : {here, here.parent_path(), here.parent_path().parent_path()})
    if (const fs::path folder = prefix / "share/hft/models"; fs::is_directory(folder))
      return folder;
  return {};
}

}  // namespace

bool is_embedded_name(const std::string& model) { return model.starts_with(kEmbedded); }

std::vector<std::string> embedded_models() {
  std::vector<std::string> names;
  if (const fs::path folder = embedded_models_folder(); !folder.empty())
    for (const auto& entry : fs::directory_iterator(folder))
      if (fs::exists(entry.path() / "config.json"))
        names.push_back(std::string(kEmbedded) + entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

fs::path embedded_folder(const std::string& model) {
  const std::vector<std::string> names = embedded_models();
  if (std::ranges::find(names, model) != names.end())
    return embedded_models_folder() / model.substr(kEmbedded.size());
  fail(Errc::kNotFound, "no model of this name comes with hft",
       names.empty() ? ", whose share/hft/models is missing" : "; there is " + joined(names, ", "));
}

}  // namespace hft
