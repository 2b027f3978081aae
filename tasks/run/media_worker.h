// The worker of the models that see pictures or hear sounds: as many at a time as keep every core
// busy. A job with nothing to see or hear has nothing to wait for.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/models/heads/image.h"
#include "core/models/heads/sound.h"
#include "core/processors/feature_extractor.h"
#include "core/processors/image_processor.h"
#include "tasks/run/memory_limit.h"
#include "tasks/run/runner.h"

namespace hft {

inline PictureView view_of(const Pixels& p) {
  return {p.channels, p.height, p.width, p.data.data()};
}
inline SoundView view_of(const Features& f) { return {f.data.data(), f.frames, f.bins, f.parts}; }

// How much of it there is to see or hear.
inline std::size_t numbers_of(const Pixels& p) { return p.data.size(); }
inline std::size_t numbers_of(const Features& f) { return f.data.size(); }

inline Error named_error(const Error& e, const std::string& name) {
  return name.empty() ? e : Error(e.code, name + ": " + e.message, e.hint);
}

// What a model is shown of an input, and what it makes of it.
template <class Shown, class Result>
class MediaJob : public Job {
 public:
  using Finish = std::function<Json(const Result&)>;
  // name: begins the errors of what cannot be computed.
  MediaJob(Shown shown, Finish finish, std::string name = "")
      : shown_(std::move(shown)), finish_(std::move(finish)), name_(std::move(name)) {}
  void write(const Input& input, Sink& sink) override { sink.write(input, finish_(result_)); }

 private:
  template <class Model, class S, class R>
  friend class MediaWorker;
  Shown shown_;
  Result result_;
  Finish finish_;
  std::string name_;
};

template <class Model, class Shown, class Result>
class MediaWorker : public Worker {
 public:
  using OwnJob = MediaJob<Shown, Result>;
  // `most` inputs a batch; 0: as many as the model says.
  MediaWorker(Model& model, std::int64_t most)
      : model_(model), most_(most > 0 ? most : model.together()) {}

  bool has_room() const override {
    return std::ssize(waiting_) < most_ && numbers_ < kBatchNumbers &&
           memory_.allows_more(std::ssize(waiting_));
  }
  void admit(Job& job) override {
    waiting_.push_back(&static_cast<OwnJob&>(job));
    numbers_ += numbers_of(waiting_.back()->shown_);
  }
  bool busy() const override { return !waiting_.empty(); }

  std::vector<Finished> step() override {
    std::vector<Finished> finished;
    auto jobs = std::exchange(waiting_, {});
    numbers_ = 0;
    std::erase_if(jobs, [&](OwnJob* job) {
      if (numbers_of(job->shown_) > 0) return false;
      finished.push_back({job, {}});
      return true;
    });
    compute(jobs, finished);
    return finished;
  }

  bool cancel(Job& job) override {
    std::erase(waiting_, &static_cast<OwnJob&>(job));
    return false;
  }

 private:
  static constexpr std::size_t kBatchNumbers = 24 << 20;

  // A batch that cannot be computed is halved, until the input at fault stands alone: it fails, the
  // others get what they get without it.
  void compute(std::span<OwnJob* const> jobs, std::vector<Finished>& finished) {
    if (jobs.empty()) return;
    const auto halves = [&] {
      compute(jobs.first(jobs.size() / 2), finished);
      compute(jobs.subspan(jobs.size() / 2), finished);
    };
    if (memory_.exceeded(std::ssize(jobs))) return halves();
    std::vector<decltype(view_of(std::declval<const Shown&>()))> views;
    for (const OwnJob* job : jobs) views.push_back(view_of(job->shown_));
    try {
      std::vector<Result> results = model_.forward(views);
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        jobs[i]->result_ = std::move(results[i]);
        jobs[i]->shown_ = {};
        finished.push_back({jobs[i], {}});
      }
    } catch (const Error& e) {
      if (e.code == Errc::kResources && !memory_.halve(std::ssize(jobs))) throw;
      if (jobs.size() == 1) return finished.push_back({jobs[0], named_error(e, jobs[0]->name_)});
      halves();
    }
  }

  Model& model_;
  std::int64_t most_;
  MemoryLimit memory_;
  std::vector<OwnJob*> waiting_;
  std::size_t numbers_ = 0;  // of those
};

using ImageJob = MediaJob<Pixels, Seen>;
using ImageWorker = MediaWorker<ImageModel, Pixels, Seen>;
using SoundJob = MediaJob<Features, Heard>;
using SoundWorker = MediaWorker<SoundModel, Features, Heard>;

}  // namespace hft
