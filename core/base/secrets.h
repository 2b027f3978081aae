// Tokens of the Hub are never shown.
#pragma once

#include <string>
#include <string_view>

namespace hft {

// The text with "hf_…" in place of every token: "hf_" or "api_org_" and at least 20 letters or
// digits, and what HF_TOKEN holds, whatever its form.
std::string mask_tokens(std::string_view text);

}  // namespace hft
