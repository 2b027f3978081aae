// The worker of the text encoders: a window of inputs at a time, cut into batches without padding,
// longest first, each filled to the token budget.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/models/heads/text_model.h"
#include "core/processors/image_processor.h"
#include "tasks/run/memory_limit.h"
#include "tasks/run/runner.h"

namespace hft {

// One token sequence for the model.
struct Sequence {
  std::vector<std::int32_t> ids, type_ids;
  std::vector<std::int32_t> boxes;  // of TokenBatch
  std::shared_ptr<const Pixels> page;  // what the page looks like; null: unseen
  std::vector<std::int32_t> rows;  // kMaskedLm: the positions wanted
  std::int32_t prompt = 0;         // kEmbed: how many of the first tokens are a prompt
};

// What one input became. finish gets one Matrix for each sequence, in order.
struct Prepared {
  std::vector<Sequence> sequences;
  std::function<Json(std::span<const Matrix> results)> finish;
};

class EncoderJob : public Job {
 public:
  explicit EncoderJob(Prepared prepared);
  void write(const Input& input, Sink& sink) override;

 private:
  friend class EncoderWorker;
  Prepared prepared_;
  std::vector<Matrix> results_;
  std::size_t waiting_;  // sequences without a result
  std::optional<Error> error_;
};

class EncoderWorker : public Worker {
 public:
  // `most` sequences a batch; 0: as many as the token budget takes.
  EncoderWorker(TextModel& model, Head head, std::int64_t most);
  bool has_room() const override;
  void admit(Job& job) override;
  bool busy() const override { return !places_.empty() || !ready_.empty(); }
  std::vector<Finished> step() override;
  bool cancel(Job& job) override;

 private:
  struct Place {
    EncoderJob* job;
    std::size_t sequence;
    const Sequence& get() const { return job->prepared_.sequences[sequence]; }
  };
  std::vector<Place> next_batch();
  void compute(std::span<const Place> batch);
  void scatter(std::span<const Place> batch, const Matrix& result);
  void finished(const Place& place);

  TextModel& model_;
  Head head_;
  std::int64_t most_;
  MemoryLimit memory_;
  std::vector<Place> places_;  // of the window, from at_ on; sorted once it is full
  std::size_t at_ = 0;
  bool filling_ = true;
  std::int64_t tokens_ = 0;  // of the window
  std::size_t jobs_ = 0;
  std::vector<Finished> ready_;
};

}  // namespace hft
