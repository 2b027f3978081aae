#include "tasks/work/eval_plots.h"

#include <algorithm>
#include <cmath>

#include "core/base/text.h"

namespace hft {
namespace {

using media::Color;
using media::Diagram;
using Anchor = Diagram::Anchor;

constexpr int kCell = 56, kMargin = 130, kPlot = 320, kFrame = 60, kLabelLetters = 14;
constexpr Color kBlue{0x1f, 0x5f, 0xa8}, kGrey{0x99, 0x99, 0x99}, kDarkGrey{0x55, 0x55, 0x55},
    kInk{}, kPaper{255, 255, 255};

std::string two_places(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", x);
  return text;
}

// From white to blue.
Color shade(double share) {
  const auto mix = [&](int full) {
    return static_cast<std::uint8_t>(std::lround(255 - share * (255 - full)));
  };
  return {mix(kBlue.red), mix(kBlue.green), mix(kBlue.blue)};
}

}  // namespace

Diagram confusion_diagram(const LabelTable& table) {
  const auto classes = static_cast<std::int64_t>(table.labels.size());
  const int side = kMargin + kCell * static_cast<int>(classes);
  const double middle = kMargin + (side - kMargin) / 2.0;
  Diagram out(side + 20, side + 20);
  out.words({middle, 20}, "predicted");
  out.words_upwards({20, middle}, "true");
  for (std::int64_t t = 0; t < classes; ++t) {
    const double at = kMargin + kCell * (static_cast<double>(t) + 0.5);
    const std::string label = shorten(table.labels[static_cast<std::size_t>(t)], kLabelLetters);
    out.words({kMargin - 8, at + 4}, label, Anchor::kEnd);
    out.words_upwards({at + 4, kMargin - 8}, label, Anchor::kStart);
    double row = 0;
    for (std::int64_t p = 0; p < classes; ++p) row += static_cast<double>(table.confusion.at(t, p));
    for (std::int64_t p = 0; p < classes; ++p) {
      const std::int64_t count = table.confusion.at(t, p);
      const double share = row == 0 ? 0 : static_cast<double>(count) / row;
      const double x = kMargin + kCell * static_cast<double>(p), y = at - kCell / 2.0;
      out.area({x, y}, kCell, kCell, kGrey);
      out.area({x + 1, y + 1}, kCell - 2, kCell - 2, shade(share));
      out.words({x + kCell / 2.0, at + 4}, std::to_string(count), Anchor::kMiddle,
                share > 0.5 ? kPaper : kInk);
    }
  }
  return out;
}

Diagram calibration_diagram(std::span<const metrics::CalibrationBin> bins) {
  const auto x = [](double value) { return kFrame + kPlot * value; };
  const auto y = [](double value) { return kFrame + kPlot * (1 - value); };
  double all = 0;
  for (const auto& bin : bins) all += static_cast<double>(bin.count);
  Diagram out(kPlot + 2 * kFrame, kPlot + 2 * kFrame + 50);
  for (const auto& bin : bins) {
    if (bin.count == 0) continue;
    const double width = x(bin.high) - x(bin.low) - 1;
    const double share = static_cast<double>(bin.count) / all;
    out.area({x(bin.low), y(bin.accuracy)}, width, y(0) - y(bin.accuracy), kBlue);
    out.area({x(bin.low), y(0) + 28}, width, 40 * share, kGrey);
  }
  out.line({{x(0), y(0)}, {x(1), y(1)}}, kDarkGrey, 1, Diagram::Stroke::kDashed);
  out.line({{x(0), y(1)}, {x(0), y(0)}, {x(1), y(0)}}, kInk);
  for (const double tick : {0.0, 0.5, 1.0}) {
    out.words({x(tick), y(0) + 18}, two_places(tick));
    out.words({kFrame - 8, y(tick) + 4}, two_places(tick), Anchor::kEnd);
  }
  out.words({x(0.5), kFrame - 30},
            "expected calibration error " + two_places(metrics::calibration_error(bins)));
  out.words({x(0.5), y(0) + 88}, "confidence; below: share of the predictions");
  out.words_upwards({18, y(0.5)}, "accuracy");
  return out;
}

}  // namespace hft
