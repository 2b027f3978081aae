// HTTP with the rules of the Hub: where a request may go, who sees the token, what is tried again.
#pragma once

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hub/backend.h"
#include "hub/settings.h"

namespace hft::hub {

struct Reply {
  int status = 0;
  Headers headers;
  Headers hub_headers;  // of the last answer that came from the endpoint itself
  std::string body;     // at most limits::kHubAnswerBytes
  std::string url;      // for messages: of the last hop, without its query
  std::int64_t retry_after_s = 0;
  bool from_hub = true;  // the last hop; else another host, which a signed address led to
  // A signed address that is no longer good: what it was made from must be asked again.
  bool is_expired() const {
    return !from_hub &&
           (status == 400 || status == 401 || status == 403 || status == 404 || status == 410);
  }
  std::string header(const std::string& name) const;  // lower case; "" when absent
};

struct Request {
  std::string method = "GET", url;  // a path ("/api/…") of the endpoint, or a whole URL
  std::vector<std::string> headers;
  std::string_view body;
  int file = -1;
  std::int64_t file_offset = 0, file_bytes = 0;
  bool slow_answer = false;           // the Hub works before it answers (a commit): wait a minute
  bool stop_at_other_origin = false;  // a redirect there is the answer (what HEAD asks for)
  // Once, when the head of an answer that is no redirect is there; false ends it.
  std::function<bool(const Reply&)> on_head;
  // A body that arrives in pieces (status 2xx); unset: it is collected in Reply::body.
  std::function<bool(std::span<const char>)> on_body;
  std::function<void(std::int64_t)> on_sent;
};

// What may pass by itself: a lost connection, 408, 429, 5xx. Tried again by `persist`.
struct Transient : std::runtime_error {
  Transient(const std::string& what, std::int64_t retry_after_s = 0)
      : std::runtime_error(what), retry_after_s(retry_after_s) {}
  std::int64_t retry_after_s;
};

class Http {
 public:
  // Throws kUsage for an endpoint without TLS: a token would go to it. kAnyAddress: none will.
  enum class Endpoint : std::uint8_t { kHub, kAnyAddress };
  explicit Http(Settings settings, Endpoint kind = Endpoint::kHub);

  // One try. Redirects are followed by hand (limits::kRedirects): https never becomes http, no
  // other scheme, no link-local address, no loopback unless the endpoint is there; the token goes
  // to the endpoint's origin only. Throws Transient, or Error: kNetwork for what will not pass (a
  // refused redirect, a certificate), kInterrupted. Every other status is returned.
  Reply once(const Request& request);
  // `once`, up to limits::kHubTries times.
  Reply send(const Request& request);

  const Settings& settings() const { return settings_; }
  // Where people read about a repository.
  std::string page(const std::string& repo_id) const { return settings_.endpoint + "/" + repo_id; }

 private:
  Outcome hop(const Request& request, const Url& url, Reply& reply);
  void check_hop(const Url& from, const Url& to) const;
  bool may_connect(const Url& url, const std::string& address) const;
  Settings settings_;
  Url endpoint_;
  std::unique_ptr<Connection> connection_;
};

// Waits between tries: doubling, with jitter, as long as Retry-After says up to a limit.
class Patience {
 public:
  explicit Patience(double first_wait_s) : first_(first_wait_s) {}
  // Sleeps, or throws Error (kNetwork) when the tries are used up or the wait asked for is too
  // long; kInterrupted when the user stops it.
  void after(const Transient& problem);
  void progress() { tries_ = 0; }  // something arrived: count from anew

 private:
  double first_;
  int tries_ = 0;
};

// Calls f until it returns instead of throwing Transient.
template <class F>
auto persist(double first_wait_s, F&& f) {
  Patience patience(first_wait_s);
  while (true) {
    try {
      return f();
    } catch (const Transient& problem) {
      patience.after(problem);
    }
  }
}

// Work of several threads that ends on all of them when it failed on one: the thread that made the
// scope stops at its next check_stop.
class CancelScope {
 public:
  explicit CancelScope(const std::atomic<bool>& cancelled);
  ~CancelScope();
  CancelScope(const CancelScope&) = delete;
};

// Throws kInterrupted or kTerminated once Ctrl-C or SIGTERM asked to stop; kFailure once cancelled.
void check_stop();

}  // namespace hft::hub
