// Sends a run to the Hub, as Trainer's hub strategies have it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hub/upload.h"
#include "tasks/run/flags.h"

namespace hft {

struct PushOptions {
  bool push = false, make_private = false;
  std::string repo;                      // "": called after the output folder
  std::string strategy = "every_save";   // end | every_save | checkpoint | all_checkpoints
};
void add_push_options(Flags& flags, PushOptions& options);

class Pushing {
 public:
  // Before anything is trained: throws kNotFound where the network is forbidden, and what
  // hub::upload throws, who cannot log in among it.
  Pushing(PushOptions options, std::filesystem::path output);
  // Once checkpoint-STEP is saved: its model, and the folders of checkpoints that the strategy says.
  // A failure is told, and training goes on: what was not sent goes along the next time.
  void saved(const std::filesystem::path& checkpoint, std::int64_t step);
  // Once all is written; throws what hub::upload throws.
  void ended();

 private:
  void add_unsent(hub::UploadRequest& request) const;
  PushOptions options_;
  std::filesystem::path output_;
  std::vector<std::filesystem::path> unsent_;  // checkpoints
};

}  // namespace hft
