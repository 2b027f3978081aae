#include "core/base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"

namespace hft {
namespace {

using namespace std::chrono_literals;
ProgressStyle wanted_style = ProgressStyle::kAuto;

ProgressStyle resolve() {
  if (wanted_style != ProgressStyle::kAuto) return wanted_style;
  const char* off = std::getenv("HF_HUB_DISABLE_PROGRESS_BARS");
  if (off && (off == std::string("1") || lowercase(off) == "true" || lowercase(off) == "yes" ||
              lowercase(off) == "on"))
    return ProgressStyle::kNone;
  if (verbosity() == Verbosity::kQuiet) return ProgressStyle::kNone;
  return ::isatty(STDERR_FILENO) ? ProgressStyle::kBar : ProgressStyle::kPlain;
}

std::string clock_text(double seconds) {
  char text[32];
  const auto s = static_cast<long>(seconds + 0.5);
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  return text;
}

}  // namespace

void set_progress_style(ProgressStyle style) { wanted_style = style; }

Progress::Progress(std::string what, std::string unit, std::int64_t total)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      style_(resolve()),
      start_(Clock::now()),
      shown_(start_) {}

Progress::~Progress() { hide(); }

void Progress::hide() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

std::string Progress::amount(double n) const {
  if (unit_ == "byte") return human_bytes(static_cast<std::int64_t>(n));
  char text[32];
  std::snprintf(text, sizeof text, n == static_cast<double>(static_cast<long>(n)) ? "%.0f" : "%.3g",
                n);
  return text;
}

std::optional<double> Progress::seconds_left(double seconds) const {
  if (total_ <= 0 || done_ <= 0) return std::nullopt;
  return seconds * static_cast<double>(total_ - done_) / static_cast<double>(done_);
}

void Progress::update(std::int64_t done, const std::string& detail) {
  done_ = done;
  detail_ = detail;
  if (style_ == ProgressStyle::kNone) return;
  const auto now = Clock::now();
  const auto wait = style_ == ProgressStyle::kBar    ? 100ms
                    : style_ == ProgressStyle::kJson ? 1000ms
                                                     : 30000ms;
  if (now - start_ < 500ms || now - shown_ < wait) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  if (style_ == ProgressStyle::kBar) return draw_bar(seconds);
  if (style_ == ProgressStyle::kJson) {
    Json line{{"progress", what_}, {"done", done_}, {"seconds", seconds}};
    if (total_ > 0) line["total"] = total_;
    if (const auto left = seconds_left(seconds)) line["seconds_left"] = *left;
    if (!detail_.empty()) line["detail"] = detail_;
    std::fprintf(stderr, "%s\n", to_line(line).c_str());
    return;
  }
  std::string line = what_ + ": " + (unit_ == "byte" ? human_bytes(done_) : counted(done_, unit_));
  if (total_ > 0) line += " of " + amount(static_cast<double>(total_));
  line += ", " + amount(static_cast<double>(done_) / seconds) + " a second";
  if (const auto left = seconds_left(seconds)) line += ", " + clock_text(*left) + " left";
  note(line + (detail_.empty() ? "" : " (" + detail_ + ")"));
}

void Progress::draw_bar(double seconds) {
  winsize size{};
  const int columns =
      ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
  const double rate = static_cast<double>(done_) / seconds;
  std::string tail = " ";
  if (total_ > 0) {
    const auto left = seconds_left(seconds);
    tail += amount(static_cast<double>(done_)) + "/" + amount(static_cast<double>(total_)) + " " +
            amount(rate) + "/s " + (left ? clock_text(*left) : "?") + " left";
  } else {
    tail +=
        (unit_ == "byte" ? human_bytes(done_) : counted(done_, unit_)) + " " + amount(rate) + "/s";
  }
  if (!detail_.empty()) tail += " · " + detail_;
  std::string line = what_ + " ";
  if (total_ > 0) {
    const int room =
        std::max(10, std::min(40, columns - display_width(line) - display_width(tail) - 1));
    const int eighths =
        static_cast<int>(8.0 * room * static_cast<double>(done_) / static_cast<double>(total_));
    static constexpr const char* kPart[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    for (int i = 0; i < eighths / 8; ++i) line += "█";
    line += kPart[eighths % 8];
    for (int i = (eighths + 7) / 8; i < room; ++i) line += "·";
  }
  std::fprintf(stderr, "\r%s\x1b[K", shorten(line + tail, columns - 1).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace hft
