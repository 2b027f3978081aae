#include "tasks/work/eval_report.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

std::vector<std::int64_t> first(std::int64_t n) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<double> each_of(const Metric& metric, std::int64_t examples) {
  std::vector<double> all;
  for (std::int64_t i = 0; metric.each && i < examples; ++i)
    all.push_back(metric.each(static_cast<std::size_t>(i)));
  return all;
}

bool right_or_wrong(const std::vector<double>& values) {
  return !values.empty() && std::ranges::all_of(values, [](double v) { return v == 0 || v == 1; });
}

double mcnemar(const std::vector<double>& now, const std::vector<double>& before) {
  std::int64_t gained = 0, lost = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    gained += now[i] > before[i];
    lost += now[i] < before[i];
  }
  // The exact test where it is cheap, which is where it matters.
  return gained + lost <= 10'000 ? metrics::mcnemar_exact(gained, lost)
                                 : metrics::mcnemar_chi_squared(gained, lost);
}

// How rarely the resamples reach the other side of no difference.
double bootstrap_p(const std::vector<double>& differences) {
  const auto share = [&](auto&& test) {
    return (static_cast<double>(std::ranges::count_if(differences, test)) + 1) /
           (static_cast<double>(differences.size()) + 1);
  };
  return std::min(1.0, 2 * std::min(share([](double d) { return d <= 0; }),
                                    share([](double d) { return d >= 0; })));
}

