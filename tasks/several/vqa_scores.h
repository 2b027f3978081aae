// What hft vqa does with models that score the answers they know (ViLT).
#pragma once

#include <filesystem>

#include "tasks/several/picture_text.h"

namespace hft {

// Runs the task to its exit code: the top_k best answers to each question.
int run_scored_answers(const Flags& flags, const PictureTextOptions& options, std::int64_t top_k,
                       const std::filesystem::path& folder);

}  // namespace hft
