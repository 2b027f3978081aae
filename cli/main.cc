// The program: parse, run, the one catch, the exit code. It ends with _exit, because the static
// destructors of LibTorch take longer than most commands.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "cli/parse.h"
#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/signals.h"

namespace {

int guarded(int argc, char** argv) {
  using namespace hft;
  try {
    const Parsed parsed = parse({argv + 1, argv + argc});
    const int code = parsed.run();
    if (std::fflush(stdout) != 0 && errno != EPIPE)
      fail(Errc::kResources, "stdout: cannot write: ", std::strerror(errno));
    return code;
  } catch (const Error& e) {
    report_error(e.message, e.hint);
    return static_cast<int>(e.code);
  } catch (const std::bad_alloc&) {
    report_error("out of memory", "use a smaller --batch-size, or --dtype bfloat16");
    return static_cast<int>(Errc::kResources);
  } catch (const std::filesystem::filesystem_error& e) {
    report_error(e.path1().string() + ": " + e.code().message());
    return static_cast<int>(Errc::kResources);
  } catch (const std::exception& e) {
    report_error(e.what());
    return static_cast<int>(Errc::kFailure);
  }
}

}  // namespace

int main(int argc, char** argv) {
  hft::watch_signals();
  hft::guard_mappings();
  const int code = guarded(argc, argv);
  std::fflush(stderr);
  ::_exit(code);
}
