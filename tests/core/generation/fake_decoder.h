// A decoder whose logits come out of the tables of tests/golden/generation: the next token follows
// from the last three and, after an encoder, from all of the source. It checks how it is used.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "core/models/heads/decoder.h"
#include "tests/support/test.h"

namespace hft::test {

class FakeDecoder : public CausalLm {
 public:
  explicit FakeDecoder(const Json& tables) {
    for (auto& [name, rows] : tables.items())
      for (const Json& row : rows) tables_[name].push_back(row.get<std::vector<float>>());
  }

  int open() override { return add({}, {}); }
  int open(std::vector<std::int32_t> source) { return add({}, std::move(source)); }
  int fork(int sequence) override { return add(at(sequence).ids, at(sequence).source); }
  void close(int sequence) override {
    at(sequence);
    sequences_.erase(sequence);
  }
  void crop(int sequence, std::int64_t length) override {
    REQUIRE(length <= this->length(sequence));
    at(sequence).ids.resize(static_cast<std::size_t>(length));
  }
  std::int64_t length(int sequence) const override {
    return static_cast<std::int64_t>(at(sequence).ids.size());
  }
  std::int64_t vocab() const override { return 24; }
  std::int64_t max_positions() const override { return positions; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  void forward(std::span<const Feed> feeds, Decoded& out) override {
    ++forwards;
    most_feeds = std::max(most_feeds, feeds.size());
    out.logits = {0, vocab(), {}};
    out.hidden = {0, 8, {}};
    std::map<int, int> fed;
    for (const Feed& feed : feeds) {
      REQUIRE(++fed[feed.sequence] == 1);
      REQUIRE(!feed.ids.empty());
      append(feed, out);
    }
  }

  std::size_t live() const { return sequences_.size(); }
  int forwards = 0;
  std::size_t most_feeds = 0;
  std::int64_t positions = 1000;

 private:
  struct State {
    std::vector<std::int32_t> ids, source;
  };
  int add(std::vector<std::int32_t> ids, std::vector<std::int32_t> source) {
    sequences_[++last_] = {std::move(ids), std::move(source)};
    return last_;
  }
  const State& at(int sequence) const {
    REQUIRE(sequences_.count(sequence) == 1);
    return sequences_.at(sequence);
  }
  State& at(int sequence) { return const_cast<State&>(std::as_const(*this).at(sequence)); }

  void append(const Feed& feed, Decoded& out) {
    State& state = at(feed.sequence);
    for (std::size_t i = 0; i < feed.ids.size(); ++i) {
      state.ids.push_back(feed.ids[i]);
      if (static_cast<std::int64_t>(feed.ids.size() - i) > feed.rows) continue;
      const std::vector<float> row = logits_of(state);
      out.logits.data.insert(out.logits.data.end(), row.begin(), row.end());
      const auto& hidden = tables_["hidden"][static_cast<std::size_t>(feed.ids[i])];
      out.hidden.data.insert(out.hidden.data.end(), hidden.begin(), hidden.end());
      ++out.logits.rows, ++out.hidden.rows;
    }
  }

  std::vector<float> logits_of(const State& state) {
    std::vector<float> row(24, 0.0f);
    auto add_row = [&](const char* table, std::int32_t id) {
      for (std::size_t v = 0; v < row.size(); ++v)
        row[v] += tables_[table][static_cast<std::size_t>(id)][v];
    };
    const auto& ids = state.ids;
    add_row("last", ids.back());
    if (ids.size() > 1) add_row("second", ids[ids.size() - 2]);
    if (ids.size() > 2) add_row("third", ids[ids.size() - 3]);
    for (auto id : state.source) add_row("source", id);
    for (float& x : row) x /= 64;
    return row;
  }

  std::map<std::string, std::vector<std::vector<float>>> tables_;
  std::map<int, State> sequences_;
  int last_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace hft::test
