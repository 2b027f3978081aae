// Reference: post_process_* of image_processing_detr.py, _maskformer.py, _mask2former.py and
// _segformer.py, with the arithmetic of PyTorch's interpolate and topk.
#include "core/processors/masks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "core/processors/scores.h"

namespace hft {
namespace {

float sigmoid_of(float x) { return 1.0f / (1.0f + std::exp(-x)); }

double rounded(double score) {
  char digits[64];
  std::snprintf(digits, sizeof digits, "%.6f", score);
  return std::strtod(digits, nullptr);
}

// Between which two of `from` places each of `to` places lies, and how near it is to the second.
struct Steps {
  std::vector<std::int64_t> first, second;
  std::vector<float> share;
  Steps(std::int64_t from, std::int64_t to) {
    const float scale = static_cast<float>(from) / static_cast<float>(to);
    for (std::int64_t i = 0; i < to; ++i) {
      const float at = std::max(0.0f, scale * (static_cast<float>(i) + 0.5f) - 0.5f);
      first.push_back(std::min(static_cast<std::int64_t>(at), from - 1));
      second.push_back(std::min(first.back() + 1, from - 1));
      share.push_back(at - static_cast<float>(first.back()));
    }
  }
};

// One plane at another size, bilinearly, row by row.
class Resized {
 public:
  Resized(std::int64_t height, std::int64_t width, std::int64_t to_height, std::int64_t to_width)
      : width_(width), rows_(height, to_height), columns_(width, to_width) {}
  void row(const float* plane, std::int64_t y, float* out) const {
    const float* upper = plane + rows_.first[y] * width_;
    const float* lower = plane + rows_.second[y] * width_;
    const float down = rows_.share[y], up = 1 - down;
    for (std::size_t x = 0; x < columns_.share.size(); ++x) {
      const auto a = columns_.first[x], b = columns_.second[x];
      const float right = columns_.share[x], left = 1 - right;
      out[x] = up * (left * upper[a] + right * upper[b]) + down * (left * lower[a] + right * lower[b]);
    }
  }

 private:
  std::int64_t width_;
  Steps rows_, columns_;
};

// Planes of the queries `which`, at the rules' size.
struct Planes {
  std::int64_t height, width;
  std::vector<float> data;
  const float* at(std::size_t i) const { return data.data() + i * height * width; }
};

Planes planes_of(const MaskLogits& logits, const MaskRules& rules,
                 const std::vector<std::int64_t>& which) {
  Planes planes{rules.side ? rules.side : logits.height, rules.side ? rules.side : logits.width, {}};
  const Resized resized(logits.height, logits.width, planes.height, planes.width);
  planes.data.resize(which.size() * planes.height * planes.width);
  for (std::size_t i = 0; i < which.size(); ++i)
    for (std::int64_t y = 0; y < planes.height; ++y)
      resized.row(logits.masks.data() + which[i] * logits.height * logits.width, y,
                  planes.data.data() + (i * planes.height + y) * planes.width);
  return planes;
}

std::int64_t columns_of(const MaskLogits& logits) {
  return static_cast<std::int64_t>(logits.classes.size()) / std::max<std::int64_t>(logits.queries, 1);
}

// A query's best label, whether it is one, and its score.
struct Best {
  std::int64_t query, label;
  float score;
};
std::vector<Best> kept(const MaskLogits& logits, double threshold) {
  const auto columns = columns_of(logits);
  std::vector<Best> all;
  for (std::int64_t q = 0; q < logits.queries; ++q) {
    const auto scores = softmax_of(logits.classes.subspan(q * columns, columns));
    const auto most = std::max_element(scores.begin(), scores.end());
    const auto label = most - scores.begin();
    if (label + 1 < columns && static_cast<double>(*most) > threshold)
      all.push_back({q, label, *most});
  }
  return all;
}

// f(y, rows): each row of the planes at the picture's size, one below the other.
template <class F>
void each_row(const Planes& planes, std::int64_t height, std::int64_t width, F&& f) {
  const auto count = planes.data.size() / (planes.height * planes.width);
  const Resized resized(planes.height, planes.width, height, width);
  std::vector<float> rows(count * width);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::size_t i = 0; i < count; ++i) resized.row(planes.at(i), y, rows.data() + i * width);
    f(y, rows);
  }
}

