#include "core/metrics/ter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace hft::metrics {
namespace {

using Ids = std::vector<int>;

// Tercom's limits.
constexpr std::int64_t kShiftSize = 10, kShiftDistance = 50, kBeam = 25, kShifts = 1000;
constexpr std::int64_t kInfinite = std::numeric_limits<std::int64_t>::max() / 2;

// The edits that turn the reference into the text.
enum class Edit : char { kNone, kKeep, kReplace, kInsert, kDelete };

// Edit distances from one reference to many texts of one length, each close to the one before.
class Distances {
 public:
  explicit Distances(const Ids& reference)
      : reference_(reference), columns_(static_cast<std::int64_t>(reference.size()) + 1) {}

  // Rows of words that the text has in common with the last one are kept.
  std::int64_t operator()(const Ids& text) {
    std::size_t same = 0;
    while (same < last_.size() && same < text.size() && last_[same] == text[same]) ++same;
    cells_.resize((text.size() + 1) * static_cast<std::size_t>(columns_));
    if (last_.empty()) first_row();
    for (std::size_t i = same + 1; i <= text.size(); ++i) fill_row(text, i);
    last_ = text;
    return at(static_cast<std::int64_t>(text.size()), columns_ - 1).cost;
  }

  // The edits of the last text, from its start.
  std::vector<Edit> trace() {
    std::vector<Edit> edits;
    auto i = static_cast<std::int64_t>(last_.size()), j = columns_ - 1;
    while (i > 0 || j > 0) {
      const Edit edit = at(i, j).edit;
      edits.push_back(edit);
      if (edit != Edit::kInsert) --i;
      if (edit != Edit::kDelete) --j;
    }
    std::ranges::reverse(edits);
    return edits;
  }

 private:
  struct Cell {
    std::int64_t cost = kInfinite;
    Edit edit = Edit::kNone;
  };
  Cell& at(std::int64_t i, std::int64_t j) {
    return cells_[static_cast<std::size_t>(i * columns_ + j)];
  }
  void first_row() {
    for (std::int64_t j = 0; j < columns_; ++j) at(0, j) = {j, Edit::kInsert};
  }
  // Only cells near the diagonal; in the last row all to its end.
  void fill_row(const Ids& text, std::size_t row) {
    const auto i = static_cast<std::int64_t>(row), length = static_cast<std::int64_t>(text.size());
    const double ratio = static_cast<double>(columns_ - 1) / static_cast<double>(length);
    const std::int64_t beam =
        kBeam < ratio / 2 ? static_cast<std::int64_t>(std::ceil(ratio / 2 + kBeam)) : kBeam;
    const auto diagonal = static_cast<std::int64_t>(std::floor(static_cast<double>(i) * ratio));
    const std::int64_t end = i == length ? columns_ : std::min(columns_, diagonal + beam);
    for (std::int64_t j = 0; j < columns_; ++j) at(i, j) = {};
    for (std::int64_t j = std::max<std::int64_t>(0, diagonal - beam); j < end; ++j) {
      Cell& cell = at(i, j);
      const auto offer = [&](std::int64_t cost, Edit edit) {
        if (cell.cost > cost) cell = {cost, edit};
      };
      if (j > 0) {
        const bool same = text[row - 1] == reference_[static_cast<std::size_t>(j - 1)];
        offer(at(i - 1, j - 1).cost + !same, same ? Edit::kKeep : Edit::kReplace);
      }
      offer(at(i - 1, j).cost + 1, Edit::kDelete);
      if (j > 0) offer(at(i, j - 1).cost + 1, Edit::kInsert);
    }
  }

  const Ids& reference_;
  std::int64_t columns_;
  Ids last_;
  std::vector<Cell> cells_;  // [T+1,R+1]
};

// Which word of the text stands where a word of the reference should, and which words are wrong.
struct Alignment {
  std::vector<std::int64_t> of_reference;
  std::vector<bool> reference_wrong, text_wrong;
};

Alignment alignment_of(const std::vector<Edit>& edits) {
  Alignment a;
  std::int64_t text = -1;
  for (const Edit edit : edits) {
    const bool wrong = edit != Edit::kKeep;
    if (edit != Edit::kInsert) {
      ++text;
      a.text_wrong.push_back(wrong);
    }
    if (edit != Edit::kDelete) {
      a.of_reference.push_back(text);
      a.reference_wrong.push_back(wrong);
    }
  }
  return a;
}

Ids shifted(const Ids& words, std::int64_t start, std::int64_t length, std::int64_t target) {
  Ids out = words;
  const auto first = out.begin() + start, last = first + length;
  if (target < start)
    std::rotate(out.begin() + target, first, last);
  else if (target > start + length)
    std::rotate(first, last, out.begin() + target);
  else
    // Within the run that moves: it goes on as many words as the target lies behind its start.
    std::rotate(first, last, out.begin() + std::min<std::int64_t>(length + target,
                                                                  static_cast<std::int64_t>(out.size())));
  return out;
}

bool any_in(const std::vector<bool>& flags, std::int64_t start, std::int64_t length) {
  return std::any_of(flags.begin() + start, flags.begin() + start + length,
                     [](bool flag) { return flag; });
}

// The greedy search for the move that saves most.
class Shifts {
 public:
  Shifts(const Ids& reference, Distances& distances)
      : reference_(reference), distances_(distances) {}

