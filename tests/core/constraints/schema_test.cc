// JSON Schemas as grammars: which texts conform, what is refused and how.
#include "core/constraints/json_schema.h"
#include "core/constraints/recogniser.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

struct Cases {
  const char* schema;
  std::vector<std::string> good, bad;
};

void check(const Cases& cases) {
  INFO(cases.schema);
  Recogniser reader(grammar_of_schema(Json::parse(cases.schema)));
  const auto conforms = [&](const std::string& text) {
    const std::int32_t at = reader.next(reader.start(), text);
    return at >= 0 && reader.accepts(at);
  };
  for (const std::string& text : cases.good) {
    INFO(text);
    CHECK(conforms(text));
  }
  for (const std::string& text : cases.bad) {
    INFO(text);
    CHECK(!conforms(text));
  }
}

std::string refusal(const char* schema) {
  return test::error_of([&] { grammar_of_schema(Json::parse(schema)); });
}

}  // namespace

TEST_CASE("json schema: any value, with the white space JSON allows") {
  check({"{}",
         {"1", " {\"a\" : [ 1, -2.5e+3, \"x\\n\\u00e9\\ud83d\\ude00\", null ] }\n", "\t[]", "{}",
          "\"é\"", "true "},
         {"", "01", "1.", "[1,]", "{\"a\":1,}", "\"\t\"", "\"\\x\"", "\"\\ud83d\"", "\"\xc3\"",
          "nul", "1 \n\n", "'a'", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "{\"a\" 1}"}});
  check({"true", {"[[[]]]"}, {"[[[]]"}});
}

TEST_CASE("json schema: numbers within their limits, to the digit") {
  check({R"({"type": "integer"})", {"0", "-12", "-0"}, {"1.0", "1e3", "00", "\"1\"", "true"}});
  check({R"({"type": "integer", "minimum": -10, "maximum": 250})",
         {"-10", "-9", "0", "-0", "7", "250", "99"},
         {"-11", "251", "1000", "-100"}});
  check({R"({"type": "number", "exclusiveMinimum": 0.5, "maximum": 12.25})",
         {"0.51", "0.500000001", "1", "12.25", "12.2500", "9.999"},
         {"0.5", "0.50", "0", "-1", "12.26", "12.2501", "13", "1e1"}});
  check({R"({"type": "integer", "exclusiveMinimum": true, "minimum": 3, "maximum": 5})",
         {"4", "5"},
         {"3", "6"}});
  check(
      {R"({"type": "integer", "multipleOf": 12, "minimum": 1})", {"12", "144"}, {"0", "13", "6"}});
  check(
      {R"({"type": "number", "multipleOf": 4, "multiple": 1})", {"8", "8.0", "-4"}, {"8.5", "2"}});
  check({R"({"type": "number", "multipleOf": 2.25})",
         {"0", "2.25", "4.5", "4.500", "9", "-6.75"},
         {"2", "2.2", "2.255", "4.05"}});
  check({R"({"enum": [1, -2.5]})", {"1", "1.0", "-2.50"}, {"2", "-2", "1.1"}});
  check({R"({"type": "number", "minimum": -1.5, "maximum": -0.25})",
         {"-1.5", "-1", "-0.3", "-0.25"},
         {"-0.2", "0", "-1.51"}});
  check({R"({"type": "integer", "minimum": 1e3})", {"1000", "99999"}, {"999"}});
}

