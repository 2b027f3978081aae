// Where ranks are met: the sockets that are wanted before c10d makes its own.
#pragma once

#include <string>

#include "core/ranks/launch.h"

namespace hft {

// A socket at the launch's address, for rank 0 to be met at: others than those who may reach that
// address do not reach it. Throws kBusy where the port is taken.
int socket_to_be_met_at(const Launch& launch);

// The address of this host that a way to rank 0 begins at. Throws kNotFound for an address that no
// host has.
std::string own_address(const Launch& launch);

}  // namespace hft
