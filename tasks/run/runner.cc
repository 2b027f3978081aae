#include "tasks/run/runner.h"

#include <deque>
#include <unordered_map>

#include "core/base/progress.h"
#include "core/base/signals.h"
#include "core/base/text.h"

namespace hft {
namespace {

class Runner {
 public:
  explicit Runner(const Run& run)
      : run_(run),
        ahead_(run.reader, run.sink, run.prepare, run.threads, run.slow),
        progress_(run.verb, run.unit, run.reader.total()) {}

  int operator()() {
    while (!stop_requested() && !(ahead_.ended() && items_.empty())) {
      admit();
      if (!busy()) continue;
      finish(run_.worker->step());
      progress_.update(finished_, run_.worker->detail());
      if (write_ready()) run_.sink.flush();
    }
    progress_.hide();
    const int code = stop_requested();
    if (!code) return run_.sink.finish();
    stop();
    return code;
  }

 private:
  bool busy() const { return run_.worker && run_.worker->busy(); }

  // Inputs that are at hand; where nothing else is to be done, waits for one.
  void admit() {
    while (!stop_requested() && !ahead_.ended() && (!run_.worker || run_.worker->has_room())) {
      auto item = ahead_.take(false);
      if (!item && !ahead_.ended() && !busy() && items_.empty()) {
        run_.sink.flush();
        item = ahead_.take(true);
      }
      if (!item) return;
      Item& it = *item;
      items_.push_back(std::move(item));
      if (run_.worker && it.job) {
        by_job_[it.job.get()] = &it;
        run_.worker->admit(*it.job);
      } else {
        finish(it);
        write_ready();
      }
    }
  }

  void finish(Item& item) {
    item.finished = true;
    progress_.update(++finished_);
    const bool whole_runs_fault =
        item.error && (item.error->code == Errc::kUsage || item.error->code == Errc::kNotFinite);
    if (whole_runs_fault && run_.reader.total() == 1) throw *item.error;
  }

  void finish(std::vector<Finished> all) {
    for (Finished& one : all) {
      Item& item = *by_job_.at(one.job);
      by_job_.erase(one.job);
      item.error = std::move(one.error);
      finish(item);
    }
  }

  // The leading inputs that are finished; whether there were any.
  bool write_ready() {
    bool any = false;
    for (; !items_.empty() && items_.front()->finished; items_.pop_front(), any = true)
      write(*items_.front());
    return any;
  }

  void write(Item& item) {
    if (item.kept) return run_.sink.write_kept(*item.kept);
    if (!item.error) {
      try {
        return item.job->write(item.input, run_.sink);
      } catch (const Error& e) {
        if (e.code == Errc::kResources) throw;
        item.error = e;
      }
    }
    run_.sink.write_error(item.input, *item.error);
    const std::int64_t most = run_.reader.most_errors();
    if (++errors_ <= most || most < 0) return;
    run_.sink.flush();
    fail_hint(Errc::kFailure, "with -o FILE --resume runs what failed and what is missing",
              "--max-errors: ", counted(errors_, "input"), " failed, ", most, " may");
  }

  // A signal asked for it.
  void stop() {
    for (auto& item : items_) {
      if (item->finished) continue;
      item->finished = item->job && run_.worker->cancel(*item->job) && run_.partial;
      if (!item->finished) break;
    }
    write_ready();
    run_.sink.flush();
    if (!run_.partial) run_.sink.interrupted();
  }

  const Run& run_;
  std::deque<std::unique_ptr<Item>> items_;  // in input order, until they are written
  std::unordered_map<const Job*, Item*> by_job_;
  std::int64_t finished_ = 0, errors_ = 0;
  Ahead ahead_;
  Progress progress_;
};

}  // namespace

int run(const Run& run) { return Runner(run)(); }

}  // namespace hft
