#include "core/tokenizers/tokenizer_class.h"

#include <sstream>

#include "core/base/error.h"
#include "core/tokenizers/blueprint.h"

namespace hft {
namespace {

constexpr std::string_view kBertTokens = "unk=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK]";
constexpr std::string_view kRobertaTokens =
    "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask=<mask>";
constexpr std::string_view kGptTokens = "bos=<|endoftext|> eos=<|endoftext|> unk=<|endoftext|>";

constexpr TokenizerClass kClasses[] = {
    {"Bert Electra MobileBert ConvBert SqueezeBert Funnel Lxmert LayoutLM Splinter RetriBert",
     "bert electra mobilebert convbert squeezebert lxmert layoutlm", ClassFamily::kBert, true,
     false, kBertTokens},
    {"DistilBert", "distilbert", ClassFamily::kBert, false, false, kBertTokens},
    {"MPNet", "mpnet", ClassFamily::kBert, false, true,
     "bos=<s> eos=</s> unk=[UNK] sep=</s> pad=<pad> cls=<s> mask=<mask>"},
    {"Roberta Bart Longformer LED Mvp Blenderbot", "roberta bart longformer led mvp blenderbot",
     ClassFamily::kRoberta, false, true, kRobertaTokens},
    {"Deberta", "deberta", ClassFamily::kGpt2, true, true, kBertTokens},
    {"GPT2 CodeGen GPTNeoX", "gpt2 gpt_neo gptj codegen phi gpt_neox", ClassFamily::kGpt2, false,
     false, kGptTokens},
    {"Qwen2", "qwen2 qwen2_moe qwen3", ClassFamily::kGpt2, false, false,
     "unk=<|endoftext|> eos=<|endoftext|> pad=<|endoftext|>"},
    {"Whisper", "whisper", ClassFamily::kGpt2, false, false, kGptTokens},
    {"CLIP", "clip", ClassFamily::kPlain, false, false,
     "bos=<|startoftext|> eos=<|endoftext|> unk=<|endoftext|> pad=<|endoftext|>"},
    {"Llama CodeLlama", "llama mistral mixtral", ClassFamily::kLlama, false, false,
     "bos=<s> eos=</s> unk=<unk>"},
    {"XLMRoberta Camembert", "xlm-roberta xlm-roberta-xl camembert", ClassFamily::kSentencePiece,
     false, true, kRobertaTokens},
    {"MBart MBart50 NLLB Nllb", "mbart", ClassFamily::kSentencePiece, false, true, kRobertaTokens},
    {"Albert", "albert", ClassFamily::kSentencePiece, true, true,
     "bos=[CLS] eos=[SEP] unk=<unk> sep=[SEP] pad=<pad> cls=[CLS] mask=[MASK]"},
    {"DebertaV2", "deberta-v2", ClassFamily::kSentencePiece, true, false,
     "bos=[CLS] eos=[SEP] unk=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK]"},
    {"T5", "t5 mt5", ClassFamily::kSentencePiece, false, false, "eos=</s> unk=<unk> pad=<pad>"},
    {"Pegasus", "pegasus", ClassFamily::kSentencePiece, false, false,
     "eos=</s> unk=<unk> pad=<pad>"},
    {"Marian", "marian", ClassFamily::kSentencePiece, false, false, "unk=<unk> eos=</s> pad=<pad>"},
    {"M2M100", "m2m_100", ClassFamily::kSentencePiece, false, false,
     "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad>"},
};

bool lists(std::string_view words, std::string_view word) {
  std::istringstream in{std::string(words)};
  for (std::string each; in >> each;)
    if (each == word) return true;
  return false;
}

// BertTokenizerFast: the three options of tokenizer_config.json win over the normalizer's.
void apply_bert(Json& normalizer, const Fields& config) {
  if (!normalizer.is_object() || normalizer.value("type", "") != "BertNormalizer") return;
  normalizer["lowercase"] = config.boolean("do_lower_case", true);
  normalizer["handle_chinese_chars"] = config.boolean("tokenize_chinese_chars", true);
  normalizer["strip_accents"] = nullptr;
  if (config.has("strip_accents"))
    normalizer["strip_accents"] = config.boolean("strip_accents", true);
}

// TemplateProcessing of LlamaTokenizerFast: bos and eos as add_bos_token and add_eos_token say.
Json llama_template(const TokenizerConfig& config, const Blueprint& blueprint) {
  const Vocabulary& vocabulary =
      blueprint.model ? blueprint.model->vocabulary() : blueprint.bpe->vocabulary();
  AddedTokens added;
  added.add(blueprint.added_tokens, vocabulary);
  added.add(config.added_tokens, vocabulary);
  const auto id_of = [&](const std::string& token) {
    const std::int32_t id = added.find(token);
    return id < 0 ? vocabulary.find(token) : id;
  };
  Json single = Json::array(), pair = Json::array(), tokens = Json::object();
  const auto special = [&](const char* name, const char* flag, bool fallback) -> std::string {
    const std::string token = config.fields.boolean(flag, fallback) ? config.special(name) : "";
    if (!token.empty() && id_of(token) < 0)
      fail(Errc::kBadData, blueprint.where, ": the special token '", token,
           "' is not in the vocabulary");
    if (!token.empty())
      tokens[token] = {{"id", token}, {"ids", {id_of(token)}}, {"tokens", {token}}};
    return token;
  };
  const std::string bos = special("bos", "add_bos_token", true),
                    eos = special("eos", "add_eos_token", false);
  const auto put = [](Json& to, const std::string& token, int type) {
    if (!token.empty()) to.push_back({{"SpecialToken", {{"id", token}, {"type_id", type}}}});
  };
  for (Json* list : {&single, &pair}) {
    put(*list, bos, 0);
    list->push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
    put(*list, eos, 0);
  }
  put(pair, bos, 1);
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  put(pair, eos, 1);
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", tokens}};
}

}  // namespace

const TokenizerClass* find_tokenizer_class(std::string_view name, std::string_view model_type) {
  if (name.ends_with("Fast")) name.remove_suffix(4);
  if (name.ends_with("Tokenizer")) name.remove_suffix(9);
  for (const auto& row : kClasses)
    if (!name.empty() ? lists(row.names, name) : lists(row.model_types, model_type)) return &row;
  return nullptr;
}

std::vector<std::pair<std::string, std::string>> default_specials(const TokenizerClass& row) {
  std::vector<std::pair<std::string, std::string>> all;
  std::istringstream in{std::string(row.specials)};
  for (std::string word; in >> word;) {
    const std::size_t equals = word.find('=');
    all.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return all;
}

void apply_class(Blueprint& blueprint, const TokenizerConfig& config) {
  const TokenizerClass* row = config.row;
  const ClassFamily family = row ? row->family : ClassFamily::kPlain;
  const bool prefix_space = config.fields.boolean("add_prefix_space", false);
  if (family == ClassFamily::kBert) apply_bert(blueprint.normalizer, config.fields);
  Json& cut = blueprint.pre_tokenizer;
  if (cut.is_object() && cut.value("type", "") == "ByteLevel")
    cut["add_prefix_space"] = prefix_space;
  Json& post = blueprint.post_processor;
  if (family == ClassFamily::kRoberta && post.is_object() && post.contains("add_prefix_space")) {
    post["add_prefix_space"] = prefix_space;
    if (post.contains("trim_offsets"))
      post["trim_offsets"] = config.fields.boolean("trim_offsets", true);
  }
  if (family == ClassFamily::kLlama) post = llama_template(config, blueprint);
}

}  // namespace hft
