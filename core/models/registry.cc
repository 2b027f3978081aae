#include "core/models/registry.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/checkpoint/model_kinds.h"
#include "core/models/decoder_text.h"
#include "core/models/seq2seq_text.h"

namespace hft {

TextNet build_bert(const Fields&, const Weights&, Head);
TextNet build_distilbert(const Fields&, const Weights&, Head);
TextNet build_roberta(const Fields&, const Weights&, Head);
TextNet build_electra(const Fields&, const Weights&, Head);
TextNet build_mpnet(const Fields&, const Weights&, Head);
DecoderNet build_gemma(const Fields&, const Weights&);
DecoderNet build_gemma2(const Fields&, const Weights&);
DecoderNet build_gpt_neox(const Fields&, const Weights&);
DecoderNet build_mixtral(const Fields&, const Weights&);
DecoderNet build_opt(const Fields&, const Weights&);
DecoderNet build_phi(const Fields&, const Weights&);
DecoderNet build_phi3(const Fields&, const Weights&);
DecoderNet build_gpt2(const Fields&, const Weights&);
DecoderNet build_llama(const Fields&, const Weights&);
DecoderNet build_mistral(const Fields&, const Weights&);
DecoderNet build_qwen2(const Fields&, const Weights&);
DecoderNet build_qwen3(const Fields&, const Weights&);
DecoderNet build_smollm3(const Fields&, const Weights&);
Seq2SeqNet build_bart(const Fields&, const Weights&);
Seq2SeqNet build_m2m_100(const Fields&, const Weights&);
Seq2SeqNet build_marian(const Fields&, const Weights&);
Seq2SeqNet build_mbart(const Fields&, const Weights&);
Seq2SeqNet build_mt5(const Fields&, const Weights&);
Seq2SeqNet build_pegasus(const Fields&, const Weights&);
Seq2SeqNet build_t5(const Fields&, const Weights&);
Seq2SeqNet build_umt5(const Fields&, const Weights&);

namespace {

struct EncoderRow {
  std::string_view model_type, base;
  TextNet (*build)(const Fields& config, const Weights& w, Head head);
};

// Every row serves every head of heads.h.
constexpr EncoderRow kArchitectures[] = {
    {"bert", "bert", build_bert},
    {"camembert", "roberta", build_roberta},
    {"distilbert", "distilbert", build_distilbert},
    {"electra", "electra", build_electra},
    {"mpnet", "mpnet", build_mpnet},
    {"roberta", "roberta", build_roberta},
    {"xlm-roberta", "roberta", build_roberta},
};

constexpr DecoderArchitecture kDecoders[] = {
    {"gemma", "model", build_gemma},     {"gemma2", "model", build_gemma2},
    {"gpt2", "transformer", build_gpt2}, {"gpt_neox", "gpt_neox", build_gpt_neox},
    {"llama", "model", build_llama},     {"mistral", "model", build_mistral},
    {"mixtral", "model", build_mixtral}, {"opt", "model", build_opt},
    {"phi", "model", build_phi},         {"phi3", "model", build_phi3},
    {"qwen2", "model", build_qwen2},     {"qwen3", "model", build_qwen3},
    {"smollm3", "model", build_smollm3},
};

constexpr Head kBartHeads[] = {Head::kClassify, Head::kAnswer};
constexpr Head kT5Heads[] = {Head::kEmbed, Head::kFeatures, Head::kClassify, Head::kTokenClassify,
                             Head::kAnswer};
constexpr Seq2SeqArchitecture kSeq2Seqs[] = {
    {"bart", "model", build_bart, kBartHeads},   {"m2m_100", "model", build_m2m_100},
    {"marian", "model", build_marian},           {"mbart", "model", build_mbart, kBartHeads},
    {"mt5", "transformer", build_mt5, kT5Heads}, {"pegasus", "model", build_pegasus},
    {"t5", "transformer", build_t5, kT5Heads},   {"umt5", "transformer", build_umt5, kT5Heads},
};

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

std::string_view closest(std::string_view name) {
  // The share of letters that differ; those of a common beginning count in favour (as in
  // Winkler's measure), since names are seldom mistyped there.
  const auto share = [&](std::string_view type) {
    const auto common = std::ranges::mismatch(name, type).in1 - name.begin();
    return (static_cast<double>(edit_distance(name, type)) - static_cast<double>(common)) /
           static_cast<double>(std::max<std::size_t>(1, std::max(name.size(), type.size())));
  };
  std::vector<std::string_view> types;
  for (const auto& row : kArchitectures) types.push_back(row.model_type);
  for (const auto& row : kDecoders) types.push_back(row.model_type);
  for (const auto& row : kSeq2Seqs) types.push_back(row.model_type);
  return *std::ranges::min_element(types, {}, share);
}

void refuse_quantised(const Fields& config) {
  if (!config.has("quantization_config")) return;
  const Fields quantization = config.object("quantization_config");
  std::string method = quantization.text("quant_method", "");
  if (method.empty())
    method = quantization.boolean("load_in_4bit", false)   ? "bitsandbytes, 4 bit"
             : quantization.boolean("load_in_8bit", false) ? "bitsandbytes, 8 bit"
                                                           : "an unnamed method";
  fail(Errc::kUnsupported, config.where(), ": the checkpoint is quantised (", method,
       "), wanted float32, bfloat16 or float16 weights");
}

// What a class of `architectures` is made for, by the end of its name.
struct Purpose {
  std::string_view ending, words, command;
  std::optional<Head> head;
};
constexpr Purpose kPurposes[] = {
    {"ForSequenceClassification", "sequence classification", "classify", Head::kClassify},
    {"ForTokenClassification", "token classification", "ner", Head::kTokenClassify},
    {"ForQuestionAnswering", "question answering", "qa", Head::kAnswer},
    {"ForMaskedLM", "masked language modelling", "fill-mask", Head::kMaskedLm},
    {"ForMultipleChoice", "multiple choice", "", std::nullopt},
    {"ForNextSentencePrediction", "next sentence prediction", "", std::nullopt},
    {"ForCausalLM", "text generation", "generate", std::nullopt},
    {"LMHeadModel", "text generation", "generate", std::nullopt},
    {"ForConditionalGeneration", "text to text", "summarize", std::nullopt},
    {"MarianMTModel", "translation", "translate", std::nullopt},
};
constexpr Head kHeads[] = {Head::kEmbed,         Head::kFeatures, Head::kClassify,
                           Head::kTokenClassify, Head::kAnswer,   Head::kMaskedLm};

// A decoder that reads: its language head is not missed.
Architecture reading(const DecoderArchitecture& row) {
  return {row.model_type, row.base, [&row](const Fields& config, const Weights& w, Head head) {
            w.store().need_only({std::string(row.base), "score"});
            return text_net_of(row.build(config, w), config, w, head);
          }};
}

// An encoder-decoder that reads. Token classification and embeddings need its encoder alone, and no
// head reads what is scaled for the logits.
Architecture reading(const Seq2SeqArchitecture& row, Head wanted) {
  const auto build = [&row](const Fields& config, const Weights& w, Head head) {
    const std::string base(row.base);
    std::vector<std::string> needed{base, "classification_head", "qa_outputs"};
    if (head != Head::kClassify && head != Head::kAnswer)
      needed = {base + ".shared", base + ".encoder", "classifier"};
    w.store().need_only(std::move(needed));
    Json unscaled = config.json();
    unscaled["scale_decoder_outputs"] = false;
    const Fields fields(std::move(unscaled), config.where());
    return text_net_of(row.build(fields, w), fields, w, head);
  };
  return {row.model_type, row.base, build, wanted == Head::kClassify || wanted == Head::kAnswer};
}

const Purpose* purpose_of(const Fields& config) {
  const std::string name = class_of(config);
  for (const auto& purpose : kPurposes)
    if (name.ends_with(purpose.ending)) return &purpose;
  return nullptr;
}

// What to run a checkpoint of this class with.
std::string fitting_command(const Fields& config) {
  const Purpose* purpose = purpose_of(config);
  return purpose && !purpose->command.empty() ? "hft " + std::string(purpose->command)
                                              : "hft models";
}

// Why no row of the wanted kind serves config.
[[noreturn]] void fail_unsupported(const Fields& config, std::string_view wanted) {
  const std::string type = config.text("model_type");
  const auto refuse = [&](std::string_view is, const std::string& hint = "hft models") {
    fail_hint(Errc::kUnsupported, hint, config.where(), ": model_type '", type, "' is ", is,
              ", wanted ", wanted);
  };
  for (const auto& row : kArchitectures)
    if (row.model_type == type) refuse(kEncoderWords, fitting_command(config));
  for (const auto& row : kDecoders)
    if (row.model_type == type) refuse(kDecoderWords, "hft generate");
  for (const auto& row : kSeq2Seqs)
    if (row.model_type == type) refuse(kSeq2SeqWords, fitting_command(config));
  need_text_model(config, wanted);
  if (const ModelKind* kind = kind_of(type); kind && kind->words != wanted) refuse(kind->words);
  if (config.has("auto_map"))
    fail_hint(Errc::kUnsupported, "hft models", config.where(), ": model_type '", type,
              "' needs Python code from the repository; hft never runs it");
  fail_hint(Errc::kUnsupported, "hft models", "model_type '", type,
            "' is not supported; closest: '", closest(type), "'");
}

}  // namespace

Architecture architecture_of(const Fields& config, Head head) {
  refuse_quantised(config);
  const std::string type = config.text("model_type");
  for (const auto& row : kArchitectures)
    if (row.model_type == type) return {row.model_type, row.base, row.build};
  if (head == Head::kClassify || head == Head::kEmbed || head == Head::kFeatures)
    for (const auto& row : kDecoders)
      if (row.model_type == type) return reading(row);
  for (const auto& row : kSeq2Seqs)
    if (row.model_type == type && std::ranges::count(row.heads, head)) return reading(row, head);
  fail_unsupported(config, kEncoderWords);
}

const DecoderArchitecture& decoder_of(const Fields& config) {
  refuse_quantised(config);
  const std::string type = config.text("model_type");
  for (const auto& row : kDecoders)
    if (row.model_type == type) return row;
  fail_unsupported(config, kDecoderWords);
}

const Seq2SeqArchitecture& seq2seq_of(const Fields& config) {
  refuse_quantised(config);
  const std::string type = config.text("model_type");
  for (const auto& row : kSeq2Seqs)
    if (row.model_type == type) return row;
  fail_unsupported(config, kSeq2SeqWords);
}

void need_head(const Fields& config, Head head) {
  if (head == Head::kEmbed || head == Head::kFeatures) return;
  if (const Purpose* purpose = purpose_of(config); purpose && purpose->head != head)
    fail_hint(Errc::kUnsupported, fitting_command(config), config.where(), ": is a ",
              class_of(config), " (", purpose->words, "), but hft ", command_of(head),
              " needs a head for ", words_of(head));
}

void need_text_head(const Fields& config) {
  if (const Purpose* purpose = purpose_of(config); purpose && purpose->head)
    fail_hint(Errc::kUnsupported, fitting_command(config), config.where(), ": is a ",
              class_of(config), " (", purpose->words, "), wanted one that writes text");
}

std::string_view command_of(Head head) {
  for (const auto& purpose : kPurposes)
    if (purpose.head == head) return purpose.command;
  return "embed";
}

std::string_view words_of(Head head) {
  for (const auto& purpose : kPurposes)
    if (purpose.head == head) return purpose.words;
  return "embeddings";
}

Renames renames_of(std::string_view base) {
  return {std::string(base),
          {{"LayerNorm.weight", "LayerNorm.gamma"},
           {"LayerNorm.bias", "LayerNorm.beta"},
           {"layer_norm.weight", "layer_norm.gamma"},
           {"layer_norm.bias", "layer_norm.beta"}},
          {"position_ids", "token_type_ids", "num_batches_tracked", "rotary_emb.inv_freq",
           "attn.bias", "attn.masked_bias", "attention.bias", "attention.masked_bias"}};
}

std::vector<Support> supported_models() {
  std::vector<Support> rows;
  for (const auto& architecture : kArchitectures) {
    Support row{std::string(architecture.model_type), {}};
    for (Head head : kHeads)
      if (head != Head::kFeatures) row.tasks.emplace_back(command_of(head));
    rows.push_back(std::move(row));
  }
  for (const auto& architecture : kDecoders)
    rows.push_back(
        {std::string(architecture.model_type), {"generate", "chat", "classify", "embed"}});
  for (const auto& architecture : kSeq2Seqs) {
    Support row{std::string(architecture.model_type), {"summarize", "translate"}};
    for (Head head : architecture.heads)
      if (head != Head::kFeatures) row.tasks.emplace_back(command_of(head));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace hft
