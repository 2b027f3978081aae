#include "tasks/run/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/signals.h"

namespace hft {

LineReader::LineReader(const std::filesystem::path& file, const std::atomic<bool>* cancelled,
                       std::string name)
    : file_(file.string()), name_(name.empty() ? file_ : std::move(name)), cancelled_(cancelled) {
  if (file_ == "-") {
    name_ = "stdin";
    fd_ = STDIN_FILENO;
    return;
  }
  fd_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0)
    fail(errno == ENOENT || errno == ENOTDIR ? Errc::kNotFound : Errc::kResources, name_, ": ",
         errno == ENOENT ? "no such file" : std::strerror(errno));
}

LineReader::~LineReader() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

bool LineReader::stopped() const { return stop_requested() || (cancelled_ && *cancelled_); }

bool LineReader::fill() {
  if (ended_) return false;
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  if (buffer_.size() > static_cast<std::size_t>(limits::kLineBytes))
    fail(Errc::kBadData, name_, ": line ", line_number_ + 1, " is longer than ", limits::kLineBytes,
         " bytes");
  if (!known_) {
    while (may_be_compressed(buffer_) && read_some(buffer_)) {
    }
    known_ = true;
    with_context(name_, [&] { decompressor_ = decompressor_for(buffer_); });
    if (!decompressor_) return !buffer_.empty();
    packed_ = std::exchange(buffer_, "");
  }
  ended_ = true;  // also where the next line throws
  ended_ = !(decompressor_ ? decompress() : read_some(buffer_));
  return !ended_;
}

// Some bytes of what is compressed.
bool LineReader::decompress() {
  const std::size_t had = buffer_.size();
  while (true) {
    std::string_view rest = packed_;
    // Also without input: some of what it took may still be to come.
    if (!rest.empty() || !decompressor_->complete())
      with_context(name_, [&] { decompressor_->decode(rest, buffer_); });
    packed_.erase(0, packed_.size() - rest.size());
    if (buffer_.size() > had) return true;
    if (!packed_.empty() || read_some(packed_)) continue;
    if (!decompressor_->complete() && !stopped())
      fail(Errc::kBadData, name_, ": the ", decompressor_->name(), " data ends in the middle");
    return false;
  }
}

// What can be read at once; false at the end.
bool LineReader::read_some(std::string& to) {
  constexpr std::size_t kChunk = 1 << 18;
  const std::size_t had = to.size();
  to.resize(had + kChunk);
  // A signal may reach another thread than this one, so waiting is done in short steps.
  pollfd wait{fd_, POLLIN, 0};
  while (!stopped() && ::poll(&wait, 1, 100) == 0) {
  }
  ssize_t n = 0;
  do n = stopped() ? 0 : ::read(fd_, to.data() + had, kChunk);
  while (n < 0 && errno == EINTR);
  const int error = errno;
  to.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0) fail(Errc::kResources, name_, ": cannot read: ", std::strerror(error));
  return n > 0;
}

void LineReader::drop_mark() {
  if (started_) return;
  while (buffer_.size() < 3 && fill()) {
  }
  started_ = true;
  if (buffer_.starts_with("\xEF\xBB\xBF")) {
    begin_ = 3;
    consumed_ = 3;
  }
}

std::optional<std::string> LineReader::next() {
  drop_mark();
  std::size_t searched = begin_;
  std::size_t end = std::string::npos;
  while ((end = buffer_.find('\n', searched)) == std::string::npos) {
    const std::size_t length = buffer_.size() - begin_;
    if (!fill()) break;
    searched = begin_ + length;
  }
  if (stopped() || (end == std::string::npos && begin_ == buffer_.size())) return std::nullopt;
  line_start_ = consumed_;
  ++line_number_;
  const std::size_t stop = end == std::string::npos ? buffer_.size() : end;
  std::string line = buffer_.substr(begin_, stop - begin_);
  const std::size_t next_begin = end == std::string::npos ? stop : stop + 1;
  consumed_ += static_cast<std::int64_t>(next_begin - begin_);
  begin_ = next_begin;
  carriage_ = line.ends_with('\r');
  if (carriage_) line.pop_back();
  return line;
}

std::string LineReader::rest(std::int64_t max_bytes) {
  drop_mark();
  while (fill())
    if (static_cast<std::int64_t>(buffer_.size() - begin_) > max_bytes)
      fail(Errc::kBadData, name_, ": more than ", max_bytes, " bytes, the limit");
  std::string text = buffer_.substr(begin_);
  begin_ = buffer_.size();
  return text;
}

std::string LineReader::take(std::int64_t bytes) {
  const auto wanted = static_cast<std::size_t>(bytes);
  started_ = true;  // a mark is a byte like any other
  while (buffer_.size() - begin_ < wanted && fill()) {
  }
  std::string taken = buffer_.substr(begin_, wanted);
  begin_ += taken.size();
  return taken;
}

std::string_view LineReader::head() {
  constexpr std::size_t kHead = 1 << 16;
  while (buffer_.size() < kHead && buffer_.find('\n') == std::string::npos && fill()) {
  }
  return buffer_;
}

bool LineReader::ready() const {
  if (ended_ || !packed_.empty() || buffer_.find('\n', begin_) != std::string::npos) return true;
  pollfd wait{fd_, POLLIN, 0};
  return ::poll(&wait, 1, 0) != 0;
}

}  // namespace hft
