// hft vqa and hft caption with a vision-language model: the question, or what to say, is a user's
// message after the picture. Reference: ImageTextToTextPipeline.
#pragma once

#include "tasks/several/picture_text.h"

namespace hft {

// The model of -m is one, as far as its folder is here.
bool is_picture_chat(const PictureTextOptions& options);

// Runs the task to its exit code.
int run_picture_chat(const Flags& flags, PictureTextOptions& options, const PictureTextTask& task);

}  // namespace hft
