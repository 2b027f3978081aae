#include "tasks/train/data_file.h"

#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "core/base/write_target.h"
#include "hub/settings.h"

namespace hft {
namespace {

constexpr std::uintmax_t kLarge = 1 << 20;  // bytes of rows whose tokens are worth keeping

std::string digest_of_file(const std::string& file) {
  const MappedFile mapped(file);
  const auto bytes = mapped.bytes();
  return digest_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()}).text();
}

bool is_large(const std::string& file) {
  std::error_code failed;
  return fs::is_regular_file(file, failed) && fs::file_size(file, failed) >= kLarge && !failed;
}

Json to_json(const Labels& labels) {
  return {{"objective", static_cast<int>(labels.objective)},
          {"names", labels.names},
          {"flags", labels.flags}};
}

Labels labels_in(const Json& about) {
  return {.objective = static_cast<Objective>(about["objective"].get<int>()),
          .names = about["names"].get<std::vector<std::string>>(),
          .flags = about["flags"].get<bool>()};
}

void tell_not_kept(const std::string& why) { note("tokens are not kept: " + why); }

// HF_HOME/hft/tokens; "": there is no such folder.
fs::path folder_of_tokens() {
  try {
    const fs::path folder = hub::hf_home() / "hft/tokens";
    fs::create_directories(folder);
    return folder;
  } catch (const std::exception& e) {
    tell_not_kept(e.what());
    return {};
  }
}

}  // namespace

DataFile::DataFile(std::string file, const TrainTask& task, ColumnNames names, Json origin,
                   bool keeps)
    : name_(std::move(file)), task_(task), names_(std::move(names)) {
  if (!keeps || task.lone != Kind::kText || !is_large(name_)) return;
  const fs::path folder = folder_of_tokens();
  if (folder.empty()) return;
  digest_ = digest_of_file(name_);
  origin["version"] = HFT_VERSION;
  origin["task"] = task.name;
  origin["columns"] = {names_.text, names_.pair, names_.label};
  origin["rows"] = {digest_, fs::path(name_).extension().string()};
  place_ = folder / (digest_of(origin.dump()).text() + ".tokens");
  if (!fs::exists(place_)) return;
  try {
    kept_.emplace(place_);
    detail("tokens of " + name_ + ": " + place_.string());
  } catch (const Error& e) {
    note(std::string(e.message) + "; " + name_ + " is read anew");
  }
}

const TrainRows& DataFile::rows() {
  if (!table_) {
    table_ = std::make_unique<Table>(name_, task_.lone);
    rows_ = task_.rows(*table_, names_);
  }
  return rows_;
}

void DataFile::open() {
  if (!kept_) rows();
}

Labels DataFile::labels(const Fields& config, const std::string& problem) {
  return kept_ ? labels_in(kept_->about()) : labels_of_rows(task_, rows(), config, problem);
}

Examples DataFile::made(const fs::path& target, const Encoder& encoder) {
  TokenFileWriter writer(target);
  std::vector<std::function<Shown()>> shown;
  Progress progress("reading", "row", 0);
  std::int64_t count = 0;
  const auto counted_rows = [&](const TakeRow& take) {
    rows()([&](TrainRow&& row) {
      take(std::move(row));
      progress.update(++count);
    });
  };
  task_.examples(counted_rows, encoder, [&](TrainExample&& example) {
    writer.add(example);
    if (example.shown) shown.push_back(std::move(example.shown));
  });
  if (!digest_.empty() && digest_of_file(name_) != digest_)
    fail(Errc::kBadData, name_, ": was changed while it was read");
  writer.finish(to_json(*encoder.labels));
  Examples examples(target);
  examples.show(std::move(shown));
  return examples;
}

Examples DataFile::examples(const Encoder& encoder) {
  if (kept_) return *std::move(kept_);
  try {
    if (!place_.empty()) return made(place_, encoder);
  } catch (const Error& e) {
    if (e.code != Errc::kResources) throw;
    tell_not_kept(e.message);
  }
  const ScratchFolder scratch("hft-tokens");  // what is mapped stays until training ends
  return made(scratch.path() / "tokens", encoder);
}

}  // namespace hft
