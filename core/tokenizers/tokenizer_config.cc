// Reads tokenizer_config.json, special_tokens_map.json and added_tokens.json, in the order of
// precedence transformers gives them.
#include <algorithm>
#include <map>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/blueprint.h"

namespace hft {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNames[] = {"bos", "eos", "unk", "sep", "pad", "cls", "mask"};
constexpr std::int64_t kMostNumbered = 10'000;  // <extra_id_0> …, <unk_2> …

Json read_optional(const fs::path& file) {
  return fs::is_regular_file(file) ? read_json(file) : Json::object();
}

// A special token is its string, or an object with its content and flags.
std::optional<SpecialToken> token_of(const Json& value, const std::string& name,
                                     const std::string& where) {
  if (value.is_null()) return std::nullopt;
  SpecialToken special{.name = name, .named = true};
  if (value.is_object()) {
    special.token = read_added_token(Fields(value, where));
    if (!value.contains("normalized") && !value.contains("__type"))
      special.token.normalized = false;
    special.object = true;
  } else if (value.is_string()) {
    special.token = {.content = value.get<std::string>(), .normalized = false};
  } else {
    fail(Errc::kBadData, where, ": is ", to_line(value), ", wanted a token");
  }
  return special;
}

// Gives a token that is only text the flags its class gives it.
void wrap(SpecialToken& special, char flags) {
  if (special.object || flags == '-') return;
  special.object = true;
  special.token.lstrip = flags == 'R' || flags == 'N' || flags == 'B';
  special.token.rstrip = flags == 'B';
  special.token.normalized = flags == 'n' || flags == 'N';
}

class Reader {
 public:
  explicit Reader(const fs::path& folder)
      : folder_(folder),
        config_(read_optional(folder / "tokenizer_config.json")),
        map_(read_optional(folder / "special_tokens_map.json")),
        added_(read_optional(folder / "added_tokens.json")),
        model_(read_optional(folder / "config.json")) {
    for (const auto& [json, name] : {std::pair{&config_, "tokenizer_config.json"},
                                     {&map_, "special_tokens_map.json"},
                                     {&added_, "added_tokens.json"}})
      if (!json->is_object())
        fail(Errc::kBadData, name, ": is ", json->type_name(), ", wanted a JSON object");
  }

  TokenizerConfig read() {
    TokenizerConfig out;
    out.fields = Fields(config_, "tokenizer_config.json");
    out.class_name = out.fields.text("tokenizer_class", text_of_model("tokenizer_class"));
    out.row = find_tokenizer_class(out.class_name, text_of_model("model_type"));
    out.own_files = own_files(out);
    if (!out.row && out.class_name.empty())
      out.class_name = class_of_unread(text_of_model("model_type"));
    if (!out.row && out.own_files && out.class_name.empty())
      out.row = find_tokenizer_class(class_of_files(), "");
    out.clean_up = out.own_files && out.row && out.row->cleans;
    out.has_decoder = has_decoder();
    out.complete = config_.contains("backend") && !out.own_files;
    read_specials(out);
    read_additional(out);
    read_added(out.fields, out);
    return out;
  }

 private:
  bool has_decoder() const { return config_.contains("added_tokens_decoder"); }
  bool there(const char* name) const { return fs::is_regular_file(folder_ / name); }

  std::string text_of_model(const char* key) const {
    if (!model_.is_object()) return "";
    const auto found = model_.find(key);
    return found != model_.end() && found->is_string() ? found->get<std::string>() : "";
  }

  // What the files alone suggest.
  std::string_view class_of_files() const {
    return there("vocab.txt") ? "Bert" : there("merges.txt") ? "GPT2" : "";
  }

  // A class without a fast twin never reads tokenizer.json; others leave it for their own files
  // when a setting asks for it.
  bool own_files(const TokenizerConfig& config) const {
    if (!there("tokenizer.json")) return true;
    if (!config.row) return false;
    if (!has_fast_twin(*config.row))
      return std::ranges::all_of(own_files_of(*config.row),
                                 [&](const std::string& file) { return there(file.c_str()); });
    const std::string_view name = config.row->name();
    const char* file = name == "Llama" ? "tokenizer.model" : name == "T5" ? "spiece.model" : "";
    return *file && config.fields.has("add_prefix_space") && there(file);
  }

  // A special token of the config, or of the map when there is no added_tokens_decoder.
  const Json* find(const std::string& key) const {
    if (!has_decoder() && map_.contains(key)) return &map_[key];
    return config_.contains(key) ? &config_[key] : nullptr;
  }

