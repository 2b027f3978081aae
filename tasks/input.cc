#include "tasks/input.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <deque>

#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/signals.h"
#include "core/base/text.h"
#include "tasks/line_reader.h"

namespace hft {
namespace {

constexpr std::int64_t kColumnProbe = 1000;  // rows looked at before an unknown column is a mistake

struct Shard {
  std::int64_t index = 0, count = 1;
};

std::optional<std::int64_t> environment_number(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) return std::nullopt;
  char* end = nullptr;
  const long long number = std::strtoll(value, &end, 10);
  return *end ? std::nullopt : std::optional<std::int64_t>(number);
}

// --shard, else what a job array of SLURM, Kubernetes or MPI says.
Shard shard_of(const std::string& text) {
  if (!text.empty()) {
    Shard shard;
    char rest = 0;
    long long i = 0, n = 0;
    if (std::sscanf(text.c_str(), "%lld/%lld%c", &i, &n, &rest) != 2 || n < 1 || i < 0 || i >= n)
      fail(Errc::kUsage, "--shard: '", text, "' is not i/n with 0 <= i < n, such as 0/3");
    return {i, n};
  }
  static constexpr std::pair<const char*, const char*> kArrays[] = {
      {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"},
      {"JOB_COMPLETION_INDEX", "JOB_COMPLETION_COUNT"},
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}};
  for (auto [rank, size] : kArrays) {
    auto i = environment_number(rank), n = environment_number(size);
    if (rank == kArrays[0].first && i && n)
      *i -= environment_number("SLURM_ARRAY_TASK_MIN").value_or(0);
    if (i && n && *n > 1 && *i >= 0 && *i < *n) return {*i, *n};
  }
  return {};
}

std::string format_of(const std::string& wanted, bool lines, LineReader& file) {
  if (lines) return "lines";
  if (wanted != "auto") return wanted;
  const std::string suffix = fs::path(file.name()).extension().string();
  if (suffix == ".jsonl" || suffix == ".ndjson") return "jsonl";
  if (suffix == ".json") return "json";
  if (suffix == ".txt" || suffix == ".md") return "text";
  for (const char* other : {".csv", ".tsv", ".parquet"})
    if (suffix == other)
      fail_hint(Errc::kUnsupported, "convert it to JSON lines (.jsonl)", file.name(), ": ",
                other + 1, " files are not read yet");
  if (file.name() == "stdin") return "text";
  const std::string head = trimmed(file.peek());
  return head.starts_with("{\"") || head == "{" ? "jsonl" : "text";
}

}  // namespace

void add_input_options(CLI::App& app, InputOptions& o, std::vector<Column> columns) {
  o.columns = std::move(columns);
  std::string name = o.columns[0].name;
  for (char& c : name) c = static_cast<char>(std::toupper(c));
  app.add_option(name, o.values, "Inputs; none: standard input")->group("Input");
  app.add_option("-i,--input", o.files,
                 "Read inputs from FILE, from every file in DIR, or stdin (-)")
      ->type_name("FILE|DIR|-")
      ->group("Input");
  app.add_option("--input-format", o.format, "How to read it: by suffix, else by content")
      ->check(CLI::IsMember({"auto", "text", "lines", "jsonl", "json"}))
      ->capture_default_str()
      ->group("Input");
  app.add_flag("--lines", o.lines, "One input per line of text")->group("Input");
  app.add_flag("-R,--recursive", o.recurse, "Also read the folders inside DIR")->group("Input");
  app.add_option("--files-from", o.files_from, "Read the names of input files from LIST")
      ->type_name("LIST|-")
      ->group("Input");
  app.add_flag("-0,--null", o.null_separated, "Names in LIST end with NUL, not newline")
      ->group("Input");
  app.add_option("--limit", o.limit, "Stop after N inputs")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->group("Input");
  app.add_option("--shard", o.shard, "Only every n-th input, from the i-th (0/3, 1/3, 2/3)")
      ->type_name("i/n")
      ->group("Input");
  for (auto& column : o.columns) {
    if (column.source.empty()) column.source = column.name;
    std::string flag = column.name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    app.add_option("--" + flag + "-column", column.source, "Data column with the " + column.name)
        ->type_name("NAME")
        ->capture_default_str()
        ->group("Input");
  }
  app.add_option("--id-column", o.id_column, "Data column copied to each record's id")
      ->type_name("NAME")
      ->capture_default_str()
      ->group("Input");
}

