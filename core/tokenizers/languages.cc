#include "core/tokenizers/languages.h"

#include <sstream>

#include "core/base/error.h"

namespace hft {
namespace {

constexpr std::string_view kM2m =
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha "
    "he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my "
    "ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi "
    "wo xh yi yo zh zu";
constexpr std::string_view kWmt21 = "en ha is ja cs ru zh de";

// The class's name without "Tokenizer" and "Fast"; of config.json's model when the file is silent.
std::string class_of(const TokenizerConfig& config) {
  std::string name = config.fields.text("tokenizer_class", "");
  for (std::string_view ending : {"Fast", "Tokenizer"})
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  if (!name.empty() || !config.row) return name;
  return std::string(config.row->names.substr(0, config.row->names.find(' ')));
}

std::vector<std::string> m2m_codes(const TokenizerConfig& config) {
  const std::string codes = config.fields.text("language_codes", "m2m100");
  if (codes != "m2m100" && codes != "wmt21")
    fail(Errc::kBadData, "tokenizer_config.json: 'language_codes' is \"", codes,
         "\", wanted m2m100 or wmt21");
  std::istringstream in{std::string(codes == "m2m100" ? kM2m : kWmt21)};
  std::vector<std::string> all;
  for (std::string code; in >> code;) all.push_back(code);
  return all;
}

}  // namespace

std::optional<LanguageMarks> language_marks(const TokenizerConfig& config) {
  const std::string name = class_of(config);
  LanguageMarks marks;
  if (name == "MBart" || name == "MBart50") {
    marks = {.before = name == "MBart50", .source = "en_XX"};
  } else if (name == "Nllb" || name == "NLLB") {
    marks = {.before = !config.fields.boolean("legacy_behaviour", false), .source = "eng_Latn"};
  } else if (name == "M2M100") {
    marks = {.before = true, .open = "__", .close = "__", .source = "en", .codes = m2m_codes(config)};
  } else {
    return std::nullopt;
  }
  marks.source = config.fields.text("src_lang", marks.source);
  return marks;
}

Json language_template(const LanguageMarks& marks, const std::string& token, const std::string& end,
                       const std::function<std::int32_t(const std::string&)>& id_of) {
  const auto special = [](const std::string& name) -> Json {
    return {{"SpecialToken", {{"id", name}, {"type_id", 0}}}};
  };
  const auto text = [](const char* name) -> Json {
    return {{"Sequence", {{"id", name}, {"type_id", 0}}}};
  };
  Json single = {text("A")}, pair = {text("A"), text("B")}, tokens = Json::object();
  for (Json* list : {&single, &pair}) {
    list->push_back(special(end));
    if (marks.before)
      list->insert(list->begin(), special(token));
    else
      list->push_back(special(token));
  }
  for (const std::string& name : {token, end})
    tokens[name] = {{"id", name}, {"ids", {id_of(name)}}, {"tokens", {name}}};
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", tokens}};
}

}  // namespace hft
