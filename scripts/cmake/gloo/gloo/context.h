// What c10d's ProcessGroupGloo.hpp names of Gloo, whose headers LibTorch's packages leave out; the
// code is in libtorch_cpu.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
