#include "tasks/several/picture_text.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "core/processors/image_processor.h"
#include "core/tokenizers/tokenizer.h"
#include "tasks/run/album.h"
#include "tasks/run/drawing.h"
#include "tasks/run/generation_worker.h"
#include "tasks/several/picture_chat.h"

namespace hft {
namespace {

// Pictures written about together when --batch-size is auto.
constexpr std::int64_t kTogether = 16;

struct PictureTextJob : GenerationJob {
  std::shared_ptr<const Pixels> pixels;
  TokenIds begin;  // of the text
  std::function<Json(const PictureTextJob&)> output;
  void write(const Input& input, Sink& sink) override { sink.write(input, output(*this)); }
};

// A model that writes about pictures, with everything around it.
class PictureWriter {
 public:
  PictureWriter(PictureTextOptions& o, const PictureTextTask& task)
      : options_(o),
        task_(task),
        folder_(model_folder(o.model, task.default_model)),
        config_(read_config(folder_)),
        of_two_(!config_.has("text_config")),
        text_(of_two_ ? config_ : config_.object("text_config")),
        settings_((set_ends(), resolved(nullptr))),
        loading_(load()),
        tokenizer_(unless_unsupported(loading_, [&] { return Tokenizer::load(folder_); })) {
    settings_ = resolved(&tokenizer_);
    for (const std::string& text : settings_.notes) note(text);
    model_ = loading_.get();
    check_sight();
    processor_ = ImageProcessor::from_folder(folder_);
    for (const auto& warning : model_->warnings()) note(warning);
    seed_ = seed_of(o.generation);
    begin_ = beginning(options_.prompt);
    lengths(begin_);  // throws where there is no room
    detail("settings: model " + folder_.string() + ", dtype " + o.model.dtype + ", seed " +
           std::to_string(seed_) + ", " + to_line(settings_.values));
  }

  const fs::path& folder() const { return folder_; }
  const ImageProcessor& processor() const { return *processor_; }
  Decoder& model() { return *model_; }
  const TokenIds& begin() const { return begin_; }
  std::int64_t sequences_each() const {
    return std::max(settings_.config.num_beams, settings_.config.num_return_sequences);
  }
  // What an input's question makes of its job. Throws where there is no room for it.
  void ask(const std::string& question, PictureTextJob& job) const;
  std::vector<std::unique_ptr<Method>> start(std::span<GenerationJob* const> jobs);
  Json output_of(const PictureTextJob& job) const;
  std::int64_t bytes_each() const {
    const auto kept = model_->kept_bytes();
    return model_->max_source_positions() * kept.source +
           sequences_each() * lengths(begin_).max * kept.sequence;
  }

