// HTTP through libcurl, one exchange at a time. curl follows no redirect, reads no netrc, and
// speaks http and https only: where a request may go is decided in hub/http.cc.
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>

#include "core/base/error.h"
#include "core/base/text.h"
#include "hub/net/digest.h"

namespace hft::hub {
namespace {

// What the callbacks of one exchange share.
struct Running {
  const Exchange& exchange;
  Outcome outcome;
  std::int64_t sent = 0;
  bool head_given = false, refused = false, ended = false, stalled = false;
  std::int64_t moved = 0;  // bytes in both directions, and when the last one did
  std::chrono::steady_clock::time_point moved_at = std::chrono::steady_clock::now();
  std::exception_ptr thrown;  // by a callback: it must not cross libcurl

  // Calls f; false, and the exchange ends, when f says so or throws.
  template <class F>
  bool go_on(F&& f) {
    if (ended) return false;
    try {
      ended = !f();
    } catch (...) {
      thrown = std::current_exception();
      ended = true;
    }
    return !ended;
  }
};

Outcome::Kind kind_of(CURLcode code, const Running& running) {
  if (running.refused) return Outcome::kRefusedAddress;
  if (running.stalled) return Outcome::kStalled;
  if (running.ended) return Outcome::kEnded;
  switch (code) {
    case CURLE_OK:
      return Outcome::kDone;
    case CURLE_COULDNT_RESOLVE_HOST:
      return Outcome::kNoHost;
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Outcome::kNoProxy;
    case CURLE_URL_MALFORMAT:  // the request's own was parsed before
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Outcome::kBadProxy;
    case CURLE_COULDNT_CONNECT:
      return Outcome::kNoConnection;
    case CURLE_OPERATION_TIMEDOUT:
      return Outcome::kStalled;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return Outcome::kTls;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return Outcome::kCut;
    default:
      return Outcome::kOther;
  }
}

// A header line, the status line of each answer included (100 Continue comes before another).
std::size_t on_header(char* data, std::size_t, std::size_t bytes, void* to) {
  auto& outcome = static_cast<Running*>(to)->outcome;
  const std::string_view line(data, bytes);
  if (line.starts_with("HTTP/")) outcome.headers.clear();
  if (const auto colon = line.find(':'); colon != line.npos)
    outcome.headers[lowercase(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  return bytes;
}

bool give_head(Running& running, CURL* handle) {
  if (running.head_given) return true;
  running.head_given = true;
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  running.outcome.status = static_cast<int>(status);
  return running.go_on(
      [&] { return running.exchange.on_head(running.outcome.status, running.outcome.headers); });
}

struct Body {
  Running& running;
  CURL* handle;
};

std::size_t on_data(char* data, std::size_t, std::size_t bytes, void* to) {
  auto& [running, handle] = *static_cast<Body*>(to);
  if (!give_head(running, handle)) return CURL_WRITEFUNC_ERROR;
  const bool more = running.go_on([&] { return running.exchange.on_body({data, bytes}); });
  return more ? bytes : CURL_WRITEFUNC_ERROR;
}

std::size_t on_send(char* to_send, std::size_t, std::size_t room, void* from) {
  auto& running = *static_cast<Running*>(from);
  const Exchange& e = running.exchange;
  const auto left = static_cast<std::size_t>(e.file_bytes - running.sent);
  const ssize_t n = ::pread(e.file, to_send, std::min(room, left), e.file_offset + running.sent);
  if (n < 0 || (n == 0 && left > 0)) return CURL_READFUNC_ABORT;
  running.sent += n;
  return static_cast<std::size_t>(n);
}

int on_seek(void* from, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Running*>(from)->sent = offset;
  return CURL_SEEKFUNC_OK;
}

// curl's own limit looks at the mean of some seconds; this one at the time since the last byte.
int on_progress(void* data, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
  auto& running = *static_cast<Running*>(data);
  const auto now = std::chrono::steady_clock::now();
  if (received + sent != running.moved) {
    running.moved = received + sent;
    running.moved_at = now;
  }
  if (now - running.moved_at > std::chrono::seconds(running.exchange.stall_s)) {
    running.stalled = true;
    return 1;
  }
  const bool more = running.go_on([&] {
    running.exchange.on_sent(sent);
    return !running.exchange.stopped();
  });
  return more ? 0 : 1;
}

curl_socket_t on_socket(void* data, curlsocktype, curl_sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  const auto* raw = reinterpret_cast<const sockaddr*>(&address->addr);
  if (raw->sa_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(raw)->sin_addr, text, sizeof text);
  else if (raw->sa_family == AF_INET6)
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(raw)->sin6_addr, text,
                sizeof text);
  auto& running = *static_cast<Running*>(data);
  if (!running.exchange.may_connect(text)) {
    running.refused = true;
    running.outcome.detail = text;
    return CURL_SOCKET_BAD;
  }
  const int made = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (made < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
    running.go_on([]() -> bool {
      fail_hint(Errc::kResources, "ulimit -n tells how many files may be open",
                "cannot open a connection: ", std::strerror(errno));
    });
  return made;
}

class CurlConnection : public Connection {
 public:
  CurlConnection() : handle_(curl_easy_init()) {
    if (!handle_) fail(Errc::kResources, "libcurl: out of memory");
  }
  ~CurlConnection() override { curl_easy_cleanup(handle_); }
  CurlConnection(const CurlConnection&) = delete;

  Outcome perform(const Exchange& exchange) override {
    Running running{exchange, {}};
    Body body{running, handle_};
    char reason[CURL_ERROR_SIZE] = "";
    curl_easy_reset(handle_);
    curl_slist* headers = nullptr;
    for (const auto& line : exchange.headers) headers = curl_slist_append(headers, line.c_str());
    headers = curl_slist_append(headers, "Expect:");
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_ERRORBUFFER, reason);
    set_rules(exchange);
    set_callbacks(running, body);
    set_method(exchange, running);
    const CURLcode code = curl_easy_perform(handle_);
    curl_slist_free_all(headers);
    if (code == CURLE_OK) give_head(running, handle_);
    if (running.thrown) std::rethrow_exception(running.thrown);
    curl_off_t wait = 0;
    curl_easy_getinfo(handle_, CURLINFO_RETRY_AFTER, &wait);
    running.outcome.retry_after_s = wait;
    running.outcome.kind = kind_of(code, running);
    long connected = 0;  // the proxy's answer to CONNECT
    curl_easy_getinfo(handle_, CURLINFO_HTTP_CONNECTCODE, &connected);
    if (connected >= 300 && running.outcome.kind != Outcome::kEnded) {
      running.outcome.kind = Outcome::kProxyStatus;
      running.outcome.status = static_cast<int>(connected);
    }
    if (running.outcome.detail.empty())
      running.outcome.detail = reason[0] ? reason : curl_easy_strerror(code);
    return running.outcome;
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(handle_, option, value);
  }

  void set_rules(const Exchange& e) {
    set(CURLOPT_URL, e.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(e.answer_s));
    set(CURLOPT_BUFFERSIZE, 256L * 1024);
    set(CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    set(CURLOPT_USERAGENT, "hft/" HFT_VERSION);
    if (!e.proxy.empty()) set(CURLOPT_PROXY, e.proxy.c_str());
    if (e.ca_file.empty() && e.ca_folder.empty()) return;
    set(CURLOPT_CAINFO, e.ca_file.empty() ? nullptr : e.ca_file.c_str());
    set(CURLOPT_CAPATH, e.ca_folder.empty() ? nullptr : e.ca_folder.c_str());
  }

  void set_callbacks(Running& running, Body& body) {
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, &running);
    set(CURLOPT_WRITEFUNCTION, &on_data);
    set(CURLOPT_WRITEDATA, &body);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &on_progress);
    set(CURLOPT_XFERINFODATA, &running);
    set(CURLOPT_OPENSOCKETFUNCTION, &on_socket);
    set(CURLOPT_OPENSOCKETDATA, &running);
  }

  void set_method(const Exchange& e, Running& running) {
    if (e.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (e.file >= 0) {
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_READFUNCTION, &on_send);
      set(CURLOPT_READDATA, &running);
      set(CURLOPT_SEEKFUNCTION, &on_seek);
      set(CURLOPT_SEEKDATA, &running);
      set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(e.file_bytes));
    } else if (e.method == "POST" || e.method == "PUT") {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDS, e.body.data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(e.body.size()));
    }
    if (e.method != "HEAD" && e.method != "GET") set(CURLOPT_CUSTOMREQUEST, e.method.c_str());
  }

