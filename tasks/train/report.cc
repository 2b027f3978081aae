#include "tasks/train/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "core/base/files.h"

namespace hft {
namespace {

struct Point {
  double step, loss;
};

std::vector<Point> points_of(const Json& history, const char* name) {
  std::vector<Point> points;
  for (const Json& entry : history)
    if (entry.contains(name))
      points.push_back({entry["step"].get<double>(), entry[name].get<double>()});
  return points;
}

std::string rounded(const char* form, double value) {
  char text[48];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

// A plot of 720 x 400 whose axes begin at step 0 and loss 0.
class Plot {
 public:
  Plot(double steps, double loss)
      : steps_(std::max(steps, 1.0)), loss_(loss > 0 ? loss * 1.05 : 1) {}

  std::string text(const std::vector<Point>& train, const std::vector<Point>& eval) const {
    std::string svg =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"400\" viewBox=\"0 0 720 "
        "400\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"720\" height=\"400\" "
        "fill=\"white\"/>\n";
    for (int i = 0; i <= 4; ++i) {
      const double loss = loss_ * i / 4, step = steps_ * i / 4;
      svg += "<path d=\"M" + at({0, loss}) + " H700\" stroke=\"#ddd\"/>";
      svg += "<text x=\"52\" y=\"" + rounded("%.1f", y(loss) + 4) + "\" text-anchor=\"end\">" +
             rounded("%.3g", loss) + "</text>";
      svg += "<text x=\"" + rounded("%.1f", x(step)) + "\" y=\"378\" text-anchor=\"middle\">" +
             rounded("%.0f", step) + "</text>\n";
    }
    svg += line(train, "#1f77b4") + line(eval, "#d62728");
    return svg +
           "<text x=\"380\" y=\"395\" text-anchor=\"middle\">step</text>\n"
           "<text x=\"560\" y=\"30\" fill=\"#1f77b4\">training loss</text>\n"
           "<text x=\"560\" y=\"48\" fill=\"#d62728\">evaluation loss</text>\n</svg>\n";
  }

 private:
  double x(double step) const { return 60 + 640 * step / steps_; }
  double y(double loss) const { return 360 - 340 * loss / loss_; }
  std::string at(const Point& p) const {
    return rounded("%.1f", x(p.step)) + "," + rounded("%.1f", y(p.loss));
  }
  std::string line(const std::vector<Point>& points, const std::string& colour) const {
    if (points.empty()) return "";
    std::string line =
        "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" + colour + "\" points=\"";
    for (const Point& p : points) line += at(p) + " ";
    line += "\"/>\n";
    for (const Point& p : points)
      line += "<circle r=\"2.5\" fill=\"" + colour + "\" cx=\"" + rounded("%.1f", x(p.step)) +
              "\" cy=\"" + rounded("%.1f", y(p.loss)) + "\"/>";
    return line + "\n";
  }
  double steps_, loss_;
};

void write_json(const fs::path& file, const Json& value) {
  write_file(file, nlohmann::json::parse(value.dump()).dump(4) + "\n");
}

std::string metric_name(const std::string& key) {
  std::string name = key.substr(5);
  std::ranges::replace(name, '_', ' ');
  name[0] = static_cast<char>(std::toupper(name[0]));
  return name;
}

bool is_metric(const std::string& key) {
  return key.starts_with("eval_") && !key.ends_with("_runtime") && !key.ends_with("_per_second");
}

// The rows of the card's table: each evaluation with the training loss last logged before it.
std::string results_table(const Json& history) {
  std::string head, rows, loss = "No log";
  for (const Json& entry : history) {
    if (entry.contains("loss")) loss = rounded("%.4f", entry["loss"]);
    if (!entry.contains("eval_loss")) continue;
    std::string row =
        "| " + loss + " | " + rounded("%.4g", entry["epoch"]) + " | " + entry["step"].dump();
    std::string names = "| Training Loss | Epoch | Step", marks = "|:---:|:---:|:---:";
    for (const auto& [key, value] : entry.items()) {
      if (!is_metric(key)) continue;
      names += " | " + (key == "eval_loss" ? "Validation Loss" : metric_name(key));
      marks += "|:---:";
      row += " | " + rounded("%.4f", value);
    }
    head = names + " |\n" + marks + "|\n";
    rows += row + " |\n";
  }
  return head + rows;
}

std::string card(const TrainReport& r) {
  const TrainingArguments& a = r.arguments;
  const auto per_step = a.per_device_train_batch_size * a.gradient_accumulation_steps;
  std::string text = "---\nlibrary_name: transformers\n";
  if (!fs::is_directory(r.base)) text += "base_model: " + r.base + "\n";
  const std::string base = fs::is_directory(r.base)
                               ? fs::absolute(r.base).lexically_normal().filename().string()
                               : r.base;
  text += "pipeline_tag: " + r.task + "\ntags:\n- generated_from_trainer\n---\n\n# " + base +
          " fine-tuned for " + r.task + "\n\nThis model was fine-tuned from " + base +
          " with `hft train`.\n";
  std::string results;
  for (const auto& [key, value] : r.figures.items())
    if (is_metric(key)) results += "- " + metric_name(key) + ": " + rounded("%.4f", value) + "\n";
  if (!results.empty()) text += "It reaches on the evaluation set:\n" + results;
  text += "\n## Training procedure\n\n### Hyperparameters\n\n- learning_rate: " +
          rounded("%g", a.learning_rate) +
          "\n- train_batch_size: " + std::to_string(a.per_device_train_batch_size) +
          "\n- eval_batch_size: " + std::to_string(a.per_device_eval_batch_size) +
          "\n- seed: " + std::to_string(a.seed);
  if (a.gradient_accumulation_steps > 1)
    text += "\n- gradient_accumulation_steps: " + std::to_string(a.gradient_accumulation_steps) +
            "\n- total_train_batch_size: " + std::to_string(per_step);
  text += "\n- optimizer: " + a.optim + " with betas=(" + rounded("%g", a.adam_beta1) + "," +
          rounded("%g", a.adam_beta2) + ") and epsilon=" + rounded("%g", a.adam_epsilon) +
          "\n- lr_scheduler_type: " + a.lr_scheduler_type;
  if (a.warmup_steps > 0) text += "\n- lr_scheduler_warmup_steps: " + rounded("%g", a.warmup_steps);
  if (a.warmup_ratio > 0) text += "\n- lr_scheduler_warmup_ratio: " + rounded("%g", a.warmup_ratio);
  text += a.max_steps > 0 ? "\n- training_steps: " + std::to_string(a.max_steps)
                          : "\n- num_epochs: " + rounded("%g", a.num_train_epochs);
  if (const std::string table = results_table(r.history); !table.empty())
    text += "\n\n### Results\n\n" + table;
  return text + "\n\n### Framework\n\n- hft " HFT_VERSION "\n";
}

}  // namespace

void write_curve(const fs::path& folder, const Json& history) {
  const auto train = points_of(history, "loss"), eval = points_of(history, "eval_loss");
  if (train.empty() && eval.empty()) return;
  double steps = 0, loss = 0;
  for (const auto* points : {&train, &eval})
    for (const Point& p : *points) {
      steps = std::max(steps, p.step);
      loss = std::max(loss, p.loss);
    }
  write_file(folder / "training_curve.svg", Plot(steps, loss).text(train, eval));
}

void write_reports(const fs::path& folder, const TrainReport& r) {
  Json train = Json::object(), eval = Json::object();
  for (const auto& [key, value] : r.figures.items())
    (key.starts_with("eval_") ? eval : train)[key] = value;
  write_json(folder / "train_results.json", train);
  if (!eval.empty()) {
    eval["epoch"] = r.figures["epoch"];
    write_json(folder / "eval_results.json", eval);
  }
  write_json(folder / "all_results.json", r.figures);
  write_curve(folder, r.history);
  write_file(folder / "README.md", card(r));
}

}  // namespace hft
