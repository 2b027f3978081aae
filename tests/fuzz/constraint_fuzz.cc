// libFuzzer: any bytes as a regular expression (first byte even) or a JSON Schema (odd). Only hft::Error
// may leave; a text that conforms so far can go on, or is whole.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/base/error.h"
#include "core/constraints/json_schema.h"
#include "core/constraints/recogniser.h"

namespace {

hft::Grammar grammar_of(unsigned char kind, std::string_view text) {
  if (kind % 2 != 0) return hft::grammar_of_schema(hft::parse_json(text, "schema"));
  hft::Grammar grammar;
  grammar.root = grammar.reserve();
  const hft::Dfa dfa = hft::dfa_of(hft::parse_pattern(text), hft::Matching::kWhole);
  if (dfa.empty()) hft::fail(hft::Errc::kUsage, "no text");
  grammar.set_text(grammar.root, dfa);
  return grammar;
}

// Along the allowed bytes, another one each time.
void walk(hft::Recogniser& reader) {
  std::int32_t at = reader.start();
  for (unsigned step = 0; step < 40; ++step) {
    std::int32_t next = hft::Recogniser::kDead;
    for (unsigned i = 0; i < 256 && next < 0; ++i)
      next = reader.next(at, static_cast<unsigned char>(step * 37 + i));
    if (next < 0) {
      if (!reader.accepts(at)) std::abort();
      return;
    }
    at = next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    hft::Recogniser reader(
        grammar_of(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1}));
    walk(reader);
  } catch (const hft::Error&) {
  }
  return 0;
}
