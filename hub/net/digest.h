// SHA-256 and SHA-1 from OpenSSL.
#pragma once

#include <memory>

#include "hub/backend.h"

namespace hft::hub {
std::unique_ptr<Hash> make_hash(const char* name);  // "SHA256", "SHA1"
}  // namespace hft::hub
