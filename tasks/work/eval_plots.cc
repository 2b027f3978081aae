#include "tasks/work/eval_plots.h"

#include <algorithm>
#include <cmath>

#include "core/base/text.h"

namespace hft {
namespace {

constexpr int kCell = 56, kMargin = 130, kPlot = 320, kFrame = 60;

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", x);
  return text;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : escape_controls(text))
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}

std::string rectangle(double x, double y, double width, double height, const std::string& fill) {
  return "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) +
         "\" height=\"" + number(height) + "\" fill=\"" + fill + "\"/>\n";
}

std::string words(double x, double y, const std::string& text, const std::string& anchor = "middle",
                  const std::string& more = "") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\"" +
         more + ">" + escaped(text) + "</text>\n";
}

std::string drawing(int width, int height, const std::string& inside) {
  const std::string size =
      "width=\"" + std::to_string(width) + "\" height=\"" + std::to_string(height) + "\"";
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" " + size + " viewBox=\"0 0 " +
         std::to_string(width) + " " + std::to_string(height) +
         "\" font-family=\"sans-serif\" font-size=\"13\">\n" +
         rectangle(0, 0, width, height, "#ffffff") + inside + "</svg>\n";
}

// From white to blue.
std::string shade(double share) {
  const auto mix = [&](int full) { return static_cast<int>(std::lround(255 - share * (255 - full))); };
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", mix(0x1f), mix(0x5f), mix(0xa8));
  return text;
}

}  // namespace

std::string confusion_svg(const LabelTable& table) {
  const auto classes = static_cast<std::int64_t>(table.labels.size());
  const int side = kMargin + kCell * static_cast<int>(classes);
  std::string out = words(kMargin + (side - kMargin) / 2.0, 20, "predicted") +
                    words(20, kMargin + (side - kMargin) / 2.0, "true", "middle",
                          " transform=\"rotate(-90 20 " +
                              std::to_string(kMargin + (side - kMargin) / 2) + ")\"");
  for (std::int64_t t = 0; t < classes; ++t) {
    const double at = kMargin + kCell * (static_cast<double>(t) + 0.5);
    const std::string label = shorten(table.labels[static_cast<std::size_t>(t)], 14);
    out += words(kMargin - 8, at + 4, label, "end");
    out += words(at, kMargin - 8, label, "start",
                 " transform=\"rotate(-45 " + number(at) + " " + std::to_string(kMargin - 8) + ")\"");
    double row = 0;
    for (std::int64_t p = 0; p < classes; ++p) row += static_cast<double>(table.confusion.at(t, p));
    for (std::int64_t p = 0; p < classes; ++p) {
      const std::int64_t count = table.confusion.at(t, p);
      const double share = row == 0 ? 0 : static_cast<double>(count) / row;
      const double x = kMargin + kCell * static_cast<double>(p);
      out += rectangle(x, at - kCell / 2.0, kCell - 1, kCell - 1, shade(share));
      out += words(x + kCell / 2.0, at + 4, std::to_string(count), "middle",
                   share > 0.5 ? " fill=\"#ffffff\"" : "");
    }
  }
  return drawing(side + 40, side + 20, out);
}

std::string calibration_svg(std::span<const metrics::CalibrationBin> bins) {
  const auto x = [](double value) { return kFrame + kPlot * value; };
  const auto y = [](double value) { return kFrame + kPlot * (1 - value); };
  double all = 0;
  for (const auto& bin : bins) all += static_cast<double>(bin.count);
  std::string out;
  for (const auto& bin : bins) {
    if (bin.count == 0) continue;
    const double width = x(bin.high) - x(bin.low) - 1;
    const double share = static_cast<double>(bin.count) / all;
    out += rectangle(x(bin.low), y(bin.accuracy), width, y(0) - y(bin.accuracy), "#1f5fa8");
    out += rectangle(x(bin.low), y(0) + 28, width, 40 * share, "#999999");
  }
  out += "<path d=\"M" + number(x(0)) + " " + number(y(0)) + "L" + number(x(1)) + " " +
         number(y(1)) + "\" stroke=\"#555555\" stroke-dasharray=\"4 4\" fill=\"none\"/>\n";
  out += "<path d=\"M" + number(x(0)) + " " + number(y(1)) + "V" + number(y(0)) + "H" +
         number(x(1)) + "\" stroke=\"#000000\" fill=\"none\"/>\n";
  for (const double tick : {0.0, 0.5, 1.0}) {
    out += words(x(tick), y(0) + 18, number(tick));
    out += words(kFrame - 8, y(tick) + 4, number(tick), "end");
  }
  out += words(x(0.5), kFrame - 30,
               "expected calibration error " + number(metrics::calibration_error(bins)));
  out += words(x(0.5), y(0) + 88, "confidence; below: share of the predictions");
  out += words(18, y(0.5), "accuracy", "middle", " transform=\"rotate(-90 18 " + number(y(0.5)) + ")\"");
  return drawing(kPlot + 2 * kFrame, kPlot + 2 * kFrame + 50, out);
}

}  // namespace hft
