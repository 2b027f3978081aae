#include "tasks/run/list_option.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

// The items of an argument that is a JSON list of strings (or of numbers, where commas part it).
std::optional<std::vector<std::string>> json_items(const std::string& argument, ListForm form) {
  const std::string text = trimmed(argument);
  if (!text.starts_with('[')) return std::nullopt;
  const Json list = Json::parse(text, nullptr, false);
  if (!list.is_array() || list.empty()) return std::nullopt;
  std::vector<std::string> items;
  for (const Json& item : list) {
    if (!item.is_string() && !(form != ListForm::kTexts && item.is_number())) return std::nullopt;
    items.push_back(item.is_string() ? item.get<std::string>() : item.dump());
  }
  return items;
}

std::vector<std::string> items_of(const std::string& argument, ListForm form, bool repeated) {
  if (auto items = json_items(argument, form)) return *items;
  if (form == ListForm::kTexts || (form == ListForm::kLabels && repeated)) return {argument};
  std::vector<std::string> items;
  for (const std::string& part : split(argument, ','))
    if (!trimmed(part).empty()) items.push_back(trimmed(part));
  return items;
}

}  // namespace

Flag add_list_option(Flags& flags, const std::string& flag,
                     std::function<void(std::vector<std::string>)> take, const std::string& about,
                     ListForm form) {
  const auto parse = [=](const std::vector<std::string>& arguments) {
    std::vector<std::string> list;
    for (const std::string& argument : arguments) {
      const auto items = items_of(argument, form, arguments.size() > 1);
      if (argument.empty() || items.empty())
        fail(Errc::kUsage, flag, ": '", argument, "' names nothing");
      list.insert(list.end(), items.begin(), items.end());
    }
    take(std::move(list));
  };
  return flags.add_each(flag, parse, about).metavar(form == ListForm::kTexts ? "TEXT" : "a,b,…");
}

Flag add_list_option(Flags& flags, const std::string& flag, std::vector<std::string>& to,
                     const std::string& about, ListForm form) {
  return add_list_option(
      flags, flag, [&to](std::vector<std::string> list) { to = std::move(list); }, about, form);
}

Json number_list(const std::string& flag, const std::vector<std::string>& words, bool whole) {
  Json numbers = Json::array();
  for (const std::string& word : words) {
    double value = 0;
    std::int64_t number = 0;
    const char *begin = word.data(), *end = begin + word.size();
    const auto read =
        whole ? std::from_chars(begin, end, number) : std::from_chars(begin, end, value);
    if (word.empty() || read.ec != std::errc() || read.ptr != end || !std::isfinite(value))
      fail(Errc::kUsage, flag, ": '", word, "' is not a ", whole ? "whole number" : "number",
           "; wanted a list such as 1,2");
    numbers.push_back(whole ? Json(number) : Json(value));
  }
  return numbers;
}

}  // namespace hft
