#include "core/generation/whisper_settings.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/speech_languages.h"

namespace hft {
namespace {

constexpr double kAny = std::numeric_limits<double>::max();

[[noreturn]] void wrong(const Fields& f, const char* key, const char* wanted) {
  fail(Errc::kBadData, f.where(), ": '", key, "' is not ", wanted);
}

std::optional<std::int32_t> token(const Fields& f, const char* key) {
  if (!f.has(key)) return std::nullopt;
  return static_cast<std::int32_t>(f.integer(key, 0, limits::kVocab));
}

bool is_id(const Json& value) {
  return value.is_number_integer() && value >= 0 && value <= limits::kVocab;
}

std::vector<std::pair<std::string, std::int32_t>> named_tokens(const Fields& f, const char* key) {
  std::vector<std::pair<std::string, std::int32_t>> out;
  const Json* map = f.find(key);
  if (!map || map->is_null()) return out;
  if (!map->is_object()) wrong(f, key, "an object of tokens");
  for (const auto& [name, id] : map->items()) {
    if (!is_id(id)) wrong(f, key, "an object of tokens");
    out.emplace_back(name, id.get<std::int32_t>());
  }
  return out;
}

// [[1, null], [2, 50359], …]: the places from 1 on, one after another; else there are none.
std::vector<std::optional<std::int32_t>> forced_tokens(const Fields& f) {
  std::vector<std::optional<std::int32_t>> out;
  const char* const key = "forced_decoder_ids";
  const Json* list = f.find(key);
  if (!list || list->is_null()) return out;
  if (!list->is_array()) wrong(f, key, "a list of [place, token]");
  for (const Json& pair : *list) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() ||
        !(pair[1].is_null() || is_id(pair[1])))
      wrong(f, key, "a list of [place, token]");
    if (out.empty() && pair[0] != 1) return out;
    if (pair[0] != static_cast<std::int64_t>(out.size()) + 1)
      wrong(f, key, "a list of places one after another");
    out.push_back(pair[1].is_null() ? std::nullopt : std::optional(pair[1].get<std::int32_t>()));
  }
  return out;
}

std::vector<std::pair<std::int64_t, std::int64_t>> heads_of(const Fields& f, const Fields& config) {
  std::vector<std::pair<std::int64_t, std::int64_t>> out;
  const char* const key = "alignment_heads";
  const Json* list = f.find(key);
  if (!list || list->is_null()) return out;
  const auto layers = config.integer("decoder_layers", 0, limits::kLayers);
  const auto heads = config.integer("decoder_attention_heads", 1, limits::kHidden);
  const char* const wanted = "a list of [layer, head] of the decoder";
  if (!list->is_array()) wrong(f, key, wanted);
  for (const Json& pair : *list) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() ||
        !pair[1].is_number_integer() || pair[0] < 0 || pair[0] >= layers || pair[1] < 0 ||
        pair[1] >= heads)
      wrong(f, key, wanted);
    out.emplace_back(pair[0].get<std::int64_t>(), pair[1].get<std::int64_t>());
  }
  return out;
}

std::optional<double> threshold(const Fields& f, const char* key) {
  if (!f.has(key)) return std::nullopt;
  return f.real(key, -kAny, kAny);
}

std::string text_or_none(const Fields& f, const char* key) {
  return f.has(key) ? f.text(key) : "";
}

template <class Rows>
auto row_of(const Rows& rows, std::string_view name) {
  return std::ranges::find(rows, name, [](const auto& row) -> std::string_view { return row.first; });
}

std::int32_t language_token(const WhisperSettings& s, const std::string& asked) {
  const std::string language = lowercase(asked);
  auto found = row_of(s.languages, language);
  if (found == s.languages.end()) {
    const std::string code(speech_language_code(language));
    if (code.empty()) {
      std::vector<std::string> known;
      for (const auto& row : speech_languages())
        known.emplace_back(language.size() == 2 ? row.code : row.name);
      fail_hint(Errc::kUsage, "it is one of " + joined(known, ", "), "--language: '", asked,
                "' is not known");
    }
    found = row_of(s.languages, "<|" + code + "|>");
  }
  if (found == s.languages.end())
    fail(Errc::kUsage, "--language: the model does not know '", asked, "'");
  return found->second;
}

}  // namespace

