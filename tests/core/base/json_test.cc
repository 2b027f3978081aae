#include <chrono>
#include <cmath>

#include "core/base/exact_json.h"
#include "tests/support/test.h"

using namespace hft;
using test::error_of;

TEST_CASE("json: a long list takes time in proportion to its length") {
  const auto seconds = [](int count) {
    std::string text = "[";
    for (int i = 0; i < count; ++i) text += "{\"a\":1},";
    text.back() = ']';
    const auto start = std::chrono::steady_clock::now();
    CHECK(parse_json(text, "x").size() == static_cast<std::size_t>(count));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  seconds(10'000);
  CHECK(seconds(300'000) < 5);  // the square of it would be minutes
}

TEST_CASE("json: an error names the text and the byte") {
  CHECK(error_of([] {
          parse_json("{\"a\": 1,}", "config.json");
        }).starts_with("config.json: not valid JSON: line 1, column 9: "));
}

TEST_CASE("json: nesting beyond the limit is refused, not recursed into") {
  CHECK(error_of([] { parse_json(std::string(100000, '['), "x.json"); }) ==
        "x.json: nested deeper than 512");
}

TEST_CASE("json: duplicate keys are refused where asked") {
  CHECK(error_of([] { parse_json(R"({"a":{"b":1,"b":2}})", "x", true); }) ==
        "x: duplicate key 'b'");
}

TEST_CASE("json: fields name file, value and range") {
  Fields config(parse_json(R"({"n": -1, "s": 3, "x": 512.0, "q": "12"})", "c"), "config.json");
  CHECK(error_of([&] { config.integer("n", 1, 10); }) ==
        "config.json: 'n' is -1, wanted an integer in [1, 10]");
  CHECK(error_of([&] { config.integer("m", 1, 10); }) ==
        "config.json: 'm' is missing, wanted an integer in [1, 10]");
  CHECK(error_of([&] { config.integer("q", 1, 99); }) ==
        "config.json: 'q' is \"12\", wanted an integer in [1, 99]");
  CHECK(error_of([&] { config.text("s"); }) == "config.json: 's' is 3, wanted a string");
  CHECK(config.integer("x", 1, 1024) == 512);
  CHECK(config.integer("m", 1, 10, 7) == 7);
}

TEST_CASE("json: what Python's json reads is read, what it refuses is refused") {
  CHECK(to_line(parse_json(" [1e2, -0, -0.0, \"\\u00e9\\ud83d\\ude00\\n\", {}, [ ] ] ", "x")) ==
        "[100.0,0,-0.0,\"é😀\\n\",{},[]]");
  CHECK(std::isnan(parse_json("NaN", "x").get<double>()));
  CHECK(parse_json("[-Infinity, 1e999]", "x")[0].get<double>() == -HUGE_VAL);
  const auto refused = [](std::string_view text) {
    return error_of([&] { parse_json(text, "x"); });
  };
  CHECK(refused(std::string_view("{}\0{}", 5)) ==
        "x: not valid JSON: line 1, column 3: text after the end of the value");
  CHECK(refused("") == "x: not valid JSON: line 1, column 1: expected a value");
  CHECK(refused("[1,\n 01]") == "x: not valid JSON: line 2, column 3: expected ',' or ']'");
  CHECK(refused("\"a") ==
        "x: not valid JSON: line 1, column 3: a string without its closing quote");
  CHECK(refused("\"a\tb\"") ==
        "x: not valid JSON: line 1, column 3: a control character in a string");
  CHECK(refused("\"\xff\"") == "x: not valid JSON: line 1, column 2: not UTF-8");
  CHECK(refused("\"\\ud800x\"") == "x: not valid JSON: line 1, column 2: half a surrogate pair");
  for (const char* bad : {"nan", "-NaN", "Inf", "+1", ".5", "1.", "1e", "0x1", "'a'", "[1,]",
                          "{1:2}", "{\"a\" 1}", "tru", "\"\\x\"", "\"\\u12g4\"", "[1 2]", "]"})
    CHECK(refused(bad).starts_with("x: not valid JSON: "));
}

TEST_CASE("json: integers of any length are kept where that is asked for") {
  const std::string text = R"({"id":123456789012345678901234567890,"n":[-99999999999999999999,1]})";
  CHECK(to_line(parse_exact_json(text, "x")) == text);
  CHECK(to_line(parse_json(text, "x")["id"]) == "1.2345678901234568e+29");
}
