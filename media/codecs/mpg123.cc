#include "media/codecs/mpg123.h"

#include <mpg123.h>

#include <algorithm>
#include <array>

#include "core/base/error.h"

namespace hft::media {
namespace {

class Mpg123Decoder : public Decoder {
 public:
  explicit Mpg123Decoder(std::unique_ptr<ByteSource> bytes)
      : bytes_(std::move(bytes)), mpeg_(made(), ::mpg123_delete) {
    mpg123_handle* mpeg = mpeg_.get();
    if (!mpeg) fail(Errc::kFailure, "libmpg123 does not start");
    ::mpg123_param(mpeg, MPG123_ADD_FLAGS, MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS, 0);
    ::mpg123_param(mpeg, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0);
    long hertz = 0;
    int encoding = 0;
    if (::mpg123_replace_reader_handle(mpeg, read_some, seek, nullptr) != MPG123_OK ||
        ::mpg123_open_handle(mpeg, this) != MPG123_OK ||
        ::mpg123_getformat(mpeg, &hertz, &channels, &encoding) != MPG123_OK)
      refuse();
    if (encoding != MPG123_ENC_FLOAT_32) fail(Errc::kFailure, "libmpg123 has no floats");
    rate = static_cast<int>(hertz);
    frames = std::max<std::int64_t>(::mpg123_length(mpeg), -1);
  }

  // A change of rate or channels ends it.
  std::size_t read(std::span<float> out) override {
    std::size_t bytes = 0;
    const std::size_t room = out.size() / static_cast<std::size_t>(channels) *
                             static_cast<std::size_t>(channels) * sizeof(float);
    for (int said = MPG123_OK; said == MPG123_OK && bytes < room;) {
      std::size_t more = 0;
      said = ::mpg123_read(mpeg_.get(), reinterpret_cast<unsigned char*>(out.data()) + bytes,
                           room - bytes, &more);
      bytes += more;
    }
    return bytes / sizeof(float) / static_cast<std::size_t>(channels);
  }

 private:
  static mpg123_handle* made() {
    static const int ready = ::mpg123_init();
    return ready == MPG123_OK ? ::mpg123_new(nullptr, nullptr) : nullptr;
  }
  static Mpg123Decoder& self(void* pointer) { return *static_cast<Mpg123Decoder*>(pointer); }
  static ssize_t read_some(void* pointer, void* out, std::size_t n) {
    Mpg123Decoder& d = self(pointer);
    const auto got = d.bytes_->read_at(d.at_, std::span(static_cast<std::uint8_t*>(out), n));
    d.at_ += static_cast<std::int64_t>(got);
    return static_cast<ssize_t>(got);
  }
  static off_t seek(void* pointer, off_t offset, int whence) {
    Mpg123Decoder& d = self(pointer);
    const std::int64_t from = whence == SEEK_SET   ? 0
                              : whence == SEEK_CUR ? d.at_
                                                   : d.bytes_->size();
    if (__builtin_add_overflow(from, offset, &d.at_) || d.at_ < 0) return d.at_ = 0, -1;
    return d.at_;
  }
  // After an ID3 tag it may be another format.
  [[noreturn]] void refuse() const {
    std::array<std::uint8_t, 1> first{};
    bytes_->read_at(0, first);
    fail(first[0] == 'I' ? Errc::kUnsupported : Errc::kBadData,
         "is damaged: ", ::mpg123_strerror(mpeg_.get()));
  }

  std::unique_ptr<ByteSource> bytes_;
  std::int64_t at_ = 0;
  std::unique_ptr<mpg123_handle, void (*)(mpg123_handle*)> mpeg_;
};

}  // namespace

bool is_mpeg(ByteSource& bytes) {
  std::array<std::uint8_t, 3> head{};
  bytes.read_at(0, head);
  return head[0] == 0xff || (head[0] == 'I' && head[1] == 'D' && head[2] == '3');
}

std::unique_ptr<Decoder> open_mpg123(std::unique_ptr<ByteSource> bytes) {
  return std::make_unique<Mpg123Decoder>(std::move(bytes));
}

}  // namespace hft::media
