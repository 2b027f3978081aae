#include "tasks/image/detect_coco.h"

#include <algorithm>

#include "core/base/log.h"
#include "tasks/run/output_file.h"
#include "tasks/run/saved_files.h"

namespace hft {
namespace {

Json image_id(const Input& input) {
  if (!input.id.is_null()) return input.id;
  const std::string stem = stem_of(input);
  const bool number = !stem.empty() && stem.size() < 18 &&
                      std::ranges::all_of(stem, [](char c) { return c >= '0' && c <= '9'; });
  return number ? std::stoll(stem) : input.index + 1;
}

class CocoSink : public Sink {
 public:
  explicit CocoSink(const std::string& file) : out_(file) { out_.write("["); }
  void write(const Input& input, Json output) override {
    for (Json& one : output) {
      Json result{{"image_id", image_id(input)}};
      result.update(one);
      out_.write(std::exchange(any_, true) ? ",\n" : "\n");
      out_.write(to_line(result));
    }
    failures_.succeeded();
  }
  void write_error(const Input& input, const Error& error) override { failures_.add(input, error); }
  void interrupted() override { note("interrupted; the list of results is not complete"); }
  void flush() override { out_.flush(); }
  int finish() override {
    out_.write(any_ ? "\n]\n" : "]\n");
    out_.close();
    return failures_.exit_code();
  }

 private:
  OutputFile out_;
  Failures failures_;
  bool any_ = false;
};

}  // namespace

std::unique_ptr<Sink> make_coco_sink(const std::string& file) {
  return std::make_unique<CocoSink>(file);
}

}  // namespace hft
