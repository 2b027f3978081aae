// The worker of models that label every moment of a sound: windows of several sounds at a time, read
// as they are wanted, so that a long sound takes no more memory than a short one.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/models/heads/sound.h"
#include "core/processors/ctc.h"
#include "core/processors/feature_extractor.h"
#include "media/sound.h"
#include "tasks/run/media_worker.h"

namespace hft {

// A sound cut into windows that overlap, as chunk_iter of the reference cuts it.
class SoundWindows {
 public:
  SoundWindows(std::unique_ptr<media::SoundReader> reader, const CtcWindows& windows)
      : reader_(std::move(reader)), windows_(windows) {}
  struct Window {
    std::vector<float> samples;
    std::int64_t left = 0, right = 0;  // samples that are another window's
  };
  // Both throw what reading throws. read_ahead: the samples of the next window.
  void read_ahead();
  Window next();
  bool ended() const { return ended_; }
  std::int64_t samples() const { return read_; }  // read so far

 private:
  void fill(std::size_t wanted);
  std::unique_ptr<media::SoundReader> reader_;
  CtcWindows windows_;
  std::vector<float> kept_;  // from the next window on
  std::int64_t read_ = 0;
  bool first_ = true, ended_ = false, source_ended_ = false;
};

class CtcJob : public Job {
 public:
  // name: begins the errors of what cannot be computed.
  CtcJob(SoundWindows windows, std::string name)
      : windows_(std::move(windows)), name_(std::move(name)) {}
  // The best token of each moment so far.
  const std::vector<std::int32_t>& ids() const { return ids_; }
  std::int64_t samples() const { return windows_.samples(); }

 private:
  friend class CtcWorker;
  SoundWindows windows_;
  std::string name_;
  std::vector<std::int32_t> ids_;
};

class CtcWorker : public Worker {
 public:
  // `most` windows at a time; 0: as many as the model says.
  CtcWorker(SoundModel& model, const FeatureExtractor& extractor, std::int64_t most)
      : model_(model), extractor_(extractor), most_(most > 0 ? most : model.together()) {}
  bool has_room() const override { return std::ssize(live_) < most_; }
  void admit(Job& job) override { live_.push_back(&static_cast<CtcJob&>(job)); }
  bool busy() const override { return !live_.empty(); }
  std::vector<Finished> step() override;
  bool cancel(Job& job) override;

 private:
  struct Heard {
    CtcJob* job;
    std::int64_t samples, left, right;
    Features features;
  };
  std::vector<Heard> next_batch(std::vector<Finished>& finished);
  void compute(std::span<Heard> batch, std::vector<Finished>& finished);
  void fail(CtcJob* job, const Error& error, std::vector<Finished>& finished);

  SoundModel& model_;
  const FeatureExtractor& extractor_;
  std::int64_t most_;
  std::vector<CtcJob*> live_;
};

}  // namespace hft
