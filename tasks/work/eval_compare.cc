#include "tasks/work/eval_compare.h"

#include <algorithm>
#include <deque>
#include <map>

#include "core/base/error.h"
#include "core/base/exact_json.h"

namespace hft {
namespace {

std::string key_of(const Example& e) {
  return e.id.is_null() ? "input " + exact_line(e.input) : "id " + exact_line(e.id);
}

}  // namespace

SharedExamples shared_examples(const Examples& first, const Examples& second) {
  std::map<std::string, std::deque<const Example*>> known;
  for (const Example& e : second.all) known[key_of(e)].push_back(&e);
  SharedExamples shared;
  for (const Example& e : first.all) {
    auto& same = known[key_of(e)];
    if (same.empty()) continue;
    shared.first.all.push_back(e);
    shared.second.all.push_back(*same.front());
    same.pop_front();
  }
  const std::size_t count = shared.first.all.size();
  if (count == 0)
    fail(Errc::kUsage, "the two evaluations have no example in common (by id, else by input)");
  shared.alone = static_cast<std::int64_t>(first.all.size() + second.all.size() - 2 * count);
  return shared;
}

std::vector<Json> flipped(const EvalTask& task, const SharedExamples& shared,
                          const std::vector<Metric>& first, const std::vector<Metric>& second) {
  const auto chosen = std::ranges::find_if(first, [](const Metric& m) { return bool(m.each); });
  if (chosen == first.end()) fail(Errc::kUsage, "no metric says of one example how good it is");
  const Metric& a = *chosen;
  const Metric& b = second[static_cast<std::size_t>(chosen - first.begin())];
  std::vector<Json> all;
  for (std::size_t i = 0; i < shared.first.all.size(); ++i) {
    const double before = a.each(i), after = b.each(i);
    if (before == after) continue;
    const Example &x = shared.first.all[i], &y = shared.second.all[i];
    Json one = Json::object();
    if (!x.id.is_null()) one["id"] = x.id;
    one["input"] = x.input;
    one["change"] = (after > before) != a.lower_is_better ? "gained" : "lost";
    one["reference"] = shown_reference(task, x);
    one["first"] = shown_prediction(task, x);
    one["second"] = shown_prediction(task, y);
    one[a.name] = {before, after};
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace hft
