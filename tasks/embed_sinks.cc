#include "tasks/embed_sinks.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "core/base/files.h"
#include "core/base/log.h"

namespace hft {
namespace {

std::vector<float> vector_of(const Json& output) { return output.get<std::vector<float>>(); }

class ArraySink : public Sink {
 public:
  explicit ArraySink(std::string file) : file_(std::move(file)) {}
  void write(const Input&, Json output) override {
    rows_.push_back(vector_of(output));
    failures_.succeeded();
  }
  void write_error(const Input& input, const Error& error) override {
    rows_.emplace_back();
    failures_.add(input, error);
  }
  void interrupted() override { note("interrupted; " + file_ + " was not written"); }
  int finish() override {
    std::size_t width = 0;
    for (const auto& row : rows_) width = std::max(width, row.size());
    for (auto& row : rows_) row.resize(width, std::numeric_limits<float>::quiet_NaN());
    AtomicFile out(file_);
    out.write(file_.ends_with(".npy") ? npy_header(width) : safetensors_header(width));
    for (const auto& row : rows_)
      out.write({reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float)});
    out.commit();
    return failures_.exit_code();
  }

 private:
  std::string npy_header(std::size_t width) const {
    std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows_.size()) + ", " + std::to_string(width) + "), }";
    while ((10 + text.size() + 1) % 64 != 0) text += ' ';
    text += '\n';
    std::string header("\x93NUMPY\x01\x00", 8);
    header += static_cast<char>(text.size() & 0xff);
    header += static_cast<char>(text.size() >> 8);
    return header + text;
  }
  std::string safetensors_header(std::size_t width) const {
    const std::size_t bytes = rows_.size() * width * sizeof(float);
    Json tensor{{"dtype", "F32"}, {"shape", {rows_.size(), width}}, {"data_offsets", {0, bytes}}};
    std::string text = Json{{"embeddings", tensor}}.dump();
    while (text.size() % 8 != 0) text += ' ';
    const auto length = static_cast<std::uint64_t>(text.size());
    std::string header(sizeof length, '\0');
    std::memcpy(header.data(), &length, sizeof length);
    return header + text;
  }
  std::string file_;
  std::vector<std::vector<float>> rows_;
  Failures failures_;
};

class RankingSink : public Sink {
 public:
  RankingSink(std::unique_ptr<RecordWriter> writer, std::int64_t top_k)
      : writer_(std::move(writer)), top_k_(top_k) {}

  void write(const Input& input, Json output) override {
    if (!asked_)
      query_ = vector_of(output);
    else
      ranked_.push_back({input, similarity(query_, vector_of(output))});
    asked_ = true;
  }
  void write_error(const Input& input, const Error& error) override {
    if (!asked_) throw error.in("--query");
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
  static float similarity(const std::vector<float>& a, const std::vector<float>& b) {
    const double ab = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    const double aa = std::inner_product(a.begin(), a.end(), a.begin(), 0.0);
    const double bb = std::inner_product(b.begin(), b.end(), b.begin(), 0.0);
    return aa > 0 && bb > 0 ? static_cast<float>(ab / std::sqrt(aa * bb)) : 0.0f;
  }
  std::unique_ptr<RecordWriter> writer_;
  std::int64_t top_k_;
  bool asked_ = false;
  std::vector<float> query_;
  std::vector<Ranked> ranked_;
  std::vector<std::pair<Input, Error>> failed_;
};

}  // namespace

std::unique_ptr<Sink> make_array_sink(const std::string& file) {
  return std::make_unique<ArraySink>(file);
}

std::unique_ptr<Sink> make_ranking_sink(std::unique_ptr<RecordWriter> writer, std::int64_t top_k) {
  return std::make_unique<RankingSink>(std::move(writer), top_k);
}

}  // namespace hft