// The first of the greatest in each column of rows [count, width].
void strongest(const std::vector<float>& rows, std::int64_t width, std::int32_t* out) {
  std::vector<float> most(rows.begin(), rows.begin() + width);
  std::fill(out, out + width, 0);
  for (std::size_t i = 1; i < rows.size() / width; ++i)
    for (std::int64_t x = 0; x < width; ++x)
      if (const float value = rows[i * width + x]; value > most[x]) {
        most[x] = value;
        out[x] = static_cast<std::int32_t>(i);
      }
}

}  // namespace

std::vector<std::uint8_t> Segmentation::mask(const Segment& segment) const {
  std::vector<std::uint8_t> inside(ids.size());
  std::ranges::transform(ids, inside.begin(), [&](auto id) { return id == segment.id; });
  return inside;
}

Segmentation panoptic(const MaskLogits& logits, const MaskRules& rules, const Thresholds& t,
                      std::int64_t height, std::int64_t width) {
  Segmentation result{height, width, std::vector<std::int32_t>(height * width), {}};
  const auto best = kept(logits, t.score);
  if (best.empty()) return result;
  std::vector<std::int64_t> which;
  for (const Best& one : best) which.push_back(one.query);
  Planes planes = planes_of(logits, rules, which);
  for (float& x : planes.data) x = sigmoid_of(x);
  std::vector<std::int64_t> own(best.size()), whole(best.size());
  each_row(planes, height, width, [&](std::int64_t y, std::vector<float>& rows) {
    for (std::size_t k = 0; k < best.size(); ++k)
      for (std::int64_t x = 0; x < width; ++x) {
        float& p = rows[k * width + x];
        p *= best[k].score;
        whole[k] += static_cast<double>(p) >= t.mask;
      }
    std::int32_t* ids = result.ids.data() + y * width;
    strongest(rows, width, ids);
    for (std::int64_t x = 0; x < width; ++x) ++own[ids[x]];
  });
  std::vector<std::int32_t> id_of(best.size());
  for (std::size_t k = 0; k < best.size(); ++k) {
    if (own[k] == 0 || whole[k] == 0) continue;
    if (!(static_cast<float>(own[k]) / static_cast<float>(whole[k]) > t.overlap)) continue;
    id_of[k] = static_cast<std::int32_t>(result.segments.size()) + 1;
    result.segments.push_back({id_of[k], best[k].label, rounded(best[k].score)});
  }
  for (auto& id : result.ids) id = id_of[id];
  return result;
}

namespace {

// The k greatest scores and where they are, in the order that PyTorch's topk leaves them.
std::vector<std::pair<float, std::int64_t>> top_unsorted(const std::vector<float>& scores,
                                                         std::int64_t k) {
  std::vector<std::pair<float, std::int64_t>> all;
  for (std::size_t i = 0; i < scores.size(); ++i) all.emplace_back(scores[i], i);
  const auto greater = [](const auto& a, const auto& b) { return a.first > b.first; };
  const auto count = static_cast<std::int64_t>(all.size());
  k = std::min(k, count);
  if (k * 64 <= count)
    std::partial_sort(all.begin(), all.begin() + k, all.end(), greater);
  else if (k > 0)
    std::nth_element(all.begin(), all.begin() + k - 1, all.end(), greater);
  all.resize(static_cast<std::size_t>(k));
  return all;
}

}  // namespace

