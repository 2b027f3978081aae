#include "core/engine.h"

#include "core/base/library.h"

namespace hft {

const Engine& engine() {
  static const Engine* opened =
      reinterpret_cast<const Engine* (*)()>(open_library("hft_engine", "hft_engine"))();
  return *opened;
}

std::future<std::unique_ptr<TextModel>> load_in_background(ModelRequest request) {
  return std::async(std::launch::async,
                    [request = std::move(request)] { return engine().load_text_model(request); });
}

}  // namespace hft
