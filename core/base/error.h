// The one error type. fail() throws it, outer layers add context, cli/main.cc prints it once.
#pragma once

#include <exception>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

namespace hft {

// What went wrong, named by the exit code it ends the program with (`hft help exit-codes`).
enum class Errc {
  kFailure = 1,
  kUsage = 2,
  kSomeFailed = 3,
  kNotAuthorised = 4,
  kNotFound = 5,
  kUnsupported = 6,
  kNetwork = 7,
  kResources = 8,
  kBadData = 9,
  kNotFinite = 10,
  kBusy = 11,
  kPeerFailed = 12,
  kGateNotMet = 100,
  kInterrupted = 130,
  kTerminated = 143,
};

// Every code, with its word in JSON error records and its line in the help.
struct ExitCode {
  Errc code;
  std::string_view name, meaning;  // "bad_data"; "bad data: a malformed or hostile file, …"
};
std::span<const ExitCode> exit_codes();

std::string_view code_name(Errc code);

// message is one line: what, got, wanted. hint is a remedy ("" = none), printed on its own line.
class Error : public std::exception {
 public:
  Error(Errc code, std::string message, std::string hint = "")
      : code(code), message(std::move(message)), hint(std::move(hint)) {}
  const char* what() const noexcept override { return message.c_str(); }

  // The same error with "context: " before its message.
  Error in(std::string_view context) const {
    return {code, std::string(context) + ": " + message, hint};
  }

  Errc code;
  std::string message;
  std::string hint;
};

// fail(code, parts…) throws Error with the parts streamed together.
template <class... Parts>
[[noreturn]] void fail(Errc code, const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  throw Error(code, out.str());
}

// As fail(), with a remedy for the hint line.
template <class... Parts>
[[noreturn]] void fail_hint(Errc code, std::string hint, const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  throw Error(code, out.str(), std::move(hint));
}

// Runs f; an Error leaving it gets "context: " before its message.
template <class F>
auto with_context(std::string_view context, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const Error& e) {
    throw e.in(context);
  }
}

}  // namespace hft
