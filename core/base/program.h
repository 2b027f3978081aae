// Other programs, run without a shell.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hft {

// A file descriptor, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Pipe {
  Descriptor out, in;
};
Pipe make_pipe();
// A file without a name that holds these bytes, to be read from its start.
Descriptor file_of(std::string_view bytes);

// One that runs, in a group of its own: a Ctrl-C meant for this program would cut its work short.
class Program {
 public:
  struct Streams {
    int in, out, error;
  };
  Program() = default;
  // Starts arguments[0], which may take so many bytes of memory. Throws kResources when it cannot
  // be started though it is there.
  Program(const std::vector<std::string>& arguments, const Streams& streams, std::uint64_t memory);
  Program(Program&& other) noexcept : pid_(std::exchange(other.pid_, 0)), code_(other.code_) {}
  Program& operator=(Program&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(code_, other.code_);
    return *this;
  }
  ~Program();                               // ends it
  bool there() const { return pid_ >= 0; }  // false: there is no such program
  // Until it ends; its exit code, or 128 and the signal that ended it.
  int wait();

 private:
  pid_t pid_ = 0;  // 0: it has ended
  int code_ = 0;
};

}  // namespace hft
