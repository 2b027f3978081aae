#include "core/base/library.h"

#include <dlfcn.h>

#include <filesystem>

#include "core/base/error.h"

namespace hft {
namespace fs = std::filesystem;

void* open_library(const std::string& name, const char* symbol) {
  Dl_info own{};
  ::dladdr(reinterpret_cast<const void*>(&open_library), &own);
  const auto here = fs::weakly_canonical(own.dli_fname).parent_path();
  const std::string file = "lib" + name + ".so";
  void* library = nullptr;
  std::string reason = file + " is not beside the program (" + here.string() + ")";
  for (const auto& folder : {here, here.parent_path() / "lib"}) {
    if (library || !fs::exists(folder / file)) continue;
    library = ::dlopen((folder / file).c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (!library) reason = ::dlerror();
  }
  if (!library) fail_hint(Errc::kFailure, "build it with scripts/build, or reinstall hft", reason);
  void* found = ::dlsym(library, symbol);
  if (!found) fail(Errc::kFailure, file, " has no function ", symbol);
  return found;
}

}  // namespace hft
