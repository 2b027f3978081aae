// A model folder becomes a TextModel in five steps: config, architecture, checkpoint (mapped, no
// tensor read), binding by name and shape, and the account of what was not used.
#include "core/base/error.h"
#include "core/checkpoint/config.h"
#include "core/models/causal_lm.h"
#include "core/models/load_parts.h"
#include "core/models/registry.h"
#include "core/models/seq2seq_lm.h"
#include "core/models/static_embedding.h"
#include "core/models/text_model.h"

namespace hft {
namespace {

// Missing tensors of the encoder are a broken checkpoint; those of the head alone may be random,
// if the user says so (L7).
void settle_missing(WeightStore& store, const Architecture& architecture, const Fields& config,
                    const ModelRequest& request, std::vector<std::string>& warnings) {
  std::vector<std::string> names;
  bool head_only = request.head != Head::kEmbed && request.head != Head::kFeatures;
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
              "hft embed uses the encoder alone; --allow-random-head makes up random weights",
              request.folder.string(), ": the checkpoint has no head for ", words_of(request.head),
              ", it lacks ", listed(names));
  store.fill_missing(config.real("initializer_range", 0, 1e3, 0.02));
  warnings.push_back("the head is not trained: random weights stand in for " + listed(names));
}

// Both passes bind every tensor; the second finds what the first found missing.
TextNet bind_all(const Architecture& architecture, const Fields& config,
                 const ModelRequest& request, const std::shared_ptr<WeightStore>& store,
                 std::vector<std::string>& warnings) {
  TextNet net = architecture.build(config, Weights(store), request.head);
  if (store->missing().empty()) return net;
  settle_missing(*store, architecture, config, request, warnings);
  return architecture.build(config, Weights(store), request.head);
}

// A model of sentences that has no encoder, only a table.
std::unique_ptr<TextModel> load_static(const ModelRequest& request, SentenceModules sentences) {
  const Runtime runtime{pick_device(request.device), request.threads};
  TextNet net = static_embedding(request, sentences.folder().input, runtime.device);
  sentences.bind(Fields(Json::object(), ""), net.hidden, runtime.device);
  return make_text_model(std::move(net), request.head, runtime, std::move(sentences), {});
}

// The cache of keys and values lies on the CPU so far, and with it what computes through one.
at::Device cached_device(const ModelRequest& request) {
  if (request.device.starts_with("cuda"))
    fail(Errc::kUnsupported, "--device ", request.device,
         ": a model with a decoder's cache runs on the CPU so far, wanted auto or cpu");
  return at::kCPU;
}

std::unique_ptr<TextModel> load(const ModelRequest& request) {
  std::optional<SentenceModules> sentences;
  if (request.head == Head::kEmbed) sentences.emplace(request);
  if (sentences && sentences->folder().is_static)
    return load_static(request, std::move(*sentences));
  const bool own_encoder = sentences && request.modules.empty();
  const fs::path folder = own_encoder ? sentences->folder().input : request.folder;

  Fields config = read_config(folder);
  const Architecture architecture = architecture_of(config, request.head);
  if (request.adapters.empty()) need_head(config, request.head);  // an adapter may bring one

  const Runtime runtime{architecture.cached ? cached_device(request) : pick_device(request.device),
                        request.threads};
  const auto store =
      open_weights(request, folder, config, renames_of(architecture.base), runtime.device);

  std::vector<std::string> warnings;
  TextNet net = bind_all(architecture, config, request, store, warnings);
  if (sentences) sentences->bind(config, net.hidden, runtime.device);

  warn_of_unused(*store, warnings);
  return make_text_model(std::move(net), request.head, runtime, std::move(sentences),
                         std::move(warnings));
}

struct Opened {
  std::shared_ptr<WeightStore> store;
  std::vector<std::string> warnings;
};

// Binds a model that generates text; every tensor must be there.
template <class Architecture, class Net>
Opened bind_generator(const Architecture& architecture, Fields config,
                      const ModelRequest& request, Net& net) {
  const auto store = open_weights(request, request.folder, config, renames_of(architecture.base),
                                  cached_device(request));
  store->need_row_exact(false);
  net = architecture.build(config, Weights(store));
  std::vector<std::string> missing;
  for (const auto& tensor : store->missing()) missing.push_back(tensor.name);
  if (!missing.empty())
    fail(Errc::kBadData, request.folder.string(),
         ": the checkpoint lacks tensors that config.json implies: ", listed(missing));
  Opened opened{store, {}};
  warn_of_unused(*store, opened.warnings);
  return opened;
}

std::unique_ptr<CausalLm> load_decoder(const ModelRequest& request) {
  const Fields config = read_config(request.folder);
  DecoderNet net;
  Opened opened = bind_generator(decoder_of(config), config, request, net);
  return make_causal_lm(std::move(net), request, opened.store->dtype(), std::move(opened.warnings));
}

std::unique_ptr<Seq2SeqLm> load_seq2seq(const ModelRequest& request) {
  const Fields config = read_config(request.folder);
  const Seq2SeqArchitecture& architecture = seq2seq_of(config);
  need_text_head(config);
  Seq2SeqNet net;
  Opened opened = bind_generator(architecture, config, request, net);
  return make_seq2seq_lm(std::move(net), request, opened.store->dtype(),
                         std::move(opened.warnings));
}

}  // namespace

std::unique_ptr<CausalLm> load_causal_lm(const ModelRequest& request) {
  return translate_errors([&] { return load_decoder(request); });
}

std::unique_ptr<Seq2SeqLm> load_seq2seq_lm(const ModelRequest& request) {
  return translate_errors([&] { return load_seq2seq(request); });
}

std::unique_ptr<TextModel> load_text_model(const ModelRequest& request) {
  return translate_errors([&] { return load(request); });
}

}  // namespace hft