  CURL* handle_;
};

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  std::string out;
  if (curl_url_get(url, part, &text, flags) == CURLUE_OK) out = text;
  curl_free(text);
  return out;
}

class CurlBackend : public Backend {
 public:
  CurlBackend() { curl_global_init(CURL_GLOBAL_DEFAULT); }

  std::unique_ptr<Connection> connect() const override {
    return std::make_unique<CurlConnection>();
  }
  std::unique_ptr<Hash> sha256() const override { return make_hash("SHA256"); }
  std::unique_ptr<Hash> sha1() const override { return make_hash("SHA1"); }

  Url parse_url(const std::string& base, const std::string& relative) const override {
    const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
    // Other schemes parse too, so that a refusal can name them.
    const unsigned flags = CURLU_NON_SUPPORT_SCHEME;
    if (curl_url_set(url.get(), CURLUPART_URL, base.c_str(), flags) != CURLUE_OK ||
        (!relative.empty() &&
         curl_url_set(url.get(), CURLUPART_URL, relative.c_str(), flags) != CURLUE_OK))
      fail(Errc::kBadData, "'", escape_controls(relative.empty() ? base : relative),
           "' is not a URL");
    Url out;
    out.scheme = lowercase(part_of(url.get(), CURLUPART_SCHEME));
    out.host = lowercase(part_of(url.get(), CURLUPART_HOST));
    out.port = part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
    out.text = part_of(url.get(), CURLUPART_URL);
    for (auto part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY})
      curl_url_set(url.get(), part, nullptr, 0);
    out.shown = part_of(url.get(), CURLUPART_URL);
    return out;
  }
};

}  // namespace

extern "C" const Backend* hft_net() {
  static const CurlBackend backend;
  return &backend;
}

}  // namespace hft::hub
