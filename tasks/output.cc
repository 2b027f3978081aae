#include "tasks/output.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "tasks/output_file.h"

namespace hft {
namespace {

fs::path fingerprint_file(const fs::path& file) {
  return file.parent_path() / ("." + file.filename().string() + ".hft.json");
}

std::string cell(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

// RFC 4180 quoting; TSV has none, so its separators are escaped.
std::string delimited(const std::vector<std::string>& cells, char separator) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += separator;
    const std::string& text = cells[i];
    if (separator == '\t') {
      for (char c : text)
        line += c == '\t' ? "\\t" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
    } else if (text.find_first_of(",\"\n\r") != std::string::npos) {
      line += '"';
      for (char c : text) line += c == '"' ? "\"\"" : std::string(1, c);
      line += '"';
    } else {
      line += text;
    }
  }
  return line + "\n";
}

}  // namespace

void add_output_options(CLI::App& app, OutputOptions& o) {
  app.add_flag("--json", o.json, "One JSON record per input")->group("Output");
  app.add_option("--format", o.format, "Form of the results")
      ->check(CLI::IsMember({"text", "json", "csv", "tsv"}))
      ->group("Output");
  app.add_option("-o,--output", o.file, "Write to FILE, which appears when it is complete")
      ->type_name("FILE")
      ->group("Output");
  app.add_flag("--force", o.force, "Replace an existing FILE")->group("Output");
  app.add_flag("--resume", o.resume, "Keep the good records of FILE, run what is missing or failed")
      ->group("Output");
  app.add_option("--keep-columns", o.keep_columns, "Data columns to carry along: a,b or all")
      ->type_name("a,b|all")
      ->group("Output");
}

void check_output_file(const std::string& file, bool force) {
  if (file.empty()) return;
  const fs::path folder =
      fs::path(file).has_parent_path() ? fs::path(file).parent_path() : fs::path(".");
  if (!fs::is_directory(folder))
    fail(Errc::kResources, file, ": the folder ", folder.string(), " is not there");
  if (fs::exists(file) && !force)
    fail_hint(Errc::kUsage, "use --force to replace it", file, ": exists already");
}

void Failures::add(const Input& input, const Error& error) {
  ++bad_;
  const bool placed = input.place.empty() || error.message.starts_with(input.place);
  report_error(placed ? error.message : input.place + ": " + error.message,
               bad_ == 1 ? error.hint : "");
}

int Failures::exit_code() const {
  if (bad_ == 0) return 0;
  if (good_ + bad_ > 1)
    report_error(std::to_string(bad_) + " of " + counted(good_ + bad_, "input") + " failed");
  return good_ == 0 ? 1 : 3;
}

struct RecordWriter::Impl {
  OutputOptions options;
  Rendering rendering;
  Json fingerprint;
  std::string format;
  std::unique_ptr<OutputFile> out;
  Failures failures;
  std::map<std::int64_t, std::string> earlier;  // good lines of the run that is resumed
  std::vector<std::string> header;              // CSV, TSV: names of the columns

  void choose_format();
  void load_earlier();
  Json record(const Input& input) const;
  void carry_columns(const Input& input, Json& record) const;
  void write_rows(const Input& input, const Json& output);
};

void RecordWriter::Impl::choose_format() {
  if (options.json && !options.format.empty() && options.format != "json")
    fail(Errc::kUsage, "--json and --format ", options.format, " contradict each other");
  format = options.json ? "json" : options.format;
  if (!format.empty()) return;
  const bool terminal = options.file.empty() && ::isatty(STDOUT_FILENO);
  format = rendering.text_by_default || terminal ? "text" : "json";
}

// Reads what a run that ended early, or had failures, left: FILE, FILE.partial.old, FILE.partial.
void RecordWriter::Impl::load_earlier() {
  const fs::path beside = fingerprint_file(options.file);
  if (fs::exists(beside)) {
    const Json before = read_json(beside);
    for (const auto& [key, value] : fingerprint.items()) {
      const Json old = before.value(key, Json());
      if (old != value)
        fail_hint(Errc::kUsage, "use the same settings, or --force to start anew", options.file,
                  ": cannot resume: ", key, " was ", old.dump(), ", is ", value.dump());
    }
  }
  for (const fs::path& file : {fs::path(options.file), OutputFile::older(options.file),
                               OutputFile::partial(options.file)}) {
    std::ifstream in(file, std::ios::binary);
    std::string line;
    for (std::int64_t i = 0; std::getline(in, line); ++i) {
      if (in.eof()) break;  // no newline: torn
      const Json record = Json::parse(line, nullptr, false);
      if (record.is_object() && record.contains("output")) earlier[i] = line;
    }
  }
}

Json RecordWriter::Impl::record(const Input& input) const {
  Json record;
  if (!input.id.is_null()) record["id"] = input.id;
  record["input"] = input.shown;
  return record;
}

