// The kinds of SoundReader; open_sound picks one. None of them names the file in its errors.
#pragma once

#include <memory>

#include "core/base/program.h"
#include "media/sound.h"
#include "media/sound/backend.h"

namespace hft::media {

std::unique_ptr<ByteSource> bytes_of_file(Descriptor file, std::int64_t size);
std::unique_ptr<ByteSource> bytes_of_memory(std::shared_ptr<const std::string> bytes);

// Raw samples from a file, a pipe or standard input, as they come.
std::unique_ptr<Decoder> raw_decoder(const RawSound& raw, Descriptor file);
// A decoder's samples mixed and at that rate. Throws kBadData for what is over a limit.
std::unique_ptr<SoundReader> mixed_sound(std::unique_ptr<Decoder> decoder, int rate);
// What the ffmpeg program makes of the file. `format` names it where the program is not there.
std::unique_ptr<SoundReader> ffmpeg_sound(Descriptor file, std::string_view format, int rate);

}  // namespace hft::media
