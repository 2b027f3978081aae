// Which of a launcher's processes this one is: torchrun, mpirun (Open MPI, and those that speak
// PMI) or Slurm's srun, which say so in the environment.
#pragma once

#include <string>

namespace hft {

struct Launch {
  int rank = 0, size = 1;  // size 1: alone
  // Where rank 0 is met.
  std::string address = "127.0.0.1";
  int port = 29500;
  bool met_by_launcher = false;  // torchrun itself listens there
  std::string attempt;           // of torchrun, which starts all anew when one fails
};

// As the environment tells. Throws kUsage where it contradicts itself, or where several hosts are
// launched and nothing says which of them has rank 0.
Launch launched();

// The first host of Slurm's "node[03-10,12],other": "node03".
std::string first_host(const std::string& nodes);

}  // namespace hft
