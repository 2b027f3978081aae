// Going on with a run that ended early or had failures (--resume): which earlier records may be
// kept, and where they lie. An input is known by its content, a run by its fingerprint.
#pragma once

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/digest.h"
#include "core/base/files.h"
#include "core/base/json.h"
#include "tasks/run/flags.h"

namespace hft {

// What must be equal for records to be kept: program, command, flags that change results with the
// files they name, and every byte of the model's files, which are read on a thread of their own.
struct Fingerprint {
  Json settings;
  std::shared_future<std::string> model;
  Json whole() const;
};
// `weights` false: a command that does not look at them.
Fingerprint fingerprint(const Flags& flags, const fs::path& folder, bool weights = true);

// Where a line of an earlier run stands.
struct StoredLine {
  std::size_t file = 0;  // of Earlier::files
  std::int64_t offset = 0, size = 0;
};

// A record that is kept: the line as it is now to be written, and where it already stands so.
struct Kept {
  std::string line;
  std::optional<StoredLine> span;
};

// The good records of FILE and FILE.partial.
class Earlier {
 public:
  // Throws kUsage when FILE's fingerprint is another one or lost, or when it holds no records.
  // `partial` is false when FILE.partial is not to be read.
  void load(const fs::path& file, const Json& fingerprint, bool partial);
  // The output, as JSON text, of the oldest record not yet taken whose line begins with `head`,
  // which ends with "output":.
  std::optional<std::string> take(std::string_view head, StoredLine& span);
  std::string read(const StoredLine& span) const;

  static constexpr std::size_t kFile = 0, kPartial = 1;

 private:
  void load_lines(std::size_t which, const fs::path& file);
  std::map<Digest, std::deque<StoredLine>> records_;
  std::unique_ptr<MappedFile> files_[2];
};

// Whether it is there and not empty.
bool has_bytes(const fs::path& file);

// The fingerprint beside FILE, and the one beside FILE.partial while that grows: whenever a run is
// killed, a file never stands beside the fingerprint of another run.
class FingerprintFiles {
 public:
  explicit FingerprintFiles(const fs::path& file) : file_(file) {}
  // Of the records in FILE, in FILE.partial; null when it is not known.
  Json of_file() const;
  Json of_partial() const;
  // FILE.partial, empty until now, or of the same run, is of this one.
  void begin(const Json& fingerprint) const;
  // FILE.partial is gone.
  void drop_partial() const;
  // FILE is about to be replaced by, or has become, what `fingerprint` says.
  void before_replacing(const Json& fingerprint) const;
  void after_replacing() const;

 private:
  fs::path beside(const std::string& name) const;
  fs::path file_;
};

// Throws kUsage naming what is different.
void check_same_run(const std::string& file, const Json& before, const Json& now);

}  // namespace hft
