#include <cstdlib>
#include <ctime>

#include "core/base/json.h"
#include "core/templates/template.h"
#include "tests/support/test.h"

using namespace hft;
using test::error_of;

namespace {

// Noon of 23 November 2026, local time: what scripts/golden/jinja_reference.py takes for now.
RenderOptions at_noon() {
  std::tm time{};
  time.tm_year = 126, time.tm_mon = 10, time.tm_mday = 23, time.tm_hour = 12, time.tm_isdst = -1;
  return {std::mktime(&time)};
}

std::string render(const std::string& source, const Json& variables = Json::object()) {
  return Template::parse(source).render(variables, at_noon()).text;
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// Sources that use up time, memory or stack, reach for the machine, or are no templates at all.
std::vector<std::string> hostile_sources() {
  return {
      "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x, ns.x] %}{% "
      "endfor %}{{ ns.x }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% "
      "endfor %}{{ ns.x }}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% "
      "endfor %}{{ ns.x == ns.x[:1] * 2 }}{{ ns.x|tojson }}",
      "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% "
      "endfor %}",
      "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x.replace('a', "
      "ns.x) %}{% endfor %}",
      "{% for i in range(100000) %}{{ range(100000)|list|length }}{% endfor %}",
      "{% for i in range(100000) %}{{ 'x' * 100000 }}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(2000) %}{% set ns.x = ns.x|map('string') "
      "%}{% endfor %}{{ ns.x|list }}",
      "{% macro a(x) %}{{ b(x) }}{% endmacro %}{% macro b(x) %}{{ a(x) }}{% endmacro %}{{ a(1) }}",
      "{% for x in [[]] recursive %}{{ loop([x]) }}{% endfor %}",
      "{{ ''.__class__.__mro__[1].__subclasses__() }}",
      "{{ cycler.__init__.__globals__.os.popen('id') }}",
      "{{ namespace.__init__.__globals__['os'] }}",
      "{{ (1).__class__.__base__ }}",
      "{{ ''['__class__']['__mro__'] }}",
      "{{ ''|attr('__class__')|attr('__mro__') }}",
      "{{ '{0.__class__.__mro__}'.format('') }}",
      "{{ self.__init__.__globals__ }}",
      "{{ lipsum() }}",
      "{% include '/etc/passwd' %}",
      "{% extends 'x' %}",
      "{% from 'x' import y %}",
      "{{ open('/etc/passwd') }}",
      "{{ 1 / 0 }}",
      "{{ 1 % 0 }}",
      "{{ 2 ** 2 ** 2 ** 2 ** 2 ** 2 ** 99999 }}",
      "{{ 10 ** 10 ** 1000000 }}",
      "{{ 1" + std::string(100000, '0') + " }}",
      "{{ undefined_function() }}",
      "{% for a in b",
      "{% if 1 %}{% for x in y %}",
      "{{ 'abc",
      "{{ [1, 2",
      "{# no end",
      "{% raw %}x",
      "{{ \"%999999999d\" % 1 }}",
      "{{ '%.999999999f' % 1 }}",
      "{{ '{:999999999}'.format(1) }}",
      "{{ 'x'.center(999999999) }}",
      "{{ 'x'.zfill(9999999999) }}",
      "{{ [1]|tojson(indent=999999999) }}",
      "{{ 'a'|indent(999999999, true) }}",
      "{{ [1] * 999999999 }}",
      "{{ range(2, 9223372036854775807) }}",
      "{{ 'a\tb'.expandtabs(999999999) }}",
      "{{ [1, 2]|batch(999999999, 0)|list }}",
      "{{ [1]|slice(999999999)|list }}",
      "{{ " + repeated("[", 50000) + " }}",
      "{{ " + repeated("not ", 50000) + "1 }}",
      "{{ " + repeated("-", 50000) + "1 }}",
      repeated("{% if 1 %}", 5000),
      repeated("{% for a in [1] %}", 100),
      "{{ " + repeated("{'a':", 5000),
      "{{ " + repeated("a if b else ", 5000) + "c }}",
      "{{ x" + repeated("|map('x'", 100) + repeated(")", 100) + " }}",
      "\xff\xfe",
      "{{ '\\ud800' }}",
      "{{ '\\N{DASH}' }}",
      "{% set ns = namespace() %}{% set ns.a = ns %}{% for i in range(99999999) %}{% endfor %}{{ "
      "ns }}",
      "{% for i in range(100000) %}{% set x = namespace(a=range(100000)|list) %}{% endfor %}",
      "{% set n = range(100000)|list %}{% for i in n %}{{ n == n[:] }}{% endfor %}",
      "{% set n = 'x' * 16000000 %}{% for i in range(100000) %}{{ n.count('y') }}{% endfor %}",
      "{% set n = 'é' * 100000 %}{% for i in range(100000) %}{{ n[99999] }}{% endfor %}",
      "{{ strftime_now(1) }}",
      "{{ raise_exception() }}",
      "{{ dict(5) }}",
      "{{ loop }}{{ loop.x }}",
      "{{ joiner(1, 2, 3) }}",
      "{{ 2 ** 99 ** 99999 }}",
      "{% for i in range(9999) %}{% set x = (3 ** 90000) // (7 ** 9000) %}{% endfor %}",
      "{{ ('" + repeated("x", 900000) + "' | wordwrap(2)) + 1 }}",
      "{{ '" + repeated("(", 500000) + "' | urlize | length + none }}",
      "{{ ('" + repeated("<!--", 100000) + repeated("-->", 100000) + "' | striptags) + 1 }}",
      "{{ ('" + repeated("a-", 300000) + "' | wordwrap(3)) + 1 }}",
      "{{ ('" + repeated("a ", 300000) + "' | pprint) + 1 }}"};
}

}  // namespace

TEST_CASE("template: every feature renders as the reference renders it, and fails where it fails") {
  Json golden = read_json(test::golden("templates/cases.json"));
  int compared = 0;
  for (const Json& one : golden["cases"]) {
    const std::string source = one[0].get<std::string>();
    CAPTURE(source);
    if (one[1].is_null()) {
      CHECK_THROWS_AS(render(source, golden["variables"]), Error);
    } else {
      CHECK(render(source, golden["variables"]) == one[1].get<std::string>());
    }
    ++compared;
  }
  CHECK(compared > 400);
}

// The templates are other people's texts: a JSON object {name: {template, variables, expected}} in
// the file that HFT_CHAT_TEMPLATES names.
TEST_CASE("template: the collected chat templates render as recorded") {
  const char* file = std::getenv("HFT_CHAT_TEMPLATES");
  if (!file) return;
  const Json collected = read_json(file);
  for (const auto& item : collected.items()) {
    CAPTURE(item.key());
    const Json& one = item.value();
    CHECK(render(one["template"].get<std::string>(), one["variables"]) ==
          one["expected"].get<std::string>());
  }
}

TEST_CASE("template: errors name the line and the cause") {
  CHECK(error_of([] { render("a\n{{ b }}\n{{ b.c }}"); }) ==
        "chat template line 3: 'b' is undefined");
  CHECK(error_of([] { render("{{ {'a': 1}.b.c }}"); }) ==
        "chat template line 1: 'dict object' has no attribute 'b'");
  CHECK(error_of([] { render("{% if x %}\n"); }) ==
        "chat template line 1: unexpected end of the template, wanted 'endif'");
  CHECK(error_of([] { render("\n\n{{ 1 | nope }}"); }) ==
        "chat template line 3: no filter named 'nope'");
  CHECK(error_of([] { render("{% import 'os' as os %}"); }) ==
        "chat template line 1: 'import' reads another template, which is not allowed");
  CHECK(error_of([] { render("{{ 2 ** 9999999 }}"); }) ==
        "chat template line 1: step limit (5000000) reached");
  CHECK(error_of([] { render("{{ 10 ** 5000 }}"); }) ==
        "chat template line 1: Exceeds the limit (4300 digits) for integer string conversion");
  CHECK(error_of([] { render("{{ [1, 2] | random }}"); }) ==
        "chat template line 1: the filter 'random' is not supported: each rendering would differ");
}

TEST_CASE("template: the text of raise_exception is the message, on one line") {
  CHECK(error_of([] { render("{{ raise_exception('Roles must\nalternate') }}"); }) ==
        "Roles must alternate");
}

TEST_CASE("template: limits end a rendering with their own message") {
  CHECK(error_of([] {
          render(
              "a\n\n{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor "
              "%}");
        }) == "chat template line 3: step limit (5000000) reached");
  CHECK(error_of([] { render("{{ 'x' * 1000000000 }}"); }) ==
        "chat template line 1: string limit (16777216 bytes) reached");
  CHECK(error_of([] { render("{% for i in range(20) %}{{ 'x' * 1000000 }}{% endfor %}"); }) ==
        "chat template line 1: output limit (16777216 bytes) reached");
  CHECK(error_of([] { render("{{ range(100001) | length }}"); }) ==
        "chat template line 1: range limit (100000) reached: 100001 numbers asked for");
  CHECK(error_of([] { render("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"); }) ==
        "chat template line 1: calls nested deeper than 64");
  CHECK(error_of([] { render("{{ " + repeated("(", 100) + "1" + repeated(")", 100) + " }}"); }) ==
        "chat template line 1: nested deeper than 64");
  CHECK(error_of([] { render(std::string(2 << 20, 'x')); }) ==
        "chat template: 2097152 bytes, the limit is 1048576");
}

TEST_CASE("template: hostile sources are refused within a second, on one line") {
  const std::vector<std::string> hostile = hostile_sources();
  CHECK(hostile.size() >= 40);
  for (const std::string& source : hostile) {
    CAPTURE(source.substr(0, 100));
    std::clock_t start = std::clock();  // of this process alone: the machine may be busy
    std::string message = error_of([&] { render(source); });
    CHECK(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC < 1.0);
    CHECK(!message.empty());
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.size() < 5000);
  }
}

