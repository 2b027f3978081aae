// A model folder becomes a model in five steps: config, architecture, checkpoint (mapped, no
// tensor read), binding by name and shape, and the account of what was not used.
#include "core/models/load.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/checkpoint/config.h"
#include "core/models/causal_lm.h"
#include "core/models/image_model.h"
#include "core/models/load_parts.h"
#include "core/models/lookup.h"
#include "core/models/placing.h"
#include "core/models/purposes.h"
#include "core/models/reading.h"
#include "core/models/registry.h"
#include "core/models/seq2seq_lm.h"
#include "core/models/sound_model.h"
#include "core/models/static_embedding.h"
#include "core/models/text_model.h"

namespace hft {
namespace {

// Missing tensors of the encoder are a broken checkpoint; those of the head alone may be random,
// if the user says so. `head`: what it is for, empty: there is none.
void settle_missing(WeightStore& store, const Architecture& architecture, const Fields& config,
                    const ModelRequest& request, std::string_view head,
                    std::vector<std::string>& warnings) {
  std::vector<std::string> names;
  bool head_only = !head.empty();
  for (const auto& missing : store.missing()) {
    names.push_back(missing.name);
    const std::string base(architecture.base);
    head_only &=
        !missing.name.starts_with(base + ".") || missing.name.starts_with(base + ".pooler.");
  }
  if (names.empty()) return;
  if (!head_only)
    fail(Errc::kBadData, request.folder.string(),
         ": the checkpoint lacks tensors that config.json implies: ", listed(names));
  if (!request.allow_random_head)
    fail_hint(Errc::kUnsupported,
              std::string(architecture.heads.empty() ? "" : "hft embed uses the encoder alone; ") +
                  "--allow-random-head makes up random weights",
              request.folder.string(), ": the checkpoint has no head for ", head,
              ", it lacks ", listed(names));
  store.fill_missing(config.real("initializer_range", 0, 1e3, 0.02));
  warnings.push_back("the head is not trained: random weights stand in for " + listed(names));
}

// Both passes bind every tensor; the second finds what the first found missing.
TextNet bind_all(const Architecture& architecture, const Fields& config,
                 const ModelRequest& request, const std::shared_ptr<WeightStore>& store,
                 std::vector<std::string>& warnings) {
  TextNet net = build_reader(architecture, config, Weights(store), request.head);
  if (store->missing().empty()) return net;
  const bool has_head = request.head != Head::kEmbed && request.head != Head::kFeatures;
  settle_missing(*store, architecture, config, request, has_head ? words_of(request.head) : "",
                 warnings);
  return build_reader(architecture, config, Weights(store), request.head);
}

// A model of sentences that has no encoder, only a table.
std::unique_ptr<TextModel> load_static(const ModelRequest& request, SentenceModules sentences) {
  const Runtime runtime{pick_device(request.device), std::make_shared<Pool>(request.threads)};
  TextNet net = static_embedding(request, sentences.folder().input, runtime.device);
  sentences.bind(Fields(Json::object(), ""), net.hidden, runtime.device);
  return make_text_model(std::move(net), request.head, runtime, std::move(sentences), {});
}

// The cache of keys and values lies on the CPU so far, and with it what computes through one.
at::Device cached_device(const ModelRequest& request) {
  if (request.device.starts_with("cuda") && pick_device(request.device) != at::kCPU)
    fail(Errc::kUnsupported, "--device ", request.device,
         ": a model with a decoder's cache runs on the CPU so far, wanted auto or cpu");
  return at::kCPU;
}

std::unique_ptr<TextModel> load_text(const ModelRequest& request) {
  std::optional<SentenceModules> sentences;
  if (request.head == Head::kEmbed) sentences.emplace(request);
  if (sentences && sentences->folder().is_static)
    return load_static(request, std::move(*sentences));
  const bool own_encoder = sentences && request.modules.empty();
  const fs::path folder = own_encoder ? sentences->folder().input : request.folder;

  Fields config = read_config(folder);
  const Architecture& architecture = architecture_of(config, ModelClass::kText, request.head);
  if (request.adapters.empty()) need_head(config, request.head);  // an adapter may bring one

  const Runtime runtime{architecture.reads_through_cache(request.head) ? cached_device(request)
                                                                       : pick_device(request.device),
                        std::make_shared<Pool>(request.threads)};
  const auto store =
      open_weights(request, folder, config, renames_of(architecture.base), runtime.device);

  const OnPool quantising(runtime.pool.get());
  place_weights(
      request, store,
      [&](const Weights& w) { build_reader(architecture, config, w, request.head); },
      architecture.reads_through_cache(request.head));
  std::vector<std::string> warnings;
  TextNet net = bind_all(architecture, config, request, store, warnings);
  if (sentences) sentences->bind(config, net.hidden, runtime.device);

  warn_of_unused(*store, warnings);
  return make_text_model(std::move(net), request.head, runtime, std::move(sentences),
                         std::move(warnings));
}

// The checkpoint of a model that generates text; adapters may change `config`.
std::shared_ptr<WeightStore> open_generator(const Architecture& architecture, Fields& config,
                                            const ModelRequest& request) {
  Renames renames = renames_of(architecture.base);
  renames.newer = architecture.newer_names;
  auto store = open_weights(request, request.folder, config, std::move(renames),
                            cached_device(request));
  store->need_row_exact(request.deterministic);
  return store;
}

// Once all is bound: every tensor must have been there.
std::vector<std::string> settle_generator(const WeightStore& store, const ModelRequest& request) {
  std::vector<std::string> missing, warnings;
  for (const auto& tensor : store.missing()) missing.push_back(tensor.name);
  if (!missing.empty())
    fail(Errc::kBadData, request.folder.string(),
         ": the checkpoint lacks tensors that config.json implies: ", listed(missing));
  warn_of_unused(store, warnings);
  return warnings;
}

std::unique_ptr<CausalLm> load_causal(const ModelRequest& request) {
  Fields config = read_config(request.folder);
  const Architecture& architecture = architecture_of(config, ModelClass::kCausalLm);
  const auto store = open_generator(architecture, config, request);
  auto pool = std::make_shared<Pool>(request.threads);
  const OnPool quantising(pool.get());
  place_weights(request, store, [&](const Weights& w) { architecture.decoder(config, w); }, true);
  DecoderNet net = architecture.decoder(config, Weights(store));
  auto warnings = settle_generator(*store, request);
  return make_causal_lm(std::move(net), request, std::move(pool), store->dtype(),
                        std::move(warnings));
}

std::unique_ptr<Seq2SeqLm> load_seq2seq(const ModelRequest& request) {
  Fields config = read_config(request.folder);
  const Architecture& architecture = architecture_of(config, ModelClass::kSeq2SeqLm);
  if (!architecture.sees) need_text_head(config);  // BLIP's answers questions in words
  const auto store = open_generator(architecture, config, request);
  auto pool = std::make_shared<Pool>(request.threads);
  const OnPool quantising(pool.get());
  place_weights(request, store, [&](const Weights& w) { architecture.seq2seq(config, w); }, true);
  Seq2SeqNet net = architecture.seq2seq(config, Weights(store));
  auto warnings = settle_generator(*store, request);
  return make_seq2seq_lm(std::move(net), request, std::move(pool), store->dtype(),
                         std::move(warnings));
}

// A model of media with the head that is asked for: what build(architecture, config, weights, head)
// gives, made a model by make(net, runtime, warnings). Classifiers may be untrained.
template <class MediaHead, class Build, class Make>
auto load_media(const ModelRequest& request, MediaHead head, Build&& build, Make&& make) {
  Fields config = read_config(request.folder);
  const Architecture& architecture = architecture_of(config, head);
  need_head(config, head);
  const Runtime runtime{pick_device(request.device), std::make_shared<Pool>(request.threads)};
  Renames renames = renames_of(architecture.base);
  renames.newer = architecture.newer_names;
  const auto store = open_weights(request, request.folder, config, std::move(renames), runtime.device);
  const OnPool quantising(runtime.pool.get());
  place_weights(
      request, store, [&](const Weights& w) { build(architecture)(config, w, head); }, false);
  std::vector<std::string> warnings;
  auto net = build(architecture)(config, Weights(store), head);
  if (!store->missing().empty()) {
    settle_missing(*store, architecture, config, request,
                   head == MediaHead::kClassify ? words_of(head) : "", warnings);
    net = build(architecture)(config, Weights(store), head);
  }
  warn_of_unused(*store, warnings);
  return make(std::move(net), runtime, std::move(warnings));
}

}  // namespace

std::unique_ptr<Model> load_model(ModelClass wanted, const ModelRequest& request) {
  return translate_errors([&]() -> std::unique_ptr<Model> {
    switch (wanted) {
      case ModelClass::kText:
        return load_text(request);
      case ModelClass::kCausalLm:
        return load_causal(request);
      case ModelClass::kSeq2SeqLm:
        return load_seq2seq(request);
      case ModelClass::kImage:
        return load_media(
            request, request.image_head, [](const Architecture& a) { return a.image; },
            make_image_model);
      case ModelClass::kSound:
        return load_media(
            request, request.sound_head, [](const Architecture& a) { return a.sound; },
            make_sound_model);
    }
    return nullptr;
  });
}

StoredTensors weights_in_codes(const ModelRequest& request) {
  return translate_errors([&] {
    Fields config = read_config(request.folder);
    const std::string type = config.text("model_type");
    const auto all = architectures();
    const auto found = std::ranges::find_if(all, [&](const Architecture* a) {
      return std::ranges::count(a->types, type) > 0 && (a->encoder || a->decoder || a->seq2seq);
    });
    if (found == all.end())
      fail_hint(Errc::kUnsupported, "hft models", config.where(), ": model_type '", type,
                "' is not quantised here, wanted a model of texts");
    const Architecture& architecture = **found;
    const auto store =
        open_weights(request, request.folder, config, renames_of(architecture.base), at::kCPU);
    Pool pool(request.threads);
    const OnPool quantising(&pool);
    if (architecture.encoder)
      architecture.encoder(config, Weights(store), Head::kFeatures);
    else if (architecture.decoder)
      architecture.decoder(config, Weights(store));
    else
      architecture.seq2seq(config, Weights(store));
    settle_generator(*store, request);
    return store->in_codes();
  });
}

}  // namespace hft
