#include "tasks/text/likelihood_worker.h"

#include <algorithm>
#include <cmath>

namespace hft {
namespace {

constexpr std::int64_t kLogits = std::int64_t{1} << 26;  // numbers of one pass

void take(std::span<const float> logits, std::int32_t token, Likelihood& result) {
  const auto best = std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - *best);
  const auto at = static_cast<std::size_t>(token);
  result.log_likelihood += static_cast<double>(logits[at]) - *best - std::log(sum);
  result.greedy &= best - logits.begin() == token;
}

}  // namespace

bool LikelihoodWorker::has_room() const {
  const auto jobs = static_cast<std::int64_t>(waiting_.size());
  return most_ > 0 ? jobs < most_ : tokens_ < kForwardTokens;
}

void LikelihoodWorker::admit(Job& job) {
  auto& own = static_cast<LikelihoodJob&>(job);
  own.results.assign(own.parts.size(), {});
  for (const Continued& part : own.parts)
    tokens_ += static_cast<std::int64_t>(part.context.size() + part.continuation.size());
  ++tokens_;
  waiting_.push_back(&own);
}

std::vector<Finished> LikelihoodWorker::step() {
  tokens_ = 0;
  compute(std::exchange(waiting_, {}));
  return std::exchange(finished_, {});
}

// Together; in halves when one of them cannot be.
void LikelihoodWorker::compute(std::span<LikelihoodJob* const> jobs) {
  if (jobs.empty()) return;
  std::vector<Live> live;
  try {
    live = read_contexts(jobs);
    while (!live.empty()) go_on(live);
    for (LikelihoodJob* job : jobs) finished_.push_back({job, {}});
  } catch (const Error& e) {
    close(live);
    if (e.code == Errc::kResources) throw;
    if (jobs.size() == 1) return finished_.push_back({jobs[0], e});
    for (LikelihoodJob* job : jobs) job->results.assign(job->parts.size(), {});
    compute(jobs.first(jobs.size() / 2));
    compute(jobs.subspan(jobs.size() / 2));
  }
}

// Continuations of one context share what the model has kept of it. The last token of the context
// already tells how likely the first of the continuation is.
std::vector<LikelihoodWorker::Live> LikelihoodWorker::read_contexts(
    std::span<LikelihoodJob* const> jobs) {
  std::vector<Live> firsts, all;
  std::vector<Feed> feeds;
  for (LikelihoodJob* job : jobs)
    for (std::size_t p = 0; p < job->parts.size(); ++p)
      if (p == 0 || job->parts[p].context != job->parts[p - 1].context) {
        firsts.push_back({job, p, model_.open()});
        feeds.push_back({firsts.back().sequence, job->parts[p].context, 1});
      }
  try {
    model_.forward(feeds, decoded_);
  } catch (const Error&) {
    close(firsts);
    throw;
  }
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    const Live first = firsts[i];
    for (std::size_t p = first.part; p < first.job->parts.size(); ++p) {
      if (first.job->parts[p].context != first.get().context) break;
      Live live{first.job, p, p == first.part ? first.sequence : model_.fork(first.sequence)};
      if (live.left() > 0)
        take(decoded_.logits.row(static_cast<std::int64_t>(i)), live.get().continuation[0],
             live.job->results[p]);
      live.done = 1;
      all.push_back(live);
    }
  }
  return all;
}

// A pass over as many tokens as its logits have room for; sequences that are through are closed.
void LikelihoodWorker::go_on(std::vector<Live>& live) {
  std::int64_t room = std::max<std::int64_t>(1, kLogits / model_.vocab());
  std::vector<Feed> feeds;
  std::vector<std::size_t> fed;
  for (std::size_t i = 0; i < live.size() && room > 0; ++i) {
    Live& one = live[i];
    if (one.done >= one.get().continuation.size()) continue;
    const auto count = std::min<std::int64_t>(static_cast<std::int64_t>(one.left()), room);
    room -= count;
    const std::span<const std::int32_t> ids = one.get().continuation;
    feeds.push_back({one.sequence, ids.subspan(one.done - 1, static_cast<std::size_t>(count)), count});
    fed.push_back(i);
  }
  if (!feeds.empty()) model_.forward(feeds, decoded_);
  std::int64_t row = 0;
  for (std::size_t f = 0; f < fed.size(); ++f) {
    Live& one = live[fed[f]];
    for (std::int64_t t = 0; t < feeds[f].rows; ++t)
      take(decoded_.logits.row(row++), one.get().continuation[one.done++],
           one.job->results[one.part]);
  }
  const auto through = [&](const Live& one) {
    if (one.done < one.get().continuation.size()) return false;
    model_.close(one.sequence);
    return true;
  };
  std::erase_if(live, through);
}

void LikelihoodWorker::close(std::vector<Live>& live) {
  for (const Live& one : live) model_.close(one.sequence);
  live.clear();
}

bool LikelihoodWorker::cancel(Job& job) {
  std::erase(waiting_, &job);
  return false;
}

}  // namespace hft
