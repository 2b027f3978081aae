// Where inputs come from: arguments, standard input, and -i data files; one reader for every task.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/json.h"

namespace CLI {
class App;
}

namespace hft {

// A text a task needs of every input. The first column is what a bare text fills.
struct Column {
  std::string name;                  // canonical: "text", "question", "context"
  std::string source;                // its name in the data, --NAME-column (default: name)
  std::optional<std::string> fixed;  // the same value for every input, from a flag
  bool optional = false;             // absent in a row: not an error
};

struct InputOptions {
  std::vector<std::string> values;  // positional arguments
  std::vector<std::string> first;   // texts a task puts before all inputs, whatever their source
  std::vector<std::string> files;   // -i: files or folders, "-" is stdin
  std::string format = "auto";      // auto | text | lines | jsonl | json
  bool lines = false;
  bool recurse = false;
  std::string files_from;
  bool null_separated = false;
  std::int64_t limit = -1;
  std::string shard;  // "i/n"
  std::vector<Column> columns;
  std::string id_column = "id";
};

// Declares the options; `columns` as above.
void add_input_options(CLI::App& app, InputOptions& options, std::vector<Column> columns);

// One input, or why it could not be read.
struct Input {
  std::int64_t index = 0;                          // position among the inputs of this run
  Json id;                                         // null: the data has none
  Json shown;                                      // the record's "input"
  Json row = Json::object();                       // the whole data row (for --keep-columns)
  std::vector<std::optional<std::string>> values;  // one for each of InputOptions::columns
  std::string place;                               // "line 3 of x.jsonl"; "" for an argument
  std::optional<Error> error;
  const std::string& text(std::size_t column = 0) const { return *values[column]; }
};

class InputReader {
 public:
  // Throws kUsage when nothing is given and stdin is a terminal, and for contradicting options;
  // kNotFound for a missing file.
  explicit InputReader(const InputOptions& options);
  ~InputReader();

  // The next input of this shard; none at the end, or once a signal asked to stop.
  // Throws kUsage when the first rows of a data file all lack a needed column.
  std::optional<Input> next();
  // How many inputs there are, 0 when that is not known beforehand.
  std::int64_t total() const;
  // The next input can be read without waiting for another program to write it.
  bool ready() const;

  struct Source;  // something that gives inputs one after another

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hft
