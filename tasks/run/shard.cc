#include "tasks/run/shard.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/log.h"

namespace hft {
namespace {

std::optional<std::int64_t> environment_number(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) return std::nullopt;
  char* end = nullptr;
  const long long number = std::strtoll(value, &end, 10);
  return *end ? std::nullopt : std::optional<std::int64_t>(number);
}

Shard told(Shard shard, const char* source) {
  if (shard.count > 1)
    detail("shard " + std::to_string(shard.index) + "/" + std::to_string(shard.count) + " by " +
           source);
  return shard;
}

// The ids of an array are MIN, MIN + STEP, … MAX, unless it was given as a list.
std::optional<Shard> slurm_array() {
  const auto id = environment_number("SLURM_ARRAY_TASK_ID"),
             count = environment_number("SLURM_ARRAY_TASK_COUNT");
  if (!id || !count || *count < 2) return std::nullopt;
  const auto low = environment_number("SLURM_ARRAY_TASK_MIN").value_or(0);
  const auto high = environment_number("SLURM_ARRAY_TASK_MAX");
  const auto step = environment_number("SLURM_ARRAY_TASK_STEP").value_or(1);
  const auto at = *id - low;
  const bool even = step > 0 && at >= 0 && at % step == 0 && at / step < *count &&
                    (!high || (*high - low) / step + 1 == *count);
  if (!even)
    fail_hint(Errc::kUsage, "say which part this task takes: --shard i/n, or --shard 0/1 for all",
              "the job array's ids leave gaps: SLURM_ARRAY_TASK_ID is ", *id, " of ", *count,
              " tasks from ", low, " to ", high ? std::to_string(*high) : "?");
  return Shard{at / step, *count};
}

std::optional<Shard> ranks(const char* rank, const char* size) {
  const auto i = environment_number(rank), n = environment_number(size);
  if (i && !n)
    note(std::string(rank) + " is set but not " + size +
         ": every input is taken; --shard i/n chooses a part");
  if (!i || !n || *n < 2 || *i < 0 || *i >= *n) return std::nullopt;
  return Shard{*i, *n};
}

}  // namespace

Shard shard_of(const std::string& text) {
  if (!text.empty()) {
    char rest = 0;
    long long i = 0, n = 0;
    if (std::sscanf(text.c_str(), "%lld/%lld%c", &i, &n, &rest) != 2 || n < 1 || i < 0 || i >= n)
      fail(Errc::kUsage, "--shard: '", text, "' is not i/n with 0 <= i < n, such as 0/3");
    return {i, n};
  }
  if (const auto shard = slurm_array()) return told(*shard, "SLURM_ARRAY_TASK_ID");
  if (const auto shard = ranks("JOB_COMPLETION_INDEX", "JOB_COMPLETION_COUNT"))
    return told(*shard, "JOB_COMPLETION_INDEX");
  for (const auto& [rank, size] : {std::pair{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                   std::pair{"PMI_RANK", "PMI_SIZE"}})  // Open MPI; MPICH, Intel
    if (const auto shard = ranks(rank, size)) return told(*shard, rank);
  return {};
}

}  // namespace hft
