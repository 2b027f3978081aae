#include "core/engine.h"

#include <chrono>

#include "core/base/library.h"
#include "core/checkpoint/safetensors.h"

namespace hft {

const Engine& engine() {
  static const Engine* opened =
      reinterpret_cast<const Engine* (*)()>(open_library("hft_engine", "hft_engine"))();
  return *opened;
}

void map_pages_while_loading(const std::future<std::unique_ptr<CausalLm>>& loading,
                             const StoredTensors& tensors) {
  constexpr std::size_t kMappedTogether = 64 << 10;
  const auto ready = [&] {
    return loading.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  // A byte here and there: to ask the kernel for many pages at once would hold up the opening of
  // LibTorch, which waits for the same lock.
  for (const auto& [name, tensor] : tensors)
    for (std::size_t at = 0; at < tensor.bytes.size() && !ready(); at += kMappedTogether)
      static_cast<void>(*static_cast<const volatile std::byte*>(tensor.bytes.data() + at));
}

}  // namespace hft
