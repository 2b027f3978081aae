// Gradient descent through the twins, for every architecture of the registry: encoders classify,
// the others write.
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "core/checkpoint/config_class.h"
#include "core/models/reading.h"
#include "core/models/registry.h"
#include "core/models/whole_pass.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

// Sequences of 7, 1, 12 and 3 tokens.
Tokens some_tokens() {
  const TokenBatch batch = tiny_batch();
  Tokens tokens;
  tokens.seqs.starts.assign(batch.starts.begin(), batch.starts.end());
  tokens.ids = at::tensor(std::vector<std::int64_t>(batch.ids.begin(), batch.ids.end()), at::kLong);
  return tokens;
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  return at::nll_loss(at::log_softmax(logits.to(at::kFloat), 1), labels);
}

// All that a model of pictures makes of two of them, brought nearer to some numbers.
std::function<Tensor()> loss_of_pictures(const Architecture& a, const Fields& config,
                                         const Weights& w) {
  Pictures pictures;
  for (const std::int64_t size : {32, 40})
    pictures.pixels.push_back(
        at::arange(3 * size * size, at::kFloat).mul(0.01 * static_cast<double>(size)).sin().view({3, size, size}));
  Tokens tokens = some_tokens();
  if (a.image_heads[0] == ImageHead::kAnswer)
    return [=, net = a.image(config, w, ImageHead::kAnswer)] {
      const std::vector<std::int32_t> of{0, 1, 1, 0};
      return (net.answer(pictures, tokens, of).to(at::kFloat) - 0.5).square().mean();
    };
  return [=, net = a.image(config, w, a.image_heads[0])] {
    Tensor loss = at::zeros({}, at::kFloat);
    const auto add = [&](const Tensor& x) {
      if (x.defined()) loss = loss + (x.to(at::kFloat) - 0.5).square().mean();
    };
    for (const auto& seen : net.see(pictures)) {
      add(seen.logits);
      add(seen.boxes);
      add(seen.masks);
    }
    if (net.texts.read) add(net.texts.read(tokens));
    add(net.texts.scale);
    add(net.texts.bias);
    return loss;
  };
}

// The same of a model of sounds.
std::function<Tensor()> loss_of_sounds(const Architecture& a, const Fields& config,
                                       const Weights& w) {
  SoundBatch sounds;
  const std::int64_t bins = a.types[0] == "clap" || a.types[0] == "audio-spectrogram-transformer" ? 16 : 1;
  for (const double pitch : {0.3, 0.4})
    sounds.features.push_back(
        at::arange(60 * 16, at::kFloat).mul(pitch).sin().view({-1, bins}));
  Tokens tokens = some_tokens();
  return [=, net = a.sound(config, w, a.sound_heads[0])] {
    Tensor loss = at::zeros({}, at::kFloat);
    const auto add = [&](const Tensor& x) {
      if (x.defined()) loss = loss + (x.to(at::kFloat) - 0.5).square().mean();
    };
    for (const Tensor& heard : net.hear(sounds)) add(heard);
    if (net.texts.read) add(net.texts.read(tokens));
    add(net.texts.scale);
    return loss;
  };
}

// What a decoder makes of a picture beside another, brought nearer to some number.
Tensor loss_of_seen(const PictureSide& side) {
  Pictures picture;
  picture.pixels.push_back(at::arange(3 * 16 * 16, at::kFloat).mul(0.3).sin().view({3, 16, 16}));
  const PictureTokens seen = side.see(picture, {16, 16}, false);
  Tensor loss = (seen.x - 0.5).square().mean();
  for (const Tensor& deeper : seen.deeper) loss = loss + (deeper - 0.5).square().mean();
  return loss;
}