  void read_specials(TokenizerConfig& out) const {
    std::map<std::string, DefaultToken, std::less<>> defaults;
    if (out.row)
      for (auto& token : default_specials(*out.row)) defaults[token.name] = token;
    for (std::string_view name : kNames) {
      const std::string key = std::string(name) + "_token";
      const auto known = defaults.find(name);
      std::optional<SpecialToken> special;
      if (const Json* value = find(key)) {
        special = token_of(*value, std::string(name), "tokenizer_config.json: " + key);
      } else if (known != defaults.end()) {
        special = {
            .name = std::string(name),
            .token = {.content = out.own_files ? known->second.own_files : known->second.content,
                      .normalized = false}};
      }
      if (!special) continue;
      if (known != defaults.end())
        special->wrapped = out.own_files ? known->second.slow : known->second.fast;
      out.special_tokens.push_back(std::move(*special));
    }
  }

  // The list of additional special tokens as the files have it; nullopt when there is none.
  std::optional<std::vector<SpecialToken>> listed_additional() const {
    std::optional<std::vector<SpecialToken>> all;
    const auto take = [&](const Json& from, const char* key = "additional_special_tokens") {
      const auto found = from.find(key);
      if (found == from.end() || !found->is_array()) return;
      if (!all) all.emplace();
      for (const Json& value : *found)
        if (auto token = token_of(value, "additional", "additional_special_tokens"))
          if (std::none_of(all->begin(), all->end(),
                           [&](const SpecialToken& other) { return other.token == token->token; }))
            all->push_back(std::move(*token));
    };
    take(config_);
    take(config_, "extra_special_tokens");  // transformers 5's name for them
    if (!has_decoder()) take(map_);
    return all;
  }

  void read_additional(TokenizerConfig& out) const {
    const auto given = listed_additional();
    std::vector<SpecialToken> all = given.value_or(std::vector<SpecialToken>{});
    const auto has = [&](std::string_view content) {
      return std::any_of(all.begin(), all.end(), [&](const SpecialToken& special) {
        return special.token.content == content;
      });
    };
    if (out.row && !out.complete)
      for (std::string& content : class_additional(out, given))
        if (!has(content))
          all.push_back({.name = "additional",
                         .token = {.content = std::move(content), .normalized = false}});
    const Json own = own_tokens();
    for (const auto& [name, value] : own.items())
      if (auto token = token_of(value, "extra", "tokenizer_config.json: " + name)) {
        token->attribute = name;
        all.push_back(std::move(*token));
      }
    for (SpecialToken& special : all) out.special_tokens.push_back(std::move(special));
  }

  // A model's own tokens by name: a dict of them. transformers 5 takes every "…_token" for one, and
  // a dict of its own only where there are no others.
  Json own_tokens() const {
    Json own = Json::object();
    const auto add = [&](const char* key) {
      if (const auto found = config_.find(key); found != config_.end() && found->is_object())
        own.update(*found);
    };
    if (config_.contains("backend"))
      for (const auto& [key, value] : config_.items())
        if (key.ends_with("_token") && (value.is_string() || value.is_object()) &&
            std::ranges::find(kNames, key.substr(0, key.size() - 6)) == std::end(kNames))
          own[key] = value;
    add("extra_special_tokens");
    if (own.empty()) add("model_specific_special_tokens");
    return own;
  }

  // Additional special tokens that the class brings itself.
  std::vector<std::string> class_additional(
      const TokenizerConfig& out, const std::optional<std::vector<SpecialToken>>& given) const {
    const std::string_view name = out.row->name();
    std::vector<std::string> all;
    const auto numbered = [&](const char* lead, std::int64_t from, std::int64_t to) {
      for (std::int64_t i = from; i < to; ++i) all.push_back(lead + std::to_string(i) + ">");
    };
    if (name == "Camembert" && !given) all = {"<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"};
    if (name == "XLNet" && !given) all = {"<eop>", "<eod>"};
    if (name == "Splinter") all = {out.fields.text("question_token", "[QUESTION]")};
    if (name == "T5" && !(given && std::any_of(given->begin(), given->end(), [](const auto& token) {
                            return token.token.content.find("<extra_id_") != std::string::npos;
                          })))
      numbered("<extra_id_", 0, out.fields.integer("extra_ids", 0, kMostNumbered, 100));
    if (name == "Pegasus") {
      const std::int64_t offset = out.fields.integer("offset", 0, kMostNumbered, 103);
      if (out.fields.has("mask_token_sent") || !config_.contains("mask_token_sent"))
        all.push_back(out.fields.text("mask_token_sent", "<mask_1>"));
      const auto more = static_cast<std::int64_t>(given ? given->size() + 1 : 2);
      numbered("<unk_", more, given ? offset - 1 : offset);
    }
    if (name == "Herbert" && out.own_files && !given) numbered("<special", 0, 10);
    if (name == "XLM" && !given) numbered("<special", 0, 10);
    if (name == "ByT5" && !given)
      numbered("<extra_id_", 0, out.fields.integer("extra_ids", 0, kMostNumbered, 125));
    if (name == "Luke") all = {"<ent>", "<ent2>"};
    if (name == "XGLM") numbered("<madeupword", 0, 7);
    if (name == "CodeLlama")
      for (const auto& [key, content] : {std::pair{"prefix_token", "▁<PRE>"},
                                         {"middle_token", "▁<MID>"},
                                         {"suffix_token", "▁<SUF>"},
                                         {"eot_token", "▁<EOT>"},
                                         {"fill_token", "<FILL_ME>"}})
        if (out.own_files || std::string_view(key) != "fill_token")
          all.push_back(out.fields.text(key, content));
    if (name == "MBart" || name == "MBart50" || (name == "Nllb" && !given))
      all = split(language_codes(name), ' ');
    return all;
  }

