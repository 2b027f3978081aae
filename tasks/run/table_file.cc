#include "tasks/run/table_file.h"

#include <memory>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "tasks/run/line_reader.h"

namespace hft {

bool is_parquet_name(const std::string& file) { return lowercase(file).ends_with(".parquet"); }

void close_as_parquet(OutputFile& out, const std::filesystem::path& file,
                      const std::function<TableRows()>& rows) {
  out.flush();
  AtomicFile whole(file);
  with_context(file.string(), [&] {
    table_backend().write_parquet(rows, [&](std::string_view bytes) { whole.write(bytes); });
  });
  whole.commit();
  out.discard();
}

std::function<TableRows()> rows_of_partial(const std::filesystem::path& file) {
  return [file]() -> TableRows {
    auto lines = std::make_shared<LineReader>(OutputFile::partial(file));
    return [lines]() -> std::optional<Json> {
      if (const auto line = lines->next()) return parse_exact_json(*line, lines->name());
      return std::nullopt;
    };
  };
}

}  // namespace hft
