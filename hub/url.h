// A file at an address that a person named, from any host.
#pragma once

#include <cstdint>
#include <string>

namespace hft::hub {

// "http://…" or "https://…".
bool is_url(const std::string& text);

// The whole file, without the Hub's token. What may pass is tried again; redirects keep the rules
// of Http. Throws kNotFound, kNotAuthorised and kNetwork for what the host answers, kBadData above
// max_bytes.
std::string read_url(const std::string& url, std::int64_t max_bytes);

}  // namespace hft::hub
