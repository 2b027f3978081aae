#include "tasks/run/records.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/secrets.h"
#include "core/base/text.h"
#include "tasks/run/delimited.h"
#include "tasks/run/list_option.h"
#include "tasks/run/table_file.h"

namespace hft {

void add_output_options(Flags& flags, OutputOptions& o, const std::vector<std::string>& more) {
  std::vector<std::string> forms{"text", "json", "csv", "tsv", "parquet"};
  forms.insert(forms.end(), more.begin(), more.end());
  flags.add("--json", o.json, "One JSON record per input").group("Output");
  flags.add("--format", o.format, "Form of the results")
      .one_of(forms)
      .group("Output");
  flags
      .add(
          "-o,--output", [&o](const std::string& file) { o.file = file == "-" ? "" : file; },
          "Write to FILE, which appears when it is complete; -: stdout")
      .metavar("FILE")
      .group("Output");
  flags.add("--output-dir", o.folder.folder, "A file in DIR for each input, called as the file it came from, by its id, or by its number")
      .metavar("DIR")
      .group("Output");
  flags.add("--skip-existing", o.folder.skip_existing, "Pass over inputs whose file is in DIR already")
      .group("Output");
  flags.add("--force", o.force, "Replace existing files").group("Output");
  flags.add("--resume", o.resume, "Keep the good records of FILE, run what is missing or failed")
      .group("Output");
  add_list_option(flags, "--keep-columns", o.keep_columns,
                  "Data columns to carry along: a,b or all")
      .metavar("a,b|all")
      .group("Output");
}

void check_output_folder(const OutputOptions& o) {
  if (o.folder.folder.empty()) {
    if (o.folder.skip_existing) fail(Errc::kUsage, "--skip-existing is for --output-dir");
    return;
  }
  if (!o.file.empty() || o.resume || writes_parquet(o))
    fail_hint(Errc::kUsage, o.resume ? "--skip-existing goes on after the files that are there" : "",
              "--output-dir and ",
              !o.file.empty() ? "--output" : o.resume ? "--resume" : "--format parquet",
              " contradict each other");
}

bool writes_parquet(const OutputOptions& o) {
  return o.format == "parquet" ||
         (o.format.empty() && !o.json && is_parquet_name(o.file));
}

void Failures::add(const Input& input, const Error& error) {
  ++bad_;
  not_finite_ += error.code == Errc::kNotFinite;
  const auto is_media = [](const auto& value) {
    return value && std::holds_alternative<Media>(*value);
  };
  last_is_file_ = error.code == Errc::kNotFound || std::ranges::any_of(input.values, is_media);
  last_code_ = error.code;
  const bool placed = input.place.empty() || error.message.starts_with(input.place);
  report_error(placed ? error.message : input.place + ": " + error.message,
               bad_ == 1 ? error.hint : "");
}

int Failures::exit_code() const {
  if (bad_ == 0) return 0;
  if (good_ + bad_ > 1)
    report_error(std::to_string(bad_) + " of " + counted(good_ + bad_, "input") + " failed");
  if (good_ > 0) return static_cast<int>(Errc::kSomeFailed);
  // A lone file's fault is the run's.
  if (bad_ == 1 && last_is_file_) return static_cast<int>(last_code_);
  return static_cast<int>(not_finite_ == bad_ ? Errc::kNotFinite : Errc::kFailure);
}

struct RecordWriter::Impl {
  Impl(const OutputOptions& o, Rendering r, Fingerprint f)
      : options(o), rendering(std::move(r)), fingerprint(std::move(f)), known(o.file) {}
  OutputOptions options;
  Rendering rendering;
  Fingerprint fingerprint;
  FingerprintFiles known;
  std::string format;
  std::optional<Delimited> delimited;
  std::unique_ptr<OutputFile> out;
  std::optional<OutputFolder> folder;  // in its place
  Failures failures;
  std::once_flag started;
  Earlier earlier;                // --resume
  std::vector<StoredLine> order;  // --resume: where the lines stand, in input order
  mutable std::once_flag told_of_clash;

