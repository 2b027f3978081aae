#include "core/engine.h"

#include <dlfcn.h>

#include <filesystem>

#include "core/base/error.h"

namespace hft {
namespace {

const Engine* open_engine() {
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  void* library = nullptr;
  std::string reason;
  for (const auto& folder : {here, here.parent_path() / "lib"}) {
    const auto file = folder / "libhft_engine.so";
    if (!std::filesystem::exists(file)) continue;
    library = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (library) break;
    reason = ::dlerror();
  }
  if (!library)
    fail_hint(Errc::kFailure, "build it with scripts/build, or reinstall hft",
              reason.empty() ? "libhft_engine.so is not beside the program (" + here.string() + ")"
                             : reason);
  auto get = reinterpret_cast<const Engine* (*)()>(::dlsym(library, "hft_engine"));
  if (!get) fail(Errc::kFailure, "libhft_engine.so has no function hft_engine");
  return get();
}

}  // namespace

const Engine& engine() {
  static const Engine* opened = open_engine();
  return *opened;
}

std::future<std::unique_ptr<TextModel>> load_in_background(ModelRequest request) {
  return std::async(std::launch::async,
                    [request = std::move(request)] { return engine().load_text_model(request); });
}

}  // namespace hft