 private:
  ResolvedGeneration resolved(const Tokenizer* tokenizer) const {
    return resolve(
        options_.generation, folder_, text_.json(),
        {Pipeline::kPictureToText, task_.asks ? "visual-question-answering" : "image-to-text"},
        tokenizer);
  }
  // generate() of BLIP's classes ends texts with the token that separates them.
  void set_ends() {
    if (of_two_) return;
    constexpr std::int64_t kMost = 1 << 30;
    Json& flags = options_.generation.flags;
    if (!flags.contains("eos_token_id"))
      flags["eos_token_id"] = text_.integer("sep_token_id", 0, kMost, 102);
    if (!flags.contains("pad_token_id"))
      flags["pad_token_id"] = text_.integer("pad_token_id", 0, kMost, 0);
  }
  std::future<std::unique_ptr<Seq2SeqLm>> load() {
    ModelRequest request = model_request(options_.model, folder_, Head::kFeatures);
    set_cache(settings_.config, request);
    return load_in_background<Seq2SeqLm>(std::move(request));
  }
  void check_sight() const {
    const auto sight = model_->sight();
    if (sight == Seq2SeqLm::Sight::kNone)
      fail_hint(Errc::kUnsupported, "hft models lists what each command takes", folder_.string(),
                ": the model sees no pictures");
    if (task_.asks && !task_.prompt && sight == Seq2SeqLm::Sight::kSees)
      fail_hint(Errc::kUnsupported, "hft caption", folder_.string(),
                ": the model describes pictures, but takes no questions");
    if (!task_.asks && sight == Seq2SeqLm::Sight::kIsAsked)
      fail_hint(Errc::kUnsupported, "hft vqa", folder_.string(),
                ": the model answers questions about pictures, but describes none");
  }
  // The text begins with its own mark, and with the prompt.
  TokenIds beginning(const std::string& prompt) const {
    if (of_two_) return beginning_of_two(prompt);
    TokenIds ids;
    if (!prompt.empty()) {
      ids = tokenizer_.encode(prompt).ids;
      if (ids.size() > 1) ids.pop_back();
    }
    if (ids.empty()) ids.resize(1);
    ids[0] =
        static_cast<std::int32_t>(text_.integer("bos_token_id", 0, model_->vocab() - 1, 30522));
    return ids;
  }
  // Donut's prompts are marks themselves.
  TokenIds beginning_of_two(const std::string& prompt) const {
    const auto& c = settings_.config;
    const auto start = c.decoder_start_token_id ? c.decoder_start_token_id : c.bos_token_id;
    if (!start)
      fail(Errc::kBadData, folder_.string(),
           ": neither config.json nor generation_config.json has a ", "'decoder_start_token_id'");
    if (*start >= model_->vocab())
      fail(Errc::kBadData, folder_.string(), ": decoder_start_token_id ", *start,
           " is outside [0, ", model_->vocab(), ") of the model");
    if (prompt.empty()) return {*start};
    TokenIds ids = tokenizer_.encode(prompt, {.add_special_tokens = false}).ids;
    if (ids.empty() || (ids[0] != *start && !is_donut())) ids.insert(ids.begin(), *start);
    return ids;
  }
  bool is_donut() const {
    return config_.object("encoder").text("model_type", "").find("donut") != std::string::npos;
  }
  Lengths lengths(const TokenIds& begin) const {
    return lengths_of(settings_.config, static_cast<std::int64_t>(begin.size()),
                      model_->max_positions(), false);
  }

  PictureTextOptions& options_;
  const PictureTextTask& task_;
  fs::path folder_;
  Fields config_;
  bool of_two_;  // an encoder and a decoder, each with a config of its own
  Fields text_;
  ResolvedGeneration settings_;
  std::future<std::unique_ptr<Seq2SeqLm>> loading_;
  std::optional<ImageProcessor> processor_;
  Tokenizer tokenizer_;
  std::unique_ptr<Seq2SeqLm> model_;
  TokenIds begin_;
  std::uint64_t seed_ = 0;
};

void PictureWriter::ask(const std::string& question, PictureTextJob& job) const {
  const bool reads = !task_.prompt;
  TokenIds ids = reads ? tokenizer_.encode(question).ids : beginning(task_.prompt(question));
  const auto most = reads ? model_->max_source_positions() : model_->max_positions() - 1;
  if (static_cast<std::int64_t>(ids.size()) > most)
    fail(Errc::kUsage, "the question has ", ids.size(), " tokens, but the model takes at most ",
         most);
  if (!reads) lengths(ids);
  (reads ? job.prompt : job.begin) = std::move(ids);
}

std::vector<std::unique_ptr<Method>> PictureWriter::start(std::span<GenerationJob* const> jobs) {
  std::vector<PictureView> pictures;
  Questions questions;
  std::map<const Pixels*, std::int32_t> places;
  for (const GenerationJob* each : jobs) {
    const auto& job = static_cast<const PictureTextJob&>(*each);
    const Pixels& p = *job.pixels;
    const auto [place, fresh] = places.try_emplace(&p, static_cast<std::int32_t>(pictures.size()));
    if (fresh) pictures.push_back({p.channels, p.height, p.width, p.data.data()});
    questions.of.push_back(place->second);
    if (!task_.asks || task_.prompt) continue;
    questions.texts.ids.insert(questions.texts.ids.end(), job.prompt.begin(), job.prompt.end());
    questions.texts.starts.push_back(static_cast<std::int32_t>(questions.texts.ids.size()));
  }
  const std::vector<int> sequences = model_->see(pictures, questions);
  std::vector<std::unique_ptr<Method>> methods;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto& job = static_cast<const PictureTextJob&>(*jobs[i]);
    Surroundings around{settings_.config, lengths(job.begin)};
    around.tokenizer = &tokenizer_;
    if (settings_.config.do_sample) around.random = engine().make_random(seed_);
    around.logprobs = options_.generation.logprobs;
    methods.push_back(
        make_method(*model_, {.ids = job.begin, .sequence = sequences[i]}, std::move(around)));
  }
  return methods;
}

Json PictureWriter::output_of(const PictureTextJob& job) const {
  Json all = Json::array();
  for (const Generated& generated : job.results) {
    TokenIds ids = job.begin;
    ids.insert(ids.end(), generated.ids.begin(), generated.ids.end());
    if (task_.output) {
      all.push_back({{task_.field, task_.output(tokenizer_, ids)}});
      break;  // of several the pipeline gives the first
    }
    const std::string text = tokenizer_.decode(ids, true);
    all.push_back({{task_.field, task_.asks ? unicode_trimmed(text) : text}});
  }
  return all;
}

}  // namespace

