// The kinds of SoundReader; open_sound picks one. None of them names the file in its errors.
#pragma once

#include <memory>

#include "media/sound.h"
#include "media/sound/backend.h"

namespace hft::media {

// A file descriptor, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unique_ptr<ByteSource> bytes_of_file(Descriptor file, std::int64_t size);
std::unique_ptr<ByteSource> bytes_of_memory(std::shared_ptr<const std::string> bytes);

// Raw samples from a file, a pipe or standard input, as they come.
std::unique_ptr<Decoder> raw_decoder(const RawSound& raw, Descriptor file);
// A decoder's samples mixed and at that rate. Throws kBadData for what is over a limit.
std::unique_ptr<SoundReader> mixed_sound(std::unique_ptr<Decoder> decoder, int rate);
// What the ffmpeg program makes of the file. `format` names it where the program is not there.
std::unique_ptr<SoundReader> ffmpeg_sound(Descriptor file, std::string_view format, int rate);

}  // namespace hft::media
