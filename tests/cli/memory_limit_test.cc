// A batch that memory does not suffice for is halved, and so are those that follow.
#include "tasks/run/memory_limit.h"

#include "tasks/run/encoder_worker.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

// Takes so many sequences at a time.
class SmallModel : public TextModel {
 public:
  explicit SmallModel(std::int64_t most) : most_(most) {}
  Matrix forward(const TokenBatch& batch) override {
    const auto sequences = std::ssize(batch.starts) - 1;
    tried.push_back(sequences);
    if (sequences > most_) fail(Errc::kResources, "out of memory");
    Matrix logits{sequences, 1, {}};
    for (std::int64_t i = 0; i < sequences; ++i)
      logits.data.push_back(static_cast<float>(batch.ids[static_cast<std::size_t>(batch.starts[i])]));
    return logits;
  }
  std::int64_t max_positions() const override { return 64; }
  const std::vector<std::string>& warnings() const override { return warnings_; }
  std::vector<std::int64_t> tried;

 private:
  std::int64_t most_;
  std::vector<std::string> warnings_;
};

}  // namespace

TEST_CASE("memory: batches are halved until they fit, and stay so") {
  SmallModel model(3);
  EncoderWorker worker(model, Head::kClassify, 0);
  std::vector<std::unique_ptr<EncoderJob>> jobs;
  for (std::int32_t i = 0; i < 20; ++i) {
    jobs.push_back(std::make_unique<EncoderJob>(
        Prepared{{Sequence{.ids = {i, 7}}}, [](std::span<const Matrix>) { return Json(); }}));
    worker.admit(*jobs.back());
  }
  std::size_t finished = 0;
  while (worker.busy())
    for (const Finished& one : worker.step()) {
      CHECK(!one.error);
      ++finished;
    }
  CHECK(finished == 20);
  CHECK(model.tried == std::vector<std::int64_t>{20, 10, 5, 2, 1, 2, 2, 1, 2, 2, 1, 2, 2, 1, 2});
}

TEST_CASE("memory: one input alone that it does not suffice for ends the run") {
  SmallModel model(0);
  EncoderWorker worker(model, Head::kClassify, 1);
  EncoderJob job(Prepared{{Sequence{.ids = {1}}}, [](std::span<const Matrix>) { return Json(); }});
  worker.admit(job);
  CHECK(test::caught([&] { worker.step(); }).code == Errc::kResources);
}
