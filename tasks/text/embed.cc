// hft embed: texts in, sentence vectors out, or the texts ranked by likeness to a query.
// Reference: sentence-transformers.
#include <algorithm>
#include <cmath>

#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/templates/python_text.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/run/text_task.h"
#include "tasks/text/embed_pairs.h"
#include "tasks/text/embed_sinks.h"

namespace hft {
namespace {

struct EmbedOptions {
  TextOptions common;
  std::string pooling = "auto", prompt_name, query, document_prompt_name;
  std::optional<std::string> prompt;
  int normalize = -1;
  std::int64_t top_k = -1, max_length = 0, truncate_dim = 0;
  bool as_text = false, as_image = false, as_audio = false;
  bool ranking = false;
};

// The prompts of config_sentence_transformers.json, by name; every model has these two.
std::vector<std::pair<std::string, std::string>> prompts_of(const Fields& settings) {
  std::vector<std::pair<std::string, std::string>> prompts{{"query", ""}, {"document", ""}};
  const Fields own = settings.object("prompts");
  for (const auto& [name, value] : own.json().items()) {
    const auto known = std::ranges::find(prompts, name, [](auto& p) { return p.first; });
    auto& prompt = known == prompts.end() ? prompts.emplace_back(name, "") : *known;
    prompt.second = own.text(name, "");
  }
  return prompts;
}

std::string prompt_named(const Fields& settings, const std::string& name, std::string_view flag) {
  std::vector<std::string> names;
  for (const auto& [known, text] : prompts_of(settings)) {
    if (known == name) return text;
    names.push_back(known);
  }
  fail(flag.starts_with("--") ? Errc::kUsage : Errc::kBadData, flag, ": the model has no prompt '",
       name, "'; it has: ", joined(names, ", "));
}

// What is put before TEXT of --query, or before every text when nothing is ranked.
std::string first_prompt(const EmbedOptions& o, const Fields& settings) {
  if (o.prompt) return *o.prompt;
  if (!o.prompt_name.empty()) return prompt_named(settings, o.prompt_name, "--prompt-name");
  if (o.ranking) return prompt_named(settings, "query", settings.where());
  const std::string name = settings.text("default_prompt_name", "");
  return name.empty() ? "" : prompt_named(settings, name, settings.where());
}

// What is put before the texts that --query ranks.
std::string document_prompt(const EmbedOptions& o, const Fields& settings) {
  if (!o.document_prompt_name.empty())
    return prompt_named(settings, o.document_prompt_name, "--document-prompt-name");
  const Fields own = settings.object("prompts");
  for (const char* name : {"passage", "corpus"})
    if (!own.has("document") && own.has(name))
      note("the model has a prompt '" + std::string(name) +
           "' but none named 'document', so nothing is put before the texts; "
           "--document-prompt-name " +
           name + " puts it there");
  return prompt_named(settings, "document", settings.where());
}

// Turns one text into tokens as the model's version of sentence-transformers does.
class SentenceReader {
 public:
  SentenceReader(const SentenceFolder& folder, const TextContext& context)
      : context_(context),
        strips_(folder.strips() && !folder.is_static),
        lowers_(strips_ && folder.encoder_settings.boolean("do_lower_case", false)) {}

  Encoding read(std::string text) const {
    if (strips_) text = unicode_trimmed(text);
    if (lowers_) text = jinja::lower(text);
    return encode_within(context_, text, nullptr, Truncation::kLongestFirst, false);
  }
  // Tokens of a prompt alone, without the special token that would end it.
  std::int32_t length(const std::string& prompt) const {
    if (prompt.empty()) return 0;
    const Encoding alone = read(prompt);
    const bool ended = alone.size() > 0 && context_.tokenizer.is_special(alone.ids.back());
    return static_cast<std::int32_t>(alone.size()) - ended;
  }