TEST_CASE("json schema: strings by length, pattern, format and several of them") {
  check({R"({"type": "string", "minLength": 2, "maxLength": 3})",
         {"\"ab\"", "\"é😀\"", "\"\\u0061\\n\"", "\"\\ud83d\\ude00x\""},
         {"\"a\"", "\"abcd\"", "\"\""}});
  check({R"({"type": "string", "pattern": "^[a-c]+$", "maxLength": 2})",
         {"\"ab\"", "\"\\u0061\""},
         {"\"abc\"", "\"d\"", "\"\""}});
  check({R"({"type": "string", "pattern": "b"})", {"\"abc\"", "\"\\\"b\""}, {"\"ac\""}});
  check({R"({"type": "string", "pattern": "\"\\n"})",
         {"\"\\\"\\n\"", "\"\\u0022\\u000a\""},
         {"\"\"\n\""}});
  check({R"({"type": "string", "format": "date"})",
         {"\"2024-02-29\"", "\"1999-12-31\""},
         {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"0000-01-01\""}});
  check({R"({"type": "string", "format": "date-time"})",
         {"\"2024-02-29T23:59:59.5Z\"", "\"2024-01-01T00:00:00+01:00\""},
         {"\"2024-01-01\"", "\"2024-01-01T24:00:00Z\""}});
  check({R"({"type": "string", "format": "time"})", {"\"12:00:00Z\""}, {"\"12:00\""}});
  check({R"({"type": "string", "format": "uuid"})",
         {"\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\""},
         {"\"2eb8aa08aa9811eab4aa73b441d16380\""}});
  check({R"({"type": "string", "format": "email"})",
         {"\"joe.bloggs@example.com\""},
         {"\"2962\"", "\".a@b.c\""}});
  check({R"({"type": "string", "format": "ipv4"})",
         {"\"192.168.0.255\""},
         {"\"256.1.1.1\"", "\"1.1.1\"", "\"01.1.1.1\""}});
  check({R"({"type": "string", "format": "ipv6"})",
         {"\"::\"", "\"::1\"", "\"1::\"", "\"1:2:3:4:5:6:7:8\"", "\"::ffff:1.2.3.4\"", "\"1::8\"",
          "\"1:2::7:8\""},
         {"\"1:2:3\"", "\"1::2::3\"", "\"1:2:3:4:5:6:7:8:9\""}});
  check({R"({"type": "string", "format": "hostname"})",
         {"\"a-b.example\""},
         {"\"-a\"", "\"a..b\"", "\"xn--a\""}});
  check({R"({"type": "string", "format": "uri"})",
         {"\"http://x.org/a?b#c\"", "\"urn:isbn:1\""},
         {"\"//x.org\"", "\"http://x y\""}});
  check({R"({"type": "string", "format": "duration"})",
         {"\"P1DT12H\"", "\"P4W\"", "\"PT1M\""},
         {"\"P\"", "\"P1DT\""}});
  check({R"({"type": "string", "format": "colour"})", {"\"red\""}, {"1"}});
}

TEST_CASE("json schema: enum and const, of any type") {
  check({R"({"enum": ["a", 1, 2.5, null, true, [1, "x"], {"k": 2}]})",
         {"\"a\"", "1", "2.5", "null", "true", "[1, \"x\"]", "{ \"k\":2}", "\"\\u0061\""},
         {"\"b\"", "2", "false", "[1]", "{}", "{\"k\":3}", "[1,\"x\",2]"}});
  check({R"({"enum": ["a", "bb", 3], "type": "string", "minLength": 2})",
         {"\"bb\""},
         {"\"a\"", "3"}});
  check({R"({"const": {"a": [], "b": {}}})", {"{\"b\":{},\"a\":[]}"}, {"{\"a\":[]}"}});
  check({R"({"enum": [1, 5, 9], "minimum": 4})", {"5", "9"}, {"1"}});
}

TEST_CASE("json schema: arrays are counted") {
  check({R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3})",
         {"[1]", "[1,2,3]", "[ 1 , 2 ]"},
         {"[]", "[1,2,3,4]", "[\"a\"]"}});
  check(
      {R"({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"type": "null"}})",
       {"[]", "[\"a\"]", "[\"a\",1,null,null]"},
       {"[1]", "[\"a\",1,2]"}});
  check({R"({"type": "array", "items": [{"type": "string"}], "additionalItems": false})",
         {"[\"a\"]", "[]"},
         {"[\"a\",1]"}});
  check({R"({"type": "array", "prefixItems": [{}, false]})", {"[]", "[1]"}, {"[1,2]"}});
  check(
      {R"({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 5}, "maxItems": 2})",
       {"[5]", "[1,7]", "[7,1]"},
       {"[]", "[1]", "[1,2]"}});
  check({R"({"type": "array", "contains": {"const": 1}, "minContains": 2})",
         {"[1,1]", "[1,\"x\",1,2]"},
         {"[1]", "[2]"}});
  check({R"({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": true})",
         {"[]", "[\"b\",\"a\"]"},
         {"[\"a\",\"a\"]"}});
  check({R"({"type": "array", "items": {"type": "boolean"}, "uniqueItems": true, "minItems": 2})",
         {"[true,false]"},
         {"[true]", "[true,true]"}});
}