Segmentation instances(const MaskLogits& logits, const MaskRules& rules, const Thresholds& t,
                       std::int64_t height, std::int64_t width) {
  if (!rules.instances) return panoptic(logits, rules, t, height, width);
  Segmentation result{height, width, std::vector<std::int32_t>(height * width, -1), {}};
  const auto columns = columns_of(logits), labels = columns - 1;
  std::vector<float> scores;
  for (std::int64_t q = 0; q < logits.queries; ++q) {
    const auto own = softmax_of(logits.classes.subspan(q * columns, columns));
    scores.insert(scores.end(), own.begin(), own.end() - 1);
  }
  std::vector<std::int64_t> rows, cells;  // nearest
  const auto places = [](std::int64_t from, std::int64_t to, std::vector<std::int64_t>& at) {
    const float scale = static_cast<float>(from) / static_cast<float>(to);
    for (std::int64_t i = 0; i < to; ++i)
      at.push_back(std::min(static_cast<std::int64_t>(std::floor(static_cast<float>(i) * scale)), from - 1));
  };
  for (const auto& [score, place] : top_unsorted(scores, logits.queries)) {
    const Planes plane = planes_of(logits, rules, {place / labels});
    if (rows.empty()) {
      places(plane.height, height, rows);
      places(plane.width, width, cells);
    }
    double sum = 0, count = 0;
    for (const float x : plane.data)
      if (x > 0) {
        sum += sigmoid_of(x);
        ++count;
      }
    const float inside = static_cast<float>(sum) / (static_cast<float>(count) + 1e-6f);
    const double whole = static_cast<double>(score * inside);
    std::vector<std::int64_t> seen;
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x)
        if (plane.data[rows[y] * plane.width + cells[x]] > 0) seen.push_back(y * width + x);
    if (seen.empty() || !(whole >= t.score)) continue;
    const auto id = static_cast<std::int32_t>(result.segments.size());
    for (const auto at : seen) result.ids[at] = id;
    result.segments.push_back({id, place % labels, rounded(whole)});
  }
  return result;
}

namespace {

// Each label's strength everywhere: what the queries say of it where their masks are.
Planes label_planes(const MaskLogits& logits, const MaskRules& rules) {
  std::vector<std::int64_t> all;
  if (logits.classes.empty()) {
    const auto labels =
        static_cast<std::int64_t>(logits.masks.size()) / (logits.height * logits.width);
    return {logits.height, logits.width, {logits.masks.begin(), logits.masks.begin() + labels * logits.height * logits.width}};
  }
  for (std::int64_t q = 0; q < logits.queries; ++q) all.push_back(q);
  Planes masks = planes_of(logits, rules, all);
  for (float& x : masks.data) x = sigmoid_of(x);
  const auto columns = columns_of(logits), cells = masks.height * masks.width;
  Planes labels{masks.height, masks.width, std::vector<float>((columns - 1) * cells)};
  for (std::int64_t q = 0; q < logits.queries; ++q) {
    const auto scores = softmax_of(logits.classes.subspan(q * columns, columns));
    for (std::int64_t l = 0; l + 1 < columns; ++l) {
      float* to = labels.data.data() + l * cells;
      const float *from = masks.at(q), score = scores[l];
      for (std::int64_t i = 0; i < cells; ++i) to[i] += score * from[i];
    }
  }
  return labels;
}

}  // namespace

Segmentation semantic(const MaskLogits& logits, const MaskRules& rules, std::int64_t height,
                      std::int64_t width) {
  Segmentation result{height, width, std::vector<std::int32_t>(height * width), {}};
  each_row(label_planes(logits, rules), height, width,
           [&](std::int64_t y, const std::vector<float>& rows) {
             strongest(rows, width, result.ids.data() + y * width);
           });
  const std::set<std::int32_t> labels(result.ids.begin(), result.ids.end());
  for (const auto label : labels) result.segments.push_back({label, label, {}});
  return result;
}

}  // namespace hft
