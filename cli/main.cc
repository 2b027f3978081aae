// The program: parse, run, the one catch, the exit code. It ends with _exit, because the static
// destructors of LibTorch take longer than most commands.
#include <unistd.h>

#include <cstdio>
#include <new>
#include <system_error>

#include "cli/parse.h"
#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/signals.h"
#include "core/base/standard_streams.h"

namespace {

int guarded(int argc, char** argv) {
  using namespace hft;
  try {
    const Parsed parsed = parse({argv + 1, argv + argc});
    const int code = parsed.run();
    finish_stdout();
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
  } catch (const std::system_error& e) {  // of a thread, of a lock
    report_error("a limit of the system was met: " + std::string(e.what()),
                 "ulimit -u and ulimit -v tell how many threads and how much memory are allowed");
    return static_cast<int>(Errc::kResources);
  } catch (const std::exception& e) {
    report_error(e.what());
    return static_cast<int>(Errc::kFailure);
  }
}

}  // namespace

int main(int argc, char** argv) {
  hft::open_standard_streams();
  hft::watch_signals();
  hft::guard_mappings();
  const int code = guarded(argc, argv);
  std::fflush(stdout);  // what was printed before an error
  ::_exit(code);
}
