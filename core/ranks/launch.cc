#include "core/ranks/launch.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "core/base/error.h"

namespace hft {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::optional<int> number(const char* name) {
  const std::string text = variable(name);
  if (text.empty()) return std::nullopt;
  int value = -1;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || *end || value < 0)
    fail(Errc::kUsage, name, ": is '", text, "', wanted a whole number");
  return value;
}

// What each launcher calls rank and size, and how it tells that all is on one host.
struct Launcher {
  const char *rank, *size, *here, *all_here;
};
constexpr Launcher kLaunchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "WORLD_SIZE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE",
     "OMPI_COMM_WORLD_SIZE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", "PMI_SIZE"},
    // Of srun's steps alone: a batch script, too, has SLURM_PROCID and SLURM_NTASKS.
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES", nullptr}};

bool is_on_one_host(const Launcher& by) {
  const auto here = number(by.here);
  return !here || *here == (by.all_here ? number(by.all_here) : 1);
}

// Jobs on one host need a port each: one that follows from what the launcher calls its job.
int port_of_job() {
  std::string job = variable("PMIX_NAMESPACE");
  if (job.empty()) job = variable("SLURM_JOB_ID") + variable("SLURM_STEP_ID");
  if (job.empty()) return Launch().port;
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const unsigned char byte : job) hash = (hash ^ byte) * 16777619U;
  constexpr std::uint32_t kFirst = 20000, kCount = 10000;  // below those the system gives away
  return static_cast<int>(kFirst + hash % kCount);
}

std::string address_for(const Launcher& by) {
  if (std::string named = variable("MASTER_ADDR"); !named.empty()) return named;
  if (is_on_one_host(by)) return Launch().address;
  for (const char* nodes : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"})
    if (const std::string first = first_host(variable(nodes)); !first.empty()) return first;
  fail_hint(Errc::kUsage, "MASTER_ADDR=HOST, as in mpirun -x MASTER_ADDR=HOST",
            "several hosts are launched, but MASTER_ADDR does not say which of them has rank 0");
}

}  // namespace

std::string first_host(const std::string& nodes) {
  const auto list = nodes.find_first_of("[,");
  std::string first = nodes.substr(0, list);
  if (list != nodes.npos && nodes[list] == '[')
    first += nodes.substr(list + 1, nodes.find_first_of("-,]", list) - list - 1);
  return first;
}

Launch launched() {
  for (const Launcher& by : kLaunchers) {
    const auto rank = number(by.rank), size = number(by.size);
    if (!size) continue;
    if (*size <= 1) return {};
    if (!rank) fail(Errc::kUsage, by.size, " is ", *size, ", but ", by.rank, " is not set");
    if (*rank >= *size)
      fail(Errc::kUsage, by.rank, ": is ", *rank, ", wanted a number below ", by.size, ", ", *size);
    Launch launch{.rank = *rank, .size = *size, .address = address_for(by)};
    launch.port = number("MASTER_PORT").value_or(port_of_job());
    launch.met_by_launcher = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
    launch.attempt = variable("TORCHELASTIC_RESTART_COUNT");
    return launch;
  }
  return {};
}

}  // namespace hft
