#include "core/models/image_net.h"

#include "core/base/error.h"
#include "core/base/limits.h"

namespace hft {

std::vector<SeenTensors> each_row(const Tensor& logits) {
  std::vector<SeenTensors> seen;
  for (std::int64_t b = 0; b < logits.size(0); ++b) seen.push_back({.logits = logits.narrow(0, b, 1)});
  return seen;
}

Grid grid_field(const Fields& config, const std::string& key, std::int64_t fallback) {
  const Json* value = config.find(key);
  if (!value || !value->is_array()) {
    const auto size = config.integer(key, 1, limits::kHidden, fallback);
    return {size, size};
  }
  const auto both = integers(config, key, {}, 1, limits::kHidden);
  if (both.empty() || both.size() > 2)
    fail(Errc::kBadData, config.where(), ": '", key, "' is ", to_line(*value),
         ", wanted a number or [height, width]");
  return {both.front(), both.back()};
}

std::vector<std::int64_t> integers(const Fields& config, const std::string& key,
                                   std::vector<std::int64_t> fallback, std::int64_t low,
                                   std::int64_t high) {
  const Json* value = config.find(key);
  if (!value || value->is_null()) return fallback;
  std::vector<std::int64_t> numbers;
  const bool list = value->is_array() && value->size() <= 4096;
  if (list)
    for (const Json& number : *value)
      if (number.is_number_integer() && number >= low && number <= high)
        numbers.push_back(number.get<std::int64_t>());
  if (!list || numbers.size() != value->size())
    fail(Errc::kBadData, config.where(), ": '", key, "' is ", to_line(*value),
         ", wanted a list of integers in [", low, ", ", high, "]");
  return numbers;
}

}  // namespace hft
