// Formats that libsndfile lacks, by the ffmpeg program: no shell, no network, no other file.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "media/sound/readers.h"

namespace hft::media {
namespace {

// Demuxers of containers that hold sound; none reads what a file names (playlists).
constexpr const char* kDemuxers =
    "wav,flac,ogg,mp3,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,aiff,asf,caf,au,amr,amrnb,amrwb,wv,"
    "ape,ac3,eac3,tta,mpc,mpc8,flv,avi,w64,mpeg,mpegts,rm,voc";
constexpr const char* kInput = "file:/dev/stdin";
constexpr std::size_t kKeptMessage = 4096;
constexpr std::uint64_t kMemory = 2048ull * limits::kMiB;

class FfmpegReader : public SoundReader {
 public:
  FfmpegReader(Descriptor file, std::string_view format, int rate) {
    Pipe samples = make_pipe(), errors = make_pipe();
    program_ = Program({"ffmpeg",       "-nostdin",
                        "-hide_banner", "-loglevel",
                        "error",        "-max_alloc",
                        "536870912",    "-protocol_whitelist",
                        "file",         "-format_whitelist",
                        kDemuxers,      "-i",
                        kInput,         "-vn",
                        "-sn",          "-dn",
                        "-ac",          "1",
                        "-ar",          std::to_string(rate),
                        "-t",           std::to_string(limits::kSoundSeconds + 1),
                        "-f",           "f32le",
                        "pipe:1"},
                       {file.get(), samples.in.get(), errors.in.get()}, kMemory);
    if (!program_.there())
      fail_hint(Errc::kUnsupported, "install ffmpeg, or convert the sound to WAV, FLAC, Ogg or MP3",
                "is ", format, ": missing decoder, the ffmpeg program is not there");
    samples_ = std::move(samples.out);
    errors_ = std::move(errors.out);
  }

  std::size_t read(std::span<float> out) override {
    auto* bytes = reinterpret_cast<char*>(out.data());
    std::size_t have = 0;
    while (have < out.size_bytes() && !ended_) {
      pollfd both[] = {{samples_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}};
      if (::poll(both, 2, -1) < 0) continue;
      if (both[1].revents) keep_message();
      if (!both[0].revents) continue;
      const ssize_t n = ::read(samples_.get(), bytes + have, out.size_bytes() - have);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0)
        end();
      else
        have += static_cast<std::size_t>(n);
    }
    any_ |= have > 0;
    if (ended_ && !any_) fail(Errc::kBadData, "ffmpeg cannot decode it: ", last_message());
    return have / sizeof(float);
  }

 private:
  void keep_message() {
    char piece[1024];
    const ssize_t n = ::read(errors_.get(), piece, sizeof piece);
    if (n > 0) message_.append(piece, static_cast<std::size_t>(n));
    if (n == 0) errors_ = Descriptor();  // poll passes over -1
    if (message_.size() > 2 * kKeptMessage) message_.erase(0, message_.size() - kKeptMessage);
  }
  void end() {
    ended_ = true;
    while (errors_.get() >= 0) keep_message();
    program_.wait();
  }
  // "file:/dev/stdin: Invalid data found" without the name, or a "[mov @ 0x55…]" before it.
  std::string last_message() const {
    std::string line = trimmed(message_);
    line = line.substr(line.rfind('\n') + 1);
    if (line.starts_with('[')) line = line.substr(std::min(line.find(']'), line.size() - 1) + 1);
    if (const auto at = line.find(kInput); at != line.npos) line.erase(at, std::strlen(kInput) + 2);
    return line.empty() ? "it gives no sample" : escape_controls(trimmed(line));
  }

  Program program_;
  Descriptor samples_, errors_;
  bool ended_ = false, any_ = false;
  std::string message_;
};

}  // namespace

std::unique_ptr<SoundReader> ffmpeg_sound(Descriptor file, std::string_view format, int rate) {
  return std::make_unique<FfmpegReader>(std::move(file), format, rate);
}

}  // namespace hft::media
