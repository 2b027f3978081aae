// Standard input, output and error, whatever state the caller left them in.
#pragma once

namespace hft {

// A closed one becomes a device on which stdin and stdout fail and stderr vanishes, so that no file
// opened later takes its number and gets what was meant for it. Call first.
void open_standard_streams();

// What was printed reaches the system: kResources when it cannot be written. A reader that closed
// the pipe is no failure.
void finish_stdout();

}  // namespace hft
