// The filters on sequences: choosing, ordering, grouping, joining.
#include <algorithm>

#include "core/templates/print.h"
#include "core/templates/runtime.h"
#include "core/templates/python_text.h"

namespace hft::jinja {
namespace {

bool given(const Value& value) { return !value.is(Kind::kMissing); }

Value folded(const Value& value) {
  if (!value.is(Kind::kString)) return value;
  charge(static_cast<std::int64_t>(value.text().size() / 16));
  return Value(lower(value.text()));
}

Value filter_length(Runtime&, const Value& self, Args& args) {
  bind("length", args, {});
  auto length = length_of(self);
  if (!length) fail(Errc::kBadData, "object of type '", self.type_name(), "' has no len()");
  return *length;
}

Value filter_list(Runtime& runtime, const Value& self, Args& args) {
  bind("list", args, {});
  return Value::list(to_vector(runtime, self));
}

Value filter_first(Runtime& runtime, const Value& self, Args& args) {
  bind("first", args, {});
  Value item;
  if (iterate(self)->next(runtime, item)) return item;
  return Value::undefined("No first item, sequence was empty.");
}

// What Python's reversed() takes; everything else but a generator is made a list first.
bool reversible(const Value& value) { return length_of(value).has_value(); }

Value filter_last(Runtime& runtime, const Value& self, Args& args) {
  bind("last", args, {});
  if (!reversible(self)) fail(Errc::kBadData, "'", self.type_name(), "' object is not reversible");
  auto items = to_vector(runtime, self);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value filter_reverse(Runtime& runtime, const Value& self, Args& args) {
  bind("reverse", args, {});
  if (self.is(Kind::kString)) return get_slice(self, {}, {}, Value(-1));
  if (!is_iterable(self)) fail(Errc::kBadData, "argument must be iterable");
  auto items = to_vector(runtime, self);
  std::reverse(items.begin(), items.end());
  if (!reversible(self)) return Value::list(std::move(items));
  return Value(Kind::kIterator, over(std::move(items), "list_reverseiterator"));
}

// Under autoescape: a markup as soon as the glue or an item is one, and then all are escaped.
Value join_escaped(Runtime& runtime, const Value& self, const Value& glue, const Value& path) {
  std::vector<Value> items;
  bool markup = glue.is_markup();
  for (const Value& item : to_vector(runtime, self)) {
    items.push_back(path.is(Kind::kMissing) ? item : get_path(runtime, item, path));
    markup = markup || items.back().is_markup();
  }
  for (Value& item : items)
    if (!item.is(Kind::kString)) item = Value(str(item));
  const Value by = markup ? escape(glue) : Value(str(glue));
  return call_text_method(runtime, by, "join", {Value::list(std::move(items))});
}

Value filter_join(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("join", args, {"d", "attribute"});
  if (runtime.autoescape) {
    const Value path = given(a[1]) && !a[1].is(Kind::kNone) ? a[1] : Value::missing();
    return join_escaped(runtime, self, given(a[0]) ? a[0] : Value(""), path);
  }
  std::string glue = given(a[0]) ? str(a[0]) : "", out;
  auto items = iterate(self);
  Value item;
  for (bool first = true; items->next(runtime, item); first = false) {
    if (!first) out += glue;
    out += str(given(a[1]) ? get_path(runtime, item, a[1]) : item);
    charge_bytes(glue.size() + 64);
    if (out.size() > static_cast<std::size_t>(limits::kTemplateTextBytes)) allow_text(out.size());
  }
  allow_text(out.size());
  return Value(std::move(out));
}

// What map, select and reject do with each item, item by item as they are asked for.
class Mapped : public Iterator {
 public:
  using Step = std::function<bool(Runtime&, Value& item)>;  // false: the item is left out
  Mapped(const Value& self, Step step) : source_(iterate(self)), step_(std::move(step)) {
    depth = source_->depth + 1;
    if (depth > kValueDepth) fail(Errc::kBadData, "a value nested deeper than ", kValueDepth);
  }
  bool next(Runtime& runtime, Value& out) override {
    while (source_->next(runtime, out)) {
      charge(1);
      if (step_(runtime, out)) return true;
    }
    return false;
  }

 private:
  std::shared_ptr<Iterator> source_;
  Step step_;
};

Value mapped(const Value& self, Mapped::Step step) {
  return Value(Kind::kIterator, std::make_shared<Mapped>(self, std::move(step)));
}

Value nothing() { return Value(Kind::kIterator, over({}, "generator")); }

Value filter_map(Runtime&, const Value& self, Args& args) {
  if (!self.truthy()) return nothing();
  if (args.positional.empty()) {
    auto a = bind("map", args, {"attribute", "default"});
    if (!given(a[0])) fail(Errc::kBadData, "map requires a filter argument");
    bool defaulted = given(a[1]) && !a[1].is(Kind::kNone);
    return mapped(self, [path = a[0], fallback = a[1], defaulted](Runtime& runtime, Value& item) {
      item = get_path(runtime, item, path, defaulted ? &fallback : nullptr);
      return true;
    });
  }
  std::string name = need_text(args.positional[0], "the filter of map");
  Builtin filter = find_filter(name);
  if (!filter) fail(Errc::kBadData, "No filter named '", name.substr(0, 100), "'.");
  args.positional.erase(args.positional.begin());
  return mapped(self, [filter, args](Runtime& runtime, Value& item) {
    Args own = args;
    charge(static_cast<std::int64_t>(own.positional.size() + own.named.size()));
    item = filter(runtime, item, own);
    return true;
  });
}

// select, reject and their attribute forms.
template <bool kKeep, bool kAttribute>
Value filter_select(Runtime&, const Value& self, Args& args) {
  if (!self.truthy()) return nothing();
  Value path;
  if (kAttribute) {
    if (args.positional.empty()) fail(Errc::kBadData, "Missing parameter for attribute name");
    path = args.positional[0];
    args.positional.erase(args.positional.begin());
  }
  Test test = nullptr;
  if (!args.positional.empty()) {
    std::string name = need_text(args.positional[0], "the test");
    test = find_test(name);
    if (!test) fail(Errc::kBadData, "No test named '", name.substr(0, 100), "'.");
    args.positional.erase(args.positional.begin());
  }
  return mapped(self, [path, test, args](Runtime& runtime, Value& item) {
    Value seen = get_path(runtime, item, path);
    Args own = args;
    charge(static_cast<std::int64_t>(own.positional.size() + own.named.size()));
    return (test ? test(runtime, seen, own) : seen.truthy()) == kKeep;
  });
}

void sort_by(std::vector<std::pair<Value, Value>>& keyed, bool reverse) {
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return reverse ? less(b.first, a.first) : less(a.first, b.first);
  });
}

Value filter_sort(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("sort", args, {"reverse", "case_sensitive", "attribute"});
  bool cased = given(a[1]) && a[1].truthy();
  std::vector<Value> paths;
  if (given(a[2]) && a[2].is(Kind::kString)) {
    std::string_view rest = a[2].text();
    for (std::size_t comma; (comma = rest.find(',')) != std::string_view::npos;
         rest.remove_prefix(comma + 1))
      paths.emplace_back(rest.substr(0, comma));
    paths.emplace_back(rest);
  } else {
    paths.push_back(given(a[2]) ? a[2] : Value());
  }
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : to_vector(runtime, self)) {
    std::vector<Value> key;
    for (const Value& path : paths) {
      Value part = get_path(runtime, item, path);
      key.push_back(cased ? part : folded(part));
    }
    keyed.emplace_back(Value::list(std::move(key)), item);
  }
  sort_by(keyed, given(a[0]) && a[0].truthy());
  std::vector<Value> out;
  for (auto& [key, item] : keyed) out.push_back(std::move(item));
  return Value::list(std::move(out));
}

