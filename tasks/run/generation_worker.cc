#include "tasks/run/generation_worker.h"

namespace hft {
namespace {
// What all live inputs keep of their texts, together.
constexpr std::int64_t kKeptBytes = std::int64_t{1} << 30;
}  // namespace

GenerationWorker::GenerationWorker(Decoder& decoder, GenerationLimits limits, Start start,
                                   std::function<std::int64_t(std::int64_t)> bytes)
    : generator_(decoder, limits.most),
      limits_(limits),
      start_(std::move(start)),
      bytes_(std::move(bytes)) {}

bool GenerationWorker::has_room() const {
  const auto waiting = static_cast<std::int64_t>(waiting_.size()) * limits_.each;
  if (waiting_.empty() && !generator_.busy()) return true;
  const std::int64_t inputs = generator_.live() / limits_.each + std::ssize(waiting_);
  if (!memory_.allows_more(inputs)) return false;
  const std::int64_t wanted = waiting_.empty() ? limits_.refill : limits_.each;
  return generator_.live() + waiting + wanted <= limits_.most &&
         waiting_tokens_ < kForwardTokens && kept_ < kKeptBytes;
}

void GenerationWorker::admit(Job& job) {
  auto& own = static_cast<GenerationJob&>(job);
  const auto tokens = static_cast<std::int64_t>(own.prompt.size());
  waiting_.push_back(&own);
  waiting_tokens_ += tokens;
  if (bytes_) kept_ += own.bytes_ = bytes_(tokens);
}

std::vector<Finished> GenerationWorker::step() {
  waiting_tokens_ = 0;
  start(std::exchange(waiting_, {}));
  if (generator_.busy()) generator_.step();
  return std::exchange(finished_, {});
}

// Together; in halves when one of them cannot be.
void GenerationWorker::start(std::span<GenerationJob* const> jobs) {
  if (jobs.empty()) return;
  const auto halves = [&] {
    start(jobs.first(jobs.size() / 2));
    start(jobs.subspan(jobs.size() / 2));
  };
  if (memory_.exceeded(std::ssize(jobs))) return halves();
  try {
    auto methods = start_(jobs);
    for (std::size_t i = 0; i < jobs.size(); ++i) run(*jobs[i], std::move(methods[i]));
  } catch (const Error& e) {
    if (e.code == Errc::kResources && !memory_.halve(std::ssize(jobs))) throw;
    if (jobs.size() == 1) return finish(*jobs[0], e);
    halves();
  }
}

void GenerationWorker::run(GenerationJob& job, std::unique_ptr<Method> method) {
  job.number_ = generator_.add(
      std::move(method), limits_.each,
      [this, &job](std::vector<Generated> results, Method&, const std::optional<Error>& error) {
        job.results = std::move(results);
        finish(job, error);
      });
}

void GenerationWorker::finish(GenerationJob& job, std::optional<Error> error) {
  kept_ -= job.bytes_;
  finished_.push_back({&job, std::move(error)});
}

bool GenerationWorker::cancel(Job& job) {
  auto& own = static_cast<GenerationJob&>(job);
  if (std::erase(waiting_, &own) > 0) return false;
  generator_.stop(own.number_, Finish::kInterrupted);
  finished_.clear();
  return !own.results.empty();
}

}  // namespace hft
