// The one way results leave hft: records in input order, as JSON lines, text, a table, CSV, TSV or
// Parquet, on stdout or into a file that is only complete under its name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "tasks/run/flags.h"
#include "tasks/run/output_file.h"
#include "tasks/run/output_folder.h"
#include "tasks/run/resume.h"
#include "tasks/run/rows.h"

namespace hft {

struct OutputOptions {
  bool json = false;
  std::string format;  // "" = as task, file and stdout suggest; text | json | csv | tsv | parquet
  std::string file;    // -o
  bool force = false;
  bool resume = false;
  std::vector<std::string> keep_columns;  // {"all"}: every one
  OutputFolderOptions folder;             // --output-dir
};

// kUsage for a folder beside options that it contradicts, and for --skip-existing without one.
void check_output_folder(const OutputOptions& options);

// A table of the records is written, by --format or by the name of the file.
bool writes_parquet(const OutputOptions& options);

// more: forms of results that the task itself writes.
void add_output_options(Flags& flags, OutputOptions& options,
                        const std::vector<std::string>& more = {});

// How a task's output looks outside JSON: `text` draws one record for people.
struct Rendering {
  bool text_by_default = false;  // tasks that make text print it; others JSON unless on a terminal
  std::function<std::string(const Input&, const Json& output)> text;
  std::string failed = "";  // stands in the text for an input that failed
  // The line of an input that failed, where records are lines of another form; may be empty.
  std::function<std::string(const Input&, const Error&)> failed_line{};
};

// Takes the results of a run. Every input is given exactly once, in input order.
class Sink {
 public:
  virtual ~Sink() = default;
  // The record of an earlier run (--resume) for this input, which is then skipped. Called from the
  // reading threads, one at a time, in input order.
  virtual std::optional<Kept> reuse(const Input&) { return std::nullopt; }
  virtual void write(const Input& input, Json output) = 0;
  // The whole record as a line of JSON, made by RecordWriter::begin_line() and end_line().
  virtual void write_line(std::string_view) {}
  virtual void write_error(const Input& input, const Error& error) = 0;
  // A reused record's turn has come.
  virtual void write_kept(const Kept&) {}
  virtual void flush() {}
  // All inputs were given. Returns the exit code: 0, 3 when some inputs failed, 1 when all did (10
  // when all of them were not finite).
  virtual int finish() = 0;
  // The run ends early; says how to continue.
  virtual void interrupted() {}
};

class RecordWriter : public Sink {
 public:
  // Throws kUsage for options that contradict each other, and as OutputFile.
  RecordWriter(const OutputOptions& options, Rendering rendering, Fingerprint fingerprint);
  ~RecordWriter() override;
  std::optional<Kept> reuse(const Input& input) override;
  void write(const Input& input, Json output) override;
  void write_line(std::string_view line) override;
  void write_error(const Input& input, const Error& error) override;
  void write_kept(const Kept& kept) override;
  void flush() override;
  int finish() override;
  void interrupted() override;

  // Records are JSON lines (also those that a Parquet file is then made of). A large output may then be written as JSON text, on any thread, between
  // begin_line() and end_line().
  bool takes_lines() const;
  std::string begin_line(const Input& input) const;
  void end_line(const Input& input, std::string& line) const;

 private:
  std::string rendered(const Input& input, const Json& output);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One failed input on stderr; the count on the exit code.
class Failures {
 public:
  void add(const Input& input, const Error& error);
  void succeeded() { ++good_; }
  // 0, 3 or 1; 10 when nothing was but not finite; of one file alone its own. A summary line on
  // stderr when several inputs failed.
  int exit_code() const;

 private:
  std::int64_t good_ = 0, bad_ = 0, not_finite_ = 0;
  Errc last_code_ = Errc::kFailure;
  bool last_is_file_ = false;
};

}  // namespace hft
