#include "core/constraints/formats.h"

#include <algorithm>

namespace hft {
namespace {

// RFC 3339; a year from 0001, 29 February in leap years.
const std::string& date_pattern() {
  static const std::string kPattern =
      "(([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-"
      "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"
      "02-(0[1-9]|1[0-9]|2[0-8]))|"
      "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)";
  return kPattern;
}

const std::string& time_pattern() {
  static const std::string kPattern =
      "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]"
      ")";
  return kPattern;
}

// ISO 8601 as in RFC 3339, appendix A.
constexpr const char* kDuration =
    "P(([0-9]+D|[0-9]+M([0-9]+D)?|[0-9]+Y([0-9]+M([0-9]+D)?)?)"
    "(T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))?|"
    "T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S)|[0-9]+W)";

constexpr const char* kLabel = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";

constexpr const char* kByte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

std::string ipv4_pattern() {
  const std::string byte = kByte;
  return byte + "(\\." + byte + "){3}";
}

// RFC 4291: eight groups, the last two perhaps an IPv4 address, one run of zeros left out.
std::string ipv6_pattern() {
  const std::string h = "[0-9a-fA-F]{1,4}", last = "(" + h + ":" + h + "|" + ipv4_pattern() + ")";
  std::string all = "(" + h + ":){6}" + last;
  for (int before = 0; before <= 5; ++before) {
    const std::string lead =
        before == 0 ? "" : "(" + h + "(:" + h + "){0," + std::to_string(before - 1) + "})?";
    const int after = 5 - before;
    all += "|" + lead + "::(" + h + ":){" + std::to_string(after) + "}" + last;
  }
  all += "|(" + h + "(:" + h + "){0,5})?::" + h + "|(" + h + "(:" + h + "){0,6})?::";
  return all;
}

// RFC 3986, the parts that any scheme has.
std::string uri_pattern() {
  const std::string pct = "%[0-9A-Fa-f]{2}", plain = "A-Za-z0-9._~!$&'()*+,;=\\-";
  const std::string pchar = "([" + plain + ":@]|" + pct + ")",
                    more = "([" + plain + ":@/?]|" + pct + ")*";
  const std::string host = "([" + plain + "]|" + pct + ")+";
  const std::string authority = "(([" + plain + ":]|" + pct + ")*@)?" + host + "(:[0-9]{1,5})?";
  return "[A-Za-z][A-Za-z0-9+.-]*:(//" + authority + "(/" + pchar + "*)*|/?" + pchar + "+(/" +
         pchar + "*)*)(\\?" + more + ")?(#" + more + ")?";
}

std::string known_format(std::string_view name) {
  const std::string label = kLabel;
  if (name == "date") return date_pattern();
  if (name == "time") return time_pattern();
  if (name == "date-time") return date_pattern() + "T" + time_pattern();
  if (name == "duration") return kDuration;
  if (name == "uuid")
    return "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
  if (name == "email") {
    const std::string atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    return atom + "(\\." + atom + ")*@" + label + "(\\." + label + ")*";
  }
  if (name == "hostname") return label + "(\\." + label + ")*";
  if (name == "ipv4") return ipv4_pattern();
  if (name == "ipv6") return ipv6_pattern();
  if (name == "uri") return uri_pattern();
  if (name == "json-pointer") return "(/([^~/]|~[01])*)*";
  return "";
}

}  // namespace

Format format_of(std::string_view name) {
  static constexpr std::string_view kUnsupported[] = {
      "idn-email",     "idn-hostname", "iri",          "iri-reference",
      "uri-reference", "regex",        "uri-template", "relative-json-pointer"};
  // Hyphens in the third and fourth place of a label are those of Punycode.
  if (std::string pattern = known_format(name); !pattern.empty())
    return {FormatKind::kKnown, std::move(pattern), name == "hostname" ? "(^|\\.)..--" : "",
            name == "hostname" ? 253 : -1};
  if (std::ranges::find(kUnsupported, name) != std::end(kUnsupported))
    return {FormatKind::kUnsupported};
  return {FormatKind::kAnnotation};
}

}  // namespace hft
