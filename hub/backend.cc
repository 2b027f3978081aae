#include "hub/backend.h"

#include "core/base/library.h"

namespace hft::hub {

const Backend& backend() {
  static const Backend* opened =
      reinterpret_cast<const Backend* (*)()>(open_library("hft_net", "hft_net"))();
  return *opened;
}

}  // namespace hft::hub
