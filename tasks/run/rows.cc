#include "tasks/run/rows.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>

#include "core/base/files.h"
#include "core/base/signals.h"
#include "core/base/text.h"
#include "tasks/run/data_set.h"
#include "tasks/run/input_of.h"
#include "tasks/run/line_reader.h"
#include "tasks/run/named_files.h"
#include "tasks/run/rows_folder.h"
#include "tasks/run/rows_file.h"
#include "tasks/run/rows_pages.h"
#include "tasks/run/shard.h"

namespace hft {

void add_input_options(Flags& flags, InputOptions& o, std::vector<Column> columns) {
  o.columns = std::move(columns);
  std::string name = o.columns[0].name;
  for (char& c : name) c = static_cast<char>(std::toupper(c));
  flags.add(name, o.values, "Inputs; none: standard input").group("Input");
  add_data_options(flags, o);
  for (auto& column : o.columns) {
    if (column.source.empty()) column.source = column.name;
    std::string flag = column.name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    flags.add("--" + flag + "-column", column.source, "Data column with the " + column.name)
        .metavar("NAME")
        .mark(column.named)
        .show_default()
        .group("Input");
  }
  flags.add("--id-column", o.id_column, "Data column copied to each record's id")
      .metavar("NAME")
      .mark(o.id_named)
      .show_default()
      .group("Input");
}

void add_data_options(Flags& flags, InputOptions& o) {
  flags.add("-i,--input", o.files,
            "Read inputs from FILE, from every file in DIR, stdin (-), or a data set on the Hub "
            "(hf://datasets/ORG/NAME[/PATH])")
      .metavar("FILE|DIR|-")
      .group("Input");
  flags.add("--input-format", o.format, "How to read it: by suffix, else by content")
      .one_of({"auto", "text", "lines", "jsonl", "json", "csv", "tsv", "parquet", "arrow",
               "webdataset"})
      .show_default()
      .group("Input");
  flags.add("--lines", o.lines, "One input per line of text").group("Input");
  flags.add("--split", o.split,
            "Which part of a data set (a folder or on the Hub): train, test[:100], train[10%:20%]")
      .metavar("NAME")
      .group("Input");
  flags.add("--subset", o.subset, "Which configuration of a data set, as its README.md names them")
      .metavar("NAME")
      .group("Input");
  flags.add("-R,--recursive", o.recurse, "Also read the folders inside DIR").group("Input");
  flags.add("--files-from", o.files_from, "Read the names of input files from LIST")
      .metavar("LIST|-")
      .group("Input");
  flags.add("-0,--null", o.null_separated, "Names in LIST end with NUL, not newline")
      .group("Input");
  flags.add("--limit", o.limit, "Stop after N inputs")
      .metavar("N")
      .range(0, 1'000'000'000'000)
      .group("Input");
  flags.add("--max-errors", o.most_errors, "End the run once more than N inputs have failed")
      .metavar("N")
      .range(0, 1'000'000'000'000)
      .group("Input");
  flags.add("--shard", o.shard, "Only every n-th input, from the i-th (0/3, 1/3, 2/3)")
      .metavar("i/n")
      .group("Input");
}

// A data column that some row must have, and the flag that asks for it.
struct WantedColumn {
  std::string name, flag;
  bool of_text = false;  // a bare text has it
  std::vector<std::string> or_else;  // columns that may stand in its place
};

namespace {

constexpr std::size_t kColumnProbe = 1000;  // rows looked at before an unknown column is a mistake

FileChoice choice_of(const InputOptions& o) { return {o.recurse, o.columns[0].kind}; }

class ArgumentSource : public RowSource {
 public:
  explicit ArgumentSource(const InputOptions& o) : options_(o) {
    for (const auto& value : o.values) {
      if (is_media(o.columns[0].kind))
        add_media(choice_of(o), value, arguments_);
      else
        arguments_.push_back({value});
    }
  }
  std::optional<Input> next() override {
    if (at_ == arguments_.size()) return std::nullopt;
    const NamedFile& argument = arguments_[at_++];
    if (argument.error) return failed_input(argument.name, "", *argument.error);
    if (argument.name == "-" && is_media(options_.columns[0].kind)) {
      LineReader reader("-");
      return input_of_value(options_, stdin_media(options_, reader), "");
    }
    return input_of_text(options_, argument.name, "");
  }
  std::size_t size() const { return arguments_.size(); }
  // Of which each may be many inputs.
  bool has_documents() const {
    return std::ranges::any_of(arguments_, [&](const NamedFile& one) {
      return options_.columns[0].kind == Kind::kPage && lowercase(one.name).ends_with(".pdf");
    });
  }