 private:
  const TextContext& context_;
  bool strips_, lowers_;
};

Prepare setup_embed(const EmbedOptions& o, const SentenceFolder& folder,
                    const TextContext& context) {
  struct Prompt {
    std::string text;
    std::int32_t tokens;
  };
  const SentenceReader reader(folder, context);
  const auto prompt = [&](const std::string& text) { return Prompt{text, reader.length(text)}; };
  const Prompt first = prompt(first_prompt(o, folder.settings));
  const Prompt others = o.ranking ? prompt(document_prompt(o, folder.settings)) : first;
  return [&context, reader, first, others](const Input& input) {
    const Prompt& own = input.index < 0 ? first : others;
    Prepared prepared;
    prepared.sequences.push_back(to_sequence(context, reader.read(own.text + input.text())));
    prepared.sequences.back().prompt = own.tokens;
    prepared.finish = [](std::span<const Matrix> results) {
      Json vector = Json::array();
      for (float x : results[0].row(0)) vector.push_back(number(x));
      return vector;
    };
    return prepared;
  };
}

// Tokens that a tokenizer.json cuts texts to: read for a table alone, which has no other limit.
std::int64_t baked_limit(const fs::path& folder) {
  const Fields tokenizer = optional_fields(folder / "tokenizer.json");
  return tokenizer.object("truncation").integer("max_length", 1, limits::kPositions, 0);
}

std::int64_t max_tokens(const EmbedOptions& o, const SentenceFolder& folder) {
  if (o.max_length > 0) return o.max_length;
  if (folder.is_static) return baked_limit(folder.input);
  return folder.encoder_settings.integer("max_seq_length", 1, limits::kPositions, 0);
}

// INSTRUCTOR's own repositories do not say that their prompts are left out.
bool is_instructor(const std::string& model) {
  return model == "hkunlp/instructor-base" || model == "hkunlp/instructor-large" ||
         model == "hkunlp/instructor-xl";
}

std::string draw_embed(const Input& input, const Json& output) {
  if (output.is_number()) {
    char score[32];
    std::snprintf(score, sizeof score, "%7.4f  ", output.get<double>());
    return score + heading(input);
  }
  std::string out = heading(input) + "  [" + std::to_string(output.size()) + "]";
  for (std::size_t i = 0; i < std::min<std::size_t>(output.size(), 8); ++i) {
    char x[32];
    std::snprintf(x, sizeof x, " %8.5f", output[i].get<double>());
    out += x;
  }
  return out + (output.size() > 8 ? " …\n" : "\n");
}

// An adapter of a sentence-transformers model keeps the modules and the tokenizer.
fs::path modules_folder(const EmbedOptions& o, const fs::path& base) {
  for (const auto& [adapter, weight] : adapters_of(o.common.model))
    if (adapter != base && fs::exists(adapter / "modules.json")) return adapter;
  return base;
}

TextSource source(const EmbedOptions& o, SentenceFolder& folder, const fs::path& base) {
  const fs::path own = modules_folder(o, base);
  folder = read_sentence_folder(own);
  const bool lowers = folder.encoder_settings.boolean("do_lower_case", false) && !folder.strips();
  return {.folder = folder.input,
          .config = own == base ? folder.input : base,
          .has_config = !folder.is_static,
          .special_tokens = !folder.is_static,
          .tokenizer = {.lowercase = lowers}};
}

void fill(const EmbedOptions& o, const SentenceFolder& folder, ModelRequest& request) {
  if (const fs::path own = modules_folder(o, request.folder); own != request.folder)
    request.modules = own;
  request.pooling = o.pooling;
  request.normalize = o.normalize;
  request.truncate_dim = o.truncate_dim;
  if (o.truncate_dim == 0)
    request.truncate_dim = folder.settings.integer("truncate_dim", 1, limits::kHidden, 0);
  request.include_prompt = !is_instructor(o.common.model.model);
}

Similarity similarity_of(const Fields& settings) {
  return similarity_named(settings.text("similarity_fn_name", "cosine"), settings.where());
}

// A model of pictures or sounds and texts, where -m names one.
std::optional<fs::path> pair_model(const EmbedOptions& o) {
  if (o.common.model.model.empty()) return std::nullopt;
  const fs::path folder = model_folder(o.common.model, "");
  return paired_with_texts(folder).empty() ? std::nullopt : std::optional(folder);
}

int run_pairs(const Flags& flags, const EmbedOptions& o, const fs::path& folder, TextOptions common,
              std::function<std::unique_ptr<Sink>(std::unique_ptr<RecordWriter>)> sink) {
  for (const char* flag : {"--pooling", "--prompt-name", "--prompt", "--document-prompt-name",
                           "--truncate-dim", "--max-length"})
    if (flags.given(flag))
      fail(Errc::kUsage, flag, " is for models of texts alone; ", o.common.model.model,
           " is a model of ", paired_with_texts(folder), "s and texts");
  const bool hears = paired_with_texts(folder) == "sound";
  const char* wrong = hears ? "--image" : "--audio";
  if (flags.given(wrong))
    fail(Errc::kUsage, wrong, " is for models of ", hears ? "pictures" : "sounds", " and texts; ",
         o.common.model.model, " is one of ", paired_with_texts(folder), "s and texts");
  const bool as_media = o.as_image || o.as_audio;
  if (o.as_text && as_media)
    fail(Errc::kUsage, "--text and ", o.as_image ? "--image" : "--audio", " contradict each other");
  return embed_pairs(flags, {.folder = folder,
                             .model = o.common.model,
                             .input = std::move(common.input),
                             .output = std::move(common.output),
                             .rendering = {.text = draw_embed},
                             .as_text = o.as_text,
                             .as_media = as_media,
                             .normalize = o.normalize < 0 ? std::nullopt : std::optional(o.normalize == 1),
                             .sink = std::move(sink)});
}

int run_embed(const Flags& flags, EmbedOptions& o) {
  const std::string suffix = fs::path(o.common.output.file).extension().string();
  const bool array_file = suffix == ".npy" || suffix == ".safetensors";
  o.ranking = flags.given("--query");
  if (array_file && (o.ranking || o.common.output.json || !o.common.output.format.empty()))
    fail(Errc::kUsage, "-o ", o.common.output.file,
         " holds vectors only: leave out --query, --json and --format");
  if (array_file) check_output_folder(o.common.output);
  if (array_file && o.common.output.resume)
    fail(Errc::kUsage,
         "--resume: an array file is written whole at the end; leave it out, or write records (-o "
         "FILE.jsonl --json)");
  for (const char* flag : {"--top-k", "--document-prompt-name"})
    if (!o.ranking && flags.given(flag))
      fail(Errc::kUsage, flag, " is for ranking by likeness: it needs --query TEXT");
  SentenceFolder folder;
  TextTask task{
      .head = Head::kEmbed,
      .default_model = "sentence-transformers/all-MiniLM-L6-v2",
      .verb = "embedding",
      .rendering = {.text = draw_embed},
      .source = [&](const fs::path& base) { return source(o, folder, base); },
      .setup = [&](const TextContext& context) { return setup_embed(o, folder, context); },
      .sentences = true,
      .max_tokens = [&](const TextContext&) { return max_tokens(o, folder); }};
  task.request = [&](ModelRequest& request) { fill(o, folder, request); };
  TextOptions common = o.common;
  if (array_file) {
    check_output_file(common.output.file, common.output.force);
    task.sink = [file = common.output.file](std::unique_ptr<RecordWriter>) {
      return make_array_sink(file);
    };
    common.output = {};
  }
  if (o.ranking) {
    common.input.first = {o.query};
    task.sink = [&](std::unique_ptr<RecordWriter> writer) {
      return make_ranking_sink(std::move(writer), o.top_k,
                               similarity_to_first(similarity_of(folder.settings)));
    };
    if (o.common.output.resume || !o.common.output.folder.folder.empty())
      fail(Errc::kUsage, o.common.output.resume ? "--resume" : "--output-dir",
           " and --query contradict each other");
  }
  if (const auto folder = pair_model(o)) return run_pairs(flags, o, *folder, common, task.sink);
  for (const char* flag : {"--text", "--image", "--audio", "--image-column"})
    if (flags.given(flag))
      fail(Errc::kUsage, flag, " is for a model of pictures or sounds and texts (CLIP, SigLIP, CLAP)");
  common.input.columns.resize(1);
  return run_text_task(flags, common, task);
}

std::function<int()> declare_embed(Flags& flags) {
  auto o = std::make_shared<EmbedOptions>();
  flags.footer(
      "Examples:\n"
      "  hft embed -m models/all-MiniLM-L6-v2 \"Hello world\" \"How are you?\"\n"
      "  hft embed -m models/all-MiniLM-L6-v2 --query \"opening hours\" --top-k 3 --lines < "
      "faq.txt\n"
      "  hft embed -m models/all-MiniLM-L6-v2 -i texts.jsonl -o vectors.npy\n"
      "  hft embed -m openai/clip-vit-base-patch32 --query \"a red car\" --top-k 5 photos/");
  flags
      .add("--pooling", o->pooling,
           "Token vectors to one; auto: as the model says, else mean, or last for a "
           "language model")
      .one_of({"auto", "cls", "mean", "max", "last", "mean_sqrt_len", "weightedmean"})
      .show_default();
  flags.add(
      "--normalize", [o] { o->normalize = 1; },
      "Scale vectors to length 1; default: as the model says");
  flags.add(
      "--no-normalize", [o] { o->normalize = 0; }, "Leave their length as it is");
  flags
      .add("--prompt-name", o->prompt_name,
           "Put this prompt of the model before every text; with --query: before TEXT, in "
           "place of the model's prompt for queries")
      .metavar("NAME");
  flags.add("--prompt", o->prompt, "The same with a prompt of your own").metavar("TEXT");
  flags
      .add("--document-prompt-name", o->document_prompt_name,
           "With --query: put this prompt of the model before the inputs; default: document")
      .metavar("NAME");
  flags
      .add("--truncate-dim", o->truncate_dim,
           "Keep the first N numbers of each vector; default: as the model says")
      .metavar("N")
      .range(1, limits::kHidden);
  flags.add("--max-length", o->max_length, "Tokens of a text that are read")
      .metavar("N")
      .range(1, 1 << 24);
  flags
      .add("--query", o->query,
           "Rank the inputs by their likeness to TEXT, best first, by the model's own measure")
      .metavar("TEXT");
  flags.add("--top-k", o->top_k, "With --query: show the N best")
      .metavar("N")
      .range(1, 1'000'000'000);
  flags.add("--text", o->as_text,
            "With a model of pictures or sounds and texts: every input is a text, also one that names a file");
  flags.add("--image", o->as_image, "The same: every input is a picture");
  flags.add("--audio", o->as_audio, "The same: every input is a sound");
  add_text_options(flags, o->common,
                   {{.name = "text"}, {.name = "image", .optional = true, .alternative = true, .kind = Kind::kImage}});
  return [o, flags] { return run_embed(flags, *o); };
}

}  // namespace

extern const Command embed_command{"embed", "Text",
                                   "Turn texts (or pictures, or sounds) into vectors, or rank them by meaning",
                                   declare_embed};

}  // namespace hft
