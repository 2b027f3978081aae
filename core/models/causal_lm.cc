#include "core/models/causal_lm.h"

#include "core/base/error.h"
#include "core/models/cached_decoder.h"
#include "core/models/image_net.h"
#include "core/models/looking.h"
#include "core/models/text_model.h"
#include "core/nn/finite.h"

namespace hft {
namespace {

class DecoderOnly : public CausalLm {
 public:
  DecoderOnly(DecoderNet net, const ModelRequest& request, std::shared_ptr<Pool> pool,
              at::ScalarType dtype, std::vector<std::string> warnings)
      : decoder_(std::move(net), request, pool, dtype),
        pool_(std::move(pool)),
        warnings_(std::move(warnings)) {}

  int open() override { return decoder_.open(); }
  int fork(int sequence) override { return decoder_.fork(sequence); }
  void crop(int sequence, std::int64_t length) override { decoder_.crop(sequence, length); }
  void close(int sequence) override { decoder_.close(sequence); }
  std::int64_t length(int sequence) const override { return decoder_.length(sequence); }
  void forward(std::span<const Feed> feeds, Decoded& out) override {
    decoder_.forward(feeds, out, {});
  }
  void each(std::size_t count, const std::function<void(std::size_t)>& f) override {
    decoder_.each(count, f);
  }
  std::int64_t vocab() const override { return decoder_.net().vocab; }
  std::int64_t max_positions() const override { return decoder_.net().positions; }
  std::int64_t trained_positions() const override {
    const auto trained = decoder_.net().trained_positions;
    return trained > 0 ? trained : max_positions();
  }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  std::int32_t picture_token() const override { return side().token; }
  void show(std::span<const Illustrated> texts) override {
    translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const OnPool on(pool_.get());
      std::vector<Shown> shown;
      for (const Illustrated& text : texts)
        for (const PictureView& picture : text.pictures)
          shown.push_back({&picture, text.pictures.size() == 1, {}});
      look_at(shown);
      auto next = shown.begin();
      for (const Illustrated& text : texts) {
        std::vector<PictureTokens> pictures;
        for (std::size_t i = 0; i < text.pictures.size(); ++i) pictures.push_back((next++)->seen);
        decoder_.illustrate(text.sequence, Illustration(side(), text.ids, pictures));
      }
    });
  }

 private:
  struct Shown {
    const PictureView* picture;
    bool alone;  // in its text
    PictureTokens seen;
  };
  const PictureSide& side() const { return decoder_.net().pictures; }

  void look_at(std::vector<Shown>& shown) {
    std::vector<Shown*> fresh;
    std::vector<std::pair<Shown*, const Shown*>> again;
    for (Shown& one : shown) {
      const auto same = std::ranges::find(fresh, one.picture->data,
                                          [](const Shown* other) { return other->picture->data; });
      if (same != fresh.end())
        again.emplace_back(&one, *same);
      else if (auto known = looked_at_.find(*one.picture))
        one.seen = *std::move(known);
      else
        fresh.push_back(&one);
    }
    each_apart(fresh.size(), [&](std::size_t i) { fresh[i]->seen = seen(*fresh[i]); });
    for (const Shown* one : fresh) looked_at_.keep(*one->picture, one->seen);
    for (const auto& [one, same] : again) one->seen = same->seen;
  }

  PictureTokens seen(const Shown& shown) const {
    const PictureView& p = *shown.picture;
    if (!side().see || p.channels != 3)
      fail(Errc::kBadData, "a picture has ", p.channels, " channels, but the model sees ",
           side().see ? 3 : 0);
    Pictures tiles;
    const Tensor pixels = pixels_of(p);
    for (std::int64_t t = 0; t < p.tiles; ++t)
      tiles.pixels.push_back(p.tiles == 1 ? pixels : pixels[t]);
    const Grid size{p.whole_height, p.whole_width};
    PictureTokens seen = side().see(tiles, size, shown.alone);
    if (at::isfinite(seen.x).all().item<bool>()) return seen;
    tiles.watch = find_not_finite;
    side().see(tiles, size, shown.alone);
    fail(Errc::kNotFinite, "NaN or infinity first shows in what is seen in a picture");
  }

  static constexpr std::size_t kLookedAt = 16;
  CachedDecoder decoder_;
  std::shared_ptr<Pool> pool_;
  std::vector<std::string> warnings_;
  LookedAt<PictureTokens> looked_at_{kLookedAt};
};

}  // namespace

std::unique_ptr<CausalLm> make_causal_lm(DecoderNet net, const ModelRequest& request,
                                         std::shared_ptr<Pool> pool, at::ScalarType dtype,
                                         std::vector<std::string> warnings) {
  return std::make_unique<DecoderOnly>(std::move(net), request, std::move(pool), dtype,
                                       std::move(warnings));
}

}  // namespace hft
