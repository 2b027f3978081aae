#include "core/processors/processor_files.h"

namespace hft {

namespace fs = std::filesystem;

std::optional<ProcessorFields> find_processor(const fs::path& folder, const std::string& part) {
  const fs::path own = folder / "preprocessor_config.json", all = folder / "processor_config.json";
  for (const fs::path& file : {own, all}) {
    if (!fs::exists(file)) continue;
    const Fields fields(read_json(file), file.string());
    if (fields.has(part)) return ProcessorFields{fields.object(part), file == all};
    if (file == own) return ProcessorFields{fields};
  }
  return std::nullopt;
}

}  // namespace hft