 private:
  const InputOptions& options_;
  std::vector<NamedFile> arguments_;
  std::size_t at_ = 0;
};

// A file, or those of a folder.
std::vector<NamedFile> files_named(const InputOptions& o, const std::string& name) {
  std::error_code error;
  const bool folder = name != "-" && fs::is_directory(name, error);
  if (folder && (!o.split.empty() || !o.subset.empty())) return files_of_local_split(o, name);
  if (!folder && !o.split.empty() && slice_of(o.split).split != "train")
    fail(Errc::kUsage, "--split: ", name, " is a file, all of which is called train");
  if (folder && is_media(o.columns[0].kind)) return files_of_media_folder(choice_of(o), name);
  std::vector<NamedFile> files;
  add_named(choice_of(o), name, files);
  return files;
}

// What -i names; a file that is not there ends the run before it starts.
std::vector<NamedFile> files_of(const InputOptions& o) {
  std::vector<NamedFile> files;
  for (const auto& name : o.files) {
    if (is_hub_data(name)) {
      for (NamedFile& file : files_of_hub(o, name)) files.push_back(std::move(file));
      continue;
    }
    std::error_code error;
    if (name != "-" && fs::status(name, error).type() == fs::file_type::not_found) {
      const bool text = o.files.size() > 1 && name != o.files.front();
      fail_hint(Errc::kNotFound,
                text ? "an argument after -i FILE is a file too: texts are given as arguments or "
                       "with -i, not both"
                     : "",
                name, ": no such file");
    }
    for (NamedFile& file : files_named(o, name)) files.push_back(std::move(file));
  }
  if (files.empty() && !o.files.empty())
    fail(Errc::kNotFound, "-i: there is no file in ", joined(o.files, ", "));
  return files;
}

void add_listed(const InputOptions& o, std::vector<NamedFile>& files) {
  const std::size_t before = files.size();
  LineReader list(o.files_from);
  if (o.null_separated) {
    for (const auto& name : split(list.rest(), '\0'))
      if (!name.empty()) add_named(choice_of(o), name, files);
  } else {
    while (auto name = list.next())
      if (!name->empty()) add_named(choice_of(o), *name, files);
  }
  if (files.size() == before && !stop_requested())
    fail(Errc::kNotFound, "--files-from: ", list.name(), " names no file");
}

std::vector<WantedColumn> wanted_columns(const InputOptions& o,
                                         const std::vector<std::string>& kept) {
  std::vector<WantedColumn> wanted;
  for (std::size_t i = 0; i < o.columns.size(); ++i) {
    const Column& column = o.columns[i];
    std::string flag = "--" + column.name + "-column";
    std::ranges::replace(flag, '_', '-');
    std::vector<std::string> others;
    for (const Column& other : o.columns)
      if (other.alternative) others.push_back(other.source);
    if (i == 0 && !others.empty())
      wanted.push_back({column.source, flag, !column.named, others});
    else if (column.named || (!column.optional && !column.fixed))
      wanted.push_back({column.source, flag, i == 0 && !column.named});
  }
  if (o.id_named) wanted.push_back({o.id_column, "--id-column"});
  for (const auto& name : kept)
    if (kept.size() > 1 || name != "all") wanted.push_back({name, "--keep-columns"});
  return wanted;
}

// All that is looked at of a row.
std::vector<std::string> read_columns(const InputOptions& o, const std::vector<std::string>& kept) {
  std::vector<std::string> names = kept;
  for (const Column& column : o.columns) names.push_back(column.source);
  names.push_back(o.id_column);
  return names;
}

}  // namespace

struct InputReader::Impl {
  explicit Impl(const InputOptions& o) : options(o) {}
  InputOptions options;
  Shard shard;
  std::deque<NamedFile> files;
  bool bare = false;  // stdin, because nothing else was given
  bool lone = false;  // one file: what it cannot be read for ends the run
  std::unique_ptr<RowSource> source;
  std::unique_ptr<PageRows> pages;  // of the document that the source gave last
  std::string source_name;
  std::deque<std::string> first;
  std::vector<WantedColumn> wanted;  // until the first rows were looked at
  std::vector<std::string> columns;  // of sources whose rows hold only those that are wanted
  std::deque<Input> probed;  // rows read ahead to tell an unknown column from a row without it
  std::int64_t read = 0, row = 0, seen = 0, given = 0, total = 0;
  std::pair<std::int64_t, std::int64_t> slice{0, INT64_MAX};  // of the rows: --split NAME[from:to]
  std::atomic<bool> cancelled = false;

