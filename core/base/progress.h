// Progress of long work on stderr: a bar on a terminal, else one plain line every 30 s.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace hft {

enum class ProgressStyle { kAuto, kBar, kPlain, kJson, kNone };
void set_progress_style(ProgressStyle style);

// Nothing is shown for work that ends within half a second.
class Progress {
 public:
  // `total` 0: unknown. `unit` names what is counted, singular: "text"; "byte" is shown as kB, MB.
  Progress(std::string what, std::string unit, std::int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;

  // `detail` is shown beside the count: the part in work.
  void update(std::int64_t done, const std::string& detail = "");
  // Clears the bar, so that something else can be written; the next update draws it again.
  void hide();

 private:
  using Clock = std::chrono::steady_clock;
  void draw_bar(double seconds);
  std::string amount(double n) const;
  std::optional<double> seconds_left(double seconds) const;  // none where it is not known
  std::string what_, unit_, detail_;
  std::int64_t total_, done_ = 0;
  ProgressStyle style_;
  Clock::time_point start_, shown_;
  bool drawn_ = false;
};

}  // namespace hft
