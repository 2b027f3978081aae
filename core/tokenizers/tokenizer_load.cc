// Puts a tokenizer together from a folder's files.
#include "core/base/error.h"
#include "core/tokenizers/tokenizer_impl.h"

namespace hft {
namespace fs = std::filesystem;

namespace {

template <class T>
std::unique_ptr<T> make_part(const Json& json, const Blueprint& blueprint, const char* key,
                             std::unique_ptr<T> (*make)(const Fields&, int)) {
  if (json.is_null()) return nullptr;
  return make(Fields(json, blueprint.where + ": " + key), 0);
}

std::unique_ptr<const Infill> make_infill(const TokenizerConfig& config, const Blueprint& blueprint,
                                          const AddedTokens& added) {
  auto infill = std::make_unique<Infill>();
  infill->fill = config.fields.json().value("fill_token", Json("<FILL_ME>")).is_null()
                     ? ""
                     : config.fields.text("fill_token", "<FILL_ME>");
  const Json spaces = {
      {"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xe2\x96\x81"}};
  infill->normalizer = make_part<Normalizer>(spaces, blueprint, "normalizer", &make_normalizer);
  for (const bool specials : {true, false})
    (specials ? infill->post : infill->bare_post) =
        make_part<PostProcessor>(infill_template(config, blueprint, added, specials), blueprint,
                                 "post_processor", &make_post_processor);
  return infill;
}

}  // namespace

void Tokenizer::Impl::configure(const TokenizerConfig& config) {
  const Fields& f = config.fields;
  for (const auto& special : config.special_tokens) {
    std::int32_t id = added.find(special.token.content);
    if (id < 0) id = model->vocabulary().find(special.token.content);
    if (id >= 0 && special.name != "additional" && special.name != "extra")
      special_ids.emplace(special.name, id);
  }
  if (const Json* length = f.find("model_max_length")) {
    if (!length->is_number())
      fail(Errc::kBadData, "tokenizer_config.json: 'model_max_length' is ", to_line(*length),
           ", wanted a number");
    if (const double value = length->get<double>(); value >= 1 && value < 9e15)
      model_max_length = static_cast<std::int64_t>(value);
  } else if (config.row && config.row->recipe == Recipe::kMarian) {
    model_max_length = 512;  // the class's own default
  }
  if (const Json* names = f.find("model_input_names"); names && names->is_array())
    for (const Json& name : *names)
      if (name.is_string()) input_names.push_back(name.get<std::string>());
  type_ids = !config.row || config.row->type_ids;
  clean_up = f.boolean("clean_up_tokenization_spaces", config.clean_up) &&
             !(config.row && config.row->recipe == Recipe::kGptSw3);
  split_special = f.boolean("split_special_tokens", false);
  const std::string side = f.text("truncation_side", "right");
  if (side != "left" && side != "right")
    fail(Errc::kBadData, "tokenizer_config.json: 'truncation_side' is \"", side,
         "\", wanted left or right");
  truncation_side = side == "left" ? Side::kLeft : Side::kRight;
}

// Those of the class; where files name their own, the special tokens without another name.
std::vector<std::string> Tokenizer::Impl::languages_of(const TokenizerConfig& config) const {
  if (m2m100) return m2m100_languages(config.fields);
  const Change change = config.row ? config.row->change : Change::kNone;
  if (change != Change::kLangAfter && change != Change::kLangBefore) return {};
  std::map<std::int32_t, std::string> found;
  for (const auto& [id, token] : added.all())
    if (token.special && std::ranges::none_of(special_ids, [id = id](const auto& named) {
          return named.second == id;
        }))
      found[id] = token.content;
  std::vector<std::string> languages;
  for (auto& [id, language] : found) languages.push_back(std::move(language));
  return languages;
}

Tokenizer Tokenizer::load(const fs::path& folder, const LoadOptions& options) {
  TokenizerConfig config = read_tokenizer_config(folder);
  config.src_lang = options.src_lang;
  Blueprint blueprint = config.own_files ? read_own_files(folder, config)
                                         : read_tokenizer_json(folder / "tokenizer.json");
  auto impl = std::make_unique<Impl>();
  impl->added.add(blueprint.added_tokens, blueprint.vocabulary());
  impl->added.add(tokens_to_add(config, blueprint, impl->added), blueprint.vocabulary());
  apply_class(blueprint, config, impl->added);
  if (options.lowercase) lower_first(blueprint.normalizer);
  impl->normalizer =
      make_part<Normalizer>(blueprint.normalizer, blueprint, "normalizer", &make_normalizer);
  impl->pre_tokenizer = make_part<PreTokenizer>(blueprint.pre_tokenizer, blueprint, "pre_tokenizer",
                                                &make_pre_tokenizer);
  impl->post_processor = blueprint.own_post_processor
                             ? std::move(blueprint.own_post_processor)
                             : make_part<PostProcessor>(blueprint.post_processor, blueprint,
                                                        "post_processor", &make_post_processor);
  impl->decoder = blueprint.own_decoder
                      ? std::move(blueprint.own_decoder)
                      : make_part<Decoder>(blueprint.decoder, blueprint, "decoder", &make_decoder);
  const std::string_view name = config.row ? config.row->name() : "";
  if (blueprint.bpe) {
    if (name == "CLIP") impl->word_suffix = blueprint.bpe->options().end_of_word_suffix;
    impl->bytes = blueprint.bpe->can_take_bytes() && impl->pre_tokenizer &&
                  impl->pre_tokenizer->leave_bytes();
    impl->model = blueprint.bpe->build(impl->bytes);
  } else {
    impl->model = std::move(blueprint.model);
  }
  impl->target = std::move(blueprint.target);
  if (name == "CodeLlama" && !config.complete)
    impl->infill = make_infill(config, blueprint, impl->added);
  impl->m2m100 = name == "M2M100";
  impl->whisper = name == "Whisper";
  impl->slow = config.row && !has_fast_twin(*config.row);
  impl->unk_token = config.special("unk");
  if (impl->slow) impl->added.use_slow_rules(config.lowers_text(), std::move(blueprint.cut_at));
  impl->added.prepare(impl->normalizer.get());
  impl->configure(config);
  impl->languages = impl->languages_of(config);
  if (!options.src_lang.empty() && !impl->languages.empty())
    check_language(options.src_lang, impl->languages);
  return Tokenizer(std::move(impl));
}

std::map<std::string, std::string> Tokenizer::special_tokens(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& special : read_tokenizer_config(folder).special_tokens)
    if (special.name != "additional")
      all[special.attribute.empty() ? special.name + "_token" : special.attribute] =
          special.token.content;
  return all;
}

}  // namespace hft
