// Lines of a file or pipe, each in bounded memory, with their number and byte position. What is
// compressed with gzip or zstd is read as what it holds.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/decompress.h"

namespace hft {

class LineReader {
 public:
  // "-" reads standard input. kNotFound for a missing file. Once *cancelled, waiting for input ends
  // as if the input did.
  // `name` stands for the file in errors; "": the file's own.
  explicit LineReader(const std::filesystem::path& file,
                      const std::atomic<bool>* cancelled = nullptr, std::string name = "");
  LineReader(const LineReader&) = delete;
  ~LineReader();

  // The next line without its LF or CRLF; a byte-order mark at the start of the file is dropped.
  // Throws kBadData for a line above limits::kLineBytes.
  std::optional<std::string> next();
  // Everything that is left. Throws kBadData when it is more than that.
  std::string rest(std::int64_t max_bytes = std::numeric_limits<std::int64_t>::max());
  // So many bytes; fewer at the end.
  std::string take(std::int64_t bytes);
  // The first bytes of the file, its byte-order mark among them, without consuming them: the first
  // line at least, where it is no longer than 64 KiB.
  std::string_view head();

  // What it holds lies compressed in the file; known once head() was asked for.
  bool compressed() const { return decompressor_ != nullptr; }
  // The line last returned ended with CRLF.
  bool ended_with_carriage() const { return carriage_; }
  std::int64_t line_number() const { return line_number_; }  // of the line last returned, from 1
  std::int64_t line_start() const { return line_start_; }    // its byte in the file, from 0
  // A line is buffered, the file is no pipe, or the pipe has data.
  bool ready() const;
  const std::string& name() const { return name_; }  // "x.jsonl", "stdin"
  const std::string& file() const { return file_; }  // where it lies

 private:
  bool fill();
  bool read_some(std::string& to);
  bool decompress();
  bool stopped() const;
  void drop_mark();
  std::string file_, name_, buffer_;
  const std::atomic<bool>* cancelled_;
  int fd_ = -1;
  bool ended_ = false, started_ = false, carriage_ = false;
  bool known_ = false;  // whether it is compressed
  std::unique_ptr<Decompressor> decompressor_;
  std::string packed_;  // read, not yet decompressed
  std::size_t begin_ = 0;
  std::int64_t consumed_ = 0, line_number_ = 0, line_start_ = 0;
};

}  // namespace hft
