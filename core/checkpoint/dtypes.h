// What there is to know of a tensor's type besides its size in bytes, and the types that are only
// carried from file to file: nothing computes with them.
#pragma once

#include "core/checkpoint/safetensors.h"

namespace hft {

inline constexpr Dtype kC64{15}, kF8E5M2Fnuz{16}, kF8E4M3Fnuz{17}, kF8E8M0{18}, kF6E3M2{19},
    kF6E2M3{20}, kF4{21};

std::int64_t bits_of(Dtype dtype);
// Where the safetensors library puts a type among others in a file, so that each is aligned.
int layout_order(Dtype dtype);

}  // namespace hft
