#include "tasks/audio/ctc_worker.h"

#include <algorithm>

namespace hft {
namespace {
constexpr std::size_t kBlock = 1 << 16;          // samples read at a time
constexpr std::size_t kBatchSamples = 24 << 20;
}  // namespace

void SoundWindows::fill(std::size_t wanted) {
  while (!source_ended_ && kept_.size() < wanted) {
    const auto before = kept_.size();
    const auto room = std::min(std::max(kBlock, before), wanted - before);
    kept_.resize(before + room);
    const auto got = reader_->read(std::span(kept_).subspan(before));
    kept_.resize(before + got);
    read_ += static_cast<std::int64_t>(got);
    source_ended_ = got < room;
  }
}

// One sample more than a window tells whether it is the last.
void SoundWindows::read_ahead() {
  fill(windows_.length == 0 ? SIZE_MAX : static_cast<std::size_t>(windows_.length) + 1);
}

SoundWindows::Window SoundWindows::next() {
  read_ahead();
  const auto length = static_cast<std::size_t>(windows_.length);
  ended_ = length == 0 || kept_.size() <= length;
  Window window{.left = first_ ? 0 : windows_.left, .right = ended_ ? 0 : windows_.right};
  first_ = false;
  if (ended_) {
    window.samples = std::exchange(kept_, {});
    reader_.reset();
  } else {
    window.samples.assign(kept_.begin(), kept_.begin() + windows_.length);
    kept_.erase(kept_.begin(), kept_.begin() + windows_.step());
  }
  return window;
}

std::vector<CtcWorker::Heard> CtcWorker::next_batch(std::vector<Finished>& finished) {
  std::vector<Heard> batch;
  std::size_t samples = 0;
  for (CtcJob* job : std::vector(live_))
    while (!job->windows_.ended() && std::ssize(batch) < most_ && samples < kBatchSamples) {
      try {
        const auto window = job->windows_.next();
        samples += window.samples.size();
        batch.push_back({job, std::ssize(window.samples), window.left, window.right,
                         extractor_(window.samples)});
      } catch (const Error& e) {
        std::erase_if(batch, [&](const Heard& one) { return one.job == job; });
        fail(job, e, finished);
        break;
      }
    }
  return batch;
}

void CtcWorker::fail(CtcJob* job, const Error& error, std::vector<Finished>& finished) {
  if (std::erase(live_, job) > 0) finished.push_back({job, error});
}

// A batch that cannot be computed is halved, until the window at fault stands alone.
void CtcWorker::compute(std::span<Heard> batch, std::vector<Finished>& finished) {
  if (batch.empty()) return;
  std::vector<SoundView> views;
  for (const Heard& one : batch)
    views.push_back(view_of(one.features));
  try {
    const auto results = model_.forward(views);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Heard& one = batch[i];
      const Matrix& logits = results[i].logits;
      const auto kept = moments_kept(one.samples, one.left, one.right, model_.stride());
      const auto begin = std::min(kept.begin, logits.rows), end = std::min(kept.end, logits.rows);
      if (begin < end)
        append_best(std::span(logits.data).subspan(begin * logits.cols, (end - begin) * logits.cols),
                    logits.cols, one.job->ids_);
    }
  } catch (const Error& e) {
    if (e.code == Errc::kResources) throw;
    CtcJob* job = batch[0].job;
    if (batch.size() == 1) return fail(job, named_error(e, job->name_), finished);
    compute(batch.first(batch.size() / 2), finished);
    compute(batch.subspan(batch.size() / 2), finished);
  }
}

std::vector<Finished> CtcWorker::step() {
  std::vector<Finished> finished;
  auto batch = next_batch(finished);
  compute(batch, finished);
  std::erase_if(live_, [&](CtcJob* job) {
    if (job->windows_.ended()) finished.push_back({job, {}});
    return job->windows_.ended();
  });
  return finished;
}

bool CtcWorker::cancel(Job& job) {
  std::erase(live_, &static_cast<CtcJob&>(job));
  return true;
}

}  // namespace hft
