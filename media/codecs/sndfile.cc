#include "media/codecs/sndfile.h"

#include <sndfile.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "core/base/error.h"

namespace hft::media {
namespace {

// libsndfile's positions as bits of a channel mask.
constexpr std::array<int, SF_CHANNEL_MAP_MAX> kBits = [] {
  std::array<int, SF_CHANNEL_MAP_MAX> bits{};
  bits.fill(-1);
  constexpr std::pair<int, int> kPairs[] = {{SF_CHANNEL_MAP_MONO, 2},
                                            {SF_CHANNEL_MAP_LEFT, 0},
                                            {SF_CHANNEL_MAP_RIGHT, 1},
                                            {SF_CHANNEL_MAP_CENTER, 2},
                                            {SF_CHANNEL_MAP_FRONT_LEFT, 0},
                                            {SF_CHANNEL_MAP_FRONT_RIGHT, 1},
                                            {SF_CHANNEL_MAP_FRONT_CENTER, 2},
                                            {SF_CHANNEL_MAP_LFE, 3},
                                            {SF_CHANNEL_MAP_REAR_LEFT, 4},
                                            {SF_CHANNEL_MAP_REAR_RIGHT, 5},
                                            {SF_CHANNEL_MAP_FRONT_LEFT_OF_CENTER, 6},
                                            {SF_CHANNEL_MAP_FRONT_RIGHT_OF_CENTER, 7},
                                            {SF_CHANNEL_MAP_REAR_CENTER, 8},
                                            {SF_CHANNEL_MAP_SIDE_LEFT, 9},
                                            {SF_CHANNEL_MAP_SIDE_RIGHT, 10},
                                            {SF_CHANNEL_MAP_TOP_CENTER, 11},
                                            {SF_CHANNEL_MAP_TOP_FRONT_LEFT, 12},
                                            {SF_CHANNEL_MAP_TOP_FRONT_CENTER, 13},
                                            {SF_CHANNEL_MAP_TOP_FRONT_RIGHT, 14},
                                            {SF_CHANNEL_MAP_TOP_REAR_LEFT, 15},
                                            {SF_CHANNEL_MAP_TOP_REAR_CENTER, 16},
                                            {SF_CHANNEL_MAP_TOP_REAR_RIGHT, 17}};
  for (const auto& [position, bit] : kPairs) bits[static_cast<std::size_t>(position)] = bit;
  return bits;
}();

// Channels of a FLAC of 1 to 8 (RFC 9639, 9.1.3), and of Vorbis and Opus (Vorbis I, 4.3.9).
constexpr std::string_view kFlac[] = {"2",     "01",     "012",     "0145",
                                      "01245", "012345", "012389a", "0123459a"};
constexpr std::string_view kXiph[] = {"2",     "01",     "021",     "0145",
                                      "02145", "021453", "0219a83", "0219a453"};

Speakers speakers_of(std::string_view digits) {
  Speakers speakers;
  for (const char c : digits)
    speakers.push_back(std::uint64_t{1} << (c <= '9' ? c - '0' : c - 'a' + 10));
  return speakers;
}

class SndfileDecoder : public Decoder {
 public:
  explicit SndfileDecoder(std::unique_ptr<ByteSource> bytes) : bytes_(std::move(bytes)) {
    static std::mutex opening;  // the last error is kept without a lock
    std::lock_guard lock(opening);
    SF_VIRTUAL_IO io{size, seek, read_some, write, tell};
    file_ = ::sf_open_virtual(&io, SFM_READ, &info_, this);
    if (!file_) refuse();
    try {
      check();
    } catch (...) {
      ::sf_close(file_);
      throw;
    }
    rate = info_.samplerate;
    channels = info_.channels;
    frames = info_.frames == SF_COUNT_MAX ? -1 : info_.frames;
    speakers = speakers_of_file();
  }
  SndfileDecoder(const SndfileDecoder&) = delete;
  ~SndfileDecoder() override { ::sf_close(file_); }

