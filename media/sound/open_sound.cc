// Which reader a sound needs, and what is true of all of them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/base/error.h"
#include "core/base/given_file.h"
#include "core/base/limits.h"
#include "media/read/format.h"
#include "media/sound/formats.h"
#include "media/sound/readers.h"

namespace hft::media {
namespace {

constexpr std::size_t kBlock = 1 << 15;  // samples decoded at a time

class MixedSound : public SoundReader {
 public:
  MixedSound(std::unique_ptr<Decoder> decoder, int rate)
      : decoder_(std::move(decoder)), mixer_(sound_backend().mix(*decoder_, rate)) {
    const auto channels = static_cast<std::size_t>(decoder_->channels);
    frames_.resize(std::max<std::size_t>(kBlock / channels, 1) * channels);
  }
  std::size_t read(std::span<float> out) override {
    std::size_t have = 0;
    while (have < out.size()) {
      if (at_ == samples_.size() && !more()) break;
      const std::size_t n = std::min(out.size() - have, samples_.size() - at_);
      std::copy_n(samples_.data() + at_, n, out.data() + have);
      have += n;
      at_ += n;
    }
    return have;
  }

 private:
  bool more() {
    samples_.clear();
    at_ = 0;
    while (samples_.empty() && !ended_) {
      const std::size_t frames = decoder_->read(frames_);
      const auto channels = static_cast<std::size_t>(decoder_->channels);
      ended_ = frames == 0;
      ended_ ? mixer_->finish(samples_)
             : mixer_->push(std::span(frames_).first(frames * channels), samples_);
    }
    return !samples_.empty();
  }

  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Mixer> mixer_;
  std::vector<float> frames_, samples_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// What no reader may give, and the name before its errors.
class CheckedSound : public SoundReader {
 public:
  CheckedSound(std::unique_ptr<SoundReader> reader, std::string name, int rate, bool endless)
      : reader_(std::move(reader)), name_(std::move(name)), rate_(rate), endless_(endless) {}

  std::size_t read(std::span<float> out) override {
    return with_context(name_, [&] {
      const std::size_t n = reader_->read(out);
      const auto bad =
          std::ranges::find_if_not(out.first(n), [](float x) { return std::isfinite(x); });
      if (bad != out.first(n).end())
        fail(Errc::kBadData, "has a sample that is not finite, ",
             static_cast<double>(count_ + (bad - out.begin())) / rate_, " s from its start");
      count_ += static_cast<std::int64_t>(n);
      if (count_ == 0 && n < out.size()) fail(Errc::kBadData, "holds no samples");
      if (!endless_ && count_ > limits::kSoundSeconds * rate_)
        fail(Errc::kBadData, "is longer than ", limits::kSoundSeconds / 3600, " hours, the limit");
      return n;
    });
  }

 private:
  std::unique_ptr<SoundReader> reader_;
  std::string name_;
  std::int64_t rate_, count_ = 0;
  bool endless_;
};

Descriptor open_file(const std::string& file) {
  Descriptor opened(file == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                : ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (opened.get() < 0 && (errno == ENOENT || errno == ENOTDIR))
    fail(Errc::kNotFound, "no such file");
  if (opened.get() < 0) fail(Errc::kFailure, "cannot open: ", std::strerror(errno));
  return opened;
}

[[noreturn]] void refuse(Bytes head) {
  if (begins_with(head, "version https://git-lfs"))
    fail_hint(Errc::kBadData, "git lfs pull", "is a Git LFS pointer, not the sound itself");
  fail(Errc::kBadData, "is ",
       is_image(head)  ? "an image"
       : is_text(head) ? "text"
                       : "no sound",
       ", wanted WAV, FLAC, Ogg, MP3, or a sound that ffmpeg decodes");
}

// The decoder of libsndfile; null for a coding that it lacks.
std::unique_ptr<Decoder> own_decoder(std::unique_ptr<ByteSource> bytes) {
  try {
    return sound_backend().decode(std::move(bytes));
  } catch (const Error& e) {
    if (e.code != Errc::kUnsupported) throw;
    return nullptr;
  }
}

// A file that can be read at any place, or the bytes of one that cannot.
struct Opened {
  std::string file;
  std::shared_ptr<const std::string> bytes;
  std::int64_t size = 0;

  std::unique_ptr<ByteSource> source() const {
    return bytes ? bytes_of_memory(bytes) : bytes_of_file(open_file(file), size);
  }
  Descriptor descriptor() const { return bytes ? file_of(*bytes) : open_file(file); }
};

Opened opened(const SoundSource& source) {
  Opened out{source.file, source.bytes};
  if (!out.bytes) {
    struct stat info {};
    if (::fstat(open_file(source.file).get(), &info) != 0)
      fail(Errc::kFailure, "cannot be looked at: ", std::strerror(errno));
    if (S_ISDIR(info.st_mode)) fail(Errc::kBadData, "is a folder, wanted a sound");
    out.size = info.st_size;
    if (S_ISREG(info.st_mode)) return out;
    const char* file = source.file == "-" ? "/dev/stdin" : source.file.c_str();
    out.bytes = std::make_shared<const std::string>(read_given(file, limits::kSoundBytes));
  }
  out.size = static_cast<std::int64_t>(out.bytes->size());
  return out;
}

std::unique_ptr<SoundReader> reader_of(const SoundSource& source, int rate) {
  if (source.raw)
    return mixed_sound(
        raw_decoder(*source.raw, source.bytes ? file_of(*source.bytes) : open_file(source.file)),
        rate);
  const Opened file = opened(source);
  if (file.size == 0) fail(Errc::kBadData, "is empty, wanted a sound");
  std::array<std::uint8_t, kSoundHead> first;
  const Bytes head = std::span(first).first(file.source()->read_at(0, first));
  const SoundFormat* format = sound_format(head);
  if (!format) refuse(head);
  if (format->own)
    if (auto decoder = own_decoder(file.source())) return mixed_sound(std::move(decoder), rate);
  return ffmpeg_sound(file.descriptor(), format->name, rate);
}

}  // namespace

std::unique_ptr<SoundReader> mixed_sound(std::unique_ptr<Decoder> decoder, int rate) {
  const auto within = [](std::int64_t value, std::int64_t low, std::int64_t high,
                         const char* what) {
    if (value < low || value > high)
      fail(Errc::kBadData, "has ", value, what, ", wanted ", low, " to ", high);
  };
  within(decoder->channels, 1, limits::kSoundChannels, " channels");
  within(decoder->rate, limits::kSoundLeastRate, limits::kSoundRate, " samples a second");
  if (decoder->frames / decoder->rate > limits::kSoundSeconds)
    fail(Errc::kBadData, "is ", decoder->frames / decoder->rate / 3600,
         " hours long, over the limit of ", limits::kSoundSeconds / 3600);
  return std::make_unique<MixedSound>(std::move(decoder), rate);
}

std::unique_ptr<SoundReader> open_sound(const SoundSource& source, int rate) {
  return with_context(source.name, [&] {
    return std::make_unique<CheckedSound>(reader_of(source, rate), source.name, rate,
                                          source.raw.has_value());
  });
}

}  // namespace hft::media
