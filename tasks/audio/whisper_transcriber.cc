#include "tasks/audio/whisper_transcriber.h"

#include <algorithm>
#include <cmath>

#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/engine.h"
#include "core/tokenizers/tokenizer.h"
#include "tasks/audio/whisper_worker.h"

namespace hft {
namespace {

// What all windows on their way keep of their sounds, together.
constexpr std::int64_t kKeptBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMostWindows = 64;

std::vector<double> temperatures_of(const TranscribeOptions& o, const GenerationOptions& g) {
  if (!o.temperatures.empty()) return o.temperatures;
  const auto one = g.flags.find("temperature");
  return {one != g.flags.end() ? one->get<double>() : 0.0};
}

class WhisperTranscriber : public Transcriber {
 public:
  WhisperTranscriber(const TranscribeOptions& o, const fs::path& folder, const Fields& config)
      : options_(o),
        folder_(folder),
        config_(config),
        settings_(resolved(nullptr)),
        loading_(load()),
        features_(unless_unsupported(loading_, [&] { return FeatureExtractor::from_folder(folder); })),
        tokenizer_(unless_unsupported(loading_, [&] { return Tokenizer::load(folder); })) {
    settings_ = resolved(&tokenizer_);
    for (const std::string& text : settings_.notes) note(text);
    read_settings();
    model_ = loading_.get();
    for (const auto& warning : model_->warnings()) note(warning);
    check_features();
    if (drafting_.valid()) draft_ = drafting_.get();
    check_draft();
    setup_.model = model_.get();
    setup_.draft = draft_.get();
    setup_.set_attempts(settings_.config);
    check_prompt();
    seed_ = seed_of(o.generation);
    const std::int64_t beams = std::max<std::int64_t>(1, setup_.wide.plain[0].num_beams);
    worker_ = std::make_unique<WhisperWorker>(*model_, draft_.get(), windows(), beams);
    detail("settings: model " + folder.string() + ", dtype " + o.model.dtype + ", seed " +
           std::to_string(seed_) + ", " + to_line(settings_.values));
  }

  std::unique_ptr<Job> prepare(const Input& input, Transcripts& out) override;
  Worker& worker() override { return *worker_; }

 private:
  struct Sound {  // that is on its way
    std::unique_ptr<SoundChunks> chunks;
    std::shared_ptr<SoundFrames> frames;
    std::int64_t heard = 0;
    bool begun = false;
    bool timed = false;
    std::shared_ptr<Random> random;
  };

  ResolvedGeneration resolved(const Tokenizer* tokenizer) const {
    GenerationOptions g = options_.generation;
    g.flags.erase("temperature");  // that of the attempts
    if (!g.assistant_model.empty() && !g.flags.contains("num_beams")) g.flags["num_beams"] = 1;
    return resolve(g, folder_, config_.json(), {Pipeline::kSpeech, "automatic-speech-recognition"},
                   tokenizer);
  }
  std::future<std::unique_ptr<Seq2SeqLm>> load() {
    ModelRequest request = model_request(options_.model, folder_, Head::kFeatures);
    set_cache(settings_.config, request);
    if (!options_.generation.assistant_model.empty()) {
      const ModelOptions small = assistant_of(options_.model, options_.generation);
      draft_folder_ = model_folder(small, "");
      drafting_ = load_in_background<Seq2SeqLm>(
          model_request(small, draft_folder_, Head::kFeatures));
    }
    return load_in_background<Seq2SeqLm>(std::move(request));
  }
  void check_draft() const;
  void read_settings();
  void check_features() const;
  void check_prompt() const;
  std::int64_t windows() const;
  std::int64_t samples_of(double seconds) const {
    return std::llround(std::nearbyint(seconds * features_.settings().rate));
  }
  std::shared_ptr<Random> random() const {
    const bool draws = std::ranges::any_of(setup_.temperatures, [](double t) { return t > 0; });
    if (!draws) return nullptr;
    std::shared_ptr<Random> random = engine().make_random(seed_);
    random->uniform(2);  // the pipeline's own iterator has drawn 64 bits by then
    return random;
  }
  std::unique_ptr<media::SoundReader> open(const media::SoundSource& source) const {
    return media::open_sound(source, features_.settings().rate);
  }
  void begin_whole(const media::SoundSource& source, Sound& sound) const;
  void begin_chunks(const media::SoundSource& source, Sound& sound) const;
  std::optional<WhisperJob::Part> next_part(Sound& sound) const;
  Transcript transcript(const SpokenText& text, const Sound& sound) const;

