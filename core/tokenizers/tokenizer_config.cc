// Reads tokenizer_config.json, special_tokens_map.json and added_tokens.json, in the order of
// precedence transformers gives them.
#include <algorithm>
#include <map>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/tokenizers/blueprint.h"

namespace hft {
namespace {

constexpr std::string_view kNames[] = {"bos", "eos", "unk", "sep", "pad", "cls", "mask"};

Json read_optional(const std::filesystem::path& file) {
  return std::filesystem::is_regular_file(file) ? read_json(file) : Json::object();
}

// A special token is its string, or an object with its content and flags.
std::optional<AddedToken> token_of(const Json& value, const std::string& where) {
  if (value.is_null()) return std::nullopt;
  AddedToken token;
  if (value.is_object()) {
    token = read_added_token(Fields(value, where));
    if (!value.contains("normalized")) token.normalized = false;
  } else if (value.is_string()) {
    token.content = value.get<std::string>();
    token.normalized = false;
  } else {
    fail(Errc::kBadData, where, ": is ", to_line(value), ", wanted a token");
  }
  token.special = true;
  return token;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& folder)
      : config_(read_optional(folder / "tokenizer_config.json")),
        map_(read_optional(folder / "special_tokens_map.json")),
        added_(read_optional(folder / "added_tokens.json")),
        model_(read_optional(folder / "config.json")) {
    for (const auto& [json, name] : {std::pair{&config_, "tokenizer_config.json"},
                                     {&map_, "special_tokens_map.json"},
                                     {&added_, "added_tokens.json"}})
      if (!json->is_object())
        fail(Errc::kBadData, name, ": is ", json->type_name(), ", wanted a JSON object");
    if (std::filesystem::exists(folder / "tokenizer.json")) return;
    if (std::filesystem::exists(folder / "merges.txt")) vocabulary_class_ = "GPT2";
    if (std::filesystem::exists(folder / "vocab.txt")) vocabulary_class_ = "Bert";
  }

  TokenizerConfig read() {
    TokenizerConfig out;
    out.fields = Fields(config_, "tokenizer_config.json");
    std::string name = out.fields.text("tokenizer_class", "");
    std::string model_type;
    if (model_.is_object() && model_.contains("model_type") && model_["model_type"].is_string())
      model_type = model_["model_type"].get<std::string>();
    out.row = find_tokenizer_class(name, model_type);
    if (!out.row && !vocabulary_class_.empty())
      out.row = find_tokenizer_class(vocabulary_class_, "");
    // The classes of vocab.txt clean up by default, those of tokenizer.json do not.
    out.clean_up = vocabulary_class_ == "Bert";
    read_specials(out);
    read_added(out.fields, out);
    return out;
  }

 private:
  bool has_decoder() const { return config_.contains("added_tokens_decoder"); }

  // A special token of the config, or of the map when there is no added_tokens_decoder.
  const Json* find(const std::string& key) const {
    if (!has_decoder() && map_.contains(key)) return &map_[key];
    return config_.contains(key) ? &config_[key] : nullptr;
  }

  void read_specials(TokenizerConfig& out) const {
    std::map<std::string, std::string, std::less<>> defaults;
    if (out.row)
      for (auto& [name, content] : default_specials(*out.row)) defaults[name] = content;
    for (std::string_view name : kNames) {
      const std::string key = std::string(name) + "_token";
      SpecialToken special{.name = std::string(name)};
      if (const Json* value = find(key)) {
        auto token = token_of(*value, "tokenizer_config.json: " + key);
        if (!token) continue;
        special.token = *token;
        special.named = true;
        special.object = value->is_object();
      } else if (auto known = defaults.find(name); known != defaults.end()) {
        special.token = {.content = known->second, .normalized = false, .special = true};
      } else {
        continue;
      }
      if (name == "mask" && out.row && out.row->mask_takes_space && !special.object)
        special.token.lstrip = special.object = true;
      out.special_tokens.push_back(std::move(special));
    }
    const Json* more = find("additional_special_tokens");
    if (more && more->is_array())
      for (const Json& value : *more)
        if (auto token = token_of(value, "additional_special_tokens"))
          out.special_tokens.push_back({"additional", *token, true, value.is_object()});
    if (!more && config_.value("tokenizer_class", Json("")) == "CamembertTokenizer")
      for (const char* unused : {"<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"})
        out.special_tokens.push_back(
            {"additional", {.content = unused, .normalized = false, .special = true}});
  }

  void read_added(const Fields& config, TokenizerConfig& out) const {
    std::map<std::int64_t, AddedToken> by_id;
    const auto is_special = [&](const std::string& content) {
      return std::any_of(out.special_tokens.begin(), out.special_tokens.end(),
                         [&](const auto& special) { return special.token.content == content; });
    };
    const Fields decoder = config.object("added_tokens_decoder");
    for (const auto& [id, value] : decoder.json().items()) {
      if (id.empty() || id.size() > 9 || id.find_first_not_of("0123456789") != std::string::npos)
        fail(Errc::kBadData, decoder.where(), ": '", id, "' is not an id");
      AddedToken token = read_added_token(Fields(value, decoder.where() + "." + id));
      token.special = token.special || is_special(token.content);
      by_id[std::stoll(id)] = token;
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
    out.has_decoder = has_decoder();
  }

  Json config_, map_, added_, model_;
  std::string_view vocabulary_class_;  // what the files alone suggest
};

}  // namespace

std::string TokenizerConfig::special(std::string_view name) const {
  for (const auto& each : special_tokens)
    if (each.name == name) return each.token.content;
  return "";
}

TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder) {
  return Reader(folder).read();
}

}  // namespace hft
