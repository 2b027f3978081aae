// ZeRO-1 (arXiv:1910.02054): of what is trained each rank has a share, for which it alone remembers
// what the optimiser wants and takes its step; the others are told the values.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/models/train/optimizer.h"
#include "core/ranks/ranks.h"

namespace hft {

class Shards {
 public:
  // `all` stays where it is; shares have about as many numbers each.
  Shards(Ranks& ranks, std::vector<Trained>& all);

  bool own(const Trained& one) const { return owner(one) == ranks_.rank(); }
  // Leaves the gradients of others to them.
  void keep_own();
  // The values after the step, of what had a gradient before.
  void exchange();
  // What its owner remembers of it; all ranks ask for the same one.
  std::map<std::string, Tensor, std::less<>> memory_of(const Trained& one);

 private:
  int owner(const Trained& one) const { return owners_[&one - all_.data()]; }
  Ranks& ranks_;
  std::vector<Trained>& all_;
  std::vector<int> owners_;
  std::vector<Trained*> moving_;
};

std::span<float> numbers_of(const Tensor& value);

}  // namespace hft
