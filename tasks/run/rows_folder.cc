#include "tasks/run/rows_folder.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "tasks/run/input_of.h"
#include "tasks/run/rows_file.h"

namespace hft {
namespace {

namespace fs = std::filesystem;

// One row, given as such.
class OneRow : public RowSource {
 public:
  OneRow(const InputOptions& o, Json row) : options_(o), row_(std::move(row)) {}
  std::optional<Input> next() override {
    if (row_.is_null()) return std::nullopt;
    return input_of_row(options_, std::exchange(row_, Json()), "");
  }

 private:
  const InputOptions& options_;
  Json row_;
};

class MetadataRows : public RowSource {
 public:
  MetadataRows(InputOptions options, const std::string& table, const std::atomic<bool>& cancelled)
      : options_(std::move(options)),
        rows_(open_file_source(options_, {table}, false, cancelled)) {}
  std::optional<Input> next() override { return rows_->next(); }
  bool ready() const override { return rows_->ready(); }
  std::vector<std::string> columns() const override { return rows_->columns(); }

 private:
  InputOptions options_;
  std::unique_ptr<RowSource> rows_;
};

}  // namespace

std::vector<NamedFile> files_of_media_folder(const FileChoice& choice, const std::string& folder) {
  FileChoice with_tables = choice;
  with_tables.tables = true;
  std::vector<NamedFile> found;
  add_named(with_tables, folder, found);
  if (found.empty() && !choice.recurse) {
    with_tables.recurse = true;
    add_named(with_tables, folder, found);
  }
  return choose_media_files(choice.kind, folder, std::move(found));
}

std::vector<NamedFile> choose_media_files(Kind kind, const std::string& folder,
                                          std::vector<NamedFile> found) {
  const auto keep = [&](auto&& is_kept) {
    const bool any = std::ranges::any_of(found, is_kept);
    if (any) std::erase_if(found, [&](const NamedFile& f) { return !f.error && !is_kept(f); });
    return any;
  };
  if (keep([](const NamedFile& file) { return is_metadata_name(file.name); })) {
    for (NamedFile& file : found) file.metadata = !file.error;
    return found;
  }
  if (!keep([&](const NamedFile& file) { return is_media_name(kind, file.name); })) return found;
  std::set<std::string> labels;
  std::set<std::ptrdiff_t> depths;
  for (NamedFile& file : found) {
    const fs::path inside = fs::path(file.name).lexically_relative(folder);
    file.label = inside.parent_path().filename().string();
    labels.insert(file.label);
    depths.insert(std::distance(inside.begin(), inside.end()));
  }
  if (labels.size() < 2 || depths.size() > 1)
    for (NamedFile& file : found) file.label.clear();
  return found;
}

std::unique_ptr<RowSource> labelled_source(const InputOptions& o, const NamedFile& file) {
  Json row{{o.columns[0].source, file.name}};
  row["label"] = file.label;
  return std::make_unique<OneRow>(o, std::move(row));
}

std::unique_ptr<RowSource> metadata_source(const InputOptions& o, const NamedFile& table,
                                           const std::atomic<bool>& cancelled) {
  InputOptions inner = o;
  inner.format = "auto";
  inner.media_folder = fs::path(table.name).parent_path().string();
  if (!inner.columns[0].named) inner.columns[0].source = "file_name";
  if (inner.wanted_columns) inner.wanted_columns->push_back("file_name");
  return std::make_unique<MetadataRows>(std::move(inner), table.name, cancelled);
}

}  // namespace hft
