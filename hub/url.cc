#include "hub/url.h"

#include "core/base/error.h"
#include "core/base/text.h"
#include "hub/http.h"

namespace hft::hub {

bool is_url(const std::string& text) {
  const std::string start = lowercase(text.substr(0, 8));
  return start.starts_with("http://") || start.starts_with("https://");
}

std::string read_url(const std::string& url, std::int64_t max_bytes) {
  // Its own host stands where the Hub would.
  Settings own = settings(false);
  own.token.clear();
  const Url parsed = backend().parse_url(url);
  own.endpoint = parsed.origin();
  Http http(own, Http::Endpoint::kAnyAddress);
  std::string body;
  Request request{.url = parsed.text};
  request.on_body = [&](std::span<const char> bytes) {
    if (static_cast<std::int64_t>(body.size() + bytes.size()) > max_bytes)
      fail(Errc::kBadData, parsed.shown, ": is larger than ", human_bytes(max_bytes));
    body.append(bytes.data(), bytes.size());
    return true;
  };
  const Reply reply = persist(own.retry_s, [&] {
    body.clear();
    return http.once(request);
  });
  if (reply.status >= 200 && reply.status < 300) return body;
  const bool refused = reply.status == 401 || reply.status == 403;
  const bool missing = reply.status == 404 || reply.status == 410;
  fail(refused   ? Errc::kNotAuthorised
       : missing ? Errc::kNotFound
                 : Errc::kNetwork,
       parsed.shown, ": the host answered ", reply.status);
}

}  // namespace hft::hub
