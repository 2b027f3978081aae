// The same work on many items, on several threads, each with its own connection.
#pragma once

#include <functional>

#include "hub/http.h"

namespace hft::hub {

// Calls work(http, i) for every i below `count`, on at most 8 threads, and `watch` ten times a
// second meanwhile. The first error ends the rest and is rethrown.
void in_parallel(
    const Settings& settings, std::size_t count,
    const std::function<void(Http&, std::size_t)>& work,
    const std::function<void()>& watch = [] {});

}  // namespace hft::hub
