#include "tasks/run/encoder_worker.h"

#include <algorithm>

#include "tasks/run/media_worker.h"

namespace hft {
namespace {
constexpr std::int64_t kWindowTokens = 4 * kForwardTokens;  // sorted together
constexpr std::size_t kWindowInputs = 4096;
constexpr std::size_t kPatchNumbers = 3 * 16 * 16;

// A page counts for about as many tokens as it has patches.
std::int64_t tokens_of(const Sequence& sequence) {
  const std::size_t patches = sequence.page ? sequence.page->data.size() / kPatchNumbers : 0;
  return static_cast<std::int64_t>(sequence.ids.size() + patches);
}

}  // namespace

EncoderJob::EncoderJob(Prepared prepared)
    : prepared_(std::move(prepared)),
      results_(prepared_.sequences.size()),
      waiting_(prepared_.sequences.size()) {}

void EncoderJob::write(const Input& input, Sink& sink) {
  sink.write(input, prepared_.finish(results_));
}

EncoderWorker::EncoderWorker(TextModel& model, Head head, std::int64_t most)
    : model_(model), head_(head), most_(most) {}

bool EncoderWorker::has_room() const {
  return filling_ && tokens_ < kWindowTokens && jobs_ < kWindowInputs;
}

void EncoderWorker::admit(Job& job) {
  auto& own = static_cast<EncoderJob&>(job);
  if (own.waiting_ == 0) ready_.push_back({&own, {}});
  for (std::size_t i = 0; i < own.waiting_; ++i) {
    places_.push_back({&own, i});
    tokens_ += tokens_of(places_.back().get());
  }
  ++jobs_;
  ++tokens_;
}

std::vector<EncoderWorker::Place> EncoderWorker::next_batch() {
  std::vector<Place> batch;
  std::int64_t tokens = 0;
  for (; at_ < places_.size(); ++at_) {
    const auto length = tokens_of(places_[at_].get());
    const bool full = most_ > 0 ? static_cast<std::int64_t>(batch.size()) == most_
                                : tokens + length > kForwardTokens;
    if (!batch.empty() && (full || !memory_.allows_more(std::ssize(batch)))) break;
    tokens += length;
    batch.push_back(places_[at_]);
  }
  return batch;
}

std::vector<Finished> EncoderWorker::step() {
  if (filling_)
    std::ranges::stable_sort(places_, [](const Place& a, const Place& b) {
      return a.get().ids.size() > b.get().ids.size();
    });
  filling_ = false;
  compute(next_batch());
  if (at_ == places_.size()) {
    places_.clear();
    at_ = 0;
    tokens_ = 0;
    jobs_ = 0;
    filling_ = true;
  }
  return std::exchange(ready_, {});
}

// A batch that cannot be computed is halved, until the sequence at fault stands alone: it fails,
// the others get what they get without it. Where memory is at fault, the next ones are halved too.
void EncoderWorker::compute(std::span<const Place> batch) {
  if (batch.empty()) return;
  const auto halves = [&] {
    compute(batch.first(batch.size() / 2));
    compute(batch.subspan(batch.size() / 2));
  };
  if (memory_.exceeded(std::ssize(batch))) return halves();
  TokenBatch tokens;
  for (const Place& place : batch) {
    const Sequence& sequence = place.get();
    const auto start = static_cast<std::int32_t>(tokens.ids.size());
    tokens.ids.insert(tokens.ids.end(), sequence.ids.begin(), sequence.ids.end());
    tokens.type_ids.insert(tokens.type_ids.end(), sequence.type_ids.begin(),
                           sequence.type_ids.end());
    tokens.boxes.insert(tokens.boxes.end(), sequence.boxes.begin(), sequence.boxes.end());
    for (auto row : sequence.rows) tokens.rows.push_back(start + row);
    tokens.starts.push_back(static_cast<std::int32_t>(tokens.ids.size()));
    tokens.prompts.push_back(sequence.prompt);
    if (model_.sees_pages())
      tokens.pages.push_back(sequence.page ? view_of(*sequence.page) : PictureView{});
  }
  try {
    scatter(batch, model_.forward(tokens));
  } catch (const Error& e) {
    if (e.code == Errc::kResources && !memory_.halve(std::ssize(batch))) throw;
    if (batch.size() == 1) {
      batch[0].job->error_ = e;
      return finished(batch[0]);
    }
    halves();
  }
}

// Cuts the model's rows apart: [B,·] or [N,·] or [rows,·], by the shape they came in.
void EncoderWorker::scatter(std::span<const Place> batch, const Matrix& result) {
  std::int64_t at = 0;
  for (const Place& place : batch) {
    const Sequence& sequence = place.get();
    std::int64_t rows = 1;
    if (head_ == Head::kFeatures || head_ == Head::kTokenClassify || head_ == Head::kAnswer)
      rows = static_cast<std::int64_t>(sequence.ids.size());
    if (head_ == Head::kMaskedLm) rows = static_cast<std::int64_t>(sequence.rows.size());
    Matrix& own = place.job->results_[place.sequence];
    own.rows = rows;
    own.cols = result.cols;
    own.data.assign(result.data.begin() + at * result.cols,
                    result.data.begin() + (at + rows) * result.cols);
    at += rows;
    finished(place);
  }
}

void EncoderWorker::finished(const Place& place) {
  if (--place.job->waiting_ == 0) ready_.push_back({place.job, place.job->error_});
}

bool EncoderWorker::cancel(Job& job) {
  const auto rest = places_.begin() + static_cast<std::ptrdiff_t>(at_);
  places_.erase(std::remove_if(rest, places_.end(),
                               [&](const Place& place) { return place.job == &job; }),
                places_.end());
  return false;
}

}  // namespace hft