struct InputReader::Source {
  virtual ~Source() = default;
  virtual std::optional<Input> next() = 0;
  virtual bool ready() const { return true; }
};

namespace {

// Puts a bare text into the first column and the fixed values into the others.
Input from_text(const InputOptions& o, std::string text, std::string place) {
  Input input;
  input.place = std::move(place);
  input.values.resize(o.columns.size());
  if (auto bad = utf8_error(text)) {
    input.shown = text;
    input.error = Error(Errc::kBadData, "not UTF-8 at byte " + std::to_string(*bad));
    return input;
  }
  input.values[0] = std::move(text);
  bool several = false;
  for (std::size_t i = 1; i < o.columns.size(); ++i) {
    input.values[i] = o.columns[i].fixed;
    several |= o.columns[i].fixed.has_value();
    if (!input.values[i] && !o.columns[i].optional)
      fail(Errc::kUsage, "no ", o.columns[i].name, " is given: use --", o.columns[i].name,
           ", or data with that column (-i FILE.jsonl)");
  }
  if (!several) {
    input.shown = *input.values[0];
    return input;
  }
  for (std::size_t i = o.columns.size(); i-- > 0;)  // question before context, as people write it
    if (input.values[i]) input.shown[o.columns[i].name] = *input.values[i];
  return input;
}

// Takes the columns of a data row.
Input from_row(const InputOptions& o, Json row, std::string place) {
  Input input;
  input.place = std::move(place);
  input.values.resize(o.columns.size());
  input.shown = Json::object();
  if (row.is_string() && o.columns[0].source == o.columns[0].name)
    return from_text(o, row.get<std::string>(), input.place);
  if (!row.is_object()) {
    input.shown = row;
    input.error =
        Error(Errc::kBadData, input.place + ": is " + row.type_name() + ", wanted an object");
    return input;
  }
  if (row.contains(o.id_column)) input.id = row[o.id_column];
  for (std::size_t k = o.columns.size(); k-- > 0;) {
    const Column& column = o.columns[k];
    auto cell = row.find(column.source);
    const bool missing = cell == row.end() || cell->is_null();
    if (missing && column.fixed)
      input.values[k] = column.fixed;
    else if (missing && column.optional)
      continue;
    else if (missing)
      input.error = Error(Errc::kBadData, input.place + ": has no column '" + column.source + "'");
    else if (!cell->is_string())
      input.error = Error(Errc::kBadData, input.place + ": column '" + column.source + "' is " +
                                              cell->type_name() + ", wanted a string");
    else
      input.values[k] = cell->get<std::string>();
    if (input.values[k]) input.shown[column.name] = *input.values[k];
  }
  if (input.shown.size() == 1 && input.values[0]) input.shown = Json(*input.values[0]);
  input.row = std::move(row);
  return input;
}

struct ArgumentSource : InputReader::Source {
  explicit ArgumentSource(const InputOptions& o) : options(o) {}
  std::optional<Input> next() override {
    if (at == options.values.size()) return std::nullopt;
    return from_text(options, options.values[at++], "");
  }
  const InputOptions& options;
  std::size_t at = 0;
};

struct FileSource : InputReader::Source {
  FileSource(const InputOptions& o, const std::string& file)
      : options(o), reader(file), format(format_of(o.format, o.lines, reader)) {
    if (format == "json") load_array();
  }