  void open_next() {
    const NamedFile next = std::move(files.front());
    files.pop_front();
    source_name = next.shown.empty() ? next.name : next.shown;
    if (next.error) throw *next.error;
    source = open_file_source(options, next, bare, cancelled);
    for (auto& name : source->columns()) columns.push_back(std::move(name));
  }

  // The next row of any source. A source that fails gives one input with the error.
  std::optional<Input> raw() {
    while (!stop_requested() && !cancelled) {
      if (auto page = pages ? pages->next() : std::nullopt) {
        ++read;
        return page;
      }
      pages.reset();
      try {
        if (!source && files.empty()) return std::nullopt;
        if (!source) open_next();
        if (auto input = source->next()) {
          pages = PageRows::of(options, *input);
          if (pages) continue;
          ++read;
          return input;
        }
        source.reset();
      } catch (const Error& e) {
        source.reset();
        if (e.code == Errc::kUsage || (lone && read == 0)) throw;
        ++read;
        return failed_input(source_name, "", e);
      }
    }
    return std::nullopt;
  }

  // Bounds that follow from the number of rows need them counted first.
  void take_slice() {
    const SplitSlice slice = slice_of(options.split);
    if (slice.whole) return;
    std::int64_t rows = INT64_MAX;
    if (slice.percent || slice.from < 0 || slice.to.value_or(0) < 0) {
      InputOptions all = options;
      all.split = slice.split;
      all.shard = "0/1";
      all.limit = -1;
      InputReader counter(all, {});
      for (rows = 0; counter.next();) ++rows;
    }
    this->slice = bounds_of(slice, rows);
  }

  // Reads ahead while no row so far has a column that is asked for.
  void probe() {
    for (const WantedColumn& want : std::exchange(wanted, {})) {
      const auto has = [&](const Input& i) {
        if (want.of_text && i.has(0)) return true;
        return i.row.is_object() &&
               (i.row.contains(want.name) ||
                std::ranges::any_of(want.or_else, [&](const auto& n) { return i.row.contains(n); }));
      };
      while (std::ranges::none_of(probed, has) && probed.size() < kColumnProbe) {
        auto input = raw();
        if (!input) break;
        probed.push_back(std::move(*input));
      }
      const bool known = std::ranges::find(columns, want.name) != columns.end();
      if (!known && std::ranges::none_of(probed, has)) miss(want);
    }
  }

