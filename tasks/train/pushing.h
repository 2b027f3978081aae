// Sends a run to the Hub, as Trainer's hub strategies have it.
#pragma once

#include <filesystem>
#include <string>

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
  // Throws kNotFound where the network is forbidden, before anything is trained.
  Pushing(PushOptions options, std::filesystem::path output);
  // Once checkpoint-STEP is saved: its model, and the folders of checkpoints that the strategy says.
  // A failure is told and forgotten: the next one sends it all.
  void saved(const std::filesystem::path& checkpoint, std::int64_t step) const;
  // Once all is written; throws what hub::upload throws.
  void ended() const;

 private:
  PushOptions options_;
  std::filesystem::path output_;
};

}  // namespace hft