  std::optional<Input> next() override {
    if (format == "json") return next_of_array();
    if (format == "text") return whole();
    std::optional<std::string> line;
    do line = reader.next();
    while (line && format == "jsonl" && trimmed(*line).empty());
    if (!line) return std::nullopt;
    const std::string place =
        "line " + std::to_string(reader.line_number()) + " of " + reader.name();
    if (format == "lines")
      return located(from_text(options, std::move(*line), place), reader.line_start());
    return parsed(*line, place);
  }
  bool ready() const override { return format == "json" || reader.ready(); }

 private:
  // Byte positions inside a line become positions in the file.
  Input located(Input input, std::int64_t start) const {
    if (input.error)
      if (auto bad = utf8_error(input.shown.get_ref<const std::string&>()))
        input.error->message = input.place + ": not UTF-8 at byte " +
                               std::to_string(start + static_cast<std::int64_t>(*bad));
    return input;
  }
  std::optional<Input> whole() {
    if (done) return std::nullopt;
    done = true;
    std::string text = reader.rest();
    if (stop_requested()) return std::nullopt;
    // The newline that ends a file of text is not part of the text.
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    return located(from_text(options, std::move(text), reader.name()), 0);
  }
  Input parsed(const std::string& line, const std::string& place) {
    try {
      return from_row(options, parse_json(line, place), place);
    } catch (const Error& e) {
      if (e.code != Errc::kBadData) throw;
      Input input;
      input.place = place;
      input.shown = line;
      input.error = Error(e.code, e.message + " (the line begins at byte " +
                                      std::to_string(reader.line_start()) + ")");
      return input;
    }
  }
  void load_array() {
    Json value = parse_json(reader.rest(), reader.name());
    if (value.is_object()) value = Json::array({value});
    if (!value.is_array())
      fail(Errc::kBadData, reader.name(), ": is ", value.type_name(),
           ", wanted an array of objects");
    for (auto& row : value) rows.push_back(std::move(row));
  }
  std::optional<Input> next_of_array() {
    if (rows.empty()) return std::nullopt;
    Json row = std::move(rows.front());
    rows.pop_front();
    return from_row(options, std::move(row),
                    "row " + std::to_string(++row_number) + " of " + reader.name());
  }

  const InputOptions& options;
  LineReader reader;
  std::string format;
  bool done = false;
  std::deque<Json> rows;
  std::int64_t row_number = 0;
};

void list_files(const fs::path& folder, bool recurse, std::vector<std::string>& out) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  for (const auto& entry : entries) {
    if (entry.filename().string().starts_with('.')) continue;
    if (fs::is_regular_file(entry))
      out.push_back(entry.string());
    else if (recurse && fs::is_directory(entry))
      list_files(entry, recurse, out);
  }
}

std::vector<std::string> files_of(const InputOptions& o) {
  std::vector<std::string> files;
  auto add = [&](const std::string& name) {
    if (name != "-" && fs::is_directory(name))
      list_files(name, o.recurse, files);
    else
      files.push_back(name);
  };
  for (const auto& name : o.files) add(name);
  if (o.files_from.empty()) return files;
  LineReader list(o.files_from);
  if (o.null_separated) {
    for (const auto& name : split(list.rest(), '\0'))
      if (!name.empty()) add(name);
  } else {
    while (auto name = list.next())
      if (!name->empty()) add(*name);
  }
  return files;
}

}  // namespace

struct InputReader::Impl {
  explicit Impl(const InputOptions& o) : options(o) {}
  const InputOptions& options;
  Shard shard;
  std::deque<std::string> files;
  std::unique_ptr<Source> source;
  std::deque<std::string> first;
  std::deque<Input> probed;  // rows read ahead to tell an unknown column from a row without it
  bool probing = false;
  std::int64_t seen = 0, given = 0, total = 0;

