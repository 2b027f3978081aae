// The worker of Whisper: windows of all the sounds at hand are heard together and written together, a
// token of each at a time; a new one joins as soon as one has ended.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "core/processors/spoken_text.h"
#include "tasks/audio/transcriber.h"
#include "tasks/audio/whisper_listener.h"

namespace hft {

// One sound: a listening, or one for each of its chunks.
class WhisperJob : public Job {
 public:
  // A part that has still to be listened to, and how it lies among its neighbours.
  struct Part {
    std::unique_ptr<Listening> listening;
    std::optional<SpokenText::Stride> stride;
  };
  using NextPart = std::function<std::optional<Part>()>;
  using Finish = std::function<void(const Input&, const SpokenText&)>;

  WhisperJob(SpokenText text, NextPart next, Finish finish)
      : text_(std::move(text)), next_(std::move(next)), finish_(std::move(finish)) {}
  void write(const Input& input, Sink&) override { finish_(input, text_); }

 private:
  friend class WhisperWorker;
  bool finished() const { return ended_ && parts_.empty(); }
  // Another part begins; false when there is none.
  bool begin_part();
  double position() const;  // seconds
  // What is ready of the parts, in their order; their error.
  std::optional<Error> collect();

  SpokenText text_;
  NextPart next_;
  Finish finish_;
  std::deque<Part> parts_;
  bool ended_ = false;  // all parts have begun
  double heard_ = 0;  // seconds of the parts that are over
  std::size_t shown_ = 0;  // chunks
};

class WhisperWorker : public Worker {
 public:
  // `windows`: so many at a time; `draft`: may be null.
  WhisperWorker(Seq2SeqLm& model, Seq2SeqLm* draft, std::int64_t windows, std::int64_t beams);
  // Is given the chunks of the sound in turn as they come.
  void show_to(Transcripts& out) { out_ = &out; }  // from any thread
  bool has_room() const override;
  void admit(Job& job) override { jobs_.push_back(static_cast<WhisperJob*>(&job)); }
  bool busy() const override { return !jobs_.empty(); }
  std::vector<Finished> step() override;
  std::string detail() const override;
  bool cancel(Job& job) override;

 private:
  void show();
  void begin_parts();
  void hear();
  void hear(std::span<Listening* const> listenings, std::span<const Features> windows);

  Seq2SeqLm& model_;
  Seq2SeqLm* draft_;
  std::int64_t windows_;
  Generator generator_;
  std::atomic<Transcripts*> out_ = nullptr;
  std::vector<WhisperJob*> jobs_;  // in the order they came
  double heard_ = 0;  // seconds of the sounds that are over
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace hft