Value filter_dictsort(Runtime&, const Value& self, Args& args) {
  auto a = bind("dictsort", args, {"case_sensitive", "by", "reverse"});
  std::string by = given(a[1]) ? str(a[1]) : "key";
  if (by != "key" && by != "value")
    fail(Errc::kBadData, "You can only sort by either \"key\" or \"value\"");
  need_defined(self);
  if (!self.is(Kind::kDict)) fail(Errc::kBadData, "dictsort wants a dict, not ", self.type_name());
  bool cased = given(a[0]) && a[0].truthy();
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& entry : self.as<Dict>().entries()) {
    const Value& key = by == "key" ? entry.key : entry.value;
    keyed.emplace_back(cased ? key : folded(key), Value::tuple({entry.key, entry.value}));
  }
  sort_by(keyed, given(a[2]) && a[2].truthy());
  std::vector<Value> out;
  for (auto& [key, item] : keyed) out.push_back(std::move(item));
  return Value::list(std::move(out));
}

Value filter_unique(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("unique", args, {"case_sensitive", "attribute"});
  bool cased = given(a[0]) && a[0].truthy();
  Value path = given(a[1]) ? a[1] : Value();
  auto seen = std::make_shared<Dict>();
  (void)runtime;
  return mapped(self, [cased, path, seen](Runtime& runtime, Value& item) {
    Value key = get_path(runtime, item, path);
    if (!cased) key = folded(key);
    if (!hashable(key)) fail(Errc::kBadData, "unhashable type: '", key.type_name(), "'");
    if (seen->find(key)) return false;
    seen->set(std::move(key), Value());
    return true;
  });
}

template <bool kMax>
Value filter_extreme(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind(kMax ? "max" : "min", args, {"case_sensitive", "attribute"});
  bool cased = given(a[0]) && a[0].truthy();
  std::optional<std::pair<Value, Value>> best;
  for (const Value& item : to_vector(runtime, self)) {
    Value key = get_path(runtime, item, given(a[1]) ? a[1] : Value());
    if (!cased) key = folded(key);
    if (!best || (kMax ? less(best->first, key, ">") : less(key, best->first))) best = {key, item};
  }
  return best ? best->second : Value::undefined("No aggregated item, sequence was empty.");
}

