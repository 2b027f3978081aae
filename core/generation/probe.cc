#include "core/generation/probe.h"

namespace hft {
namespace {

class Probe : public Method {
 public:
  Probe(Decoder& decoder, Prompt prompt, Surroundings around, Look look)
      : Method(decoder, std::move(prompt), std::move(around)), look_(std::move(look)) {}
  ~Probe() override {
    if (!done_) decoder_.close(prompt_.sequence);
  }
  void ask(std::vector<Feed>& feeds) override {
    feeds.push_back({prompt_.sequence,
                     std::span(prompt_.ids).subspan(static_cast<std::size_t>(prompt_.cached))});
  }
  void take(std::span<float> logits, std::span<const float>) override {
    look_(logits);
    stop(Finish::kLength);
  }
  void stop(Finish finish) override {
    done_ = true;
    kept_ = prompt_.sequence;
    results_.emplace_back().finish = finish;
  }

 private:
  Look look_;
};

}  // namespace

std::unique_ptr<Method> make_probe(Decoder& decoder, Prompt prompt, Surroundings around,
                                   Look look) {
  return std::make_unique<Probe>(decoder, std::move(prompt), std::move(around), std::move(look));
}

}  // namespace hft
