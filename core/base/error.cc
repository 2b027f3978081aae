#include "core/base/error.h"

namespace hft {

std::string_view code_name(Errc code) {
  switch (code) {
    case Errc::kFailure:
      return "failure";
    case Errc::kUsage:
      return "usage";
    case Errc::kSomeFailed:
      return "some_failed";
    case Errc::kNotAuthorised:
      return "not_authorised";
    case Errc::kNotFound:
      return "not_found";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kNetwork:
      return "network";
    case Errc::kResources:
      return "resources";
    case Errc::kBadData:
      return "bad_data";
    case Errc::kNotFinite:
      return "not_finite";
    case Errc::kBusy:
      return "busy";
    case Errc::kPeerFailed:
      return "peer_failed";
    case Errc::kGateNotMet:
      return "gate_not_met";
    case Errc::kInterrupted:
      return "interrupted";
    case Errc::kTerminated:
      return "terminated";
  }
  return "failure";
}

}  // namespace hft
