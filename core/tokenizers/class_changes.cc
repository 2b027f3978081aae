// What the Python class of a checkpoint changes once its files are read: transformers' fast classes
// do so in __init__.
#include "core/base/error.h"
#include "core/tokenizers/blueprint.h"

namespace hft {
namespace {

// BertTokenizerFast and its kin: the options of tokenizer_config.json win over the normalizer's.
void apply_case(Json& normalizer, const Fields& config, bool chinese) {
  if (!normalizer.is_object() || normalizer.value("type", "") != "BertNormalizer") return;
  normalizer["lowercase"] = config.boolean("do_lower_case", true);
  if (chinese) normalizer["handle_chinese_chars"] = config.boolean("tokenize_chinese_chars", true);
  normalizer["strip_accents"] = nullptr;
  if (config.has("strip_accents"))
    normalizer["strip_accents"] = config.boolean("strip_accents", true);
}

void apply_offsets(Json& post, const Fields& config, bool prefix_space) {
  if (!post.is_object()) return;
  if (post.contains("add_prefix_space")) post["add_prefix_space"] = prefix_space;
  if (post.contains("trim_offsets")) post["trim_offsets"] = config.boolean("trim_offsets", true);
}

// Bloom and Cohere turn add_prefix_space on in every part, never off.
void prefix_everywhere(Json& part) {
  for (Json& inner : part) {
    if (inner.is_structured()) prefix_everywhere(inner);
  }
  if (part.is_object() && part.contains("add_prefix_space")) part["add_prefix_space"] = true;
}

// Settings of tokenizer_config.json that win over tokenizer.json's.
void apply_settings(Blueprint& blueprint, const TokenizerConfig& config, Change change) {
  const std::string_view name = config.row ? config.row->name() : "";
  const bool prefix_space = config.fields.boolean("add_prefix_space", name == "LayoutLMv3");
  if (Json& cut = blueprint.pre_tokenizer; cut.is_object()) {
    if (cut.value("type", "") == "ByteLevel") cut["add_prefix_space"] = prefix_space;
    if (prefix_space && (change == Change::kPrefix || name == "Cohere")) prefix_everywhere(cut);
  }
  if (change == Change::kCase || change == Change::kBert)
    apply_case(blueprint.normalizer, config.fields, change == Change::kBert);
  if (change == Change::kOffsets)
    apply_offsets(blueprint.post_processor, config.fields, prefix_space);
}

// The template of bos and eos, as add_bos_token and add_eos_token say.
Blueprint::Template bos_eos(const TokenizerConfig& config, const Blueprint& blueprint) {
  const bool bos_by_default = config.row->name() != "GPTNeoX" && !config.complete;
  const auto token = [&](const char* name, const char* flag, bool fallback) -> std::string {
    if (!config.fields.boolean(flag, fallback)) return "";
    const std::string found = config.special(name);
    if (found.empty())
      fail(Errc::kBadData, blueprint.where, ": '", flag, "' is true, but there is no ", name,
           " token");
    return found;
  };
  const std::string bos = token("bos", "add_bos_token", bos_by_default),
                    eos = token("eos", "add_eos_token", false);
  Blueprint::Template out;
  const auto put = [](auto& to, const std::string& item, int type) {
    if (!item.empty()) to.push_back({item, type});
  };
  for (auto* list : {&out.single, &out.pair}) {
    put(*list, bos, 0);
    put(*list, "$A", 0);
    put(*list, eos, 0);
  }
  put(out.pair, bos, 1);
  put(out.pair, "$B", 1);
  put(out.pair, eos, 1);
  return out;
}

// The template of a translation model: the source language before or after the text.
Blueprint::Template with_language(const TokenizerConfig& config, bool before) {
  if (config.row->name() == "Nllb" && config.fields.boolean("legacy_behaviour", false))
    before = false;
  const std::string lang = config.source_language(), eos = config.special("eos");
  Blueprint::Template out;
  for (auto* list : {&out.single, &out.pair}) {
    if (before) list->push_back({lang, 0});
    list->push_back({"$A", 0});
    if (list == &out.pair) list->push_back({"$B", 0});
    list->push_back({eos, 0});
    if (!before) list->push_back({lang, 0});
  }
  return out;
}

// The id of a special token; an unknown one takes that of the unknown token, as the reference's
// lookup does.
std::int32_t known_id(const std::string& token, const TokenizerConfig& config,
                      const Blueprint& blueprint, const AddedTokens& added) {
  const auto id_of = [&](const std::string& text) {
    const std::int32_t id = added.find(text);
    return id < 0 ? blueprint.vocabulary().find(text) : id;
  };
  std::int32_t id = id_of(token);
  if (id < 0) id = id_of(config.special("unk"));
  if (id < 0)
    fail(Errc::kBadData, blueprint.where, ": the special token '", token,
         "' is not in the vocabulary");
  return id;
}

// TemplateProcessing, with the ids of its tokens.
Json template_json(const Blueprint::Template& parts, const TokenizerConfig& config,
                   const Blueprint& blueprint, const AddedTokens& added) {
  Json tokens = Json::object();
  const auto list = [&](const auto& items) {
    Json all = Json::array();
    for (const auto& [token, type] : items) {
      const bool text = token == "$A" || token == "$B";
      all.push_back({{text ? "Sequence" : "SpecialToken",
                      {{"id", text ? token.substr(1) : token}, {"type_id", type}}}});
      if (text) continue;
      tokens[token] = {{"id", token},
                       {"ids", {known_id(token, config, blueprint, added)}},
                       {"tokens", {token}}};
    }
    return all;
  };
  Json single = list(parts.single), pair = list(parts.pair);
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", tokens}};
}

}  // namespace

const Vocabulary& Blueprint::vocabulary() const {
  return bpe ? bpe->vocabulary() : model->vocabulary();
}

std::string TokenizerConfig::source_language() const {
  if (!src_lang.empty()) return src_lang;
  const std::string_view name = row ? row->name() : "";
  const char* fallback = name == "Nllb" ? "eng_Latn" : name == "M2M100" ? "en" : "en_XX";
  return fields.text("src_lang", fallback);
}

Json infill_template(const TokenizerConfig& config, const Blueprint& blueprint,
                     const AddedTokens& added, bool specials) {
  const auto named = [&](const char* key, const char* fallback) {
    return std::pair(config.fields.text(key, fallback), 0);
  };
  Blueprint::Template out{{{"$A", 0}}, {}};
  const Blueprint::Template usual = bos_eos(config, blueprint);
  if (specials && usual.single.front().first != "$A") out.pair.push_back(usual.single.front());
  out.pair.push_back(named("prefix_token", "\xe2\x96\x81<PRE>"));
  out.pair.emplace_back("$A", 0);
  out.pair.push_back(named("suffix_token", "\xe2\x96\x81<SUF>"));
  out.pair.emplace_back("$B", 0);
  out.pair.push_back(named("middle_token", "\xe2\x96\x81<MID>"));
  if (specials && usual.single.back().first != "$A") out.pair.push_back(usual.single.back());
  return template_json(out, config, blueprint, added);
}

void apply_class(Blueprint& blueprint, const TokenizerConfig& config, const AddedTokens& added) {
  const Change change = config.row ? config.row->change : Change::kNone;
  if (!config.complete) apply_settings(blueprint, config, change);
  const bool edges = !config.complete || config.fields.has("add_bos_token") ||
                     config.fields.has("add_eos_token");
  if (change == Change::kBosEos && edges) blueprint.around = bos_eos(config, blueprint);
  if (change == Change::kLangAfter || change == Change::kLangBefore)
    blueprint.around = with_language(config, change == Change::kLangBefore);
  if (!blueprint.from_json && blueprint.post_processor.contains("cls"))
    for (const char* key : {"sep", "cls"}) {
      Json& token = blueprint.post_processor[key];
      token[1] = known_id(token[0], config, blueprint, added);
    }
  if (!blueprint.around.single.empty())
    blueprint.post_processor = template_json(blueprint.around, config, blueprint, added);
}

void lower_first(Json& normalizer) {
  const Json lower{{"type", "Lowercase"}};
  const bool is_list = normalizer.is_object() && normalizer.value("type", "") == "Sequence" &&
                       normalizer.contains("normalizers") && normalizer["normalizers"].is_array();
  Json parts = is_list ? normalizer["normalizers"] : Json::array();
  if (!is_list && !normalizer.is_null()) parts.push_back(normalizer);
  for (const Json& part : parts)
    if (part == lower) return;
  parts.insert(parts.begin(), lower);
  normalizer = Json{{"type", "Sequence"}, {"normalizers", std::move(parts)}};
}

}  // namespace hft
