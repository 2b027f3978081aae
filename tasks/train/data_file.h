// A file of rows and the tokens they become: made once and kept, under a name that tells everything
// they follow from (the rows, the tokenizer, the arguments), so that the next run begins at once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tasks/train/kinds.h"
#include "tasks/train/table.h"
#include "tasks/train/token_file.h"

namespace hft {

class DataFile {
 public:
  // `origin`: all that the tokens follow from beside the rows and the task; `keeps`: large files'
  // tokens are looked for below HF_HOME/hft, and kept there.
  DataFile(std::string file, const TrainTask& task, ColumnNames names, Json origin, bool keeps);

  // Reads the rows, where tokens are not there already; throws kBadData, kUsage, kNotFound.
  void open();
  // The labels that were kept with the tokens, else those of the rows, which are read now.
  Labels labels(const Fields& config, const std::string& problem);
  // Throws kBadData for a bad row, or when the file has changed meanwhile.
  Examples examples(const Encoder& encoder);

 private:
  const TrainRows& rows();
  Examples made(const std::filesystem::path& target, const Encoder& encoder);
  std::string name_;
  const TrainTask& task_;
  ColumnNames names_;
  std::string digest_;             // of the rows; "": tokens are not kept
  std::filesystem::path place_;    // of kept tokens; "": nowhere
  std::optional<Examples> kept_;   // those that were there
  std::unique_ptr<Table> table_;
  TrainRows rows_;
};

}  // namespace hft
