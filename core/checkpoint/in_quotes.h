// Names read from untrusted files, made fit for an error message.
#pragma once

#include <string>
#include <string_view>

namespace hft {

// 'name', at most 100 bytes of it, with control characters and non-ASCII bytes as '?'.
std::string in_quotes(std::string_view name);

}  // namespace hft
