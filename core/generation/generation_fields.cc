#include "core/generation/generation_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/base/limits.h"

namespace hft {
namespace {

constexpr double kAnyNumber = std::numeric_limits<double>::max();
constexpr std::int64_t kMostTokens = 1'000'000'000;
constexpr std::int64_t kMostBeams = 1024;

// Whether the ends of a range belong to it.
enum class Ends { kBoth, kOpenLow, kOpenHigh };

class Reader {
 public:
  Reader(const Json& values, const Json& flags, const std::filesystem::path& folder)
      : values_(values), flags_(flags), file_((folder / "generation_config.json").string()) {}

  bool has(const char* field) const { return !values_[field].is_null(); }
  const Json& value(const char* field) const { return values_[field]; }
  bool from_flag(const char* field) const { return flags_.contains(field); }

  [[noreturn]] void wrong(const char* field, const std::string& wanted) const {
    std::string got = to_line(values_[field]);
    if (got.size() > 60) got = got.substr(0, 57) + "...";
    if (from_flag(field)) fail(Errc::kUsage, flag_of(field), ": ", got, " is ", wanted);
    fail(Errc::kBadData, file_, ": '", field, "' is ", got, ", which is ", wanted);
  }

  bool boolean(const char* field, bool fallback) const {
    if (!has(field)) return fallback;
    if (!value(field).is_boolean()) wrong(field, "not true or false");
    return value(field).get<bool>();
  }

  std::int64_t integer(const char* field, std::int64_t low, std::int64_t high,
                       std::int64_t fallback) const {
    if (!has(field)) return fallback;
    const Json& v = value(field);
    const bool whole = v.is_number_integer() ||
                       (v.is_number_float() && v.get<double>() == std::floor(v.get<double>()));
    if (!whole) wrong(field, "no whole number");
    if (v.get<double>() < static_cast<double>(low) || v.get<double>() > static_cast<double>(high))
      wrong(field, "outside [" + std::to_string(low) + ", " + std::to_string(high) + "]");
    return v.get<std::int64_t>();
  }

  double real(const char* field, double low, double high, double fallback,
              Ends ends = Ends::kBoth) const {
    if (!has(field)) return fallback;
    if (!value(field).is_number()) wrong(field, "no number");
    const double v = value(field).get<double>();
    const bool below = ends == Ends::kOpenLow ? !(v > low) : !(v >= low);
    const bool above = ends == Ends::kOpenHigh ? !(v < high) : !(v <= high);
    if (!below && !above) return v;
    std::ostringstream range;
    if (high == kAnyNumber)
      range << "not " << (ends == Ends::kOpenLow ? "above " : "at least ") << low;
    else
      range << "outside " << (ends == Ends::kOpenLow ? '(' : '[') << low << ", " << high
            << (ends == Ends::kOpenHigh ? ')' : ']');
    wrong(field, range.str());
  }

  std::optional<double> maybe_real(const char* field, double low, double high,
                                   Ends ends = Ends::kBoth) const {
    if (!has(field)) return {};
    return real(field, low, high, 0, ends);
  }
  std::optional<std::int64_t> maybe_integer(const char* field, std::int64_t low,
                                            std::int64_t high) const {
    if (!has(field)) return {};
    return integer(field, low, high, 0);
  }
  std::optional<std::int32_t> token(const char* field) const {
    if (!has(field)) return {};
    const Json& v = value(field);
    if (v.is_array() && v.size() == 1) return one_token(field, v[0]);
    if (v.is_number_integer() && v.get<std::int64_t>() < 0)
      return {};  // some configs write -1 for none
    return one_token(field, v);
  }
  // One token id, a list of them, or null.
  TokenIds tokens(const char* field) const {
    TokenIds ids;
    if (!has(field)) return ids;
    if (!value(field).is_array()) {
      if (auto id = token(field)) ids.push_back(*id);
      return ids;
    }
    for (const Json& v : value(field)) ids.push_back(one_token(field, v));
    return ids;
  }
  std::vector<TokenIds> token_lists(const char* field) const {
    std::vector<TokenIds> lists;
    if (!has(field)) return lists;
    if (!value(field).is_array()) wrong(field, "no list of lists of token ids");
    for (const Json& v : value(field)) lists.push_back(list_of(field, v));
    return lists;
  }
  std::vector<std::string> texts(const char* field) const {
    if (!has(field)) return {};
    if (value(field).is_string()) return {value(field).get<std::string>()};
    std::vector<std::string> out;
    if (!value(field).is_array()) wrong(field, "no list of texts");
    for (const Json& v : value(field)) {
      if (!v.is_string() || v.get<std::string>().empty())
        wrong(field, "no list of texts, each not empty");
      out.push_back(v);
    }
    return out;
  }
  std::vector<std::pair<TokenIds, double>> biases() const {
    constexpr const char* kField = "sequence_bias";
    std::vector<std::pair<TokenIds, double>> out;
    if (!has(kField)) return out;
    if (!value(kField).is_array()) wrong(kField, "no list of [[token ids], number]");
    for (const Json& v : value(kField)) {
      if (!v.is_array() || v.size() != 2 || !v[1].is_number())
        wrong(kField, "no list of [[token ids], number]");
      out.emplace_back(list_of(kField, v[0]), v[1].get<double>());
    }
    return out;
  }