  const TranscribeOptions& options_;
  fs::path folder_;
  Fields config_;
  ResolvedGeneration settings_;
  fs::path draft_folder_;
  std::future<std::unique_ptr<Seq2SeqLm>> drafting_, loading_;
  FeatureExtractor features_;
  Tokenizer tokenizer_;
  WhisperSetup setup_;
  SpokenText::Times times_ = SpokenText::Times::kNone;
  std::unique_ptr<Seq2SeqLm> model_, draft_;
  std::unique_ptr<WhisperWorker> worker_;
  std::uint64_t seed_ = 0;
};

void WhisperTranscriber::read_settings() {
  const TranscribeOptions& o = options_;
  if (o.generation.logprobs >= 0) note("--logprobs: of no effect with hft transcribe");
  if (o.timestamps == "char")
    fail_hint(Errc::kUsage, "--return-timestamps true or word",
              "--return-timestamps char: Whisper knows times of segments and of words");
  WhisperSettings& s = setup_.settings = WhisperSettings::read(folder_, config_, settings_.config);
  for (const auto& [flag, to] :
       {std::pair{&o.compression_ratio_threshold, &s.compression_ratio_threshold},
        {&o.logprob_threshold, &s.logprob_threshold},
        {&o.no_speech_threshold, &s.no_speech_threshold}})
    if (*flag) *to = *flag;
  setup_.ask = {o.language, o.task};
  check_ask(s, setup_.ask);
  setup_.condition = o.condition_on_prev_tokens.value_or(s.condition_on_prev_tokens);
  setup_.temperatures = temperatures_of(o, o.generation);
  setup_.filter_width = config_.integer("median_filter_width", 1, 1001, 7) | 1;
  const auto positions = config_.integer("max_source_positions", 1, limits::kPositions, 1500);
  setup_.step_seconds = static_cast<double>(features_.settings().samples) /
                        features_.settings().rate / static_cast<double>(positions);
  const bool timed = o.timed() || (o.timestamps.empty() && s.return_timestamps);
  times_ = o.timestamps == "word" ? SpokenText::Times::kWords
           : timed                ? SpokenText::Times::kSegments
                                  : SpokenText::Times::kNone;
  setup_.words = times_ == SpokenText::Times::kWords;
  if (timed && !s.no_timestamps)
    fail(Errc::kUnsupported, folder_.string(),
         ": --return-timestamps: generation_config.json has no 'no_timestamps_token_id'");
  if (setup_.words && s.alignment_heads.empty())
    fail_hint(Errc::kUnsupported, "--return-timestamps true gives times of segments",
              folder_.string(),
              ": --return-timestamps word: generation_config.json has no 'alignment_heads'");
  if (o.initial_prompt.empty()) return;
  const auto previous = tokenizer_.id("<|startofprev|>");
  if (!previous) fail(Errc::kUnsupported, "--initial-prompt: the tokenizer has no <|startofprev|>");
  setup_.prompt = {*previous};
  const auto ids =
      tokenizer_.encode(" " + unicode_trimmed(o.initial_prompt), {.add_special_tokens = false}).ids;
  for (const auto id : ids)
    if (tokenizer_.is_special(id))
      fail(Errc::kUsage, "--initial-prompt: holds the special token ", tokenizer_.token(id));
  setup_.prompt.insert(setup_.prompt.end(), ids.begin(), ids.end());
}

void WhisperTranscriber::check_features() const {
  const auto& s = features_.settings();
  const auto hearing = model_->hearing();
  if (s.kind != FeatureKind::kWhisper || s.mel.bins != hearing.bins ||
      s.samples / s.mel.hop != hearing.frames)
    fail(Errc::kBadData, folder_.string(), ": preprocessor_config.json makes ",
         s.samples / std::max(1, s.mel.hop), " frames of ", s.mel.bins,
         " bins of a window, but the model hears ", hearing.frames, " of ", hearing.bins);
}

// It must hear what the model hears, and write its tokens.
void WhisperTranscriber::check_draft() const {
  if (!draft_) return;
  check_same_tokens(tokenizer_, Tokenizer::load(draft_folder_));
  const auto own = model_->hearing(), other = draft_->hearing();
  if (own.frames != other.frames || own.bins != other.bins)
    fail(Errc::kUnsupported, "--assistant-model: hears ", other.frames, " frames of ", other.bins,
         " bins, but the model ", own.frames, " of ", own.bins);
  if (settings_.config.num_beams > 1) note("--assistant-model: of no effect with beams");
}

// Too long a prompt leaves no room for what is said.
void WhisperTranscriber::check_prompt() const {
  if (setup_.prompt.empty() || setup_.condition) return;
  constexpr std::int64_t kStart = 4;  // tokens of the start, at most
  const std::int64_t made = setup_.wide.plain[0].max_new_tokens.value_or(1);
  const auto prompt = static_cast<std::int64_t>(setup_.prompt.size());
  if (prompt + kStart + made > model_->max_positions())
    fail_hint(Errc::kUsage, "make it shorter, or give --max-new-tokens", "--initial-prompt: has ",
              prompt, " tokens, which with ", made, " new ones are more than the model's ",
              model_->max_positions());
}

std::int64_t WhisperTranscriber::windows() const {
  const std::int64_t asked = batch_size(options_.model);
  if (asked > 0) return asked;
  const auto each = model_->kept_bytes().source * model_->max_source_positions();
  return std::clamp<std::int64_t>(kKeptBytes / std::max<std::int64_t>(each, 1), 1, kMostWindows);
}

// Of more than a window, times are needed to tell where the next begins.
void WhisperTranscriber::begin_whole(const media::SoundSource& source, Sound& sound) const {
  const auto& s = features_.settings();
  if (source.raw && source.file == "-") {
    sound.frames = frames_of_stream(s, open(source));
    sound.frames->window(0);  // tells whether there is more
  } else {
    sound.frames = frames_of_file(s, [this, source] { return open(source); });
  }
  const bool more = sound.frames->frames() > s.samples / s.mel.hop;
  if (more && !setup_.settings.no_timestamps)
    fail(Errc::kUnsupported, source.name,
         ": is longer than a window, and generation_config.json has no 'no_timestamps_token_id'");
  sound.timed = more || times_ != SpokenText::Times::kNone;
  const std::int64_t samples = sound.frames->samples();
  sound.heard = (samples + (more ? 0 : s.mel.hop - 1)) / s.mel.hop;
}

void WhisperTranscriber::begin_chunks(const media::SoundSource& source, Sound& sound) const {
  const double seconds = *options_.chunk_length_s;
  std::vector<double> strides = options_.stride_length_s;
  if (strides.empty()) strides = {seconds / 6};
  const auto length = samples_of(seconds), left = samples_of(strides.front()),
             right = samples_of(strides.back());
  if (length <= left + right)
    fail(Errc::kUsage, "--chunk-length-s: ", seconds, " is not more than both strides");
  sound.chunks = std::make_unique<SoundChunks>(open(source), length, left, right);
  sound.timed = times_ != SpokenText::Times::kNone;
}

std::optional<WhisperJob::Part> WhisperTranscriber::next_part(Sound& sound) const {
  const auto listen = [&](std::shared_ptr<SoundFrames> frames, std::int64_t heard) {
    return std::make_unique<Listening>(setup_, std::move(frames), heard, sound.timed, sound.random);
  };
  if (!sound.chunks) {
    if (std::exchange(sound.begun, true)) return std::nullopt;
    return WhisperJob::Part{listen(sound.frames, sound.heard), {}};
  }
  const auto chunk = sound.chunks->next();
  if (!chunk) return std::nullopt;
  const auto& s = features_.settings();
  const auto own = std::min(static_cast<std::int64_t>(chunk->samples.size()), s.samples);
  const auto rate = static_cast<double>(s.rate);
  return WhisperJob::Part{
      listen(frames_of_samples(s, std::span(chunk->samples).first(static_cast<std::size_t>(own))),
             (own + s.mel.hop - 1) / s.mel.hop),
      SpokenText::Stride{static_cast<double>(chunk->samples.size()) / rate,
                         static_cast<double>(chunk->left) / rate,
                         static_cast<double>(chunk->right) / rate}};
}

Transcript WhisperTranscriber::transcript(const SpokenText& text, const Sound& sound) const {
  const auto samples = sound.chunks ? sound.chunks->samples() : sound.frames->samples();
  Transcript t{.text = text.text(),
               .times_first = !setup_.words,
               .seconds = static_cast<double>(samples) / features_.settings().rate};
  if (times_ != SpokenText::Times::kNone) t.chunks = text.chunks();
  return t;
}

std::unique_ptr<Job> WhisperTranscriber::prepare(const Input& input, Transcripts& out) {
  worker_->show_to(out);
  auto sound = std::make_shared<Sound>();
  sound->random = random();
  const media::SoundSource source = source_of(input, options_.sound);
  const bool chunked = options_.chunk_length_s.value_or(0) > 0;
  chunked ? begin_chunks(source, *sound) : begin_whole(source, *sound);
  return std::make_unique<WhisperJob>(
      SpokenText(tokenizer_, times_, setup_.step_seconds), [this, sound] { return next_part(*sound); },
      [this, sound, &out](const Input& of, const SpokenText& text) {
        out.write(of, transcript(text, *sound));
      });
}

}  // namespace

std::unique_ptr<Transcriber> make_whisper_transcriber(const TranscribeOptions& options,
                                                      const fs::path& folder,
                                                      const Fields& config) {
  return std::make_unique<WhisperTranscriber>(options, folder, config);
}

}  // namespace hft
