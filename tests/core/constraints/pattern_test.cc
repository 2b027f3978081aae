// Regular expressions: which texts they match, what is refused and how.
#include "core/constraints/dfa.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

bool matches(const std::string& pattern, const std::string& text) {
  return dfa_of(parse_pattern(pattern), Matching::kWhole).accepts(text);
}
bool found(const std::string& pattern, const std::string& text) {
  return dfa_of(parse_pattern(pattern), Matching::kAnywhere).accepts(text);
}
std::string refusal(const std::string& pattern) {
  return test::error_of([&] { dfa_of(parse_pattern(pattern), Matching::kWhole); });
}

}  // namespace

TEST_CASE("pattern: quantifiers, alternatives, groups and classes") {
  CHECK(matches("a{2,3}(b|cd)*", "aacdb"));
  CHECK(!matches("a{2,3}(b|cd)*", "abcd"));
  CHECK(matches("a{,2}", "aa"));
  CHECK(matches("(a{2}){3}", "aaaaaa"));
  CHECK(matches("(?:x|(?<name>y))+?", "xyx"));
  CHECK(matches("[^\\W\\d_a-c]+", "xyz"));
  CHECK(!matches("[^\\W\\d_a-c]+", "xaz"));
  CHECK(matches("[]a]+", "]a"));
  CHECK(matches("[a\\-z\\]]+", "-]z"));
  CHECK(matches("\\u00e9\\x41\\u{1f600}\\ud83d\\ude00\\cA", "éA😀😀\x01"));
  CHECK(matches("\\p{Lu}\\p{Ll}+\\P{L}", "Éa1"));
  CHECK(matches("a{x}{", "a{x}{"));
  CHECK(matches("", ""));
  CHECK(!matches("", "a"));
}

TEST_CASE("pattern: classes hold in ECMAScript and in Python alike") {
  CHECK(matches("\\d\\w\\s", "0_\t"));
  CHECK(!matches("\\d", "٣"));
  CHECK(!matches("\\D", "٣"));
  CHECK(!matches("\\w", "é"));
  CHECK(!matches("\\W", "é"));
  CHECK(matches("\\W", "-"));
  CHECK(!matches("\\S", "\x1c"));
  CHECK(matches(".", "é"));
  CHECK(!matches(".", "\n"));
  CHECK(matches("[\\s\\S]+[\\w\\W][\\D\\d]", "é\x1c٣\n"));
  CHECK(!matches("[^\\w]", "é"));
  CHECK(!matches("[^\\W]", "é"));
  CHECK(matches("[^\\W]", "e"));
}

TEST_CASE("pattern: anchors hold at the ends alone") {
  CHECK(matches("^ab$", "ab"));
  CHECK(found("b", "abc"));
  CHECK(!found("^b", "abc"));
  CHECK(found("^b|c$", "abc"));
  CHECK(found("(^a|x)b", "abc"));
  CHECK(!found("(^a|x)b", "cab"));
  CHECK(found("^$", ""));
  CHECK(!found("^$", "a"));
  CHECK(!found("a$b", "ab"));
  CHECK(found("\\Aab\\Z", "ab"));
  CHECK(found("(^)*a($){2}", "a"));
}

TEST_CASE("pattern: automata together are the texts of both, or of none") {
  const Dfa even = dfa_of(parse_pattern("(..)*"), Matching::kWhole),
            vowels = dfa_of(parse_pattern("[aeiou]+"), Matching::kWhole);
  CHECK((even & vowels).accepts("aeio"));
  CHECK(!(even & vowels).accepts("aei"));
  CHECK((~even).accepts("aei"));
  CHECK(!(~even).accepts("aeio"));
  CHECK((even & ~even).empty());
  CHECK((~Dfa()).accepts("anything"));
  CHECK(dfa_of_lengths(2, 3).accepts("é😀"));
  CHECK(!dfa_of_lengths(2, 3).accepts("é"));
  CHECK(dfa_of_lengths(3, 2).empty());
}

TEST_CASE("pattern: what an automaton cannot do is refused by name") {
  CHECK(refusal("a(?=b)") == "at 2: lookahead (?=…) is not supported");
  CHECK(refusal("a(?!b)") == "at 2: negative lookahead (?!…) is not supported");
  CHECK(refusal("(?<=a)b") == "at 1: lookbehind (?<=…) is not supported");
  CHECK(refusal("(?<!a)b") == "at 1: negative lookbehind (?<!…) is not supported");
  CHECK(refusal("(a)\\1") == "at 4: a backreference is not supported");
  CHECK(refusal("(?P<x>a)(?P=x)") == "at 9: a backreference is not supported");
  CHECK(refusal("\\bword") == "at 1: a word boundary is not supported");
  CHECK(refusal("(?i)a") == "at 1: a flag in the expression, (?…), is not supported");
  CHECK(refusal("a++") == "at 3: a possessive quantifier is not supported");
  CHECK(refusal("(?>a)") == "at 1: an atomic group is not supported");
  CHECK(refusal("[[:alpha:]]") == "at 2: a POSIX class [:…:] is not supported");
  CHECK(refusal(".*a.{30}") == "needs an automaton of more than 50000 states");
}

TEST_CASE("pattern: what is no regular expression is told with its place") {
  CHECK(refusal("a)") == "at 2: unmatched )");
  CHECK(refusal("é(a") == "at 2: unmatched (");
  CHECK(refusal("[a") == "at 1: unmatched [");
  CHECK(refusal("*a") == "at 1: nothing to repeat");
  CHECK(refusal("a**") == "at 3: nothing to repeat");
  CHECK(refusal("a{3,2}") == "at 6: a repetition whose end is below its beginning");
  CHECK(refusal("[z-a]") == "at 2: a range that is backwards");
  CHECK(refusal("\\y") == "at 1: \\y means nothing");
  CHECK(refusal("a\\") == "at 2: a \\ at the end");
  CHECK(refusal("\\u12") == "at 4: wanted a hexadecimal digit");
}
