#include "core/constraints/dfa.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/base/error.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr std::size_t kMostDfaStates = 400'000;

void check_dfa_size(std::size_t states) {
  if (states > kMostDfaStates)
    fail(Errc::kUnsupported, "needs an automaton of more than ", kMostDfaStates, " states");
}

}  // namespace

void Dfa::add_edge(char32_t first, char32_t last, std::int32_t to) {
  if (edges_.size() > begins_.back() && edges_.back().to == to && edges_.back().last + 1 == first)
    edges_.back().last = last;
  else
    edges_.push_back({first, last, to});
}

void Dfa::end_state(bool accepting) {
  begins_.push_back(static_cast<std::uint32_t>(edges_.size()));
  accepting_.push_back(accepting);
}

bool Dfa::accepts(std::string_view text) const {
  if (empty()) return false;
  std::size_t state = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::next(text, at);
    const auto from = edges(state);
    const auto edge = std::ranges::lower_bound(from, c, {}, &Edge::last);
    if (edge == from.end() || edge->first > c) return false;
    state = static_cast<std::size_t>(edge->to);
  }
  return accepting_[state];
}

Dfa Dfa::trim() const {
  if (empty()) return {};
  // Backwards from what accepts, then forwards from the start.
  std::vector<std::vector<std::int32_t>> before(size());
  for (std::size_t s = 0; s < size(); ++s)
    for (const Edge& e : edges(s))
      before[static_cast<std::size_t>(e.to)].push_back(static_cast<std::int32_t>(s));
  std::vector<bool> ends(size(), false);
  std::vector<std::size_t> work;
  for (std::size_t s = 0; s < size(); ++s)
    if (accepting_[s]) ends[s] = true, work.push_back(s);
  while (!work.empty()) {
    const std::size_t s = work.back();
    work.pop_back();
    for (const std::int32_t b : before[s])
      if (!ends[static_cast<std::size_t>(b)])
        ends[static_cast<std::size_t>(b)] = true, work.push_back(static_cast<std::size_t>(b));
  }
  if (!ends[0]) return {};
  std::vector<std::int32_t> place(size(), -1);
  std::vector<std::size_t> order{0};
  place[0] = 0;
  for (std::size_t i = 0; i < order.size(); ++i)
    for (const Edge& e : edges(order[i])) {
      const auto to = static_cast<std::size_t>(e.to);
      if (!ends[to] || place[to] >= 0) continue;
      place[to] = static_cast<std::int32_t>(order.size());
      order.push_back(to);
    }
  Dfa out;
  for (const std::size_t s : order) {
    for (const Edge& e : edges(s))
      if (ends[static_cast<std::size_t>(e.to)])
        out.add_edge(e.first, e.last, place[static_cast<std::size_t>(e.to)]);
    out.end_state(accepting_[s]);
  }
  return out;
}

Dfa dfa_of_texts(std::span<const std::string> texts) {
  std::vector<std::map<char32_t, std::int32_t>> next(1);
  std::vector<bool> ends(1, false);
  for (const std::string& text : texts) {
    std::size_t state = 0;
    for (std::size_t at = 0; at < text.size();) {
      const auto [found, fresh] =
          next[state].emplace(unicode::next(text, at), static_cast<std::int32_t>(next.size()));
      const auto to = static_cast<std::size_t>(found->second);
      if (fresh) {
        next.emplace_back();
        ends.push_back(false);
        check_dfa_size(next.size());
      }
      state = to;
    }
    ends[state] = true;
  }
  Dfa out;
  for (std::size_t s = 0; s < next.size(); ++s) {
    for (const auto& [c, to] : next[s]) out.add_edge(c, c, to);
    out.end_state(ends[s]);
  }
  return out.trim();
}

Dfa dfa_of_lengths(std::int64_t least, std::int64_t most) {
  if (most >= 0 && least > most) return {};
  const std::int64_t last = most < 0 ? least : most;
  check_dfa_size(static_cast<std::size_t>(last));
  const CodePoints any = CodePoints::all();
  Dfa out;
  for (std::int64_t n = 0; n <= last; ++n) {
    const bool end = n == last;
    for (const CodeRange& range : any.ranges())
      if (!end || most < 0)
        out.add_edge(range.first, range.last, static_cast<std::int32_t>(end ? n : n + 1));
    out.end_state(n >= least);
  }
  return out;
}

Dfa operator&(const Dfa& a, const Dfa& b) {
  if (a.empty() || b.empty()) return {};
  std::unordered_map<std::uint64_t, std::int32_t> places;
  std::vector<std::pair<std::int32_t, std::int32_t>> states;
  const auto place = [&](std::int32_t x, std::int32_t y) {
    const std::uint64_t key = static_cast<std::uint64_t>(x) << 32 | static_cast<std::uint32_t>(y);
    const auto [found, fresh] = places.emplace(key, static_cast<std::int32_t>(states.size()));
    if (fresh) states.emplace_back(x, y);
    return found->second;
  };
  place(0, 0);
  Dfa out;
  for (std::size_t s = 0; s < states.size(); ++s) {
    check_dfa_size(states.size());
    const auto left = a.edges(static_cast<std::size_t>(states[s].first)),
               right = b.edges(static_cast<std::size_t>(states[s].second));
    const bool accepting = a.accepting(static_cast<std::size_t>(states[s].first)) &&
                           b.accepting(static_cast<std::size_t>(states[s].second));
    for (std::size_t i = 0, j = 0; i < left.size() && j < right.size();) {
      const char32_t first = std::max(left[i].first, right[j].first),
                     last = std::min(left[i].last, right[j].last);
      if (first <= last) out.add_edge(first, last, place(left[i].to, right[j].to));
      left[i].last < right[j].last ? ++i : ++j;
    }
    out.end_state(accepting);
  }
  return out.trim();
}

Dfa operator~(const Dfa& a) {
  if (a.empty()) return dfa_of_lengths(0, -1);
  const auto sink = static_cast<std::int32_t>(a.size());
  const CodePoints any = CodePoints::all();
  Dfa out;
  for (std::size_t s = 0; s <= a.size(); ++s) {
    const auto from = s < a.size() ? a.edges(s) : std::span<const Dfa::Edge>();
    for (const CodeRange& range : any.ranges()) {
      char32_t next = range.first;
      for (const Dfa::Edge& e : from) {
        if (e.last < range.first || e.first > range.last) continue;
        if (e.first > next) out.add_edge(next, e.first - 1, sink);
        out.add_edge(e.first, e.last, e.to);
        next = e.last + 1;
      }
      if (next <= range.last) out.add_edge(next, range.last, sink);
    }
    out.end_state(s == a.size() || !a.accepting(s));
  }
  return out.trim();
}

}  // namespace hft