  // No row has it. Inputs that could not be read say nothing about columns.
  void miss(const WantedColumn& want) const {
    std::vector<std::string> names = columns;
    bool texts = false;
    for (const auto& input : probed) {
      texts |= input.row.is_null() && !input.error;
      if (!input.row.is_object()) continue;
      for (const auto& [key, value] : input.row.items())
        if (std::ranges::find(names, key) == names.end()) names.push_back(key);
    }
    if (names.empty() && texts)
      fail(Errc::kUsage, want.flag, ": no column '", want.name,
           "': the inputs are texts, which have no columns");
    if (names.empty()) return;
    const auto near = nearest(want.name, names);
    fail_hint(Errc::kUsage, want.flag + " " + near.value_or("NAME"), "no column '", want.name,
              "' in the data; it has: ", joined(names, ", "),
              near ? "; closest: '" + *near + "'" : "");
  }
};

InputReader::InputReader(const InputOptions& given, const std::vector<std::string>& kept)
    : impl_(new Impl(given)) {
  const InputOptions& o = impl_->options;
  impl_->shard = shard_of(o.shard);
  impl_->first.assign(o.first.begin(), o.first.end());
  impl_->wanted = wanted_columns(o, kept);
  if (kept != std::vector<std::string>{"all"}) impl_->options.wanted_columns = read_columns(o, kept);
  if (!o.split.empty()) slice_of(o.split);  // told before anything is looked for
  if (o.null_separated && o.files_from.empty())
    fail(Errc::kUsage, "-0: parts the names of a list, it needs --files-from LIST");
  if (!o.values.empty()) {
    if (!o.files.empty() || !o.files_from.empty())
      fail(Errc::kUsage, "inputs are given as arguments and with ",
           o.files.empty() ? "--files-from" : "-i", "; use one of them");
    auto arguments = std::make_unique<ArgumentSource>(o);
    impl_->total = static_cast<std::int64_t>(arguments->size());
    if (arguments->size() == 0)
      fail_hint(Errc::kNotFound, o.recurse ? "" : "-R also reads the folders inside",
                joined(o.values, ", "), ": there is no ", o.columns[0].name, " file in it");
    if (arguments->has_documents()) impl_->total = 0;
    impl_->source = std::move(arguments);
    return;
  }
  auto files = files_of(o);
  if (!o.files_from.empty()) add_listed(o, files);
  if (files.empty()) {
    if (::isatty(STDIN_FILENO))
      fail(Errc::kUsage, "no input: give it as an argument, with -i FILE, or on stdin");
    files = {{"-"}};
    impl_->bare = true;
  }
  impl_->lone = files.size() == 1;
  impl_->files.assign(files.begin(), files.end());
  if (!o.split.empty()) impl_->take_slice();
}

InputReader::~InputReader() = default;

Json first_row(const InputOptions& data) {
  const auto lasts = [](const std::string& name) {
    std::error_code ignored;
    return is_hub_data(name) || fs::is_regular_file(name, ignored) || fs::is_directory(name, ignored);
  };
  if (data.files.empty() || !std::ranges::all_of(data.files, lasts)) return {};
  InputOptions one = data;
  one.limit = 1;
  one.shard = "0/1";
  InputReader reader(one);
  const auto input = reader.next();
  return input ? input->row : Json();
}

std::optional<Input> InputReader::next() {
  Impl& s = *impl_;
  if (!s.first.empty()) {
    Input input = input_of_text(s.options, s.first.front(), "");
    s.first.pop_front();
    input.index = -1;
    return input;
  }
  if (s.options.limit == 0) return std::nullopt;
  if (!s.wanted.empty()) s.probe();
  while ((s.options.limit < 0 || s.given < s.options.limit) && s.row < s.slice.second) {
    std::optional<Input> input;
    if (!s.probed.empty()) {
      input = std::move(s.probed.front());
      s.probed.pop_front();
    } else {
      input = s.raw();
    }
    if (!input) return std::nullopt;
    if (s.row++ < s.slice.first || !s.shard.takes(s.seen++)) continue;
    input->index = s.given++;
    return input;
  }
  return std::nullopt;
}

std::int64_t InputReader::total() const {
  const std::int64_t n = impl_->shard.of(impl_->total);
  return impl_->options.limit < 0 ? n : std::min(n, impl_->options.limit);
}

std::int64_t InputReader::most_errors() const { return impl_->options.most_errors; }

bool InputReader::ready() const {
  if (!impl_->probed.empty()) return true;
  if (impl_->source) return impl_->source->ready();
  std::error_code ignored;
  return impl_->files.empty() || fs::is_regular_file(impl_->files.front().name, ignored);
}

void InputReader::cancel() { impl_->cancelled = true; }

}  // namespace hft
