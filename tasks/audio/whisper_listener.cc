#include "tasks/audio/whisper_listener.h"

#include <algorithm>
#include <cmath>

#include "core/generation/numbers.h"
#include "core/generation/probe.h"
#include "core/processors/alignment.h"

namespace hft {
namespace {

constexpr std::int64_t kStride = 2;     // frames of a position of the encoder
constexpr double kHot = 0.5;  // text of such a temperature is no context for more

// The numbers of one sound, for one attempt after another.
class Shared : public Random {
 public:
  explicit Shared(std::shared_ptr<Random> random) : random_(std::move(random)) {}
  std::vector<std::int32_t> draw(const Matrix& probabilities, std::int64_t count) override {
    return random_->draw(probabilities, count);
  }
  std::vector<float> uniform(std::int64_t n) override { return random_->uniform(n); }

 private:
  std::shared_ptr<Random> random_;
};

}  // namespace

void WhisperSetup::set_attempts(const GenerationConfig& config) {
  for (Attempts* attempts : {&wide, &narrow})
    for (const double temperature : temperatures) {
      GenerationConfig c = config;
      c.num_return_sequences = 1;
      c.do_sample = temperature > 0;
      c.temperature = c.do_sample ? temperature : 1;
      if (c.do_sample || attempts == &narrow) c.num_beams = 1;
      attempts->plain.push_back(c);
      if (settings.no_timestamps)
        c.timestamps = {settings.first_timestamp(), c.eos_token_id.empty() ? 0 : c.eos_token_id[0],
                        settings.max_initial_timestamp_index};
      attempts->timed.push_back(std::move(c));
    }
}

Listening::Listening(const WhisperSetup& setup, std::shared_ptr<SoundFrames> frames,
                     std::int64_t heard, bool timed, std::shared_ptr<Random> random)
    : setup_(setup),
      frames_(std::move(frames)),
      heard_frames_(heard),
      ask_(setup.ask),
      random_(std::move(random)) {
  ask_.timestamps = timed;
  if (setup.condition && !setup.prompt.empty())
    segments_.emplace_back(setup.prompt.begin() + 1, setup.prompt.end());
}

Listening::~Listening() { close_window(); }

Features Listening::next() {
  Features window = frames_->window(seek_);
  window_frames_ = std::min(frames_->frames() - seek_, window.frames);
  return window;
}

void Listening::heard(int sequence, int draft, Generator& generator) {
  state_ = State::kRunning;
  base_ = sequence;
  draft_ = draft;
  if (!language_ && detects_language(setup_.settings, ask_)) return detect(generator);
  begin_window(generator);
}

void Listening::fail(Error error) {
  error_ = std::move(error);
  close_window();
  state_ = State::kDone;
}

void Listening::stop(Generator& generator) {
  stopping_ = true;
  if (state_ == State::kRunning) generator.stop(number_, Finish::kInterrupted);
  close_window();
  state_ = State::kDone;
}

const GenerationConfig& Listening::config() const {
  const auto& attempts = drew_ ? setup_.narrow : setup_.wide;
  return (ask_.timestamps ? attempts.timed : attempts.plain)[attempt_];
}

Surroundings Listening::surroundings(std::size_t prompt) const {
  const GenerationConfig& c = config();
  Surroundings around{c, lengths_of(c, static_cast<std::int64_t>(prompt),
                                    setup_.model->max_positions(), true)};
  around.mean_logprob = setup_.settings.logprob_threshold.has_value();
  if (c.do_sample) around.random = std::make_unique<Shared>(random_);
  return around;
}

void Listening::run(std::unique_ptr<Method> method, std::int64_t sequences, Generator& generator,
                    Took took) {
  number_ = generator.add(
      std::move(method), sequences,
      [this, took, &generator](std::vector<Generated> results, Method&,
                               const std::optional<Error>& error) {
        if (error) return fail(*error);
        try {
          (this->*took)(std::move(results.at(0)), generator);
        } catch (const Error& e) {
          if (e.code == Errc::kResources) throw;
          fail(e);
        }
      });
}

void Listening::detect(Generator& generator) {
  const auto look = [this](std::span<const float> logits) {
    float most = kRemoved;
    for (const auto& [name, id] : setup_.settings.languages)
      if (const auto i = static_cast<std::size_t>(id);
          i < logits.size() && (!language_ || logits[i] > most || (logits[i] == most && id < *language_)))
        most = logits[i], language_ = id;
  };
  run(make_probe(*setup_.model, {.ids = {setup_.settings.start}, .sequence = base_},
                 {config(), {setup_.model->max_positions(), 0}}, look),
      1, generator, &Listening::detected);
}

void Listening::detected(Generated, Generator& generator) {
  setup_.model->crop(base_, 0);
  if (stopping_) return;
  begin_window(generator);
}

// The text before, where this window goes on from it, and what the decoder starts with.
TokenIds Listening::prompt_of_window() const {
  const TokenIds start = start_tokens(setup_.settings, ask_, language_);
  TokenIds ids;
  if (setup_.condition && cool_ && !segments_.empty()) {
    TokenIds lead;
    if (setup_.settings.previous) lead = {*setup_.settings.previous};
    ids = earlier_text(segments_, lead, setup_.settings.first_timestamp(),
                       setup_.model->max_positions());
  } else {
    ids = setup_.prompt;
  }
  ids.insert(ids.end(), start.begin(), start.end());
  return ids;
}

void Listening::begin_window(Generator& generator) {
  ids_ = prompt_of_window();
  cached_ = 0;
  attempt_ = 0;
  if (setup_.settings.no_speech_threshold && setup_.settings.no_timestamps)
    return look_for_silence(generator);
  attempt(generator);
}

// How likely it is that nobody speaks stands where the text begins, even behind a prompt.
void Listening::look_for_silence(Generator& generator) {
  const auto start = std::find(ids_.rbegin(), ids_.rend(), setup_.settings.start).base();
  const TokenIds head(ids_.begin(), start);
  cached_ = static_cast<std::int64_t>(head.size()) - 1;
  const auto look = [this](std::span<const float> logits) {
    const auto silence = static_cast<std::size_t>(*setup_.settings.no_timestamps - 1);
    if (silence >= logits.size()) return;
    const Normaliser normal = normaliser(logits);
    no_speech_ = std::exp(logits[silence] - normal.most - normal.log_sum);
  };
  run(make_probe(*setup_.model, {.ids = head, .sequence = base_},
                 {config(), {setup_.model->max_positions(), 0}}, look),
      1, generator, &Listening::looked);
}

void Listening::looked(Generated, Generator& generator) {
  setup_.model->crop(base_, cached_);
  if (stopping_) return;
  attempt(generator);
}

void Listening::attempt(Generator& generator) {
  Surroundings around = surroundings(ids_.size());
  const std::int64_t beams = config().num_beams;
  if (draft_ >= 0) {
    around.draft = setup_.draft;
    around.open_draft = [this] { return setup_.draft->fork(draft_); };
  }
  run(make_method(*setup_.model,
                  {.ids = ids_, .sequence = setup_.model->fork(base_), .cached = cached_},
                  std::move(around)),
      beams, generator, &Listening::attempted);
}

void Listening::attempted(Generated result, Generator& generator) {
  const WhisperSettings& s = setup_.settings;
  const Verdict verdict = judge({result.ids, result.mean_logprob.value_or(0), no_speech_}, s,
                                setup_.model->vocab());
  const bool more = attempt_ + 1 < setup_.temperatures.size() && !stopping_;
  drew_ |= config().do_sample;
  if (verdict == Verdict::kAgain && more) {
    ++attempt_;
    return attempt(generator);
  }
  cool_ = setup_.temperatures[attempt_] < kHot;
  if (verdict == Verdict::kSilence) return skip_window();
  const std::vector<float> times = setup_.words ? times_of(result.ids) : std::vector<float>();
  const TokenIds& ends = config().eos_token_id;
  if (!result.ids.empty() && std::ranges::count(ends, result.ids.back()) > 0)
    result.ids.pop_back();
  end_window(std::move(result.ids), times);
}

// Of each token; the last one has no attention of its own and takes the time of the one before.
std::vector<float> Listening::times_of(const TokenIds& tokens) const {
  std::vector<float> times(tokens.size());
  const auto count = static_cast<std::int64_t>(tokens.size()) - 1;
  if (count < 1) return times;
  Seq2SeqLm& model = *setup_.model;
  const int sequence = model.fork(base_);
  model.crop(sequence, 0);
  TokenIds fed = ids_;
  fed.insert(fed.end(), tokens.begin(), tokens.end() - 1);
  const auto& heads = setup_.settings.alignment_heads;
  const Attended seen = model.attended(sequence, fed, heads);
  model.close(sequence);
  // As a Python slice counts, where the window lies past the end of the sound.
  auto positions = static_cast<std::int64_t>(
      std::floor(static_cast<double>(heard_frames_ - seek_) / kStride));
  positions = positions < 0 ? std::max<std::int64_t>(0, seen.positions + 2 * positions)
                            : std::min(positions, seen.positions);
  std::vector<float> weights;
  for (std::int64_t h = 0; h < seen.heads; ++h)
    for (std::int64_t t = seen.tokens - count; t < seen.tokens; ++t) {
      const auto row = seen.weights.begin() + (h * seen.tokens + t) * seen.positions;
      weights.insert(weights.end(), row, row + positions);
    }
  const auto first = token_positions(std::move(weights), seen.heads, count, setup_.filter_width);
  const double offset = static_cast<double>(seek_) * setup_.step_seconds / kStride;
  for (std::size_t i = 0; i < times.size(); ++i)
    times[i] = static_cast<float>(static_cast<double>(first[std::min(i, first.size() - 1)]) *
                                  setup_.step_seconds) +
               static_cast<float>(offset);
  return times;
}

void Listening::end_window(TokenIds tokens, const std::vector<float>& times) {
  const CutWindow cut =
      cut_window(tokens, setup_.settings.first_timestamp(), window_frames_, kStride);
  for (const Segment& part : cut.segments) {
    const auto begin = static_cast<std::ptrdiff_t>(part.begin),
               end = static_cast<std::ptrdiff_t>(part.end);
    segments_.emplace_back(tokens.begin() + begin, tokens.begin() + end);
    written_.ids.insert(written_.ids.end(), tokens.begin() + begin, tokens.begin() + end);
    if (!times.empty())
      written_.times.insert(written_.times.end(), times.begin() + begin, times.begin() + end);
  }
  if (!setup_.condition) segments_.clear();
  seek_ += cut.frames;
  close_window();
  state_ = stopping_ || seek_ >= frames_->frames() ? State::kDone : State::kWaiting;
}

void Listening::skip_window() {
  seek_ += window_frames_;
  close_window();
  state_ = stopping_ || seek_ >= frames_->frames() ? State::kDone : State::kWaiting;
}

void Listening::close_window() {
  if (base_ >= 0) setup_.model->close(std::exchange(base_, -1));
  if (draft_ >= 0) setup_.draft->close(std::exchange(draft_, -1));
}

}  // namespace hft