TEST_CASE("json schema: objects have each name once, in any order") {
  check(
      {R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"], "additionalProperties": false})",
       {"{\"a\":1}", "{\"b\":\"x\",\"a\":1}", "{ \"\\u0061\" : 1 }"},
       {"{}", "{\"b\":\"x\"}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"c\":1}", "{\"a\":\"x\"}"}});
  check({R"({"type": "object", "properties": {"a": {"type": "integer"}}})",
         {"{}", "{\"x\":[{}],\"a\":1}", "{\"aa\":null,\"A\":0}"},
         {"{\"a\":\"x\"}", "{\"\\u0061\":\"x\"}"}});
  check({R"({"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2})",
         {"{}", "{\"x\":1,\"y\":2}"},
         {"{\"x\":\"\"}", "{\"x\":1,\"y\":2,\"z\":3}"}});
  check({R"({"type": "object", "minProperties": 1, "properties": {"a": true}})",
         {"{\"a\":1}", "{\"b\":1}"},
         {"{}"}});
  check({R"({"type": "object", "minProperties": 2})",
         {"{\"a\":1,\"bb\":2}"},
         {"{}", "{\"a\":1}", "{\"a\":1,\"a\":2}"}});
  check(
      {R"({"type": "object", "patternProperties": {"^n": {"type": "number"}, "s$": {"type": "string"}}, "additionalProperties": false})",
       {"{\"n1\":1}", "{\"xs\":\"\"}", "{}"},
       {"{\"n1\":\"\"}", "{\"ns\":1}", "{\"x\":1}"}});
  check({R"({"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "required": ["q"]})",
         {"{\"q\":1,\"z\":2}"},
         {"{\"q\":1,\"Z\":2}", "{}"}});
  check(
      {R"({"type": "object", "properties": {"a": true, "b": true, "c": true}, "dependentRequired": {"a": ["b"]}, "maxProperties": 2, "required": ["c"], "additionalProperties": false})",
       {"{\"c\":1}", "{\"b\":1,\"c\":2}"},
       {"{\"a\":1,\"c\":1}", "{\"a\":1,\"b\":1}"}});
  check({R"({"type": "object", "required": ["x y"]})", {"{\"x y\":0}"}, {"{}"}});
}

