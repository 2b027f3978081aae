#include "tests/support/test.h"

using namespace hft;
using test::error_of;

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
