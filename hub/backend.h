// What the Hub client takes from libcurl and OpenSSL. Both live in libhft_net.so, which is opened
// when something goes over the network or is hashed: linked to the program, they would cost every
// command several milliseconds to start.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hft::hub {

// Names in lower case; of a header given twice, the last.
using Headers = std::map<std::string, std::string>;

struct Url {
  std::string scheme, host, port;  // lower case; the port is never empty
  std::string text;                // the whole, as it will be fetched
  std::string shown;               // without user, query and fragment: for messages
  std::string origin() const { return scheme + "://" + host + ":" + port; }
};

// One request and where its answer goes; no redirect is followed, nothing is tried again.
struct Exchange {
  std::string method = "GET", url;
  std::vector<std::string> headers;  // "Name: value"
  std::string_view body;             // of POST and PUT; or the bytes of `file`
  int file = -1;                     // descriptor to send from
  std::int64_t file_offset = 0, file_bytes = 0;
  int answer_s = 10, stall_s = 10;
  std::string ca_file, ca_folder;  // "" = the system's
  std::string proxy;               // "" = none; no_proxy is looked at
  // May the connection be opened to this address (numeric, without a proxy)?
  std::function<bool(const std::string& address)> may_connect = [](const std::string&) {
    return true;
  };
  // The status and headers, once; false ends the exchange.
  std::function<bool(int status, const Headers&)> on_head = [](int, const Headers&) {
    return true;
  };
  std::function<bool(std::span<const char>)> on_body = [](std::span<const char>) { return true; };
  std::function<void(std::int64_t)> on_sent = [](std::int64_t) {};  // bytes of the body so far
  std::function<bool()> stopped = [] { return false; };             // true ends the exchange
};

struct Outcome {
  enum Kind {
    kDone,
    kNoHost,
    kNoProxy,  // no such host
    kNoConnection,
    kProxyStatus,  // the proxy answered, with `status`, in place of the host
    kBadProxy,     // an address that is none
    kRefusedAddress,
    kTls,
    kStalled,
    kCut,
    kEnded,
    kOther
  };
  Kind kind = kDone;  // kEnded: by on_head, on_body or stopped
  std::string detail;
  int status = 0;
  Headers headers;
  std::int64_t retry_after_s = 0;
};

// Keeps its connections open between exchanges; for one thread at a time.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual Outcome perform(const Exchange& exchange) = 0;
};

class Hash {
 public:
  virtual ~Hash() = default;
  virtual void update(const void* data, std::size_t bytes) = 0;
  virtual std::string hex() = 0;  // ends it
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::unique_ptr<Connection> connect() const = 0;
  virtual std::unique_ptr<Hash> sha256() const = 0;
  virtual std::unique_ptr<Hash> sha1() const = 0;
  // Throws kBadData for text that is no URL. `relative` may be absolute too (a Location header).
  virtual Url parse_url(const std::string& base, const std::string& relative = "") const = 0;
};

// Opens libhft_net.so on first use.
const Backend& backend();

}  // namespace hft::hub
