// Rows of a training file; errors name the row.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/text.h"
#include "tasks/train/examples.h"

namespace hft {
namespace {

std::vector<Input> inputs_of(const std::string& file) {
  InputOptions options;
  options.files = {file};
  options.columns = {{.name = "\x01", .source = "\x01", .optional = true}};
  const std::string suffix = lowercase(std::filesystem::path(file).extension().string());
  options.lines = suffix == ".txt" || suffix == ".md";
  InputReader reader(options);
  std::vector<Input> inputs;
  while (auto input = reader.next()) {
    if (input->error) throw *input->error;
    inputs.push_back(std::move(*input));
  }
  if (inputs.empty()) fail(Errc::kBadData, file, ": holds no rows");
  return inputs;
}

// Takes columns out of the rows of one file.
class Table {
 public:
  explicit Table(const std::string& file) : file_(file), inputs_(inputs_of(file)) {}

  const std::vector<Input>& inputs() const { return inputs_; }
  bool has(const std::string& column) const {
    return std::ranges::any_of(
        inputs_, [&](const Input& i) { return i.row.is_object() && i.row.contains(column); });
  }
  // The column that is named, or the first there is of those it is usually called.
  std::string column(const std::string& flag, const std::string& named,
                     const std::vector<std::string>& usual) const {
    if (!named.empty() && has(named)) return named;
    if (named.empty())
      for (const auto& name : usual)
        if (has(name)) return name;
    const std::string wanted = named.empty() ? usual[0] : named;
    const std::vector<std::string> names = columns();
    if (names.empty())
      fail(Errc::kUsage, flag, ": no column '", wanted, "': ", file_,
           " holds texts, which have no columns");
    fail_hint(Errc::kUsage, flag + " " + nearest(wanted, names).value_or("NAME"), "no column '",
              wanted, "' in ", file_, "; it has: ", joined(names, ", "));
  }
  const Json& cell(const Input& input, const std::string& column) const {
    const auto found = input.row.find(column);
    if (found == input.row.end() || found->is_null())
      fail(Errc::kBadData, input.place, ": has no '", column, "'");
    return *found;
  }
  std::string text(const Input& input, const std::string& column) const {
    const Json& found = cell(input, column);
    if (!found.is_string())
      fail(Errc::kBadData, input.place, ": column '", column, "' is ", type_of(found),
           ", wanted a string");
    return found.get<std::string>();
  }

 private:
  std::vector<std::string> columns() const {
    std::vector<std::string> names;
    for (const Input& input : inputs_)
      if (input.row.is_object())
        for (const auto& [name, value] : input.row.items())
          if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    return names;
  }
  std::string file_;
  std::vector<Input> inputs_;
};

std::vector<TrainRow> texts_with_labels(const Table& table, const ColumnNames& names) {
  const std::string text = table.column("--text-column", names.text,
                                        {"text", "sentence", "review", "sentence1", "question"});
  const std::string label = table.column("--label-column", names.label, {"label", "labels"});
  std::string pair = names.pair;
  if (!pair.empty()) pair = table.column("--text-pair-column", pair, {});
  if (pair.empty())
    for (const char* usual : {"text_pair", "sentence2"})
      if (table.has(usual)) pair = usual;
  std::vector<TrainRow> rows;
  for (const Input& input : table.inputs()) {
    TrainRow row{
        .place = input.place, .text = table.text(input, text), .label = table.cell(input, label)};
    row.has_pair = !pair.empty() && input.row.contains(pair) && !input.row[pair].is_null();
    if (row.has_pair) row.pair = table.text(input, pair);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<TrainRow> tagged_words(const Table& table, const ColumnNames& names) {
  const std::string words = table.column("--text-column", names.text, {"tokens", "words"});
  const std::string tags =
      table.column("--label-column", names.label, {"ner_tags", "pos_tags", "tags", "labels"});
  std::vector<TrainRow> rows;
  for (const Input& input : table.inputs()) {
    TrainRow row{.place = input.place, .label = table.cell(input, tags)};
    const Json& list = table.cell(input, words);
    if (!list.is_array() || !std::ranges::all_of(list, [](const Json& w) { return w.is_string(); }))
      fail(Errc::kBadData, input.place, ": column '", words, "' is no list of strings");
    row.words = list.get<std::vector<std::string>>();
    if (!row.label.is_array() || row.label.size() != row.words.size())
      fail(Errc::kBadData, input.place, ": column '", tags, "' has not one tag for each of its ",
           row.words.size(), " words");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<TrainRow> questions(const Table& table, const ColumnNames& names) {
  const std::string question = table.column("--text-column", names.text, {"question"});
  const std::string context = table.column("--text-pair-column", names.pair, {"context"});
  const std::string answers = table.column("--label-column", names.label, {"answers", "answer"});
  std::vector<TrainRow> rows;
  for (const Input& input : table.inputs()) {
    TrainRow row{.place = input.place,
                 .text = table.text(input, question),
                 .pair = table.text(input, context),
                 .has_pair = true,
                 .label = table.cell(input, answers)};
    const auto list = [&](const char* key) {
      return row.label.is_object() && row.label.contains(key) && row.label[key].is_array();
    };
    if (!list("text") || !list("answer_start") ||
        row.label["text"].size() != row.label["answer_start"].size())
      fail(Errc::kBadData, input.place, ": column '", answers,
           R"(' is not {"text": […], "answer_start": […]})");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<TrainRow> texts(const Table& table, const ColumnNames& names) {
  const bool bare = !table.inputs()[0].row.is_object();
  const std::string text =
      bare ? "" : table.column("--text-column", names.text, {"text", "sentence", "content"});
  std::vector<TrainRow> rows;
  for (const Input& input : table.inputs())
    rows.push_back({.place = input.place, .text = bare ? input.text() : table.text(input, text)});
  return rows;
}

}  // namespace

std::vector<TrainRow> read_rows(const std::string& file, const TrainTask& task,
                                const ColumnNames& names) {
  const Table table(file);
  switch (task.objective) {
    case Objective::kTokens:
      return tagged_words(table, names);
    case Objective::kAnswers:
      return questions(table, names);
    case Objective::kCausal:
    case Objective::kMasked:
      return texts(table, names);
    default:
      return texts_with_labels(table, names);
  }
}

}  // namespace hft
