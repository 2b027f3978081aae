// Files of a tar archive (POSIX ustar and pax, GNU's long names), one after another as they come, so
// that a pipe or a compressed archive is read as well.
#pragma once

#include <optional>
#include <string>

#include "tasks/run/line_reader.h"

namespace hft {

class TarReader {
 public:
  explicit TarReader(LineReader& bytes) : bytes_(bytes) {}

  struct File {
    std::string name, bytes;
  };
  // The next regular file; none at the end. Throws kBadData for a damaged archive, a file above
  // limits::kSoundBytes, and a name that would lead out of a folder.
  std::optional<File> next();

  static bool begins(std::string_view head);

 private:
  std::string taken(std::int64_t size);
  LineReader& bytes_;
};

}  // namespace hft