  // The text after its best move, when that saves an edit; none once too many were tried.
  std::optional<Ids> best(const Ids& text) {
    before_ = distances_(text);
    alignment_ = alignment_of(distances_.trace());
    best_ = {-kInfinite, 0, 0, 0, {}};
    search(text);
    if (tried_ >= kShifts || std::get<0>(best_) <= 0) return std::nullopt;
    return std::get<4>(best_);
  }

 private:
  // Edits saved, length, earlier start, earlier target: the greatest wins.
  using Move = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, Ids>;

  void search(const Ids& text) {
    const auto t = static_cast<std::int64_t>(text.size()),
               r = static_cast<std::int64_t>(reference_.size());
    for (std::int64_t from = 0; from < t; ++from)
      for (std::int64_t to = 0; to < r; ++to) {
        if (std::abs(to - from) > kShiftDistance) continue;
        for (std::int64_t length = 1; length <= kShiftSize && from + length <= t && to + length <= r;
             ++length) {
          if (text[static_cast<std::size_t>(from + length - 1)] !=
              reference_[static_cast<std::size_t>(to + length - 1)])
            break;
          if (!try_run(text, from, to, length)) return;
        }
      }
  }

  // False once too many moves were tried.
  bool try_run(const Ids& text, std::int64_t from, std::int64_t to, std::int64_t length) {
    const auto aligned = [&](std::int64_t i) {
      return alignment_.of_reference[static_cast<std::size_t>(i)];
    };
    if (!any_in(alignment_.text_wrong, from, length) ||
        !any_in(alignment_.reference_wrong, to, length) ||
        (from <= aligned(to) && aligned(to) < from + length))
      return true;
    std::int64_t last = -1;
    for (std::int64_t offset = -1; offset < length; ++offset) {
      if (to + offset >= static_cast<std::int64_t>(reference_.size())) break;
      const std::int64_t target = to + offset == -1 ? 0 : aligned(to + offset) + 1;
      if (target == std::exchange(last, target)) continue;
      Ids moved = shifted(text, from, length, target);
      const std::int64_t saved = before_ - distances_(moved);
      Move move{saved, length, -from, -target, std::move(moved)};
      ++tried_;
      if (move > best_) best_ = std::move(move);
    }
    return tried_ < kShifts;
  }

  const Ids& reference_;
  Distances& distances_;
  std::int64_t before_ = 0, tried_ = 0;
  Alignment alignment_;
  Move best_;
};

Words ter_words(std::string_view text) { return words_of(lowercase(text)); }

}  // namespace

std::int64_t translation_edits(const Words& text, const Words& reference) {
  if (reference.empty()) return static_cast<std::int64_t>(text.size());
  std::unordered_map<std::string, int> numbers;
  const auto ids_of = [&](const Words& words) {
    Ids ids;
    for (const std::string& word : words)
      ids.push_back(numbers.emplace(word, static_cast<int>(numbers.size())).first->second);
    return ids;
  };
  const Ids wanted = ids_of(reference);
  Ids now = ids_of(text);
  Distances distances(wanted);
  Shifts shifts(wanted, distances);
  std::int64_t count = 0;
  while (auto next = shifts.best(now)) {
    now = std::move(*next);
    ++count;
  }
  return count + distances(now);
}

TerCounts& TerCounts::operator+=(const TerCounts& other) {
  edits += other.edits;
  reference_length += other.reference_length;
  return *this;
}

TerCounts ter_counts(std::string_view text, std::span<const std::string> references) {
  const Words got = ter_words(text);
  TerCounts counts{std::numeric_limits<double>::infinity()};
  for (const std::string& reference : references) {
    const Words wanted = ter_words(reference);
    counts.edits = std::min(counts.edits, static_cast<double>(translation_edits(got, wanted)));
    counts.reference_length += static_cast<double>(wanted.size());
  }
  counts.reference_length /= static_cast<double>(references.size());
  return counts;
}

double ter(const TerCounts& counts) {
  if (counts.reference_length > 0) return 100 * counts.edits / counts.reference_length;
  return counts.edits > 0 ? 100 : 0;
}

}  // namespace hft::metrics
