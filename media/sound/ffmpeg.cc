// Formats that libsndfile lacks, by the ffmpeg program: no shell, no network, no other file.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
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
constexpr rlim_t kMemory = 2048ull * limits::kMiB;

struct Pipe {
  Descriptor out, in;
};
Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(Errc::kResources, "no pipe: ", std::strerror(errno));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// In a group of its own: a Ctrl-C meant for this program would cut the sound short.
pid_t start(const std::vector<std::string>& arguments, int in, int out, int error) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&how);
  const int moves[][2] = {{in, 0}, {out, 1}, {error, 2}};
  for (const auto& [from, to] : moves) ::posix_spawn_file_actions_adddup2(&files, from, to);
  ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, argv[0], &files, &how, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&how);
  if (failed == ENOENT) return -1;
  if (failed) fail(Errc::kResources, "cannot start ffmpeg: ", std::strerror(failed));
  const rlimit memory{kMemory, kMemory};
  ::prlimit(pid, RLIMIT_AS, &memory, nullptr);
  return pid;
}

class FfmpegReader : public SoundReader {
 public:
  FfmpegReader(Descriptor file, std::string_view format, int rate) {
    Pipe samples = make_pipe(), errors = make_pipe();
    pid_ = start({"ffmpeg",       "-nostdin",
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
                 file.get(), samples.in.get(), errors.in.get());
    if (pid_ < 0)
      fail_hint(Errc::kUnsupported, "install ffmpeg, or convert the sound to WAV, FLAC, Ogg or MP3",
                "is ", format, ": missing decoder, the ffmpeg program is not there");
    samples_ = std::move(samples.out);
    errors_ = std::move(errors.out);
  }
  FfmpegReader(const FfmpegReader&) = delete;
  ~FfmpegReader() override {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
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
    wait();
  }
  void wait() {
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }
  // "file:/dev/stdin: Invalid data found" without the name, or a "[mov @ 0x55…]" before it.
  std::string last_message() const {
    std::string line = trimmed(message_);
    line = line.substr(line.rfind('\n') + 1);
    if (line.starts_with('[')) line = line.substr(std::min(line.find(']'), line.size() - 1) + 1);
    if (const auto at = line.find(kInput); at != line.npos) line.erase(at, std::strlen(kInput) + 2);
    return line.empty() ? "it gives no sample" : escape_controls(trimmed(line));
  }

  pid_t pid_ = 0;
  Descriptor samples_, errors_;
  bool ended_ = false, any_ = false;
  std::string message_;
};

}  // namespace

std::unique_ptr<SoundReader> ffmpeg_sound(Descriptor file, std::string_view format, int rate) {
  return std::make_unique<FfmpegReader>(std::move(file), format, rate);
}

}  // namespace hft::media
