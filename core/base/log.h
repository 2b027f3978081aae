// What hft says on stderr. Results never pass here: they go to stdout through the record writer.
#pragma once

#include <string_view>

namespace hft {

enum class Verbosity { kQuiet, kNormal, kVerbose };
void set_verbosity(Verbosity level);
Verbosity verbosity();

// Lines on stderr, "hft: …"; control characters of the text are escaped.
void note(std::string_view text);                                      // shown unless -q
void detail(std::string_view text);                                    // shown with -v
void report_error(std::string_view text, std::string_view hint = "");  // always shown

}  // namespace hft
