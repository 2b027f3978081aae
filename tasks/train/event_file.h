// What TensorBoard reads of a run: records of tensorflow.Event messages (TFRecord: length, checksum,
// bytes, checksum; tensorflow/core/util/event.proto, summary.proto), under the names that
// transformers' TensorBoardCallback gives them.
#pragma once

#include <filesystem>
#include <string>

#include "core/base/json.h"

namespace hft {

class EventFile {
 public:
  // A new file below folder/runs, in a folder called after the time and the machine, once there is
  // something to write; "": none.
  explicit EventFile(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // The numbers of an entry of the log: "eval_loss" as eval/loss, "loss" as train/loss. Throws
  // kResources.
  void add(const Json& entry);

 private:
  void write(const std::string& event) const;
  void begin();
  std::filesystem::path folder_, path_;
};

// Castagnoli's CRC, turned and shifted as TFRecord has it.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace hft
