#include "core/ranks/launch.h"

#include <cstdlib>

#include "tests/support/test.h"

using namespace hft;

namespace {

// The environment of one process, until this is gone.
struct Environment {
  explicit Environment(std::vector<std::pair<std::string, std::string>> variables)
      : set(std::move(variables)) {
    for (const char* name : {"RANK", "WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                             "PMI_RANK", "PMI_SIZE", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS",
                             "PMIX_NAMESPACE", "SLURM_JOB_ID", "MASTER_ADDR", "MASTER_PORT"})
      ::unsetenv(name);
    for (const auto& [name, value] : set) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : set) ::unsetenv(name.c_str());
  }
  std::vector<std::pair<std::string, std::string>> set;
};

}  // namespace

TEST_CASE("launch: torchrun, mpirun and srun say who this process is") {
  {
    const Environment none({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}});  // a batch script
    CHECK(launched().size == 1);
  }
  {
    const Environment torchrun({{"RANK", "3"},
                                {"WORLD_SIZE", "4"},
                                {"LOCAL_WORLD_SIZE", "2"},
                                {"MASTER_ADDR", "node7"},
                                {"MASTER_PORT", "1234"}});
    const Launch launch = launched();
    CHECK(launch.rank == 3);
    CHECK(launch.size == 4);
    CHECK(launch.address == "node7");
    CHECK(launch.port == 1234);
  }
  {
    const Environment mpirun({{"OMPI_COMM_WORLD_RANK", "1"},
                              {"OMPI_COMM_WORLD_SIZE", "2"},
                              {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                              {"PMIX_NAMESPACE", "77@1"}});
    const Launch launch = launched();
    CHECK(launch.rank == 1);
    CHECK(launch.size == 2);
    CHECK(launch.address == "127.0.0.1");
    CHECK(launch.port >= 20000);
    CHECK(launch.port < 30000);
  }
  {
    const Environment srun({{"SLURM_PROCID", "5"},
                            {"SLURM_STEP_NUM_TASKS", "6"},
                            {"SLURM_STEP_NUM_NODES", "2"},
                            {"SLURM_STEP_NODELIST", "cpu[03-04]"}});
    const Launch launch = launched();
    CHECK(launch.rank == 5);
    CHECK(launch.size == 6);
    CHECK(launch.address == "cpu03");
  }
}

TEST_CASE("launch: what does not fit together is refused") {
  {
    const Environment several({{"OMPI_COMM_WORLD_RANK", "1"},
                               {"OMPI_COMM_WORLD_SIZE", "4"},
                               {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
    const Error error = test::caught([] { launched(); });
    CHECK(error.code == Errc::kUsage);
    CHECK(error.message ==
          "several hosts are launched, but MASTER_ADDR does not say which of them has rank 0");
    CHECK(error.hint == "MASTER_ADDR=HOST, as in mpirun -x MASTER_ADDR=HOST");
  }
  {
    const Environment beyond({{"RANK", "2"}, {"WORLD_SIZE", "2"}});
    CHECK(test::error_of([] { launched(); }) ==
          "RANK: is 2, wanted a number below WORLD_SIZE, 2");
  }
  {
    const Environment words({{"RANK", "first"}, {"WORLD_SIZE", "2"}});
    CHECK(test::error_of([] { launched(); }) == "RANK: is 'first', wanted a whole number");
  }
}

TEST_CASE("launch: the first host of a list as Slurm writes it") {
  CHECK(first_host("node[003-010,012],other") == "node003");
  CHECK(first_host("a,b") == "a");
  CHECK(first_host("cpu7") == "cpu7");
  CHECK(first_host("n[5]") == "n5");
  CHECK(first_host("") == "");
}
