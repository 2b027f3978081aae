#include "tasks/work/eval_outputs.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "core/base/error.h"
#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "tasks/run/output_file.h"
#include "tasks/work/eval_plots.h"

namespace hft {

void write_samples(const EvalOptions& o, const EvalTask& task, const Examples& examples,
                   const std::vector<Metric>& metrics) {
  OutputFile out(o.samples);
  for (std::size_t i = 0; i < examples.all.size(); ++i) {
    const Example& e = examples.all[i];
    Json one = Json::object();
    if (!e.id.is_null()) one["id"] = e.id;
    one["input"] = e.input;
    one["prediction"] = shown_prediction(task, e);
    one["reference"] =
        task.kind == AnswerKind::kTags ? Json(shown_reference(task, e)) : Json(e.references);
    for (const Metric& metric : metrics)
      if (metric.each) one["scores"][metric.name] = metric.each(i);
    out.write(exact_line(one) + "\n");
  }
  out.close();
}

void write_plots(const std::string& into, const Report& report, const Examples& examples) {
  const fs::path folder = into;
  std::error_code error;
  fs::create_directories(folder, error);
  const auto write = [&](const std::string& name, const media::Diagram& diagram) {
    write_file(folder / (name + ".svg"), diagram.svg());
    write_file(folder / (name + ".png"), diagram.png());
  };
  if (report.labels) write("confusion", confusion_diagram(*report.labels));
  if (const auto bins = calibration_of(examples); !bins.empty())
    write("calibration", calibration_diagram(bins));
}

void write_reports(const EvalOptions& o, const Report& report) {
  const std::string result = to_json(report).dump(1) + "\n";
  if (!o.output_path.empty()) {
    OutputFile out(o.output_path);
    out.write(result);
    out.close();
  }
  if (!o.junit.empty()) write_file(o.junit, to_junit(report));
  if (!o.summary.empty()) write_file(o.summary, to_markdown(report));
  if (const char* step = std::getenv("GITHUB_STEP_SUMMARY"); step && *step) {
    std::ofstream out(step, std::ios::app);
    out << to_markdown(report);
    if (!out) fail(Errc::kResources, "GITHUB_STEP_SUMMARY: cannot write ", step);
  }
  OutputFile out("");
  const bool text = o.format.empty() ? !o.json && isatty(STDOUT_FILENO) : o.format == "text";
  out.write(text ? to_text(report) : to_line(to_json(report)) + "\n");
  out.close();
}

}  // namespace hft