void RecordWriter::Impl::carry_columns(const Input& input, Json& record) const {
  if (options.keep_columns.empty() || !input.row.is_object()) return;
  if (options.keep_columns == "all") {
    for (const auto& [key, value] : input.row.items())
      if (!record.contains(key)) record[key] = value;
    return;
  }
  for (const auto& key : split(options.keep_columns, ','))
    if (!record.contains(key)) record[key] = input.row.value(key, Json());
}

// The objects of the output as lines of CSV; a plain value is the column "output".
void RecordWriter::Impl::write_rows(const Input& input, const Json& output) {
  const char separator = format == "csv" ? ',' : '\t';
  std::vector<Json> rows;
  const bool list_of_objects =
      output.is_array() &&
      std::all_of(output.begin(), output.end(), [](auto& v) { return v.is_object(); });
  if (list_of_objects)
    rows.assign(output.begin(), output.end());
  else if (output.is_object())
    rows.push_back(output);
  else
    rows.push_back(Json{{"output", output}});
  for (const Json& row : rows) {
    Json full = record(input);
    full.update(row);
    carry_columns(input, full);
    if (header.empty()) {
      for (const auto& [key, value] : full.items()) header.push_back(key);
      out->write(delimited(header, separator));
    }
    std::vector<std::string> cells;
    for (const auto& key : header) cells.push_back(full.contains(key) ? cell(full[key]) : "");
    out->write(delimited(cells, separator));
  }
}

RecordWriter::RecordWriter(const OutputOptions& options, Rendering rendering, Json fingerprint)
    : impl_(new Impl{
          options, std::move(rendering), std::move(fingerprint), "", nullptr, {}, {}, {}}) {
  impl_->choose_format();
  if (options.resume && (options.file.empty() || impl_->format != "json"))
    fail(Errc::kUsage, "--resume needs -o FILE and --json");
  check_output_file(options.file, options.force || options.resume);
  if (options.resume) impl_->load_earlier();
  impl_->out = std::make_unique<OutputFile>(options.file);
  if (!options.file.empty() && impl_->format == "json")
    write_file(fingerprint_file(options.file), impl_->fingerprint.dump(1) + "\n");
}

RecordWriter::~RecordWriter() = default;

bool RecordWriter::reuse(const Input& input) {
  auto found = impl_->earlier.find(input.index);
  if (found == impl_->earlier.end()) return false;
  const Json record = Json::parse(found->second);
  return record["input"] == Json::parse(to_line(input.shown)) &&
         record.value("id", Json()) == input.id;
}

void RecordWriter::write_reused(const Input& input) {
  impl_->out->write(impl_->earlier[input.index] + "\n");
  impl_->failures.succeeded();
}

bool RecordWriter::takes_lines() const { return impl_->format == "json"; }

std::string RecordWriter::begin_line(const Input& input) const {
  std::string line = to_line(impl_->record(input));
  line.back() = ',';
  return line + "\"output\":";
}

void RecordWriter::end_line(const Input& input, std::string& line) const {
  Json record = impl_->record(input);
  record["output"] = nullptr;
  const auto before = static_cast<std::ptrdiff_t>(record.size());
  impl_->carry_columns(input, record);
  for (auto it = std::next(record.begin(), before); it != record.end(); ++it)
    line += "," + to_line(it.key()) + ":" + to_line(it.value());
  line += "}\n";
}

void RecordWriter::write_line(std::string_view line) {
  impl_->failures.succeeded();
  impl_->out->write(line);
}

void RecordWriter::write(const Input& input, Json output) {
  impl_->failures.succeeded();
  if (impl_->format == "text") return impl_->out->write(impl_->rendering.text(input, output));
  if (impl_->format != "json") return impl_->write_rows(input, output);
  Json record = impl_->record(input);
  record["output"] = std::move(output);
  impl_->carry_columns(input, record);
  impl_->out->write(to_line(record) + "\n");
}

void RecordWriter::write_error(const Input& input, const Error& error) {
  impl_->failures.add(input, error);
  if (impl_->format == "text") impl_->out->write(impl_->rendering.failed);
  if (impl_->format != "json") return;
  Json record = impl_->record(input);
  record["error"] = {{"code", code_name(error.code)}, {"message", error.message}};
  impl_->carry_columns(input, record);
  impl_->out->write(to_line(record) + "\n");
}

void RecordWriter::flush() { impl_->out->flush(); }

int RecordWriter::finish() {
  impl_->out->close();
  return impl_->failures.exit_code();
}

void RecordWriter::interrupted() {
  impl_->out->flush();
  if (impl_->options.file.empty())
    return note("interrupted; the results so far are complete records");
  const std::string partial = OutputFile::partial(impl_->options.file).string();
  if (impl_->format == "json")
    note("interrupted; the same command with --resume continues from " + partial);
  else
    note("interrupted; the results so far are in " + partial);
}

}  // namespace hft
