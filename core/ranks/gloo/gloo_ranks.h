// Ranks over TCP: Gloo's collectives as LibTorch carries them (c10d), met at its TCPStore, so that
// torchrun's own store serves too.
#pragma once

#include <chrono>
#include <memory>

#include "core/ranks/launch.h"
#include "core/ranks/ranks.h"

namespace hft {

// Throws kBusy where the port is taken, kPeerFailed where a rank does not come within the timeout.
std::unique_ptr<Ranks> meet_ranks(const Launch& launch, std::chrono::seconds timeout);

}  // namespace hft