WhisperSettings WhisperSettings::read(const std::filesystem::path& folder, const Fields& config,
                                      const GenerationConfig& generation) {
  const fs::path file = folder / "generation_config.json";
  const Fields f = fs::exists(file) ? Fields(read_json(file), file.string())
                                    : Fields(Json::object(), file.string());
  WhisperSettings s;
  if (!generation.decoder_start_token_id)
    fail_hint(Errc::kBadData, "--decoder-start-token-id gives one", folder.string(),
              ": the model's settings have no token that its texts start with");
  s.start = *generation.decoder_start_token_id;
  s.no_timestamps = token(f, "no_timestamps_token_id");
  s.previous = token(f, "prev_sot_token_id");
  if (const TokenIds& ids = generation.suppress_tokens; !s.previous && ids.size() >= 2)
    s.previous = ids[ids.size() - 2];
  s.languages = named_tokens(f, "lang_to_id");
  s.tasks = named_tokens(f, "task_to_id");
  s.english_only = f.has("is_multilingual") && !f.boolean("is_multilingual", true);
  s.forced = forced_tokens(f.has("forced_decoder_ids") ? f : config);
  s.language = text_or_none(f, "language");
  s.task = text_or_none(f, "task");
  s.return_timestamps = f.boolean("return_timestamps", false);
  s.condition_on_prev_tokens = f.boolean("condition_on_prev_tokens", false);
  if (f.has("max_initial_timestamp_index"))
    s.max_initial_timestamp_index = f.integer("max_initial_timestamp_index", 0, limits::kVocab);
  s.alignment_heads = heads_of(f, config);
  s.compression_ratio_threshold = threshold(f, "compression_ratio_threshold");
  s.logprob_threshold = threshold(f, "logprob_threshold");
  s.no_speech_threshold = threshold(f, "no_speech_threshold");
  return s;
}

std::int32_t WhisperSettings::first_timestamp() const {
  return no_timestamps ? *no_timestamps + 1 : std::numeric_limits<std::int32_t>::max();
}

void check_ask(const WhisperSettings& s, const SpeechAsk& ask) {
  for (const auto& [flag, value] : {std::pair{"--language", &ask.language}, {"--task", &ask.task}}) {
    if (value->empty()) continue;
    if (s.english_only)
      fail(Errc::kUsage, flag, ": the model writes English alone, and takes neither language nor task");
    const bool language = value == &ask.language;
    if (language ? s.languages.empty() : s.tasks.empty())
      fail(Errc::kUsage, flag, ": the model's generation_config.json has no '",
           language ? "lang_to_id" : "task_to_id", "'");
  }
  if (!ask.language.empty()) language_token(s, ask.language);
  if (!ask.task.empty() && row_of(s.tasks, ask.task) == s.tasks.end())
    fail(Errc::kUsage, "--task: the model does not know '", ask.task, "'");
}

bool detects_language(const WhisperSettings& s, const SpeechAsk& ask) {
  if (s.languages.empty() || !ask.language.empty() || !s.language.empty()) return false;
  const bool forced = ask.task.empty() && s.task.empty() && !s.forced.empty() && s.forced[0];
  return !forced;
}

TokenIds start_tokens(const WhisperSettings& s, const SpeechAsk& ask,
                      std::optional<std::int32_t> detected) {
  const std::string& language = ask.language.empty() ? s.language : ask.language;
  const std::string& task = ask.task.empty() ? s.task : ask.task;
  std::vector<std::optional<std::int32_t>> ids{s.start};
  if (task.empty() && language.empty()) ids.insert(ids.end(), s.forced.begin(), s.forced.end());
  if (!language.empty()) detected = language_token(s, language);
  if (detected) ids.size() > 1 ? ids[1] = detected : (ids.push_back(detected), detected);
  const auto has_task = [&] {
    return std::ranges::any_of(s.tasks, [&](const auto& row) {
      return std::ranges::find(ids, std::optional(row.second)) != ids.end();
    });
  };
  if (!task.empty()) {
    if (const auto row = row_of(s.tasks, task); row != s.tasks.end()) ids.push_back(row->second);
  } else if (!language.empty() && !has_task()) {
    if (const auto row = row_of(s.tasks, "transcribe"); row != s.tasks.end())
      ids.push_back(row->second);
  }
  const bool without = ids.back() == s.no_timestamps && s.no_timestamps;
  if (!ask.timestamps && s.no_timestamps && !without) ids.push_back(s.no_timestamps);
  if (ask.timestamps && without) ids.pop_back();
  TokenIds out;
  for (const auto& id : ids)
    if (id) out.push_back(*id);
  return out;
}

}  // namespace hft
