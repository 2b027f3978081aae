// libFuzzer: any bytes as a template, rendered over a small conversation. Only hft::Error may
// leave.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/error.h"
#include "core/templates/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const hft::Json variables = hft::Json::parse(R"({"messages": [
    {"role": "user", "content": "Hé"}, {"role": "assistant", "content": null, "n": [1, 2.5, true]}],
    "s": "a b", "n": 7, "d": {"k": {"x": 1}}})");
  try {
    hft::Template::parse({reinterpret_cast<const char*>(data), size}).render(variables);
  } catch (const hft::Error&) {
  }
  return 0;
}
