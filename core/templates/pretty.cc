// Values over several lines: Python's pprint (3.11) with its defaults.
#include <algorithm>

#include "core/templates/print.h"
#include "core/templates/budget.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

constexpr std::int64_t kWidth = 80;

using Entries = std::vector<std::pair<Value, Value>>;

// In the order of the keys; those that have none among them by the names of their types.
Entries sorted_entries(const Dict& dict) {
  Entries entries;
  for (const auto& entry : dict.entries()) entries.emplace_back(entry.key, entry.value);
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    try {
      return less(a.first, b.first);
    } catch (const Error&) {
      return a.first.type_name() < b.first.type_name();
    }
  });
  return entries;
}

// repr with the keys of dicts in order.
std::string plain(const Value& value) {
  charge(1);
  std::string out;
  const auto put = [&](const auto& part) { out += (out.empty() ? "" : ", ") + part; };
  if (value.is(Kind::kDict)) {
    for (const auto& [key, item] : sorted_entries(value.as<Dict>()))
      put(plain(key) + ": " + plain(item));
    out = "{" + out + "}";
  } else if (value.is_sequence()) {
    for (const Value& item : value.items()) put(plain(item));
    const bool tuple = value.is(Kind::kTuple);
    if (tuple && value.items().size() == 1) out += ",";
    out = (tuple ? "(" : "[") + out + (tuple ? ")" : "]");
  } else {
    return repr(value);
  }
  allow_text(out.size());
  return out;
}

class Printer {
 public:
  std::string out;

  // allowance: what must fit behind the value on its last line.
  void put(const Value& value, std::int64_t indent, std::int64_t allowance, int level) {
    const std::string line = plain(value);
    const bool fits = count_points(line) <= kWidth - indent - allowance;
    ++level;
    if (fits || value.is_markup())
      out += line;
    else if (value.is(Kind::kDict))
      put_dict(value.as<Dict>(), indent, allowance, level);
    else if (value.is_sequence())
      put_items(value, indent, allowance, level);
    else if (value.is(Kind::kString))
      put_text(value.text(), indent, allowance, level);
    else
      out += line;
    allow_text(out.size());
  }

 private:
  void new_line(std::int64_t indent) {
    out += "\n" + std::string(static_cast<std::size_t>(indent), ' ');
  }

  void put_dict(const Dict& dict, std::int64_t indent, std::int64_t allowance, int level) {
    const Entries entries = sorted_entries(dict);
    out += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::string key = plain(entries[i].first);
      if (i > 0) out += ',', new_line(indent + 1);
      out += key + ": ";
      put(entries[i].second, indent + 1 + count_points(key) + 2,
          i + 1 == entries.size() ? allowance + 1 : 1, level);
    }
    out += '}';
  }

  void put_items(const Value& value, std::int64_t indent, std::int64_t allowance, int level) {
    const auto& items = value.items();
    const bool tuple = value.is(Kind::kTuple);
    const std::string close = !tuple ? "]" : items.size() == 1 ? ",)" : ")";
    out += tuple ? '(' : '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += ',', new_line(indent + 1);
      const bool last = i + 1 == items.size();
      put(items[i], indent + 1, last ? allowance + static_cast<std::int64_t>(close.size()) : 1,
          level);
    }
    out += close;
  }

  static std::string quoted(std::string_view text) {
    std::string made;
    append_repr(made, text);
    return made;
  }

  // Words, each with the white space after it.
  static std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at < line.size();) {
      const std::size_t start = at;
      std::size_t next = at;
      while (at < line.size() && !is_space(decode(line, next))) at = next;
      for (next = at; at < line.size() && is_space(decode(line, next));) at = next;
      words.push_back(line.substr(start, at - start));
    }
    return words;
  }

  // A text as several literals, a line each.
  void put_text(std::string_view text, std::int64_t indent, std::int64_t allowance, int level) {
    if (level == 1) ++indent, ++allowance;
    std::vector<std::string> chunks;
    const auto lines = split_lines(text, true);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const bool last = i + 1 == lines.size();
      charge(static_cast<std::int64_t>(lines[i].size() / 8));
      std::string whole = quoted(lines[i]);
      if (count_points(whole) <= kWidth - indent - (last ? allowance : 0)) {
        chunks.push_back(std::move(whole));
        continue;
      }
      const auto words = words_of(lines[i]);
      std::string current;
      for (std::size_t j = 0; j < words.size(); ++j) {
        const std::string candidate = current + std::string(words[j]);
        charge(static_cast<std::int64_t>(candidate.size() / 8));
        const bool end = last && j + 1 == words.size();
        if (count_points(quoted(candidate)) > kWidth - indent - (end ? allowance : 0)) {
          if (!current.empty()) chunks.push_back(quoted(current));
          current = words[j];
        } else {
          current = candidate;
        }
      }
      if (!current.empty()) chunks.push_back(quoted(current));
    }
    const bool brackets = level == 1 && chunks.size() != 1;
    if (brackets) out += '(';
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (i > 0) new_line(indent);
      out += chunks[i];
    }
    if (brackets) out += ')';
  }
};

}  // namespace

std::string pretty(const Value& value) {
  Printer printer;
  printer.put(value, 0, 0, 0);
  return std::move(printer.out);
}

}  // namespace hft::jinja
