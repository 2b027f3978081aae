// Ctrl-C and SIGTERM: the first asks the running command to finish its batch and stop, the second
// ends the program at once. A closed pipe ends it quietly.
#pragma once

namespace hft {

// Installs the handlers and ignores SIGPIPE and SIGXFSZ (writes then fail with EPIPE, EFBIG).
void watch_signals();

// 0, or the exit code (130, 143) of the signal that asked to stop.
int stop_requested();

// The request was met: the program goes on, and the next signal asks anew.
void forget_stop();

}  // namespace hft
