#include "tasks/ranking_sink.h"

#include <algorithm>
#include <vector>

#include "core/base/log.h"

namespace hft {
namespace {

class RankingSink : public Sink {
 public:
  RankingSink(std::unique_ptr<RecordWriter> writer, std::int64_t top_k, ScoreOf score)
      : writer_(std::move(writer)), top_k_(top_k), score_(std::move(score)) {}

  void write(const Input& input, Json output) override {
    if (const auto score = score_(input, output)) ranked_.push_back({input, *score});
  }
  void write_error(const Input& input, const Error& error) override {
    if (input.index < 0) throw error.in("--query");
    failed_.push_back({input, error});
  }
  void interrupted() override {
    note("interrupted before every text was compared; nothing was ranked");
  }
  int finish() override {
    std::stable_sort(ranked_.begin(), ranked_.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
    for (std::size_t i = 0; i < ranked_.size(); ++i)
      if (top_k_ < 0 || static_cast<std::int64_t>(i) < top_k_)
        writer_->write(ranked_[i].input, number(ranked_[i].score));
    for (const auto& [input, error] : failed_) writer_->write_error(input, error);
    return writer_->finish();
  }

 private:
  struct Ranked {
    Input input;
    float score;
  };
  std::unique_ptr<RecordWriter> writer_;
  std::int64_t top_k_;
  ScoreOf score_;
  std::vector<Ranked> ranked_;
  std::vector<std::pair<Input, Error>> failed_;
};

}  // namespace

std::unique_ptr<Sink> make_ranking_sink(std::unique_ptr<RecordWriter> writer, std::int64_t top_k,
                                        ScoreOf score) {
  return std::make_unique<RankingSink>(std::move(writer), top_k, std::move(score));
}

}  // namespace hft