TEST_CASE("template: long chains are no nesting") {
  CHECK(render("{{ 0" + repeated(" + 1", 20000) + " }}") == "20000");
  CHECK(render("{{ ('a'" + repeated(" ~ 'b'", 1000) + ") | length }}") == "1001");
  CHECK(render("{{ 'a'" + repeated(".upper()", 5000) + " }}") == "A");
  CHECK(render("{% if 0 %}" + repeated("{% elif 0 %}", 5000) + "{% else %}x{% endif %}") == "x");
}

TEST_CASE("template: generation blocks give the ranges of their characters") {
  auto rendered =
      Template::parse("é:{% for m in l %}{% generation %}{{ m }}ü{% endgeneration %},{% endfor %}")
          .render(Json{{"l", {"ab", "c"}}});
  CHECK(rendered.text == "é:abü,cü,");
  CHECK(rendered.generated == std::vector<std::pair<std::int64_t, std::int64_t>>{{2, 5}, {6, 8}});
}

TEST_CASE(
    "template: one template renders in several threads and keeps nothing between renderings") {
  Template parsed = Template::parse("{% set ns = namespace(n=n) %}{% set ns.me = ns %}{{ ns.n }}");
  CHECK(parsed.render(Json{{"n", 1}}).text == "1");
  CHECK(parsed.render(Json{{"n", 2}}).text == "2");
}
