#include "core/models/train/shards.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/base/json.h"

namespace hft {
namespace {

// A line that tells names, types and shapes, then the numbers.
std::string packed(const std::map<std::string, Tensor, std::less<>>& memory) {
  Json head = Json::array();
  std::string numbers;
  for (const auto& [name, value] : memory) {
    const Tensor plain = value.contiguous();
    head.push_back({name, plain.scalar_type() == at::kByte, plain.sizes().vec()});
    numbers.append(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
  }
  return to_line(head) + "\n" + numbers;
}

std::map<std::string, Tensor, std::less<>> unpacked(const std::string& bytes) {
  std::map<std::string, Tensor, std::less<>> memory;
  std::size_t at = bytes.find('\n');
  const Json head = parse_json(std::string_view(bytes).substr(0, at++), "another rank's optimizer");
  for (const Json& one : head) {
    Tensor value = at::empty(one[2].get<std::vector<std::int64_t>>(),
                             one[1].get<bool>() ? at::kByte : at::kFloat);
    std::memcpy(value.mutable_data_ptr(), bytes.data() + at, value.nbytes());
    at += value.nbytes();
    memory.emplace(one[0].get<std::string>(), value);
  }
  return memory;
}

}  // namespace

std::span<float> numbers_of(const Tensor& value) {
  return {value.mutable_data_ptr<float>(), static_cast<std::size_t>(value.numel())};
}

Shards::Shards(Ranks& ranks, std::vector<Trained>& all)
    : ranks_(ranks), all_(all), owners_(all.size()) {
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(),
                           [&](std::size_t i) { return all[i].value.numel(); });
  std::vector<std::int64_t> loads(ranks.size());
  for (const std::size_t i : order) {
    const auto least = std::ranges::min_element(loads);
    *least += all[i].value.numel();
    owners_[i] = static_cast<int>(least - loads.begin());
  }
}

void Shards::keep_own() {
  moving_.clear();
  for (Trained& one : all_) {
    if (one.gradient.defined()) moving_.push_back(&one);
    if (!own(one)) one.gradient = Tensor();
  }
}

void Shards::exchange() {
  std::vector<std::unique_ptr<Ranks::Pending>> told;
  for (const Trained* one : moving_)
    told.push_back(ranks_.start_broadcast(numbers_of(one->value), owner(*one)));
  for (const auto& one : told) one->wait();
}

std::map<std::string, Tensor, std::less<>> Shards::memory_of(const Trained& one) {
  const int from = owner(one);
  const std::string bytes =
      ranks_.broadcast(from == ranks_.rank() ? packed(one.memory) : "", from);
  return ranks_.rank() == 0 ? unpacked(bytes) : std::map<std::string, Tensor, std::less<>>{};
}

}  // namespace hft
