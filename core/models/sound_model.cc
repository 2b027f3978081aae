#include "core/models/sound_model.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/models/passes.h"
#include "core/nn/finite.h"

namespace hft {

std::vector<Tensor> each_sequence(const Tensor& rows, const Sequences& seqs) {
  std::vector<Tensor> each;
  for (std::int64_t b = 0; b < seqs.count(); ++b)
    each.push_back(rows.narrow(0, seqs.starts[b], seqs.length(b)));
  return each;
}

namespace {

constexpr std::int64_t kSoundsTogether = 16;  // passes of one forward, shared out over the cores

using SoundViews = std::span<const SoundView>;

class HearingNet : public SoundModel {
 public:
  HearingNet(SoundNet net, Runtime runtime, std::vector<std::string> warnings)
      : net_(std::move(net)), runtime_(std::move(runtime)), warnings_(std::move(warnings)) {}

  std::vector<Heard> forward(SoundViews sounds) override {
    std::vector<std::int64_t> sizes;
    for (const auto& s : sounds) {
      if (s.bins != net_.bins)
        fail(Errc::kBadData, "a sound has ", s.bins, " numbers a frame, but the model hears ",
             net_.bins);
      sizes.push_back(s.frames);
    }
    return translate_errors([&] {
      std::vector<Heard> heard(sounds.size());
      in_passes(sizes, net_.frames, runtime_, [&](std::size_t first, std::size_t count) {
        std::ranges::move(hear(sounds.subspan(first, count)), heard.begin() + static_cast<long>(first));
      });
      return heard;
    });
  }

  std::int64_t together() const override { return kSoundsTogether; }
  std::int64_t stride() const override { return net_.stride; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  Matrix read(const TokenBatch& texts) override { return read_texts(net_.texts, texts, runtime_); }
  std::int64_t max_positions() const override { return net_.texts.positions; }
  Likeness likeness() const override { return likeness_of(net_.texts); }

 private:
  std::vector<Heard> hear(SoundViews views) const {
    SoundBatch sounds;
    for (const auto& s : views) {
      const std::vector<std::int64_t> sizes{s.parts, s.frames, s.bins};
      const auto shape = at::IntArrayRef(sizes).slice(s.parts == 1 ? 1 : 0);
      sounds.features.push_back(
          at::from_blob(const_cast<float*>(s.data), shape, at::kFloat).to(runtime_.device));
    }
    std::vector<Heard> heard;
    bool finite = true;
    for (const Tensor& logits : net_.hear(sounds)) {
      heard.push_back({matrix_of(logits)});
      finite = finite && all_finite(heard.back().logits.data);
    }
    if (!finite) fail_not_finite(std::move(sounds));
    return heard;
  }

  // Listens once more, to every layer's output.
  [[noreturn]] void fail_not_finite(SoundBatch sounds) const {
    sounds.watch = find_not_finite;
    net_.hear(sounds);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the output of the head");
  }

  SoundNet net_;
  Runtime runtime_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<SoundModel> make_sound_model(SoundNet net, Runtime runtime,
                                             std::vector<std::string> warnings) {
  return std::make_unique<HearingNet>(std::move(net), std::move(runtime), std::move(warnings));
}

}  // namespace hft
