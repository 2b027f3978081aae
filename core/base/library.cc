#include "core/base/library.h"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "core/base/error.h"

namespace hft {
namespace fs = std::filesystem;
namespace {

void* load(const fs::path& file, std::string& reason) {
  void* library = nullptr;
  const auto open = [&] {
    library = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (!library) reason = ::dlerror();
  };
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (!error) {
    open();
    return library;
  }
  // MKL, starting in LibTorch, ends the program where the working directory was removed. A thread
  // may stand elsewhere without the others.
  std::thread([&] {
    if (::unshare(CLONE_FS) == 0 && ::chdir("/") == 0)
      open();
    else
      reason = "the working directory was removed; start hft in another";
  }).join();
  return library;
}

bool is_limit(const std::string& reason) {
  for (const char* word : {"failed to map segment", "annot allocate memory", "oo many open files"})
    if (reason.find(word) != reason.npos) return true;
  return false;
}

}  // namespace

fs::path library_folder() {
  Dl_info own{};
  ::dladdr(reinterpret_cast<const void*>(&library_folder), &own);
  return fs::weakly_canonical(own.dli_fname).parent_path();
}

void* open_library(const std::string& name, const char* symbol) {
  const fs::path here = library_folder();
  const std::string file = "lib" + name + ".so";
  void* library = nullptr;
  std::string reason = file + " is not beside the program (" + here.string() + ")";
  for (const auto& folder : {here, here.parent_path() / "lib"})
    if (!library && fs::exists(folder / file)) library = load(folder / file, reason);
  if (!library && is_limit(reason))
    fail_hint(Errc::kResources, "ulimit -v and ulimit -n tell how much is allowed",
              "out of memory or of open files: ", reason);
  if (!library) fail_hint(Errc::kFailure, "build it with scripts/build, or reinstall hft", reason);
  void* found = ::dlsym(library, symbol);
  if (!found) fail(Errc::kFailure, file, " has no function ", symbol);
  return found;
}

}  // namespace hft