std::string fixed(double value) {
  if (!std::isfinite(value)) return "nan";
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

std::string signed_text(double value) { return (value >= 0 ? "+" : "") + fixed(value); }

std::string interval_text(const metrics::Interval& i) {
  return "[" + fixed(i.low) + ", " + fixed(i.high) + "]";
}

std::string plain(double value) { return to_line(Json(value)); }

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json interval_json(const metrics::Interval& i) {
  return {number_or_null(i.low), number_or_null(i.high)};
}

Json to_json(const Comparison& c) {
  Json out{{"baseline", number_or_null(c.baseline)}, {"difference", number_or_null(c.difference)}};
  if (c.interval) out["difference_interval"] = interval_json(*c.interval);
  if (c.p_value) {
    out["p_value"] = *c.p_value;
    out["test"] = c.test;
  }
  if (c.detectable) out["smallest_detectable_difference"] = *c.detectable;
  return out;
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

std::string named_bound(const Bound& bound, const std::vector<Figure>& figures,
                        const std::string& flag, const Figure*& found) {
  std::vector<std::string> names;
  found = nullptr;
  for (const Figure& figure : figures) {
    names.push_back(figure.name);
    if (figure.name == bound.metric) found = &figure;
  }
  if (!found)
    fail(Errc::kUsage, flag, ": no figure '", bound.metric, "'; there is ", joined(names, ", "),
         " (--metric chooses)");
  return bound.metric;
}

}  // namespace

bool Report::passed() const { return std::ranges::all_of(gates, &Gate::met); }

Bound bound_of(const std::string& flag, const std::string& text) {
  const auto equals = text.find('=');
  Bound bound{text.substr(0, equals)};
  const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
  const char* end = number.data() + number.size();
  const auto read = std::from_chars(number.data(), end, bound.value);
  if (bound.metric.empty() || number.empty() || read.ptr != end || read.ec != std::errc() ||
      !std::isfinite(bound.value))
    fail(Errc::kUsage, flag, ": '", text, "' is not METRIC=NUMBER, such as accuracy=0.9");
  return bound;
}

Figure figure_of(const Metric& metric, std::int64_t examples,
                 const metrics::Resampling& resampling) {
  Figure figure{metric.name, metric.over(first(examples)), metric.lower_is_better};
  if (metric.proportion) {
    const auto right = std::llround(figure.value * static_cast<double>(examples));
    figure.interval = metrics::wilson_interval(right, examples, resampling.level);
    figure.method = "wilson";
  } else {
    figure.interval = metrics::bootstrap_interval(examples, metric.over, resampling);
    figure.method = "bootstrap";
  }
  return figure;
}

Comparison compare(const Metric& now, const Metric& before, std::int64_t examples,
                   const std::string& test, const metrics::Resampling& resampling) {
  const std::vector<std::int64_t> all = first(examples);
  Comparison c{before.over(all)};
  c.difference = now.over(all) - c.baseline;
  const std::vector<double> differences = metrics::bootstrap(
      examples, [&](auto chosen) { return now.over(chosen) - before.over(chosen); }, resampling);
  c.interval = metrics::percentile_interval(differences, resampling.level);
  const std::vector<double> a = each_of(now, examples), b = each_of(before, examples);
  std::vector<double> pairs;
  for (std::size_t i = 0; i < a.size(); ++i) pairs.push_back(a[i] - b[i]);
  c.test = !test.empty() ? test
           : now.proportion ? "mcnemar"
           : now.mean       ? "permutation"
                            : "bootstrap";
  if (c.test == "mcnemar" && !(right_or_wrong(a) && right_or_wrong(b))) c.test = "bootstrap";
  if (c.test == "permutation" && pairs.empty()) c.test = "bootstrap";
  c.p_value = c.test == "mcnemar"       ? mcnemar(a, b)
              : c.test == "permutation" ? metrics::permutation_test(pairs, resampling)
                                        : bootstrap_p(differences);
  if (now.mean && examples > 1)
    c.detectable = metrics::detectable_effect(examples, 1 - resampling.level) *
                   metrics::standard_deviation(pairs);
  return c;
}

std::vector<Gate> gates_of(const std::vector<Figure>& figures, const std::vector<Bound>& least,
                           const std::vector<Bound>& drops) {
  std::vector<Gate> gates;
  const Figure* figure = nullptr;
  for (const Bound& bound : least) {
    named_bound(bound, figures, "--fail-under", figure);
    const bool met = figure->lower_is_better ? figure->value <= bound.value
                                             : figure->value >= bound.value;
    gates.push_back({bound.metric, (figure->lower_is_better ? "<= " : ">= ") + plain(bound.value),
                     figure->value, met});
  }
  for (const Bound& bound : drops) {
    named_bound(bound, figures, "--max-drop", figure);
    if (!figure->comparison)
      fail(Errc::kUsage, "--max-drop: the baseline has no figure '", bound.metric, "'");
    const double lost =
        figure->lower_is_better ? figure->comparison->difference : -figure->comparison->difference;
    gates.push_back({bound.metric, "loses at most " + plain(bound.value), figure->value,
                     lost <= bound.value});
  }
  return gates;
}

Json to_json(const Report& report) {
  Json out = report.facts;
  out["examples"] = report.examples;
  out["failed"] = report.failed;
  Json& metrics = out["metrics"] = Json::object();
  for (const Figure& f : report.figures) {
    Json& one = metrics[f.name] = {{"value", number_or_null(f.value)},
                                   {"interval", interval_json(f.interval)},
                                   {"interval_method", f.method}};
    if (f.comparison) one.update(to_json(*f.comparison));
  }
  if (!report.gates.empty()) out["gates"] = Json::array();
  for (const Gate& g : report.gates)
    out["gates"].push_back({{"metric", g.metric}, {"wanted", g.wanted},
                            {"value", number_or_null(g.value)}, {"met", g.met}});
  if (report.labels) {
    const LabelTable& table = *report.labels;
    const metrics::ClassScores scores = metrics::class_scores(metrics::counts_of(table.confusion));
    Json& labels = out["labels"] = Json::object();
    Json rows = Json::array();
    for (std::size_t t = 0; t < table.labels.size(); ++t) {
      const metrics::Scores& s = scores.classes[t];
      labels[table.labels[t]] = {
          {"precision", s.precision}, {"recall", s.recall}, {"f1", s.f1}, {"support", s.support}};
      Json row = Json::array();
      for (std::size_t p = 0; p < table.labels.size(); ++p)
        row.push_back(table.confusion.at(static_cast<std::int64_t>(t), static_cast<std::int64_t>(p)));
      rows.push_back(std::move(row));
    }
    out["confusion"] = std::move(rows);
  }
  return out;
}

std::string to_text(const Report& report) {
  std::string out;
  std::size_t width = 6;
  for (const Figure& f : report.figures) width = std::max(width, f.name.size());
  for (const Figure& f : report.figures) {
    out += f.name + std::string(width + 2 - f.name.size(), ' ') + fixed(f.value) + "  " +
           interval_text(f.interval);
    if (f.comparison) {
      out += "  " + signed_text(f.comparison->difference) + " to " + fixed(f.comparison->baseline);
      if (f.comparison->p_value)
        out += ", p = " + fixed(*f.comparison->p_value) + " (" + f.comparison->test + ")";
    }
    out += "\n";
  }
  out += counted(report.examples, "example");
  if (report.failed > 0) out += ", " + std::to_string(report.failed) + " more failed";
  out += "\n";
  for (const Gate& g : report.gates)
    out += std::string(g.met ? "met      " : "NOT MET  ") + g.metric + " " + g.wanted + "\n";
  return out;
}

std::string to_markdown(const Report& report) {
  const bool compared = std::ranges::any_of(
      report.figures, [](const Figure& f) { return f.comparison.has_value(); });
  const auto cell = [](std::string text) {
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
      text.insert(at, "\\");
    return escape_controls(text);
  };
  std::string out = "### hft eval: " + cell(report.facts.value("task", "")) + "\n\n";
  const Json model = report.facts.value("model", Json::object());
  if (model.contains("name"))
    out += "Model " + cell(model["name"].get<std::string>()) + ", ";
  out += counted(report.examples, "example");
  if (report.failed > 0) out += ", " + std::to_string(report.failed) + " more failed";
  out += "\n\n| metric | value | 95 % interval |";
  out += compared ? " baseline | difference | p |\n|---|---|---|---|---|---|\n" : "\n|---|---|---|\n";
  for (const Figure& f : report.figures) {
    out += "| " + cell(f.name) + " | " + fixed(f.value) + " | " + interval_text(f.interval) + " |";
    if (compared && f.comparison)
      out += " " + fixed(f.comparison->baseline) + " | " + signed_text(f.comparison->difference) +
             " | " +
             (f.comparison->p_value
                  ? fixed(*f.comparison->p_value) + " (" + f.comparison->test + ")"
                  : "") +
             " |";
    else if (compared)
      out += " | | |";
    out += "\n";
  }
  if (!report.gates.empty()) out += "\n| gate | value | |\n|---|---|---|\n";
  for (const Gate& g : report.gates)
    out += "| " + cell(g.metric + " " + g.wanted) + " | " + fixed(g.value) + " | " +
           (g.met ? "met" : "**not met**") + " |\n";
  return out;
}

std::string to_junit(const Report& report) {
  const std::string task = xml(report.facts.value("task", ""));
  const auto unmet = std::ranges::count(report.gates, false, &Gate::met);
  const std::size_t tests = report.gates.size() + report.figures.size() + 1;
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"hft eval\" tests=\"" +
                    std::to_string(tests) + "\" failures=\"" +
                    std::to_string(unmet + (report.failed > 0)) + "\" errors=\"0\">\n";
  const auto test = [&](const std::string& name, const std::string& failure,
                        const std::string& said) {
    out += "<testcase classname=\"" + task + "\" name=\"" + xml(name) + "\">";
    if (!failure.empty()) out += "<failure message=\"" + xml(failure) + "\"/>";
    if (!said.empty()) out += "<system-out>" + xml(said) + "</system-out>";
    out += "</testcase>\n";
  };
  test("examples", report.failed > 0 ? std::to_string(report.failed) + " examples failed" : "",
       counted(report.examples, "example"));
  for (const Figure& f : report.figures)
    test(f.name, "", fixed(f.value) + " " + interval_text(f.interval));
  for (const Gate& g : report.gates)
    test(g.metric + " " + g.wanted,
         g.met ? "" : g.metric + " is " + fixed(g.value) + ", wanted " + g.wanted, "");
  return out + "</testsuite>\n</testsuites>\n";
}

}  // namespace hft
