// Which repository was meant by what is not quite an id.
#pragma once

#include <string>
#include <string_view>

namespace hft::hub {

// "org/name", or "org/name --revision REV", for an address pasted from a browser, org/name@REV, or
// org/name/; "" for anything else.
std::string meant_repository(std::string_view text);

}  // namespace hft::hub