void add_picture_text_options(Flags& flags, PictureTextOptions& o, std::vector<Column> columns,
                              bool own_top_k) {
  add_generation_options(flags, o.generation, own_top_k);
  add_input_options(flags, o.input, std::move(columns));
  add_output_options(flags, o.output);
  add_model_options(flags, o.model);
}

int run_picture_text_task(const Flags& flags, PictureTextOptions& o, const PictureTextTask& task) {
  check_output_file(o.output.file, o.output.force || o.output.resume);
  if (is_picture_chat(o)) return run_picture_chat(flags, o, task);
  if (!o.generation.assistant_model.empty())
    fail(Errc::kUnsupported, "--assistant-model: what is written about pictures takes no drafts");
  InputReader reader(o.input, o.output.keep_columns);
  PictureWriter writer(o, task);
  const auto drawn = [&](const Input&, const Json& output) {
    std::string text;
    for (const Json& one : output)  // null: a page without an answer
      text += (one[task.field].is_null() ? "" : label_text(one[task.field])) + "\n";
    return o.output.file.empty() ? for_stdout(text) : text;
  };
  RecordWriter records(o.output, {.text_by_default = !task.output, .text = drawn},
                       fingerprint(flags, writer.folder()));
  const std::int64_t each = writer.sequences_each(), asked = batch_size(o.model);
  const std::int64_t most = (asked > 0 ? asked : kTogether) * each;
  GenerationWorker worker(
      writer.model(), {.each = each, .most = most, .refill = std::max(most / 4, each)},
      [&](std::span<GenerationJob* const> jobs) { return writer.start(jobs); },
      [&](std::int64_t) { return writer.bytes_each(); });
  Album album([&](const media::Image& image) { return writer.processor()(image); });
  const auto prepare = [&](const Input& input) {
    auto job = std::make_unique<PictureTextJob>();
    job->begin = writer.begin();
    if (task.asks) writer.ask(input.text(1), *job);
    job->pixels = album.pixels(std::get<Media>(*input.values[0]));
    job->output = [&](const PictureTextJob& done) { return writer.output_of(done); };
    return job;
  };
  return run({.reader = reader,
              .sink = records,
              .prepare = prepare,
              .worker = &worker,
              .verb = task.verb,
              .unit = "picture",
              .threads = reader_threads()});
}

}  // namespace hft