// Builds the model, and tells how well it guesses.
std::function<Tensor()> loss_of(const Architecture& a, const Fields& config, const Weights& w) {
  if (a.image) return loss_of_pictures(a, config, w);
  if (a.sound) return loss_of_sounds(a, config, w);
  Tokens tokens = some_tokens();
  if (a.encoder) {
    tokens.rows = tokens.seqs.first_rows();
    const Head head = a.reads_pages ? Head::kAnswer : Head::kClassify;
    TextNet built = a.encoder(config, w, head);
    if (const PageSight& sight = built.page; sight.channels > 0)
      for (std::int64_t b = 0; b < tokens.seqs.count(); ++b)
        tokens.pages.push_back(at::arange(sight.channels * sight.height * sight.width, at::kFloat)
                                   .mul(0.3 + 0.1 * static_cast<double>(b))
                                   .sin()
                                   .view({sight.channels, sight.height, sight.width}));
    return [tokens, net = std::move(built)] {
      const Tensor logits = net.head(net.encode(tokens));  // [4,4], of pages [4,2]
      return cross_entropy(logits, at::arange(4, at::kLong).remainder(logits.size(1)));
    };
  }
  if (a.decoder)
    return [tokens, net = a.decoder(config, w)] {
      const Tensor logits = net.logits.in_float(whole_pass(net, tokens, at::kFloat));
      const Tensor loss = cross_entropy(logits, tokens.ids.roll(-1));
      return net.pictures.see ? loss + loss_of_seen(net.pictures) : loss;
    };
  return [tokens, net = a.seq2seq(config, w)] {
    Sounds sounds;
    Sequences sources = tokens.seqs;
    if (net.hear) {
      auto noise = at::detail::createCPUGenerator(3);
      sounds.features = at::empty({sources.count(), net.hearing.frames, net.hearing.bins});
      sounds.features.normal_(0, 1, noise);
      for (std::size_t b = 0; b < sources.starts.size(); ++b)
        sources.starts[b] = static_cast<std::int64_t>(b) * net.source_positions;
    }
    Tensor encoded;
    if (net.see) {
      Pictures pictures;
      auto noise = at::detail::createCPUGenerator(3);
      for (std::int64_t b = 0; b < sources.count(); ++b)
        pictures.pixels.push_back(at::empty({3, 16, 16}).normal_(0, 1, noise));
      PictureStates seen = net.see(pictures);
      encoded = seen.x;
      sources = seen.seqs;
    } else {
      encoded = net.hear ? net.hear(sounds) : net.encode(tokens);
    }
    const Tensor states = whole_pass(net, encoded, sources, tokens, at::kFloat);
    return cross_entropy(net.decoder.logits.in_float(states), tokens.ids.roll(-1));
  };
}

// Of another: no model by itself.
bool is_half(const Architecture& a) {
  return !a.image && !a.sound && !a.encoder && !a.decoder && !a.seq2seq;
}

Fields config_of(const Architecture& a) {
  const std::string type(a.types[0]);
  Json config = a.image     ? tiny_image_config(type)
                : a.sound   ? tiny_sound_config(type)
                : a.encoder ? tiny_config(type)
                : a.decoder ? tiny_decoder_config(type)
                            : tiny_seq2seq_config(type);
  apply_config_class(config);
  return Fields(config, "config.json");
}

std::shared_ptr<WeightStore> random_parameters(const Architecture& a, const Fields& config) {
  auto store = std::make_shared<WeightStore>("tiny", StoredTensors{}, renames_of(a.base), at::kFloat,
                                             at::kCPU);
  static_cast<void>(loss_of(a, config, Weights(store)));
  store->fill_missing(0.2);
  store->train();
  return store;
}

// Not the statistics of a batch norm, nor what only chooses which cells are looked at.
bool has_slope(const std::string& name, const Tensor& parameter) {
  return parameter.requires_grad() && name.find("enc_score_head") == name.npos;
}

// The loss, after whose computation every parameter has taken a step against its gradient, none
// longer than the slope of the loss can be trusted.
double step(const Architecture& a, const Fields& config, const std::shared_ptr<WeightStore>& store) {
  const Tensor loss = loss_of(a, config, Weights(store))();
  loss.backward();
  const c10::AutoGradMode no_gradients(false);
  double steepness = 0;
  for (const auto& [name, parameter] : store->parameters()) {
    CAPTURE(name);
    if (!has_slope(name, parameter)) continue;
    REQUIRE(parameter.grad().defined());
    steepness += parameter.grad().square().sum().item<double>();
  }
  const double rate = 0.05 / std::max(1.0, std::sqrt(steepness));
  for (const auto& [name, parameter] : store->parameters()) {
    if (!has_slope(name, parameter)) continue;
    Tensor changed = parameter;
    changed.sub_(parameter.grad() * rate);
    changed.mutable_grad() = Tensor();
  }
  return loss.item<double>();
}

}  // namespace

TEST_CASE("training: a step reaches every parameter and lowers the loss, in every architecture") {
  for (const Architecture* a : architectures()) {
    if (is_half(*a)) continue;
    CAPTURE(a->types[0]);
    const Fields config = config_of(*a);
    const auto store = random_parameters(*a, config);
    const double before = step(*a, config, store);
    CHECK(step(*a, config, store) < before);
  }
}

TEST_CASE("training: what was trained is kept under the names it is loaded by") {
  for (const Architecture* a : architectures()) {
    if (is_half(*a)) continue;
    CAPTURE(a->types[0]);
    const Fields config = config_of(*a);
    const auto store = random_parameters(*a, config);
    step(*a, config, store);
    const c10::AutoGradMode no_gradients(false);
    const double trained = loss_of(*a, config, Weights(store))().item<double>();
    const auto again = std::make_shared<WeightStore>("again", store->trained(), renames_of(a->base),
                                                     at::kFloat, at::kCPU);
    const auto loss = loss_of(*a, config, Weights(again));
    CHECK(again->missing().empty());
    CHECK(loss().item<double>() == doctest::Approx(trained).epsilon(1e-5));
  }
}

}  // namespace hft::test
