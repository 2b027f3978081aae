// Masks: which tokens may come next, held against reading each token byte by byte.
#include "core/constraints/constraint.h"
#include "core/constraints/json_schema.h"
#include "core/constraints/token_bytes.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

// All bytes, pieces that cross the parts of a JSON text, parts of characters, plain words.
std::shared_ptr<const TokenTexts> vocabulary() {
  std::vector<std::string> bytes;
  for (int b = 0; b < 256; ++b) bytes.emplace_back(1, static_cast<char>(b));
  for (const char* text : {"",
                           "{\"",
                           "\":",
                           "\": \"",
                           "\",\"",
                           "\"}",
                           "}\n",
                           "ab",
                           "abc",
                           " ab",
                           "hello",
                           "é",
                           "\xc3",
                           "\xa9x",
                           "\xf0\x9f\x98",
                           "\x98\x80",
                           "\\u00",
                           "\\\"",
                           "null",
                           "true,",
                           "12",
                           "],[",
                           "a\"",
                           "ab",
                           "\n\n  ",
                           "                    "})
    bytes.emplace_back(text);
  return std::make_shared<const TokenTexts>(std::move(bytes));
}

std::vector<std::int32_t> ids_of(const Constraint::Mask& mask) {
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < mask.size() * 64; ++i)
    if (mask[i / 64] >> (i % 64) & 1) ids.push_back(static_cast<std::int32_t>(i));
  return ids;
}

// Walks along random allowed tokens; returns how many states were looked at.
int check_masks(const Grammar& grammar, unsigned seed) {
  const auto texts = vocabulary();
  Constraint constraint(grammar, texts);
  std::int32_t state = constraint.start();
  int looked = 0;
  for (; looked < 60; ++looked) {
    std::vector<std::int32_t> wanted;
    for (std::size_t id = 0; id < texts->bytes().size(); ++id)
      if (constraint.after(state, static_cast<std::int32_t>(id)) >= 0)
        wanted.push_back(static_cast<std::int32_t>(id));
    const auto allowed = ids_of(*constraint.allowed(state));
    CHECK(allowed == wanted);
    CHECK((!allowed.empty() || constraint.accepts(state)));
    if (allowed.empty()) break;
    seed = seed * 1664525 + 1013904223;
    state = constraint.after(state, allowed[(seed >> 8) % allowed.size()]);
  }
  return looked;
}

}  // namespace

TEST_CASE("constraint: a mask is what the bytes of each token say") {
  for (
      const char* schema :
      {"{}", R"({"type": "string", "maxLength": 30})",
       R"({"type": "string", "pattern": "^.*[0-9]"})",
       R"({"type": "object", "properties": {"ab": {"type": "string"}, "abc": {"enum": ["é", "hello"]}}, "required": ["abc"]})",
       R"({"type": "array", "items": {"type": ["integer", "null"]}, "minItems": 2})"})
    for (unsigned seed = 1; seed <= 4; ++seed) {
      INFO(schema, " ", seed);
      check_masks(grammar_of_schema(Json::parse(schema)), seed);
    }
  for (const char* pattern : {".*", "[^x]{3,40}", "(é|\\xf0|😀)+", "\"?[a-z ]*", "\\S{2,}"}) {
    Grammar grammar;
    grammar.root = grammar.reserve();
    grammar.set_text(grammar.root, dfa_of(parse_pattern(pattern), Matching::kWhole));
    INFO(pattern);
    check_masks(grammar, 7);
  }
}

TEST_CASE("constraint: texts of several beams share what they have in common") {
  Grammar grammar;
  grammar.root = grammar.reserve();
  grammar.set_text(grammar.root, dfa_of_texts(std::vector<std::string>{"ab", "ac", "b"}));
  ConstraintStates states(std::make_shared<Constraint>(grammar, vocabulary()));
  const std::vector<std::int32_t> ab{'a', 'b'}, ac{'a', 'c'}, b{'b'}, x{'x'};
  CHECK(states.constraint().accepts(states.of(ab)));
  CHECK(states.constraint().complete(states.of(ac)));
  CHECK(states.of(ab) == states.of(ac));
  CHECK(!states.constraint().accepts(states.of(std::span(ab).first(1))));
  CHECK(states.of(x) < 0);
  CHECK(states.constraint().conforms(std::vector<std::int32_t>{'b', 9},
                                     std::vector<std::int32_t>{9}));
  CHECK(!states.constraint().conforms(std::vector<std::int32_t>{'a'}, {}));
}

TEST_CASE("constraint: tokens are the bytes they add to a text, parts of characters too") {
  const std::string kBytes = R"({"version": "1.0", "added_tokens": [{"id": 4, "content": "<s>", "special": true, "single_word": false,
    "lstrip": false, "rstrip": false, "normalized": false}], "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "Ġb": 1, "Ã": 2, "Ċ": 3}, "merges": []}})";
  const std::string kFallback = R"({"version": "1.0", "added_tokens": [], "decoder": {"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
    "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "vocab": {"<unk>": 0, "<0xC3>": 1, "<0x41>": 2, "▁b": 3, "é": 4, "▁▁": 5}, "merges": []}})";
  const auto bytes_of = [](const std::string& tokenizer) {
    test::TempFolder folder;
    test::spit(folder / "tokenizer.json", tokenizer);
    return token_bytes(Tokenizer::load(folder.path));
  };
  CHECK(bytes_of(kBytes) == std::vector<std::string>{"a", " b", "\xc3", "\n", ""});
  CHECK(bytes_of(kFallback) == std::vector<std::string>{"<unk>", "\xc3", "A", " b", "é", "  "});
}