Value filter_sum(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("sum", args, {"attribute", "start"});
  Value total = given(a[1]) ? a[1] : Value(0);
  if (total.is(Kind::kString)) fail(Errc::kBadData, "sum() can't sum strings");
  auto items = iterate(self);
  Value item;
  while (items->next(runtime, item))
    total = math(Math::kAdd, total, given(a[0]) ? get_path(runtime, item, a[0]) : item);
  return total;
}

Value filter_items(Runtime& runtime, const Value& self, Args& args) {
  bind("items", args, {});
  if (self.is(Kind::kUndefined)) return nothing();
  if (!self.is(Kind::kDict)) fail(Errc::kBadData, "Can only get item pairs from a mapping.");
  return Value(
      Kind::kIterator,
      over(to_vector(runtime, find_method(self, "items")(runtime, self, args)), "generator"));
}

Value filter_batch(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("batch", args, {"linecount", "fill_with"}, 1);
  need_defined(a[0]);
  std::vector<Value> out, row;
  for (const Value& item : to_vector(runtime, self)) {
    if (equal(Value(static_cast<std::int64_t>(row.size())), a[0])) {
      out.push_back(Value::list(std::move(row)));
      row.clear();
    }
    row.push_back(item);
  }
  if (!row.empty()) {
    bool fill = given(a[1]) && !a[1].is(Kind::kNone);
    if (fill) {
      std::int64_t missing =
          need_integer(a[0], "linecount") - static_cast<std::int64_t>(row.size());
      for (; missing > 0; --missing) charge(1), row.push_back(a[1]);
    }
    out.push_back(Value::list(std::move(row)));
  }
  return Value(Kind::kIterator, over(std::move(out), "generator"));
}

Value filter_slice(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("slice", args, {"slices", "fill_with"}, 1);
  auto items = to_vector(runtime, self);
  std::int64_t slices = need_integer(a[0], "slices"),
               size = static_cast<std::int64_t>(items.size());
  if (slices == 0) fail(Errc::kBadData, "division by zero");
  std::vector<Value> out;
  std::int64_t each = slices > 0 ? size / slices : 0, extra = slices > 0 ? size % slices : 0,
               at = 0;
  for (std::int64_t i = 0; i < slices; ++i) {
    charge(16);
    std::int64_t end = at + each + (i < extra);
    std::vector<Value> part(items.begin() + at, items.begin() + end);
    if (given(a[1]) && !a[1].is(Kind::kNone) && i >= extra) part.push_back(a[1]);
    out.push_back(Value::list(std::move(part)));
    at = end;
  }
  return Value(Kind::kIterator, over(std::move(out), "generator"));
}

Value group(Value key, std::vector<Value> items) {
  Value made = Value::tuple({std::move(key), Value::list(std::move(items))});
  made.as<Sequence>().group = true;
  return made;
}

Value filter_groupby(Runtime& runtime, const Value& self, Args& args) {
  auto a = bind("groupby", args, {"attribute", "default", "case_sensitive"}, 1);
  bool cased = given(a[2]) && a[2].truthy();
  const Value* fallback = given(a[1]) && !a[1].is(Kind::kNone) ? &a[1] : nullptr;
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : to_vector(runtime, self)) {
    Value key = get_path(runtime, item, a[0], fallback);
    keyed.emplace_back(cased ? key : folded(key), item);
  }
  sort_by(keyed, false);
  std::vector<Value> out;
  for (std::size_t i = 0; i < keyed.size();) {
    std::size_t start = i;
    std::vector<Value> items;
    for (; i < keyed.size() && equal(keyed[i].first, keyed[start].first); ++i)
      items.push_back(keyed[i].second);
    if (i == start) items.push_back(keyed[i++].second);  // NaN is not even equal to itself
    Value key = cased ? keyed[start].first : get_path(runtime, items[0], a[0], fallback);
    out.push_back(group(std::move(key), std::move(items)));
  }
  return Value::list(std::move(out));
}

struct Named {
  std::string_view name;
  Builtin filter;
};
constexpr Named kFilters[] = {{"batch", filter_batch},
                              {"count", filter_length},
                              {"dictsort", filter_dictsort},
                              {"first", filter_first},
                              {"groupby", filter_groupby},
                              {"items", filter_items},
                              {"join", filter_join},
                              {"last", filter_last},
                              {"length", filter_length},
                              {"list", filter_list},
                              {"map", filter_map},
                              {"max", filter_extreme<true>},
                              {"min", filter_extreme<false>},
                              {"reject", filter_select<false, false>},
                              {"rejectattr", filter_select<false, true>},
                              {"reverse", filter_reverse},
                              {"select", filter_select<true, false>},
                              {"selectattr", filter_select<true, true>},
                              {"slice", filter_slice},
                              {"sort", filter_sort},
                              {"sum", filter_sum},
                              {"unique", filter_unique}};

}  // namespace

Builtin find_sequence_filter(std::string_view name) {
  for (const Named& named : kFilters)
    if (named.name == name) return named.filter;
  return nullptr;
}

}  // namespace hft::jinja
