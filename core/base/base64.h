// Base64 (RFC 4648, section 4), as files are put into JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hft {

// White space is skipped and the padding may be left out; none for text of other letters.
std::optional<std::string> decoded_base64(std::string_view text);

std::string encoded_base64(std::string_view bytes);

}  // namespace hft
