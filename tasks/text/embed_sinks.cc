#include "tasks/text/embed_sinks.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/base/files.h"
#include "core/base/log.h"

namespace hft {
namespace {

std::vector<float> sink_vector_of(const Json& output) { return output.get<std::vector<float>>(); }

class ArraySink : public Sink {
 public:
  explicit ArraySink(std::string file) : file_(std::move(file)) {}
  void write(const Input&, Json output) override {
    rows_.push_back(sink_vector_of(output));
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

}  // namespace

std::unique_ptr<Sink> make_array_sink(const std::string& file) {
  return std::make_unique<ArraySink>(file);
}

ScoreOf similarity_to_first(Similarity similarity) {
  return [similarity, query = std::vector<float>()](
             const Input& input, const Json& output) mutable -> std::optional<float> {
    if (input.index >= 0) return similarity(query, sink_vector_of(output));
    query = sink_vector_of(output);
    return std::nullopt;
  };
}

}  // namespace hft
