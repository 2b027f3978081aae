// libswresample with the settings that ffmpeg's -ac 1 -ar RATE gives it, and the door to this
// library.
extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libswresample/swresample.h>
}

#include <algorithm>

#include "core/base/error.h"
#include "media/codecs/mpg123.h"
#include "media/codecs/sndfile.h"

namespace hft::media {
namespace {

class SwrMixer : public Mixer {
 public:
  SwrMixer(const Decoder& from, int rate)
      : channels_(static_cast<std::size_t>(from.channels)), swr_(nullptr, free) {
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO, layout{};
    arrange(from, layout);
    SwrContext* swr = nullptr;
    int failed = ::swr_alloc_set_opts2(&swr, &mono, AV_SAMPLE_FMT_FLT, rate, &layout,
                                       AV_SAMPLE_FMT_FLT, from.rate, 0, nullptr);
    swr_.reset(swr);
    if (!failed && layout.order == AV_CHANNEL_ORDER_UNSPEC) {  // nobody knows where they stand
      const std::vector<double> mean(channels_, 1.0 / from.channels);
      failed = ::swr_set_matrix(swr, mean.data(), from.channels);
    }
    if (failed || ::swr_init(swr) < 0)
      fail(Errc::kUnsupported, "has ", from.channels, " channels at ", from.rate,
           " Hz, which cannot be mixed");
  }

  void push(std::span<const float> frames, std::vector<float>& samples) override {
    if (!order_.empty()) {
      ordered_.resize(frames.size());
      for (std::size_t i = 0; i < frames.size(); i += channels_)
        for (std::size_t c = 0; c < channels_; ++c) ordered_[i + c] = frames[i + order_[c]];
      frames = ordered_;
    }
    const auto* in = reinterpret_cast<const std::uint8_t*>(frames.data());
    convert(&in, static_cast<int>(frames.size() / channels_), samples);
  }
  void finish(std::vector<float>& samples) override {
    while (convert(nullptr, 0, samples) > 0) {
    }
  }

 private:
  static void free(SwrContext* swr) { ::swr_free(&swr); }

  // libswresample takes channels in the order of their bits.
  void arrange(const Decoder& from, AVChannelLayout& layout) {
    std::uint64_t mask = 0;
    for (const auto bit : from.speakers) mask |= bit;
    const bool known = from.speakers.size() == channels_ &&
                       static_cast<std::size_t>(__builtin_popcountll(mask)) == channels_;
    if (!known) return ::av_channel_layout_default(&layout, from.channels);
    ::av_channel_layout_from_mask(&layout, mask);
    if (std::ranges::is_sorted(from.speakers)) return;
    for (std::size_t c = 0; c < channels_; ++c) order_.push_back(c);
    std::ranges::sort(order_, {}, [&](std::size_t c) { return from.speakers[c]; });
  }

  int convert(const std::uint8_t** in, int frames, std::vector<float>& samples) {
    const std::size_t before = samples.size();
    const int room = std::max(::swr_get_out_samples(swr_.get(), frames), 4096);
    samples.resize(before + static_cast<std::size_t>(room));
    auto* out = reinterpret_cast<std::uint8_t*>(samples.data() + before);
    const int got = ::swr_convert(swr_.get(), &out, room, in, frames);
    samples.resize(before + static_cast<std::size_t>(std::max(got, 0)));
    if (got < 0) fail(Errc::kFailure, "libswresample failed (", got, ")");
    return got;
  }

  std::size_t channels_;
  std::unique_ptr<SwrContext, void (*)(SwrContext*)> swr_;
  std::vector<std::size_t> order_;
  std::vector<float> ordered_;
};

class Backend : public SoundBackend {
 public:
  Backend() { ::av_log_set_level(AV_LOG_QUIET); }
  std::unique_ptr<Decoder> decode(std::unique_ptr<ByteSource> bytes) const override {
    return is_mpeg(*bytes) ? open_mpg123(std::move(bytes)) : open_sndfile(std::move(bytes));
  }
  std::unique_ptr<Mixer> mix(const Decoder& from, int rate) const override {
    return std::make_unique<SwrMixer>(from, rate);
  }
};

}  // namespace

extern "C" const SoundBackend* hft_sound() {
  static const Backend backend;
  return &backend;
}

}  // namespace hft::media
