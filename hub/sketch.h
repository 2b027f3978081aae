// A model on the Hub without its weights: its settings, and of its safetensors files the headers, in
// files as long as theirs are that hold nothing else (holes take no room on the disk).
#pragma once

#include <filesystem>
#include <string>

#include "hub/client.h"

namespace hft::hub {

struct SketchRequest {
  std::string repo_id, revision = "main", subfolder, variant;
};

// Fills `folder`, which is empty. Asks for the beginning of each file of weights, some 100 KB, no
// more. Throws what repo_info throws, kUnsupported for weights in another format.
RepoInfo sketch_model(const SketchRequest& request, const std::filesystem::path& folder);

}  // namespace hft::hub