 private:
  std::int32_t one_token(const char* field, const Json& v) const {
    if (!v.is_number_integer() || v.get<std::int64_t>() < 0 ||
        v.get<std::int64_t>() >= limits::kVocab)
      wrong(field, "no token id");
    return v.get<std::int32_t>();
  }
  TokenIds list_of(const char* field, const Json& v) const {
    if (!v.is_array() || v.empty()) wrong(field, "no list of lists of token ids");
    TokenIds ids;
    for (const Json& id : v) ids.push_back(one_token(field, id));
    return ids;
  }
  const Json &values_, &flags_;
  std::string file_;
};

EarlyStopping early_stopping(const Reader& r) {
  if (!r.has("early_stopping")) return EarlyStopping::kFalse;
  const Json& v = r.value("early_stopping");
  if (v == "never") return EarlyStopping::kNever;
  if (!v.is_boolean()) r.wrong("early_stopping", "not true, false or \"never\"");
  return v.get<bool>() ? EarlyStopping::kTrue : EarlyStopping::kFalse;
}

std::optional<std::pair<std::int64_t, double>> decay(const Reader& r) {
  constexpr const char* kField = "exponential_decay_length_penalty";
  if (!r.has(kField)) return {};
  const Json& v = r.value(kField);
  if (!v.is_array() || v.size() != 2 || !v[0].is_number() || !v[1].is_number())
    r.wrong(kField, "no pair of a number of tokens and a factor");
  return std::pair{static_cast<std::int64_t>(v[0].get<double>()), v[1].get<double>()};
}

std::optional<WatermarkingConfig> watermark(const Reader& r) {
  constexpr const char* kField = "watermarking_config";
  if (!r.has(kField)) return {};
  const Fields f(r.value(kField), kField);
  for (const auto& [name, value] : f.json().items()) {
    if (name == "ngram_len" || name == "keys")
      fail(Errc::kUnsupported, kField, ": SynthID's watermark ('", name, "') is not supported");
    if (name != "greenlist_ratio" && name != "bias" && name != "hashing_key" &&
        name != "seeding_scheme" && name != "context_width")
      r.wrong(kField, "of unknown fields");
  }
  WatermarkingConfig c;
  c.greenlist_ratio = f.real("greenlist_ratio", 0, 1, c.greenlist_ratio);
  if (c.greenlist_ratio == 0 || c.greenlist_ratio == 1)
    r.wrong(kField, "without a 'greenlist_ratio' above 0 and below 1");
  c.bias = f.real("bias", -kAnyNumber, kAnyNumber, c.bias);
  c.hashing_key = f.integer("hashing_key", INT64_MIN, INT64_MAX, c.hashing_key);
  c.context_width = f.integer("context_width", 1, kMostTokens, c.context_width);
  const std::string scheme = f.text("seeding_scheme", "lefthash");
  if (scheme != "lefthash" && scheme != "selfhash")
    r.wrong(kField, "of a 'seeding_scheme' that is neither lefthash nor selfhash");
  c.selfhash = scheme == "selfhash";
  return c;
}

void read_lengths(const Reader& r, GenerationConfig& c) {
  c.max_length = r.integer("max_length", 0, kMostTokens, kMostTokens);
  c.max_new_tokens = r.maybe_integer("max_new_tokens", 1, kMostTokens);
  c.min_length = r.integer("min_length", 0, kMostTokens, 0);
  c.min_new_tokens = r.maybe_integer("min_new_tokens", 0, kMostTokens);
  c.max_time = r.maybe_real("max_time", 0, kAnyNumber, Ends::kOpenLow);
  c.stop_strings = r.texts("stop_strings");
  c.own_max_length = r.from_flag("max_length");
  c.own_min_length = r.from_flag("min_length");
}

void read_strategy(const Reader& r, GenerationConfig& c) {
  c.do_sample = r.boolean("do_sample", false);
  c.num_beams = r.integer("num_beams", 1, kMostBeams, 1);
  c.num_beam_groups = r.integer("num_beam_groups", 1, kMostBeams, 1);
  c.num_return_sequences = r.integer("num_return_sequences", 1, kMostBeams, 1);
  c.early_stopping = early_stopping(r);
  c.length_penalty = r.real("length_penalty", -kAnyNumber, kAnyNumber, 1);
  c.diversity_penalty = r.real("diversity_penalty", 0, kAnyNumber, 0);
  c.penalty_alpha = r.maybe_real("penalty_alpha", 0, 1);
  if (c.penalty_alpha == 0.0) c.penalty_alpha.reset();
  c.num_assistant_tokens = r.integer("num_assistant_tokens", 1, kMostTokens, 20);
  c.num_assistant_tokens_schedule =
      r.has("num_assistant_tokens_schedule") && r.value("num_assistant_tokens_schedule").is_string()
          ? r.value("num_assistant_tokens_schedule").get<std::string>()
          : "constant";
  c.assistant_confidence_threshold = r.real("assistant_confidence_threshold", 0, 1, 0);
  c.prompt_lookup_num_tokens = r.maybe_integer("prompt_lookup_num_tokens", 1, kMostTokens);
  c.max_matching_ngram_size = r.maybe_integer("max_matching_ngram_size", 1, kMostTokens);
}

// A filter that sampling does not use may have any value in a model's file.
void read_filters(const Reader& r, GenerationConfig& c) {
  if (c.do_sample || r.from_flag("temperature"))
    c.temperature = r.real("temperature", 0, kAnyNumber, 1, Ends::kOpenLow);
  c.top_k = r.integer("top_k", 0, kMostTokens, 0);
  c.top_p = r.real("top_p", 0, 1, 1);
  c.min_p = r.maybe_real("min_p", 0, 1);
  c.typical_p = r.real("typical_p", 0, 1, 1, Ends::kOpenLow);
  c.epsilon_cutoff = r.real("epsilon_cutoff", 0, 1, 0, Ends::kOpenHigh);
  c.eta_cutoff = r.real("eta_cutoff", 0, 1, 0, Ends::kOpenHigh);
  c.renormalize_logits = r.boolean("renormalize_logits", false);
}

void read_processors(const Reader& r, GenerationConfig& c) {
  c.guidance_scale = r.maybe_real("guidance_scale", -kAnyNumber, kAnyNumber);
  c.sequence_bias = r.biases();
  c.repetition_penalty = r.real("repetition_penalty", 0, kAnyNumber, 1, Ends::kOpenLow);
  c.encoder_repetition_penalty =
      r.real("encoder_repetition_penalty", 0, kAnyNumber, 1, Ends::kOpenLow);
  c.no_repeat_ngram_size = r.integer("no_repeat_ngram_size", 0, kMostTokens, 0);
  c.encoder_no_repeat_ngram_size = r.integer("encoder_no_repeat_ngram_size", 0, kMostTokens, 0);
  c.bad_words_ids = r.token_lists("bad_words_ids");
  c.forced_bos_token_id = r.token("forced_bos_token_id");
  c.forced_eos_token_id = r.tokens("forced_eos_token_id");
  c.remove_invalid_values = r.boolean("remove_invalid_values", false);
  c.exponential_decay_length_penalty = decay(r);
  c.suppress_tokens = r.tokens("suppress_tokens");
  c.begin_suppress_tokens = r.tokens("begin_suppress_tokens");
  c.watermarking_config = watermark(r);
}

}  // namespace

std::string flag_of(std::string_view field) {
  if (field == "stop_strings") return "--stop";
  if (field == "bad_words_ids") return "--bad-words";
  std::string flag = "--" + std::string(field);
  std::replace(flag.begin() + 2, flag.end(), '_', '-');
  return flag;
}

GenerationConfig typed_generation(const Json& values, const Json& flags,
                                  const std::filesystem::path& folder) {
  const Reader r(values, flags, folder);
  GenerationConfig c;
  read_lengths(r, c);
  read_strategy(r, c);
  read_filters(r, c);
  read_processors(r, c);
  c.eos_token_id = r.tokens("eos_token_id");
  c.pad_token_id = r.token("pad_token_id");
  c.bos_token_id = r.token("bos_token_id");
  c.decoder_start_token_id = r.token("decoder_start_token_id");
  if (r.has("cache_implementation") && r.value("cache_implementation").is_string())
    c.cache_implementation = r.value("cache_implementation").get<std::string>();
  if (r.has("cache_config") && r.value("cache_config").is_object()) {
    const Fields cache(r.value("cache_config"), "cache_config");
    c.cache_bits = cache.integer("nbits", 1, 16, c.cache_bits);
    c.cache_residual = cache.integer("residual_length", 0, limits::kPositions, c.cache_residual);
  }
  c.prefill_chunk_size = r.maybe_integer("prefill_chunk_size", 1, kMostTokens);
  return c;
}

}  // namespace hft
