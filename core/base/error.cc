#include "core/base/error.h"

#include <algorithm>

namespace hft {

std::span<const ExitCode> exit_codes() {
  static constexpr ExitCode kCodes[] = {
      {Errc::kFailure, "failure", "failure, or every input failed"},
      {Errc::kUsage, "usage", "usage: flag, column, a resume that contradicts the earlier run"},
      {Errc::kSomeFailed, "some_failed", "some inputs failed, the others were written"},
      {Errc::kNotAuthorised, "not_authorised", "not authorised, or a gated model"},
      {Errc::kNotFound, "not_found", "repository, revision or file not found (or not cached)"},
      {Errc::kUnsupported, "unsupported", "not supported: architecture, file format, custom code"},
      {Errc::kNetwork, "network", "network or integrity, after retries"},
      {Errc::kResources, "resources", "out of memory or disk, or cannot write"},
      {Errc::kBadData, "bad_data", "bad data: a malformed or hostile file, or over a limit"},
      {Errc::kNotFinite, "not_finite", "NaN or infinity in weights or results"},
      {Errc::kBusy, "busy", "a lock or a port is busy"},
      {Errc::kPeerFailed, "peer_failed", "a training peer failed"},
      {Errc::kGateNotMet, "gate_not_met", "an evaluation gate was not met"},
      {Errc::kInterrupted, "interrupted", "interrupted (Ctrl-C)"},
      {Errc::kTerminated, "terminated", "terminated"}};
  return kCodes;
}

std::string_view code_name(Errc code) {
  return std::ranges::find(exit_codes(), code, &ExitCode::code)->name;
}

}  // namespace hft
