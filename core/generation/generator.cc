#include "core/generation/generator.h"

#include <algorithm>
#include <cmath>

namespace hft {

std::int64_t Generator::add(std::unique_ptr<Method> method, std::int64_t sequences, Done done) {
  live_ += sequences;
  jobs_.push_back({++last_number_, std::move(method), sequences, std::move(done)});
  return last_number_;
}

void Generator::collect() {
  feeds_.clear();
  out_.want_hidden = false;
  for (Job& job : jobs_) {
    job.first = feeds_.size();
    try {
      job.method->ask(feeds_);
    } catch (const Error& e) {
      job.error = e;
      feeds_.resize(job.first);
    }
    job.count = feeds_.size() - job.first;
    out_.want_hidden |= job.method->wants_hidden();
  }
}

void Generator::step() {
  collect();
  forward();
  weigh();
  take();
  finish_done();
}

void Generator::forward() {
  std::int64_t row = 0;
  for (Job& job : jobs_) {
    job.row = row;
    job.rows = 0;
    for (std::size_t i = job.first; i < job.first + job.count; ++i) job.rows += feeds_[i].rows;
    row += job.rows;
  }
  if (feeds_.empty()) return;
  try {
    decoder_.forward(feeds_, out_);
  } catch (const Error& e) {
    if (e.code != Errc::kNotFinite || out_.logits.rows != row) throw;
    const auto finite = [](float x) { return std::isfinite(x); };
    for (Job& job : jobs_)
      if (!std::ranges::all_of(part(out_.logits, job), finite)) job.error = e;
  }
}

std::span<float> Generator::part(Matrix& m, const Job& job) const {
  return std::span(m.data).subspan(static_cast<std::size_t>(job.row * m.cols),
                                   static_cast<std::size_t>(job.rows * m.cols));
}

void Generator::weigh() {
  std::vector<Job*> jobs;
  for (Job& job : jobs_)
    if (!job.error) jobs.push_back(&job);
  decoder_.each(jobs.size(), [&](std::size_t i) {
    try {
      jobs[i]->method->weigh(part(out_.logits, *jobs[i]));
    } catch (const Error& e) {
      jobs[i]->error = e;
    }
  });
}

void Generator::take() {
  for (Job& job : jobs_) try {
      if (!job.error)
        job.method->take(part(out_.logits, job), job.method->wants_hidden()
                                                     ? part(out_.hidden, job)
                                                     : std::span<float>());
    } catch (const Error& e) {
      job.error = e;
    }
}

void Generator::stop(Finish finish) {
  for (Job& job : jobs_)
    if (!job.method->done()) job.method->stop(finish);
  finish_done();
}

void Generator::stop(std::int64_t number, Finish finish) {
  for (Job& job : jobs_)
    if (job.number == number && !job.method->done()) job.method->stop(finish);
  finish_done();
}

// The callback may add another input.
void Generator::finish_done() {
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (!it->method->done() && !it->error) {
      ++it;
      continue;
    }
    Job job = std::move(*it);
    it = jobs_.erase(it);
    live_ -= job.sequences;
    job.done(job.error ? std::vector<Generated>() : job.method->take_results(), *job.method,
             job.error);
  }
}

}  // namespace hft
