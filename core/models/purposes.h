// What a checkpoint was made for, by the class that config.json names.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/models/heads/model.h"

namespace hft {

// Throws kUnsupported, naming the class and the command that fits, when config's architectures say
// that the checkpoint was made for another head.
void need_head(const Fields& config, Head head);
void need_head(const Fields& config, ImageHead head);
void need_head(const Fields& config, SoundHead head);
// The same for a model that should write text, but has a head that writes none.
void need_text_head(const Fields& config);

// What to run a checkpoint of this class with: "hft classify".
std::string fitting_command(const Fields& config);

// The command and the words of a head: "classify", "sequence classification".
std::string_view command_of(Head head);
std::string_view words_of(Head head);
std::string_view command_of(ImageHead head);
std::string_view words_of(ImageHead head);
std::string_view command_of(SoundHead head);
std::string_view words_of(SoundHead head);

}  // namespace hft