TEST_CASE("json schema: references, recursion, and schemas together") {
  check(
      {R"({"$defs": {"tree": {"type": "object", "properties": {"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}, "required": ["v"], "additionalProperties": false}}, "$ref": "#/$defs/tree"})",
       {"{\"v\":1}", "{\"v\":1,\"kids\":[{\"v\":2,\"kids\":[]},{\"v\":3}]}"},
       {"{\"kids\":[]}", "{\"v\":1,\"kids\":[{}]}"}});
  check(
      {R"({"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"], "additionalProperties": false})",
       {"{\"next\":null}", "{\"next\":{\"next\":null}}"},
       {"{}"}});
  check({R"({"anyOf": [{"type": "string"}, {"$ref": "#"}]})", {"\"a\""}, {"1"}});
  check(
      {R"({"allOf": [{"properties": {"a": {"minimum": 3}}}, {"properties": {"a": {"type": "integer"}}, "required": ["a"]}], "type": "object"})",
       {"{\"a\":3}"},
       {"{\"a\":2}", "{\"a\":\"x\"}", "{}"}});
  check({R"({"anyOf": [{"type": "string", "maxLength": 1}, {"type": "integer"}], "minLength": 1})",
         {"\"a\"", "7"},
         {"\"\"", "\"ab\"", "null"}});
  check(
      {R"({"oneOf": [{"type": "object", "properties": {"k": {"const": "a"}}, "required": ["k"]}, {"type": "object", "properties": {"k": {"const": "b"}, "n": {"type": "integer"}}, "required": ["k", "n"]}]})",
       {"{\"k\":\"a\"}", "{\"k\":\"b\",\"n\":1}"},
       {"{\"k\":\"b\"}", "{\"k\":\"c\"}"}});
  check({R"({"oneOf": [{"type": "integer", "minimum": 2}, {"type": "integer", "maximum": 5}]})",
         {"1", "6"},
         {"2", "5"}});
  check({R"({"not": {"type": ["string", "object"]}, "type": ["string", "integer"]})",
         {"1"},
         {"\"a\""}});
  check({R"({"type": "string", "not": {"enum": ["a", "b"]}, "maxLength": 1})",
         {"\"c\"", "\"\""},
         {"\"a\"", "\"\\u0062\""}});
  check(
      {R"({"type": "object", "properties": {"t": {"enum": ["x", "y"]}, "v": {"type": "integer"}}, "required": ["t"], "additionalProperties": false, "if": {"properties": {"t": {"const": "x"}}}, "then": {"required": ["v"]}})",
       {"{\"t\":\"y\"}", "{\"t\":\"x\",\"v\":1}"},
       {"{\"t\":\"x\"}"}});
  check({R"({"type": "object", "dependentSchemas": {"a": {"required": ["b"]}}})",
         {"{}", "{\"a\":1,\"b\":1}", "{\"b\":1}"},
         {"{\"a\":1}"}});
  check(
      {R"({"type": "object", "properties": {"a": {"$ref": "#/$defs/x~1y"}, "b": {"$ref": "#p"}}, "$defs": {"x/y": {"const": 1}, "z": {"$anchor": "p", "const": 2}}})",
       {"{\"a\":1,\"b\":2}"},
       {"{\"a\":2}", "{\"b\":1}"}});
}

TEST_CASE("json schema: what no value conforms with is left out, or refused") {
  check(
      {R"({"type": "object", "properties": {"a": false, "b": {"type": "integer"}}, "additionalProperties": false})",
       {"{}", "{\"b\":1}"},
       {"{\"a\":1}"}});
  check({R"({"anyOf": [{"type": "string", "minLength": 2, "maxLength": 1}, {"type": "null"}]})",
         {"null"},
         {"\"a\""}});
  CHECK(refusal("false") == "no value conforms with this schema");
  CHECK(refusal(R"({"type": "integer", "minimum": 2, "maximum": 1})") ==
        "no value conforms with this schema");
  CHECK(refusal(R"({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})") ==
        "no value conforms with this schema");
  CHECK(refusal(R"({"enum": ["a"], "type": "integer"})") == "no value conforms with this schema");
  CHECK(
      refusal(
          R"({"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": true, "minItems": 3})") ==
      "no value conforms with this schema");
}

TEST_CASE("json schema: what cannot be honoured is refused, naming keyword and place") {
  CHECK(refusal(R"({"properties": {"a": {"uniqueItems": true}}})") ==
        "#/properties/a: 'uniqueItems' of elements without 'enum' is not supported");
  CHECK(refusal(R"({"properties": {"a": {"$dynamicRef": "#x"}}})") ==
        "#/properties/a: '$dynamicRef' is not supported");
  CHECK(refusal(R"({"multipleOf": 0.01})") == "#: 'multipleOf' of 0.01 is not supported");
  CHECK(refusal(R"({"format": "regex"})") == "#: 'format' \"regex\" is not supported");
  CHECK(refusal(R"x({"pattern": "a(?=b)"})x") ==
        "#: 'pattern' \"a(?=b)\": at 2: lookahead (?=…) is not supported");
  CHECK(refusal(R"({"$ref": "http://x.org/a.json"})") ==
        "#: '$ref' to another document, \"http://x.org/a.json\", is not supported");
  CHECK(refusal(R"({"not": {"items": {"type": "null"}}})") ==
        "#/not: 'not' of 'items' is not supported");
  CHECK(refusal(R"({"allOf": [{"unevaluatedProperties": false, "anyOf": [{}]}]})") ==
        "#/allOf/0: 'unevaluatedProperties' beside 'anyOf' is not supported");
  CHECK(refusal(R"({"oneOf": [{"items": true, "minItems": 1}, {"items": true}]})") ==
        "#/oneOf (0 and 1 may both hold): 'not' of 'items' is not supported");
}

TEST_CASE("json schema: what is no schema is told with its place") {
  CHECK(refusal("[]") == "#: is array, wanted a schema: an object, true or false");
  CHECK(refusal(R"({"properties": {"a": 1}})") ==
        "#/properties/a: is number, wanted a schema: an object, true or false");
  CHECK(refusal(R"({"type": "text"})") ==
        "#: 'type' is \"text\", wanted a type of JSON, or a list of them");
  CHECK(refusal(R"({"minLength": -1})") ==
        "#: 'minLength' is -1, wanted a whole number of at least 0");
  CHECK(refusal(R"({"required": "a"})") == "#: 'required' is \"a\", wanted a list of names");
  CHECK(refusal(R"({"anyOf": []})") == "#: 'anyOf' is [], wanted a list of schemas");
  CHECK(refusal(R"({"$ref": "#/$defs/a"})") == "#: '$ref' is \"#/$defs/a\", and nothing is there");
  CHECK(refusal(R"({"$ref": "#"})") == "#: '$ref' leads back to itself");
  CHECK(refusal(R"x({"pattern": "a("})x") == "#: 'pattern' \"a(\": at 2: unmatched (");
}
