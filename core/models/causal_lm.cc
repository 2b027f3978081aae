#include "core/models/causal_lm.h"

#include "core/models/cached_decoder.h"

namespace hft {
namespace {

class DecoderOnly : public CausalLm {
 public:
  DecoderOnly(DecoderNet net, const ModelRequest& request, std::shared_ptr<Pool> pool,
              at::ScalarType dtype, std::vector<std::string> warnings)
      : decoder_(std::move(net), request, std::move(pool), dtype), warnings_(std::move(warnings)) {}

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

 private:
  CachedDecoder decoder_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<CausalLm> make_causal_lm(DecoderNet net, const ModelRequest& request,
                                         std::shared_ptr<Pool> pool, at::ScalarType dtype,
                                         std::vector<std::string> warnings) {
  return std::make_unique<DecoderOnly>(std::move(net), request, std::move(pool), dtype,
                                       std::move(warnings));
}

}  // namespace hft
