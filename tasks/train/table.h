// The rows of a training file, and columns out of them; errors name the row.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "tasks/run/rows.h"

namespace hft {

class Table {
 public:
  // All rows of a file (JSON lines, JSON, CSV, TSV, text) or folder. `media`: what lone values are
  // that are no rows. Throws what a bad row is, kBadData for an empty file.
  explicit Table(const std::string& file, Kind media = Kind::kText);

  // All rows in turn. Those of a large file are read again each time.
  void each(const std::function<void(const Input&)>& take) const;
  bool has(const std::string& column) const { return find(column) != nullptr; }
  bool lists(const std::string& column) const;  // holds a list in some row
  // The column that is named, or the first there is of those it is usually called. Throws kUsage.
  std::string column(const std::string& flag, const std::string& named,
                     const std::vector<std::string>& usual) const;
  // "": there is none.
  std::string column_if(const std::string& flag, const std::string& named,
                        const std::vector<std::string>& usual) const;
  // Throw kBadData naming the row.
  const Json& cell(const Input& input, const std::string& column) const;
  std::string text(const Input& input, const std::string& column) const;
  Media media(const Input& input, const std::string& column, Kind kind) const;
  // Rows are texts or files alone.
  bool bare() const { return bare_; }

 private:
  struct Found {
    std::string name;
    bool lists = false;
  };
  void look_at(const Input& input);
  const Found* find(const std::string& column) const;
  std::string file_;
  Kind media_;
  bool bare_ = true;
  std::vector<Found> columns_;
  std::vector<Input> inputs_;  // none: the file is large
};

}  // namespace hft