  void read_added(const Fields& config, TokenizerConfig& out) const {
    std::map<std::int64_t, AddedToken> by_id;
    const auto is_special = [&](const std::string& content) {
      return std::any_of(
          out.special_tokens.begin(), out.special_tokens.end(),
          [&](const auto& special) { return special.named && special.token.content == content; });
    };
    const Fields decoder = config.object("added_tokens_decoder");
    for (const auto& [id, value] : decoder.json().items()) {
      if (id.empty() || id.size() > 9 || id.find_first_not_of("0123456789") != std::string::npos)
        fail(Errc::kBadData, decoder.where(), ": '", id, "' is not an id");
      by_id[std::stoll(id)] = read_added_token(Fields(value, decoder.where() + "." + id));
    }
    if (!has_decoder())
      for (const auto& [content, id] : added_.items()) {
        if (!id.is_number_integer())
          fail(Errc::kBadData, "added_tokens.json: '", content, "' is ", to_line(id),
               ", wanted an id");
        const bool special = is_special(content);
        by_id[id.get<std::int64_t>()] = {
            .content = content, .normalized = !special, .special = special};
      }
    for (auto& [id, token] : by_id) out.added_tokens.push_back(std::move(token));
  }

  fs::path folder_;
  Json config_, map_, added_, model_;
};

}  // namespace

std::string TokenizerConfig::special(std::string_view name) const {
  for (const auto& each : special_tokens)
    if (each.name == name) return each.token.content;
  return "";
}

bool TokenizerConfig::is_special(std::string_view content) const {
  return std::any_of(special_tokens.begin(), special_tokens.end(),
                     [&](const auto& each) { return each.token.content == content; });
}

bool TokenizerConfig::lowers_text() const {
  const std::string_view name = row ? row->name() : "";
  if (name == "XLM") return fields.boolean("do_lowercase_and_remove_accent", true);
  return (name == "BertJapanese" || name == "GPTSw3") && fields.boolean("do_lower_case", false);
}

TokenizerConfig read_tokenizer_config(const fs::path& folder) { return Reader(folder).read(); }

std::vector<AddedToken> tokens_to_add(const TokenizerConfig& config, const Blueprint& blueprint,
                                      const AddedTokens& added) {
  std::vector<AddedToken> listed = config.added_tokens;
  if (!config.has_decoder && blueprint.from_json)  // those of tokenizer.json win by their content
    for (const AddedToken& token : blueprint.added_tokens) {
      std::erase_if(listed, [&](const AddedToken& old) { return old.content == token.content; });
      listed.push_back(token);
    }
  std::map<std::string_view, const AddedToken*> by_content;  // not those of added_tokens.json
  if (config.has_decoder || blueprint.from_json)
    for (const AddedToken& token :
         config.has_decoder ? config.added_tokens : blueprint.added_tokens)
      by_content[token.content] = &token;
  std::vector<AddedToken> todo = listed;
  std::map<std::string_view, bool> special_contents;
  for (const SpecialToken& special : config.special_tokens) {
    if (!special_contents.emplace(special.token.content, true).second) continue;
    SpecialToken one = special;
    const auto known = by_content.find(one.token.content);
    if (one.named && one.name != "additional" && one.name != "extra" && known != by_content.end()) {
      one.token = *known->second;
      one.object = true;
    }
    if (!config.complete) wrap(one, one.wrapped);
    const bool there = std::any_of(listed.begin(), listed.end(), [&](const AddedToken& token) {
      return one.object ? token == one.token : token.content == one.token.content;
    });
    if (there || (!one.object && added.find(one.token.content) >= 0)) continue;
    todo.push_back(one.token);
  }
  const bool fast = !config.row || has_fast_twin(*config.row);
  for (AddedToken& token : todo)
    if (!config.complete || !by_content.contains(token.content))
      token.special = (fast && token.special) || special_contents.contains(token.content);
  return todo;
}

}  // namespace hft
