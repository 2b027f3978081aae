#include "tasks/run/rows_file.h"

#include <algorithm>
#include <deque>
#include <filesystem>

#include "core/base/limits.h"
#include "core/base/signals.h"
#include "core/base/text.h"
#include "tasks/run/delimited_reader.h"
#include "tasks/run/input_of.h"
#include "tasks/run/named_files.h"
#include "tasks/run/rows_folder.h"
#include "tasks/run/rows_samples.h"
#include "tasks/run/rows_table.h"
#include "tasks/run/tar_reader.h"

namespace hft {
namespace {

// How files of other kinds begin (their own specifications), and how to make text of them.
struct Signature {
  std::size_t offset;
  std::string_view bytes;
  const char* name;
  const char* hint;  // "" = none
};
using namespace std::string_view_literals;
constexpr Signature kArchives[] = {
    {0, "PK\x03\x04"sv, "a zip archive", "unzip -p FILE | hft … -i -"},
    {0, "PK\x05\x06"sv, "an empty zip archive", ""},
    {4, "1AY&SY"sv, "bzip2", "bunzip2 -c FILE | hft … -i -"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "xz", "xz -dc FILE | hft … -i -"},
    {0, "\x04\x22\x4d\x18"sv, "lz4", "lz4 -dc FILE | hft … -i -"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", "7z x FILE"},
    {0, "Rar!\x1a\x07"sv, "a RAR archive", "unrar x FILE"},
    {0, "SQLite format 3\0"sv, "an SQLite database", "convert it to JSON lines (.jsonl)"},
    {0, "%PDF-"sv, "PDF", "pdftotext FILE - | hft …"},
};
constexpr Signature kEncodings[] = {
    {0, "\xff\xfe\0\0"sv, "UTF-32", "iconv -f UTF-32 -t UTF-8 FILE | hft … -i -"},
    {0, "\0\0\xfe\xff"sv, "UTF-32", "iconv -f UTF-32 -t UTF-8 FILE | hft … -i -"},
    {0, "\xff\xfe"sv, "UTF-16", "iconv -f UTF-16 -t UTF-8 FILE | hft … -i -"},
    {0, "\xfe\xff"sv, "UTF-16", "iconv -f UTF-16 -t UTF-8 FILE | hft … -i -"},
};

// Text of two bytes a letter, without the mark that says so: each second byte is NUL.
bool alternates(std::string_view head) {
  const std::size_t size = std::min<std::size_t>(head.size(), 64) / 2 * 2;
  const auto all = [&](std::size_t first, bool nul) {
    for (std::size_t i = first; i < size; i += 2)
      if ((head[i] == '\0') != nul) return false;
    return true;
  };
  return size >= 4 && ((all(0, false) && all(1, true)) || (all(0, true) && all(1, false)));
}

void refuse_other_kinds(const std::string& name, std::string_view head) {
  const auto begins = [&](const Signature& s) {
    return head.size() > s.offset && head.substr(s.offset).starts_with(s.bytes);
  };
  const auto hint = [&](std::string text) {
    if (const auto at = text.find("FILE"); at != std::string::npos) text.replace(at, 4, name);
    return name == "stdin" ? "" : text;
  };
  if (alternates(head))
    fail_hint(Errc::kBadData, hint(kEncodings[2].hint), name, ": is UTF-16, wanted UTF-8");
  for (const Signature& s : kEncodings)
    if (begins(s)) fail_hint(Errc::kBadData, hint(s.hint), name, ": is ", s.name, ", wanted UTF-8");
  for (const Signature& s : kArchives)
    if (begins(s))
      fail_hint(Errc::kUnsupported, hint(s.hint), name, ": is ", s.name, ", which is not read");
}

bool parses(std::string_view text, Json& value) {
  try {
    value = parse_json(text, "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

// The format of JSON that begins like this, "" when it is none: lines of objects, or one document.
std::string json_format(std::string_view head, const InputOptions& o, bool bare) {
  const std::string text = trimmed(head);
  if (text.empty() || (text[0] != '{' && text[0] != '[')) return "";
  const std::string next = trimmed(std::string_view(text).substr(1));
  const std::string after_bracket = text[0] == '{' ? "\"}" : "{\"]";
  if (!next.empty() && after_bracket.find(next[0]) == std::string::npos) return "";
  const auto line_end = text.find('\n');
  Json value;
  const bool line = parses(std::string_view(text).substr(0, line_end), value);
  if (bare) {
    const auto wanted = [&](const Column& c) { return value.contains(c.source); };
    if (line && value.is_array() && !value.empty()) value = Json(value[0]);
    if (!line || !value.is_object() || std::ranges::none_of(o.columns, wanted)) return "";
    return text[0] == '{' ? "jsonl" : "json";
  }
  if (text[0] == '[') return "json";
  // A first line that is broken, with another object after it, is a bad line of many.
  const bool more = line_end != std::string::npos &&
                    trimmed(std::string_view(text).substr(line_end)).starts_with('{');
  return line || more ? "jsonl" : "json";
}

// Not data about media but the media itself: what it is called, or what it holds, says so.
bool holds_media(const InputOptions& o, LineReader& file) {
  const Kind kind = o.columns[0].kind;
  return is_media(kind) && !o.lines && o.format == "auto" &&
         (o.raw || is_media_name(kind, file.name()) || is_media_head(kind, file.head()));
}

// Of what is compressed, the suffix of what it holds.
std::string suffix_of(const std::string& name) {
  std::filesystem::path path = lowercase(name);
  if (path.extension() == ".gz" || path.extension() == ".zst") path.replace_extension();
  return path.extension().string();
}

std::string format_of(const InputOptions& o, LineReader& file, bool bare) {
  if (holds_media(o, file)) return "media";
  refuse_other_kinds(file.name(), file.head());
  if (o.lines) return "lines";
  if (o.format != "auto") return o.format;
  const std::string suffix = suffix_of(file.name());
  if (TarReader::begins(file.head()) || suffix == ".tar") return "webdataset";
  if (suffix == ".parquet") return "parquet";
  if (suffix == ".arrow" || suffix == ".feather") return "arrow";
  if (const auto format = table_format_of(file.head()))
    return *format == TableFormat::kParquet ? "parquet" : "arrow";
  if (suffix == ".csv" || suffix == ".tsv") return suffix.substr(1);
  if (suffix == ".jsonl" || suffix == ".ndjson" || suffix == ".jsonlines") return "jsonl";
  if (suffix == ".json") return "json";
  if (suffix == ".txt" || suffix == ".md") return "text";
  std::string_view head = file.head();
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  if (const std::string format = json_format(head, o, bare); !format.empty()) return format;
  std::vector<std::string> columns;
  for (const Column& column : o.columns) columns.push_back(column.source);
  const auto separator = separator_of(head, columns);
  return !separator ? "text" : *separator == ',' ? "csv" : "tsv";
}

class FileSource : public RowSource {
 public:
  FileSource(const InputOptions& o, std::string format,
             std::unique_ptr<LineReader> reader, const std::atomic<bool>& cancelled)
      : options_(o),
        opened_(std::move(reader)),
        reader_(*opened_),
        cancelled_(cancelled),
        format_(std::move(format)) {
    if (format_ == "json") load_array();
    if (format_ == "csv" || format_ == "tsv")
      table_.emplace(reader_, format_ == "csv" ? ',' : '\t');
  }

  std::optional<Input> next() override {
    if (format_ == "json") return next_of_array();
    if (format_ == "media" || (format_ == "text" && is_media(options_.columns[0].kind)))
      return media();
    if (format_ == "text") return whole();
    if (table_) return next_of_table();
    std::optional<std::string> line;
    do line = reader_.next();
    while (line && format_ == "jsonl" && trimmed(*line).empty());
    if (!line) return std::nullopt;
    const std::string place =
        "line " + std::to_string(reader_.line_number()) + " of " + reader_.name();
    if (format_ == "lines")
      return input_of_text(options_, std::move(*line), place, reader_.line_start());
    return parsed(*line, place);
  }
  bool ready() const override { return format_ == "json" || reader_.ready(); }

 private:
  std::optional<Input> whole() {
    if (done_) return std::nullopt;
    done_ = true;
    std::string text = reader_.rest();
    if (cancelled_ || stop_requested()) return std::nullopt;
    // The newline that ends a file of text is not part of the text.
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    return input_of_text(options_, std::move(text), reader_.name());
  }
  std::optional<Input> media() {
    if (std::exchange(done_, true)) return std::nullopt;
    if (reader_.file() != "-") return input_of_text(options_, reader_.file(), "");
    Media all = stdin_media(options_, reader_);
    if (cancelled_ || stop_requested()) return std::nullopt;
    return input_of_value(options_, std::move(all), "");
  }
  Input parsed(const std::string& line, const std::string& place) {
    try {
      return input_of_row(options_, parse_exact_json(line, place), place);
    } catch (const Error& e) {
      if (e.code != Errc::kBadData) throw;
      return failed_input(line, place,
                          Error(e.code, e.message + " (the line begins at byte " +
                                            std::to_string(reader_.line_start()) + ")"));
    }
  }
  std::optional<Input> next_of_table() {
    try {
      auto row = table_->next();
      if (!row) return std::nullopt;
      return input_of_row(options_, std::move(*row), table_->place());
    } catch (const Error& e) {
      if (e.code != Errc::kBadData || !table_->has_header()) throw;
      return failed_input(table_->text(), table_->place(), e);
    }
  }
  void load_array() {
    Json value = parse_exact_json(reader_.rest(), reader_.name());
    if (value.is_object()) value = Json::array({value});
    if (!value.is_array())
      fail(Errc::kBadData, reader_.name(), ": is ", type_of(value), ", wanted an array of objects");
    for (auto& row : value) rows_.push_back(std::move(row));
  }
  std::optional<Input> next_of_array() {
    if (rows_.empty()) return std::nullopt;
    Json row = std::move(rows_.front());
    rows_.pop_front();
    return input_of_row(options_, std::move(row),
                        "row " + std::to_string(++row_number_) + " of " + reader_.name());
  }

  const InputOptions& options_;
  std::unique_ptr<LineReader> opened_;
  LineReader& reader_;
  const std::atomic<bool>& cancelled_;
  std::string format_;
  bool done_ = false;
  std::optional<DelimitedReader> table_;
  std::deque<Json> rows_;
  std::int64_t row_number_ = 0;
};

}  // namespace

Media stdin_media(const InputOptions& options, LineReader& reader) {
  if (options.raw) return {"-"};
  return {"-",
          std::make_shared<const std::string>(reader.rest(most_bytes(options.columns[0].kind)))};
}

std::unique_ptr<RowSource> open_file_source(const InputOptions& o, const NamedFile& file, bool bare,
                                            const std::atomic<bool>& cancelled) {
  if (file.metadata) return metadata_source(o, file, cancelled);
  if (!file.label.empty()) return labelled_source(o, file);
  auto reader = std::make_unique<LineReader>(file.name, &cancelled, file.shown);
  std::string format = format_of(o, *reader, bare);
  if (format == "parquet") return open_table_source(o, *reader, TableFormat::kParquet);
  if (format == "arrow") return open_table_source(o, *reader, TableFormat::kArrow);
  if (format == "webdataset") return open_sample_source(o, std::move(reader));
  return std::make_unique<FileSource>(o, std::move(format), std::move(reader), cancelled);
}

}  // namespace hft
