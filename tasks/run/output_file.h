// The bytes of a result: stdout, or a file that appears under its name when it is complete. Until
// then it grows as NAME.partial, so that a killed run can be continued. A link is followed; a
// device or a pipe is written through.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace hft {

// Complains of an -o FILE that cannot be written: its folder is not there (kResources); it is a
// folder, lies in a cache of models, or exists and is not to be replaced (kUsage). Devices and
// pipes need no leave.
void check_output_file(const std::string& file, bool replace);

class OutputFile {
 public:
  // What becomes of a NAME.partial that an unfinished run left: it is kept as NAME.partial.old
  // until close(), or goes on after its last whole line.
  enum class Partial { kReplace, kContinue };
  // "" = stdout. Otherwise locks NAME.partial: kBusy when another run writes it.
  explicit OutputFile(const std::filesystem::path& file, Partial partial = Partial::kReplace);
  OutputFile(const OutputFile&) = delete;
  ~OutputFile();

  void write(std::string_view bytes);
  // Everything written reaches the system. A closed pipe ends the program with exit code 0.
  void flush();
  // Bytes in the file, those that are still to be flushed among them.
  std::int64_t size() const { return size_; }
  // fsync, then NAME.partial becomes NAME.
  void close();
  // NAME.partial is removed: what it held stands elsewhere.
  void discard();
  // What is written there can be read again later: neither stdout ("") nor a device or a pipe.
  static bool lasting(const std::filesystem::path& file);
  static std::filesystem::path partial(const std::filesystem::path& file);
  static std::filesystem::path older(const std::filesystem::path& file);

 private:
  bool lasting_;                // as lasting() was when it was opened
  std::filesystem::path file_;  // as it was given; "" = stdout
  std::string buffer_;
  int fd_ = 1;
  std::int64_t size_ = 0;
};

}  // namespace hft
