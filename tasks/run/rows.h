// Where inputs come from: arguments, standard input, and -i data files; one reader for every task.
// A row of data, a line or a whole text becomes an Input; a source that cannot be read becomes one
// with an error, and the next source goes on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/json.h"
#include "tasks/run/flags.h"
#include "tasks/run/values.h"

namespace hft {

// A value a task needs of every input. The first column is what a bare text fills.
struct Column {
  std::string name;                  // canonical: "text", "question", "context"
  std::string source;                // its name in the data, --NAME-column (default: name)
  std::optional<std::string> fixed;  // the same value for every input, from a flag
  bool optional = false;             // absent in a row: not an error
  bool alternative = false;          // read only in rows without the first column
  Kind kind = Kind::kText;
  bool named = false;  // --NAME-column was given: data in which no row has it is a mistake
};

struct InputOptions {
  std::vector<std::string> values;  // positional arguments
  std::vector<std::string> first;   // texts a task puts before all inputs, whatever their source
  std::vector<std::string> files;   // -i: files or folders, "-" is stdin
  std::string format = "auto";      // --input-format
  bool lines = false;
  bool recurse = false;
  std::string files_from;
  bool null_separated = false;
  std::int64_t limit = -1, most_errors = -1;
  std::string shard;  // "i/n"
  std::vector<Column> columns;
  std::string id_column = "id";
  bool id_named = false;  // --id-column was given
  bool raw = false;       // media without a header: standard input is left for the task to read
  std::optional<std::vector<std::string>> wanted_columns;  // a row needs no others; none: all
  std::string media_folder;   // where the files lie that a column of media names; "" = anywhere
  std::string split, subset;  // of data sets on the Hub and in folders
};

// Declares the options; `columns` as above.
void add_input_options(Flags& flags, InputOptions& options, std::vector<Column> columns);
// Those that say where data is and how to read it, without arguments and columns.
void add_data_options(Flags& flags, InputOptions& options);

// One input, or why it could not be read.
struct Input {
  std::int64_t index = 0;                    // position among the inputs of this run
  Json id;                                   // null: the data has none
  Json shown;                                // the record's "input"
  Json row;                                  // the whole data row; null: the input is none
  std::vector<std::optional<Value>> values;  // one for each of InputOptions::columns
  std::string place;                         // "line 3 of x.jsonl"; "" for an argument
  std::optional<Error> error;

  bool has(std::size_t column) const {
    return column < values.size() && values[column].has_value();
  }
  const std::string& text(std::size_t column = 0) const {
    return std::get<std::string>(*values[column]);
  }
  media::Image image(std::size_t column = 0) const {
    return image_of(std::get<Media>(*values[column]));
  }
  media::SoundSource sound(std::size_t column = 0) const {
    return sound_of(std::get<Media>(*values[column]));
  }
  // The text, null when the input has no such column.
  const std::string* text_if(std::size_t column) const {
    return has(column) ? &text(column) : nullptr;
  }
};

// Gives inputs one after another; what it throws belongs to the source and becomes its error.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual std::optional<Input> next() = 0;
  // The next one can be had without waiting for another program.
  virtual bool ready() const { return true; }
  // What the data's columns are called, where its rows hold only those that are wanted.
  virtual std::vector<std::string> columns() const { return {}; }
};

class InputReader {
 public:
  // `kept`: data columns that some row must have (--keep-columns), or {"all"}: rows are whole.
  // Throws kUsage when nothing is given and stdin is a terminal, and for contradicting options;
  // kNotFound for a missing file.
  explicit InputReader(const InputOptions& options, const std::vector<std::string>& kept = {"all"});
  ~InputReader();

  // The next input of this shard; none at the end, or once a signal or cancel() asked to stop.
  // Throws kUsage when no row of the data has a column that is asked for.
  std::optional<Input> next();
  // How many inputs there are, 0 when that is not known beforehand.
  std::int64_t total() const;
  // How many inputs may fail before the run ends (--max-errors); -1: all of them.
  std::int64_t most_errors() const;
  // The next input can be read without waiting for another program to write it.
  bool ready() const;
  // From any thread: a next() that waits for input ends soon, with none.
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The data's first row; null where it has none, or comes from a pipe that is read once.
Json first_row(const InputOptions& data);

}  // namespace hft
