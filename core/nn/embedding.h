// A table of vectors looked up by id; only the rows asked for are read.
#pragma once

#include "core/nn/weights.h"

namespace hft {

struct Embedding {
  Tensor weight;  // {count, D}, as stored
  at::ScalarType dtype = at::kFloat;

  Embedding() = default;
  Embedding(const Weights& w, std::int64_t count, std::int64_t size)
      : weight(w.get("weight", {count, size})), dtype(w.store().dtype()) {}
  Tensor operator()(const Tensor& ids) const {  // [N] -> [N,D]
    return weight.index_select(0, ids.to(weight.device())).to(dtype);
  }
};

}  // namespace hft
