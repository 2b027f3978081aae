#include "hub/http.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <random>
#include <thread>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/signals.h"
#include "core/base/text.h"

namespace hft::hub {
namespace {

constexpr int kSlowAnswerSeconds = 120;
thread_local const std::atomic<bool>* cancelled = nullptr;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_loopback(const std::string& address) {
  return address == "localhost" || address.ends_with(".localhost") || address.starts_with("127.") ||
         address == "::1" || address == "[::1]" || address.starts_with("::ffff:127.");
}

// Link-local addresses: where clouds keep the credentials of a machine.
bool is_link_local(std::string_view address) {
  if (address.starts_with('[')) address.remove_prefix(1);
  if (address.starts_with("::ffff:")) address.remove_prefix(7);
  return address.starts_with("169.254.") || address == "0.0.0.0" || address == "::" ||
         (address.size() > 3 && address.substr(0, 2) == "fe" &&
          std::string_view("89ab").find(address[2]) != std::string_view::npos &&
          address.find(':') != std::string_view::npos);
}

// An address without its user and password.
std::string shown_proxy(const std::string& proxy) {
  const std::string whole = proxy.find("://") == proxy.npos ? "http://" + proxy : proxy;
  const auto at = whole.rfind('@');
  return at == whole.npos ? whole : whole.substr(0, whole.find("://") + 3) + whole.substr(at + 1);
}

// Was it the proxy that could not be reached? curl names what it tried.
bool is_about(const std::string& detail, const std::string& proxy) {
  std::string host = shown_proxy(proxy);
  host = host.substr(host.find("://") + 3);
  host = host.substr(0, host.find('/'));
  const auto colon = host.rfind(':');
  const std::string port = colon == host.npos ? "" : " port " + host.substr(colon + 1);
  host = host.substr(0, colon);
  std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
  return !proxy.empty() && detail.find(host + port) != detail.npos;
}

bool may_pass(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

// A proxy that does not let the request through. Only what may pass is tried again.
[[noreturn]] void fail_proxy(const std::string& by, int status) {
  if (may_pass(status)) throw Transient(by + " answered " + std::to_string(status));
  if (status == 407)
    fail_hint(Errc::kNetwork, "give them in its address: http://user:password@host:port", by,
              " wants a name and a password (407)");
  fail_hint(Errc::kNetwork, "ask who runs it, or name the host in no_proxy", by,
            " does not let the request through (", status, ")");
}

// A failed connection as an exception: Transient, or Error when trying again is of no use.
[[noreturn]] void fail_outcome(const Outcome& outcome, const Url& url, const std::string& proxy) {
  const std::string at =
      url.scheme + "://" + url.host + (outcome.kind == Outcome::kNoHost ? "" : ":" + url.port);
  const std::string by = at + ": the proxy " + shown_proxy(proxy);
  switch (outcome.kind) {
    case Outcome::kNoProxy:
      throw Transient(by + ": no such host (or no network)");
    case Outcome::kBadProxy:
      fail_hint(Errc::kUsage, "http_proxy and https_proxy want http://host:port", by,
                ": not an address");
    case Outcome::kProxyStatus:
      fail_proxy(by, outcome.status);
    case Outcome::kNoHost:
      throw Transient(at + ": no such host (or no network)");
    case Outcome::kNoConnection:
      throw Transient(is_about(outcome.detail, proxy) ? by + ": cannot connect"
                                                      : at + ": cannot connect");
    case Outcome::kStalled:
      throw Transient(url.shown + ": no byte came in time");
    case Outcome::kCut:
      throw Transient(url.shown + ": the connection broke off (" + outcome.detail + ")");
    case Outcome::kRefusedAddress:
      fail(Errc::kNetwork, url.shown, ": refused: its address ", outcome.detail,
           " is one that no Hub leads to");
    case Outcome::kTls:
      fail_hint(Errc::kNetwork,
                "check this machine's clock, and its certificates (SSL_CERT_FILE names others)", at,
                ": no secure connection: ", outcome.detail);
    default:
      throw Transient(url.shown + ": " + outcome.detail);
  }
}

}  // namespace

CancelScope::CancelScope(const std::atomic<bool>& flag) { cancelled = &flag; }
CancelScope::~CancelScope() { cancelled = nullptr; }

void check_stop() {
  if (cancelled && *cancelled) fail(Errc::kFailure, "cancelled");
  if (const int code = stop_requested())
    throw Error(static_cast<Errc>(code), "interrupted", "the same command again goes on from here");
}

std::string Reply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

Http::Http(Settings settings, Endpoint kind)
    : settings_(std::move(settings)),
      endpoint_(backend().parse_url(settings_.endpoint)),
      connection_(backend().connect()) {
  if (kind == Endpoint::kAnyAddress || endpoint_.scheme == "https" ||
      (endpoint_.scheme == "http" && is_loopback(endpoint_.host)))
    return;
  if (endpoint_.scheme == "http" && environment("HFT_ALLOW_HTTP") == "1") return;
  fail_hint(Errc::kUsage, "HFT_ALLOW_HTTP=1 sends everything, the token too, unencrypted",
            "HF_ENDPOINT ", endpoint_.shown, ": wanted https (http only for this machine)");
}

void Http::check_hop(const Url& from, const Url& to) const {
  const auto refuse = [&](const std::string& why) {
    fail(Errc::kNetwork, from.shown, ": redirects to ", to.shown, "; refused: ", why);
  };
  if (to.scheme != "https" && to.scheme != "http") refuse("only http and https are followed");
  if (from.scheme == "https" && to.scheme == "http") refuse("https may not become http");
  if (to.scheme == "http" && endpoint_.scheme == "https") refuse("only https is followed");
  if (is_link_local(to.host)) refuse("no Hub leads to a link-local address");
  if (is_loopback(to.host) && !is_loopback(endpoint_.host)) refuse("no Hub leads to this machine");
}

bool Http::may_connect(const Url& url, const std::string& address) const {
  if (url.origin() == endpoint_.origin() || !proxy_for(url.scheme).empty()) return true;
  return !is_link_local(address) && (!is_loopback(address) || is_loopback(endpoint_.host));
}

Outcome Http::hop(const Request& request, const Url& url, Reply& reply) {
  Exchange e;
  e.method = request.method;
  e.url = url.text;
  e.headers = request.headers;
  e.headers.push_back("Accept-Encoding: identity");
  const bool at_hub = url.origin() == endpoint_.origin();
  if (at_hub && !settings_.token.empty())
    e.headers.push_back("Authorization: Bearer " + settings_.token);
  e.body = request.body;
  e.file = request.file;
  e.file_offset = request.file_offset;
  e.file_bytes = request.file_bytes;
  e.answer_s = settings_.answer_s;
  e.stall_s =
      request.slow_answer ? std::max(kSlowAnswerSeconds, settings_.stall_s) : settings_.stall_s;
  e.ca_file = settings_.ca_file;
  e.ca_folder = settings_.ca_folder;
  e.proxy = proxy_for(url.scheme);
  e.may_connect = [&](const std::string& address) { return may_connect(url, address); };
  e.stopped = [] { return stop_requested() != 0 || (cancelled && *cancelled); };
  if (request.on_sent) e.on_sent = request.on_sent;
  bool streamed = false;
  e.on_head = [&](int status, const Headers& headers) {
    reply.status = status;
    reply.headers = headers;
    reply.url = url.shown;
    reply.from_hub = at_hub;
    if (at_hub) reply.hub_headers = headers;
    streamed = request.on_body && status >= 200 && status < 300;
    return !request.on_head || is_redirect(status) || request.on_head(reply);
  };
  e.on_body = [&](std::span<const char> bytes) {
    if (streamed) return request.on_body(bytes);
    if (reply.body.size() + bytes.size() > static_cast<std::size_t>(limits::kHubAnswerBytes))
      fail(Errc::kBadData, url.shown, ": the answer is larger than ",
           human_bytes(limits::kHubAnswerBytes));
    reply.body.append(bytes.data(), bytes.size());
    return true;
  };
  Outcome outcome = connection_->perform(e);
  detail(e.method + " " + url.shown + " " +
         (outcome.status ? std::to_string(outcome.status) : outcome.detail));
  return outcome;
}

Reply Http::once(const Request& request) {
  const bool whole = request.url.find("://") != std::string::npos;
  Url url = backend().parse_url(whole ? request.url : settings_.endpoint + request.url);
  if (url.origin() != endpoint_.origin()) check_hop(endpoint_, url);
  Reply reply;
  for (int hops = 0;; ++hops) {
    reply.body.clear();
    check_stop();
    const Outcome outcome = hop(request, url, reply);
    check_stop();
    if (outcome.kind != Outcome::kDone && outcome.kind != Outcome::kEnded)
      fail_outcome(outcome, url, proxy_for(url.scheme));
    if (reply.status == 407)
      fail_proxy(url.shown + ": the proxy " + shown_proxy(proxy_for(url.scheme)), 407);
    reply.retry_after_s = outcome.retry_after_s;
    const std::string location = reply.header("location");
    if (!is_redirect(reply.status) || location.empty()) {
      if (may_pass(reply.status))
        throw Transient(url.shown + ": the Hub answered " + std::to_string(reply.status),
                        reply.retry_after_s);
      return reply;
    }
    const Url next = backend().parse_url(url.text, location);
    if (request.stop_at_other_origin && next.origin() != url.origin()) return reply;
    check_hop(url, next);
    if (request.method != "GET" && request.method != "HEAD" && reply.status < 307)
      fail(Errc::kNetwork, url.shown, ": answered a ", request.method, " with the redirect ",
           reply.status, "; wanted 307 or 308");
    if (hops == limits::kRedirects)
      fail(Errc::kNetwork, url.shown, ": redirected more than ", limits::kRedirects,
           " times, last to ", next.shown);
    url = next;
  }
}

Reply Http::send(const Request& request) {
  return persist(settings_.retry_s, [&] { return once(request); });
}

void Patience::after(const Transient& problem) {
  if (++tries_ >= limits::kHubTries)
    fail_hint(Errc::kNetwork, "the same command again goes on from here", problem.what(), " (",
              limits::kHubTries, " tries)");
  if (problem.retry_after_s > limits::kRetryAfterSeconds)
    fail(Errc::kNetwork, problem.what(), " and asks to wait ", problem.retry_after_s,
         " s (Retry-After); hft waits ", limits::kRetryAfterSeconds, " s at most");
  thread_local std::mt19937 random{std::random_device{}()};
  const double jitter = std::uniform_real_distribution(0.75, 1.25)(random);
  double wait = first_ * std::min(8.0, std::pow(2.0, tries_ - 1)) * jitter;
  wait = std::max(wait, static_cast<double>(problem.retry_after_s));
  char text[64];
  std::snprintf(text, sizeof text, "; trying again in %.2g s (try %d of %d)", wait, tries_ + 1,
                limits::kHubTries);
  note(problem.what() + std::string(text));
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(wait);
  while (std::chrono::steady_clock::now() < end) {
    check_stop();
    std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(
        std::chrono::milliseconds(50), end - std::chrono::steady_clock::now()));
  }
}

}  // namespace hft::hub