  // Records can be told from those of another run, so that a later one can keep them.
  bool resumable() const {
    return has_lines() && OutputFile::lasting(options.file);
  }
  bool resumes() const { return options.resume; }
  bool has_lines() const { return (format == "json" || format == "parquet") && !folder; }
  void choose_format();
  void open();
  void start();
  Columns columns(const Input& input) const;
  void append(std::string_view line);
  void assemble();
  void write_parquet();
};

void RecordWriter::Impl::choose_format() {
  if (options.json && !options.format.empty() && options.format != "json")
    fail(Errc::kUsage, "--json and --format ", options.format, " contradict each other");
  format = options.json ? "json" : options.format;
  if (writes_parquet(options)) format = "parquet";
  if (format == "parquet" && !OutputFile::lasting(options.file))
    fail(Errc::kUsage, "--format parquet: is written when all records are there, it needs -o FILE");
  if (format == "parquet") table_backend();  // missing, it is told at once
  if (format == "csv" || format == "tsv") delimited.emplace(format == "csv" ? ',' : '\t');
  if (!format.empty()) return;
  const bool terminal =
      options.file.empty() && options.folder.folder.empty() && ::isatty(STDOUT_FILENO);
  format = rendering.text_by_default || terminal ? "text" : "json";
}

// What does not need the model's bytes is compared at once.
void RecordWriter::Impl::open() {
  check_output_folder(options);
  if (!options.folder.folder.empty()) {
    folder.emplace(options.folder, options.force, format == "text" ? "txt" : format);
    return;
  }
  if (resumes() && !resumable()) fail(Errc::kUsage, "--resume needs -o FILE and --json");
  if (resumes() && format == "parquet" && has_bytes(options.file))
    fail_hint(Errc::kUsage,
              "--force makes it anew; records as JSON lines are kept after failures too",
              options.file, ": cannot resume: is a table already, which keeps no records apart");
  check_output_file(options.file, options.force || options.resume);
  bool goes_on = false;
  if (resumes()) {
    const Json before = known.of_partial();
    goes_on = !before.is_null();
    if (goes_on)
      check_same_run(OutputFile::partial(options.file).string(), before, fingerprint.settings);
    else if (has_bytes(OutputFile::partial(options.file)))
      note(OutputFile::partial(options.file).string() +
           ": its settings are not known, its records are not kept");
  }
  out = std::make_unique<OutputFile>(
      options.file, goes_on ? OutputFile::Partial::kContinue : OutputFile::Partial::kReplace);
}

// Before the first record is read or written.
void RecordWriter::Impl::start() {
  if (!resumable()) return;
  const Json now = fingerprint.whole();
  if (resumes()) {
    const Json before = known.of_partial();
    if (!before.is_null()) check_same_run(OutputFile::partial(options.file).string(), before, now);
    earlier.load(options.file, now, !before.is_null());
  }
  known.begin(now);
}

RecordWriter::RecordWriter(const OutputOptions& options, Rendering rendering,
                           Fingerprint fingerprint)
    : impl_(new Impl(options, std::move(rendering), std::move(fingerprint))) {
  impl_->choose_format();
  impl_->open();
}

RecordWriter::~RecordWriter() {
  impl_->out.reset();
  if (impl_->resumable()) impl_->known.drop_partial();
}

// The data's columns to carry along. A name of ours stays ours: the data's gets another.
Columns RecordWriter::Impl::columns(const Input& input) const {
  Columns all;
  if (options.keep_columns.empty() || !input.row.is_object()) return all;
  const auto add = [&](const std::string& name, const Json& value) {
    const bool ours = name == "id" || name == "input" || name == "output" || name == "error";
    if ((name == "id" && value == input.id) || (name == "input" && value == input.shown)) return;
    if (ours)
      std::call_once(told_of_clash, [&] {
        note("the data's column '" + name + "' is written as 'data_" + name + "'");
      });
    all.emplace_back(ours ? "data_" + name : name, value);
  };
  if (options.keep_columns == std::vector<std::string>{"all"}) {
    for (const auto& [key, value] : input.row.items()) add(key, value);
  } else {
    for (const auto& key : options.keep_columns) add(key, input.row.value(key, Json()));
  }
  return all;
}

bool RecordWriter::takes_lines() const { return impl_->has_lines(); }

std::string RecordWriter::begin_line(const Input& input) const {
  std::string line = "{";
  if (!input.id.is_null()) line += "\"id\":" + exact_line(input.id) + ",";
  return line + "\"input\":" + exact_line(input.shown) + ",\"output\":";
}

void RecordWriter::end_line(const Input& input, std::string& line) const {
  for (const auto& [name, value] : impl_->columns(input))
    line += "," + to_line(name) + ":" + exact_line(value);
  line += "}\n";
}

std::optional<Kept> RecordWriter::reuse(const Input& input) {
  if (impl_->folder) return impl_->folder->reuse(input);
  std::call_once(impl_->started, [&] { impl_->start(); });
  if (!impl_->resumes()) return std::nullopt;
  Kept kept{begin_line(input), StoredLine()};
  const auto output = impl_->earlier.take(kept.line, *kept.span);
  if (!output) return std::nullopt;
  kept.line += *output;
  end_line(input, kept.line);
  if (impl_->earlier.read(*kept.span) != kept.line) kept.span.reset();
  return kept;
}

void RecordWriter::Impl::append(std::string_view line) {
  std::call_once(started, [&] { start(); });
  if (resumes())
    order.push_back({Earlier::kPartial, out->size(), static_cast<std::int64_t>(line.size())});
  out->write(line);
}

void RecordWriter::write_kept(const Kept& kept) {
  impl_->failures.succeeded();
  if (impl_->folder) return;
  if (kept.span)
    impl_->order.push_back(*kept.span);
  else
    impl_->append(kept.line);
}

void RecordWriter::write_line(std::string_view line) {
  impl_->failures.succeeded();
  impl_->append(line);
}

// A record in the form asked for.
std::string RecordWriter::rendered(const Input& input, const Json& output) {
  if (impl_->format == "text") return impl_->rendering.text(input, output);
  if (impl_->delimited) {
    if (impl_->folder) impl_->delimited.emplace(impl_->format == "csv" ? ',' : '\t');
    return impl_->delimited->lines(input, output, impl_->columns(input));
  }
  std::string line = begin_line(input) + to_line(output);
  end_line(input, line);
  return line;
}

void RecordWriter::write(const Input& input, Json output) {
  const std::string record = rendered(input, output);
  if (impl_->folder)
    impl_->folder->write(input, record);
  else
    impl_->append(record);
  impl_->failures.succeeded();
}

void RecordWriter::write_error(const Input& input, const Error& error) {
  impl_->failures.add(input, error);
  if (impl_->folder) return;
  if (impl_->format == "text") impl_->append(impl_->rendering.failed);
  if (!impl_->has_lines()) return;
  if (impl_->rendering.failed_line)
    if (const std::string own = impl_->rendering.failed_line(input, error); !own.empty())
      return impl_->append(own);
  std::string line = begin_line(input);
  line.resize(line.size() - std::string_view("\"output\":").size());
  line += "\"error\":" +
          to_line({{"code", code_name(error.code)}, {"message", mask_tokens(error.message)}});
  end_line(input, line);
  impl_->append(line);
}

void RecordWriter::flush() {
  if (impl_->out) impl_->out->flush();
}

// FILE.partial, as it is when its lines are already all there are and in order, else the lines of
// both files put in order.
void RecordWriter::Impl::assemble() {
  std::int64_t at = 0;
  const bool in_order = std::ranges::all_of(order, [&](const StoredLine& span) {
    return span.file == Earlier::kPartial && std::exchange(at, at + span.size) == span.offset;
  });
  if (in_order && at == out->size()) return out->close();
  out->flush();
  const MappedFile partial(OutputFile::partial(options.file));
  const auto bytes = partial.bytes();
  AtomicFile whole(options.file);
  for (const StoredLine& span : order) {
    if (span.file == Earlier::kPartial)
      whole.write({reinterpret_cast<const char*>(bytes.data()) + span.offset,
                   static_cast<std::size_t>(span.size)});
    else
      whole.write(earlier.read(span));
  }
  whole.commit();
  out->discard();
}

// Its lines tell the types of the columns when all of them are there.
void RecordWriter::Impl::write_parquet() {
  const fs::path file = options.file;
  if (!resumes()) return close_as_parquet(*out, file, rows_of_partial(file));
  out->flush();
  const MappedFile partial(OutputFile::partial(file));  // where all lines are, in another order
  const auto bytes = partial.bytes();
  close_as_parquet(*out, file, [&]() -> TableRows {
    return [&, at = order.begin()]() mutable -> std::optional<Json> {
      if (at == order.end()) return std::nullopt;
      const StoredLine& span = *at++;
      return parse_exact_json({reinterpret_cast<const char*>(bytes.data()) + span.offset,
                               static_cast<std::size_t>(span.size)},
                              file.string());
    };
  });
}

int RecordWriter::finish() {
  if (impl_->folder) return impl_->failures.exit_code();
  std::call_once(impl_->started, [&] { impl_->start(); });
  if (impl_->resumable()) impl_->known.before_replacing(impl_->fingerprint.whole());
  if (impl_->format == "parquet")
    impl_->write_parquet();
  else if (impl_->resumes())
    impl_->assemble();
  else
    impl_->out->close();
  if (impl_->resumable()) impl_->known.after_replacing();
  return impl_->failures.exit_code();
}

void RecordWriter::interrupted() {
  if (impl_->folder) return impl_->folder->interrupted();
  impl_->out->flush();
  if (!OutputFile::lasting(impl_->options.file))
    return note("interrupted; the results so far are complete records");
  const std::string partial = OutputFile::partial(impl_->options.file).string();
  if (impl_->resumable())
    note("interrupted; the same command with --resume continues from " + partial);
  else
    note("interrupted; the results so far are in " + partial);
}

}  // namespace hft
