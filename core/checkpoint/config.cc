#include "core/checkpoint/config.h"

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/checkpoint/other_formats.h"

namespace hft {

Fields read_config(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  if (!fs::exists(file)) {
    reject_other_formats(folder);
    const char* note = fs::is_empty(folder) ? " (the folder is empty)" : "";
    fail_hint(Errc::kNotFound, "-m wants the folder that holds config.json and the weights",
              folder.string(), ": no config.json", note);
  }
  return Fields(read_json(file), file.string());
}

std::vector<std::string> labels_of(const Fields& config) {
  std::vector<std::string> labels;
  if (!config.has("id2label")) {
    const std::int64_t count = config.integer("num_labels", 1, limits::kLabels, 2);
    for (std::int64_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
    return labels;
  }
  const Fields names = config.object("id2label");
  labels.resize(names.json().size());
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = names.text(std::to_string(i));
  return labels;
}

}  // namespace hft
