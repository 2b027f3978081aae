// The bytes of a result: stdout, or a file that appears under its name when it is complete. Until
// then it grows as NAME.partial, so that a killed run can be continued.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace hft {

class OutputFile {
 public:
  // "" = stdout. Otherwise locks NAME.partial: kBusy when another run writes it. An older partial
  // file is kept as NAME.partial.old until close().
  explicit OutputFile(const std::filesystem::path& file);
  OutputFile(const OutputFile&) = delete;
  ~OutputFile();

  void write(std::string_view bytes);
  // Everything written reaches the system. A closed pipe ends the program with exit code 0.
  void flush();
  // fsync, then NAME.partial becomes NAME.
  void close();
  static std::filesystem::path partial(const std::filesystem::path& file);
  static std::filesystem::path older(const std::filesystem::path& file);

 private:
  std::filesystem::path file_;
  std::string buffer_;
  int fd_ = 1;
};

}  // namespace hft
