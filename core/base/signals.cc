#include "core/base/signals.h"

#include <signal.h>
#include <unistd.h>

namespace hft {
namespace {

volatile sig_atomic_t requested = 0;

void on_signal(int number) {
  const int code = number == SIGTERM ? 143 : 130;
  if (requested) ::_exit(code);
  requested = code;
}

}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  // No SA_RESTART: a read that waits for input is broken off.
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

int stop_requested() { return requested; }

void forget_stop() { requested = 0; }

}  // namespace hft
