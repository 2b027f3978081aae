#include "core/models/lookup.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/checkpoint/model_kinds.h"
#include "core/checkpoint/quantization.h"
#include "core/models/purposes.h"
#include "core/models/registry.h"

namespace hft {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = corner + (a[i] != b[j]);
      corner = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// f(architecture, type) for every type served.
template <class F>
void each_type(F&& f) {
  for (const Architecture* architecture : architectures())
    for (const auto type : architecture->types)
      if (!type.empty()) f(*architecture, type);
}

const Architecture* find(std::string_view model_type) {
  const Architecture* found = nullptr;
  each_type([&](const Architecture& architecture, std::string_view type) {
    if (type == model_type) found = &architecture;
  });
  return found;
}

std::string_view closest(std::string_view name) {
  // The share of letters that differ; those of a common beginning count in favour (as in
  // Winkler's measure), since names are seldom mistyped there.
  const auto share = [&](std::string_view type) {
    const auto common = std::ranges::mismatch(name, type).in1 - name.begin();
    return (static_cast<double>(edit_distance(name, type)) - static_cast<double>(common)) /
           static_cast<double>(std::max<std::size_t>(1, std::max(name.size(), type.size())));
  };
  std::vector<std::string_view> types;
  each_type([&](const Architecture&, std::string_view type) { types.push_back(type); });
  return *std::ranges::min_element(types, {}, share);
}

void refuse_pruned(const Fields& config) {
  if (!config.object("pruned_heads").json().empty())
    fail(Errc::kUnsupported, config.where(), ": pruned_heads: layers of ",
         config.text("model_type"), " with fewer heads than others are not supported");
}

bool serves(const Architecture& architecture, ModelClass wanted, Head head) {
  switch (wanted) {
    case ModelClass::kText:
      return std::ranges::count(architecture.heads, head) > 0;
    case ModelClass::kCausalLm:
      return architecture.decoder;
    case ModelClass::kSeq2SeqLm:
      return architecture.seq2seq;
    case ModelClass::kImage:
      return architecture.image;
    case ModelClass::kSound:
      return architecture.sound;
  }
  return false;
}

std::string_view words_of(ModelClass wanted) {
  return wanted == ModelClass::kText       ? kEncoderWords
         : wanted == ModelClass::kCausalLm ? kDecoderWords
         : wanted == ModelClass::kImage    ? kVisionWords
         : wanted == ModelClass::kSound    ? kAudioWords
                                           : kSeq2SeqWords;
}

// What a checkpoint that an architecture serves is, and the command for it.
std::string_view words_of(const Architecture& architecture, const Fields& config) {
  const ModelKind* kind = kind_of(config.text("model_type"));
  return architecture.encoder   ? kEncoderWords
         : architecture.decoder && architecture.sees ? kVisionLanguageWords
         : architecture.decoder ? kDecoderWords
         : architecture.seq2seq ? kSeq2SeqWords
         : kind                 ? kind->words
         : architecture.sound   ? kAudioWords
                                : kVisionWords;
}
std::string command_for(const Architecture& architecture, const Fields& config) {
  if (architecture.decoder) return architecture.sees ? "hft generate --image" : "hft generate";
  const std::string named = fitting_command(config);
  if (named != "hft models") return named;
  if (architecture.sees) return "hft caption";
  if (architecture.image) return "hft " + std::string(command_of(architecture.image_heads[0]));
  if (!architecture.sound) return named;
  const SoundHead first = architecture.sound_heads[0];
  return "hft " + std::string(command_of(first)) +
         (first == SoundHead::kEmbed ? " --candidate-labels A,B" : "");
}

// The first class that auto_map names: "modeling_x.XForCausalLM".
std::string code_of(const Fields& config) {
  const Json& map = *config.find("auto_map");
  for (const auto& [name, where] : map.items())
    if (name.starts_with("AutoModel") && where.is_string()) return where.get<std::string>();
  return "auto_map";
}

[[noreturn]] void fail_unsupported(const Fields& config, std::string_view wanted) {
  const std::string type = config.text("model_type");
  const auto refuse = [&](std::string_view is, const std::string& hint = "hft models") {
    fail_hint(Errc::kUnsupported, hint, config.where(), ": model_type '", type, "' is ", is,
              ", wanted ", wanted);
  };
  if (const Architecture* found = find(type))
    refuse(words_of(*found, config), command_for(*found, config));
  if (wanted != kVisionWords && wanted != kAudioWords) need_text_model(config, wanted);
  if (const ModelKind* kind = kind_of(type); kind && kind->words != wanted) refuse(kind->words);
  if (config.has("auto_map"))
    fail_hint(Errc::kUnsupported, "hft models lists what is built in", config.where(),
              ": model_type '", type, "' needs Python code from the repository (",
              code_of(config), "), which hft never runs, with or without --trust-remote-code");
  fail_hint(Errc::kUnsupported, "hft models", "model_type '", type,
            "' is not supported; closest: '", closest(type), "'");
}

}  // namespace

const Architecture& architecture_of(const Fields& config, ModelClass wanted, Head head) {
  quantization_of(config);  // refuses what is not read before the tensors are looked at
  const Architecture* found = find(config.text("model_type"));
  if (found && serves(*found, wanted, head)) {
    if (!found->takes_pruned) refuse_pruned(config);
    return *found;
  }
  if (found && found->encoder && wanted == ModelClass::kText)
    fail_hint(Errc::kUnsupported, "hft models", config.where(), ": model_type '",
              config.text("model_type"), "' has no head for ", words_of(head));
  fail_unsupported(config, words_of(wanted));
}

namespace {

template <class MediaHead>
const Architecture& with_head(const Fields& config, ModelClass wanted, MediaHead head,
                              std::span<const MediaHead> Architecture::*heads) {
  quantization_of(config);
  const Architecture* found = find(config.text("model_type"));
  if (!found || !serves(*found, wanted, {})) fail_unsupported(config, words_of(wanted));
  if (std::ranges::count(found->*heads, head) == 0)
    fail_hint(Errc::kUnsupported, command_for(*found, config), config.where(), ": model_type '",
              config.text("model_type"), "' has no head for ", words_of(head));
  return *found;
}

}  // namespace

const Architecture& architecture_of(const Fields& config, ImageHead head) {
  return with_head(config, ModelClass::kImage, head, &Architecture::image_heads);
}

const Architecture& architecture_of(const Fields& config, SoundHead head) {
  return with_head(config, ModelClass::kSound, head, &Architecture::sound_heads);
}

const Architecture* architecture_named(std::string_view model_type) { return find(model_type); }

std::vector<Support> supported_models() {
  std::vector<Support> rows;
  each_type([&](const Architecture& architecture, std::string_view type) {
    Support row{std::string(type), {}};
    if (architecture.decoder) row.tasks = {"generate", "chat"};
    if (architecture.seq2seq && !architecture.sees) row.tasks = {"summarize", "translate"};
    if (architecture.hears) row.tasks = {"transcribe"};
    if (architecture.sees) row.tasks.insert(row.tasks.end(), {"caption", "vqa"});
    if (architecture.reads_pages) row.tasks = {"doc-qa"};
    for (const Head head : architecture.heads)
      if (!architecture.reads_pages && head != Head::kFeatures)
        row.tasks.emplace_back(command_of(head));
    for (const ImageHead head : architecture.image_heads) row.tasks.emplace_back(command_of(head));
    for (const SoundHead head : architecture.sound_heads) row.tasks.emplace_back(command_of(head));
    if (!row.tasks.empty()) rows.push_back(std::move(row));
  });
  return rows;
}

}  // namespace hft