  std::size_t read(std::span<float> out) override {
    const auto room = static_cast<sf_count_t>(out.size()) / info_.channels;
    return static_cast<std::size_t>(
        std::max<sf_count_t>(::sf_readf_float(file_, out.data(), room), 0));
  }

 private:
  static SndfileDecoder& self(void* pointer) { return *static_cast<SndfileDecoder*>(pointer); }
  static sf_count_t size(void* pointer) { return self(pointer).bytes_->size(); }
  static sf_count_t seek(sf_count_t offset, int whence, void* pointer) {
    SndfileDecoder& d = self(pointer);
    const sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? d.at_ : d.bytes_->size();
    if (__builtin_add_overflow(from, offset, &d.at_) || d.at_ < 0) return d.at_ = 0, -1;
    return d.at_;
  }
  static sf_count_t read_some(void* out, sf_count_t n, void* pointer) {
    SndfileDecoder& d = self(pointer);
    const std::span room(static_cast<std::uint8_t*>(out),
                         static_cast<std::size_t>(std::max<sf_count_t>(n, 0)));
    const auto got = static_cast<sf_count_t>(d.bytes_->read_at(d.at_, room));
    d.at_ += got;
    return got;
  }
  static sf_count_t write(const void*, sf_count_t, void*) { return 0; }
  static sf_count_t tell(void* pointer) { return self(pointer).at_; }

  [[noreturn]] static void refuse() {
    const int code = ::sf_error(nullptr);
    const bool unknown = code == SF_ERR_UNRECOGNISED_FORMAT || code == SF_ERR_UNSUPPORTED_ENCODING;
    std::string why = ::sf_strerror(nullptr);
    std::ranges::replace(why, '\n', ' ');
    while (why.ends_with('.') || why.ends_with(' ')) why.pop_back();
    fail(unknown ? Errc::kUnsupported : Errc::kBadData, "is damaged: ", why);
  }

  void check() const {
    const int kind = info_.format & SF_FORMAT_TYPEMASK, coding = info_.format & SF_FORMAT_SUBMASK;
    const auto among = [](int one, std::initializer_list<int> all) {
      return std::ranges::find(all, one) != all.end();
    };
    if (!among(kind,
               {SF_FORMAT_WAV, SF_FORMAT_WAVEX, SF_FORMAT_RF64, SF_FORMAT_FLAC, SF_FORMAT_OGG}) ||
        !among(coding, {SF_FORMAT_PCM_S8, SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_PCM_32,
                        SF_FORMAT_PCM_U8, SF_FORMAT_FLOAT, SF_FORMAT_DOUBLE, SF_FORMAT_ULAW,
                        SF_FORMAT_ALAW, SF_FORMAT_VORBIS, SF_FORMAT_OPUS}))
      fail(Errc::kUnsupported, "has a coding that is not read");
  }

  Speakers speakers_of_file() {
    const auto n = static_cast<std::size_t>(info_.channels);
    const int kind = info_.format & SF_FORMAT_TYPEMASK;
    if (kind == SF_FORMAT_FLAC && n <= std::size(kFlac)) return speakers_of(kFlac[n - 1]);
    if (kind == SF_FORMAT_OGG && n <= std::size(kXiph)) return speakers_of(kXiph[n - 1]);
    std::vector<int> map(n);
    if (::sf_command(file_, SFC_GET_CHANNEL_MAP_INFO, map.data(),
                     static_cast<int>(n * sizeof(int))) == SF_FALSE)
      return {};
    Speakers speakers;
    for (const int position : map) {
      const int bit = position > 0 && position < SF_CHANNEL_MAP_MAX
                          ? kBits[static_cast<std::size_t>(position)]
                          : -1;
      if (bit < 0) return {};
      speakers.push_back(std::uint64_t{1} << bit);
    }
    return speakers;
  }

  std::unique_ptr<ByteSource> bytes_;
  sf_count_t at_ = 0;
  SF_INFO info_{};
  SNDFILE* file_ = nullptr;
};

}  // namespace

std::unique_ptr<Decoder> open_sndfile(std::unique_ptr<ByteSource> bytes) {
  return std::make_unique<SndfileDecoder>(std::move(bytes));
}

}  // namespace hft::media
