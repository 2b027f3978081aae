#include "tasks/work/eval_compare.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "tasks/commands.h"
#include "tasks/run/output_file.h"
#include "tasks/work/eval_options.h"

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

namespace {

int run_compare(EvalOptions& o, const std::vector<std::string>& files) {
  if (files.size() != 2)
    fail(Errc::kUsage, "eval compare: wanted two files of records, got ", files.size());
  const EvalTask& task = task_of_records(o.task, files[0]);
  const SharedExamples shared = shared_examples(read_examples(files[0], task, o.examples),
                                                read_examples(files[1], task, o.examples));
  if (shared.alone > 0)
    note(counted(shared.alone, "example") + " of one side alone are left out");
  const auto first = metrics_for(task, shared.first, o.metrics),
             second = metrics_for(task, shared.second, o.metrics);
  const auto count = static_cast<std::int64_t>(shared.first.all.size());
  Report report{.facts = {{"task", task.id}}, .examples = count};
  for (std::size_t i = 0; i < first.size(); ++i) {
    report.figures.push_back(figure_of(second[i], count, o.resampling));
    report.figures.back().comparison =
        compare(second[i], first[i], count, o.significance, o.resampling);
  }
  const bool text = !o.json && isatty(STDOUT_FILENO);
  OutputFile out("");
  for (const Json& one : flipped(task, shared, first, second)) {
    if (!text) {
      out.write(exact_line(one) + "\n");
      continue;
    }
    const auto cell = [&](const char* name) {
      const Json& value = one[name];
      return shorten(escape_controls(value.is_string() ? value.get<std::string>() : to_line(value)), 40);
    };
    out.write((one["change"] == "gained" ? "+ " : "- ") + cell("first") + " -> " + cell("second") +
              "  (" + cell("reference") + ")  " + cell("input") + "\n");
  }
  out.close();
  for (const std::string& line : split(to_text(report), '\n'))
    if (!line.empty()) note(line);
  return 0;
}

std::function<int()> declare_compare(Flags& flags) {
  auto o = std::make_shared<EvalOptions>();
  auto files = std::make_shared<std::vector<std::string>>();
  flags.footer(
      "Examples:\n"
      "  hft eval compare before.jsonl after.jsonl\n"
      "  hft eval compare before.jsonl after.jsonl --json | jq 'select(.change == \"lost\")'");
  flags.add("FILE", *files, "Two files of records (hft eval -o), the earlier one first");
  add_metric_options(flags, *o);
  flags.add("--json", o->json, "The flipped examples as JSON lines").group("Output");
  return [o, files] { return run_compare(*o, *files); };
}

}  // namespace

extern const Command eval_compare_command{
    "eval compare", "Work", "List the examples that two evaluations answered differently",
    declare_compare};

}  // namespace hft