  std::optional<Input> raw() {
    while (!stop_requested()) {
      if (!source) {
        if (files.empty()) return std::nullopt;
        source = std::make_unique<FileSource>(options, files.front());
        files.pop_front();
      }
      if (auto input = source->next()) return input;
      source.reset();
    }
    return std::nullopt;
  }

  // Reads ahead while every row so far lacks the same column.
  void probe() {
    probing = false;
    std::vector<std::string> names;
    for (const Column& column : options.columns) {
      if (column.optional || column.fixed) continue;
      const std::string miss = ": has no column '" + column.source + "'";
      auto lacks = [&](const Input& i) { return i.error && i.error->message.ends_with(miss); };
      auto malformed = [](const Input& i) { return i.error && i.row.empty(); };
      while (std::all_of(probed.begin(), probed.end(),
                         [&](auto& i) { return lacks(i) || malformed(i); }) &&
             static_cast<std::int64_t>(probed.size()) < kColumnProbe) {
        auto input = raw();
        if (!input) break;
        probed.push_back(std::move(*input));
      }
      if (probed.empty() || !std::any_of(probed.begin(), probed.end(), lacks) ||
          !std::all_of(probed.begin(), probed.end(),
                       [&](auto& i) { return lacks(i) || malformed(i); }))
        continue;
      for (const auto& input : probed)
        for (const auto& [key, value] : input.row.items())
          if (std::find(names.begin(), names.end(), key) == names.end()) names.push_back(key);
      const auto near = nearest(column.source, names);
      fail_hint(Errc::kUsage, "--" + column.name + "-column " + near.value_or("NAME"),
                "no column '", column.source, "' in the data; it has: ", joined(names, ", "),
                near ? "; closest: '" + *near + "'" : "");
    }
  }
};

InputReader::InputReader(const InputOptions& o) : impl_(new Impl(o)) {
  impl_->shard = shard_of(o.shard);
  impl_->first.assign(o.first.begin(), o.first.end());
  if (!o.values.empty()) {
    if (!o.files.empty() || !o.files_from.empty())
      fail(Errc::kUsage, "inputs are given as arguments and with -i; use one of them");
    impl_->source = std::make_unique<ArgumentSource>(o);
    impl_->total = static_cast<std::int64_t>(o.values.size());
    return;
  }
  auto files = files_of(o);
  if (files.empty() && o.files.empty() && o.files_from.empty()) {
    if (::isatty(STDIN_FILENO))
      fail(Errc::kUsage, "no input: give it as an argument, with -i FILE, or on stdin");
    files = {"-"};
  }
  if (files.empty()) fail(Errc::kNotFound, "-i: there is no file in ", joined(o.files, ", "));
  for (const auto& name : files)
    if (name != "-" && !fs::exists(name)) fail(Errc::kNotFound, name, ": no such file");
  impl_->files.assign(files.begin(), files.end());
  impl_->probing = true;
}

InputReader::~InputReader() = default;

std::optional<Input> InputReader::next() {
  Impl& s = *impl_;
  if (!s.first.empty()) {
    Input input = from_text(s.options, s.first.front(), "");
    s.first.pop_front();
    input.index = -1;
    return input;
  }
  if (s.probing) s.probe();
  while (s.options.limit < 0 || s.given < s.options.limit) {
    std::optional<Input> input;
    if (!s.probed.empty()) {
      input = std::move(s.probed.front());
      s.probed.pop_front();
    } else {
      input = s.raw();
    }
    if (!input) return std::nullopt;
    if (s.seen++ % s.shard.count != s.shard.index) continue;
    input->index = s.given++;
    return input;
  }
  return std::nullopt;
}

std::int64_t InputReader::total() const {
  std::int64_t n =
      (impl_->total + impl_->shard.count - 1 - impl_->shard.index) / impl_->shard.count;
  return impl_->options.limit < 0 ? n : std::min(n, impl_->options.limit);
}

bool InputReader::ready() const {
  return !impl_->probed.empty() || !impl_->source || impl_->source->ready();
}

}  // namespace hft
