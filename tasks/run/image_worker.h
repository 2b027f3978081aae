// The worker of the models that see pictures: as many at a time as keep every core busy. A job
// without a picture has nothing to wait for.
#pragma once

#include <functional>
#include <vector>

#include "core/models/heads/image.h"
#include "core/processors/image_processor.h"
#include "tasks/run/runner.h"

namespace hft {

class ImageJob : public Job {
 public:
  using Finish = std::function<Json(const Seen&)>;
  ImageJob(Pixels pixels, Finish finish) : pixels_(std::move(pixels)), finish_(std::move(finish)) {}
  void write(const Input& input, Sink& sink) override { sink.write(input, finish_(seen_)); }

 private:
  friend class ImageWorker;
  Pixels pixels_;
  Seen seen_;
  Finish finish_;
};

class ImageWorker : public Worker {
 public:
  // `most` pictures a batch; 0: as many as the model says.
  ImageWorker(ImageModel& model, std::int64_t most);
  bool has_room() const override;
  void admit(Job& job) override;
  bool busy() const override { return !waiting_.empty(); }
  std::vector<Finished> step() override;
  bool cancel(Job& job) override;

 private:
  void compute(std::span<ImageJob* const> jobs, std::vector<Finished>& finished);
  ImageModel& model_;
  std::int64_t most_;
  std::vector<ImageJob*> waiting_;
  std::int64_t pixels_ = 0;  // of those
};

}  // namespace hft
