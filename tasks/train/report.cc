#include "tasks/train/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "core/base/files.h"
#include "media/diagram.h"

namespace hft {
namespace {

struct LossPoint {
  double step, loss;
};

std::vector<LossPoint> points_of(const Json& history, const char* name) {
  std::vector<LossPoint> points;
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

// Axes begin at step 0 and loss 0.
class LossPlot {
 public:
  LossPlot(double steps, double loss)
      : steps_(4 * std::ceil(std::max(steps, 1.0) / 4)), loss_(loss > 0 ? loss * 1.05 : 1) {
    for (int i = 0; i <= 4; ++i) {
      const LossPoint at{steps_ * i / 4, loss_ * i / 4};
      out_.line({{kLeft, place(at).y}, {kRight, place(at).y}}, kRule);
      out_.words({kLeft - 8, place(at).y + 4}, rounded("%.3g", at.loss),
                 media::Diagram::Anchor::kEnd);
      out_.words({place(at).x, kBottom + 18}, rounded("%.0f", at.step));
    }
    out_.words({(kLeft + kRight) / 2, kBottom + 35}, "step");
  }

  void add(const std::vector<LossPoint>& points, const char* name, media::Color color) {
    std::vector<media::Point> places;
    for (const LossPoint& p : points) places.push_back(place(p));
    if (places.size() > 1) out_.line(places, color, 2);
    for (const media::Point& p : places) out_.dot(p, 2.5, color);
    out_.words({470 + 120 * names_++, kBottom + 35}, name, media::Diagram::Anchor::kStart, color);
  }
  const media::Diagram& diagram() const { return out_; }

 private:
  static constexpr double kLeft = 60, kRight = 700, kTop = 20, kBottom = 360;
  static constexpr media::Color kRule{0xdd, 0xdd, 0xdd};
  media::Point place(const LossPoint& p) const {
    return {kLeft + (kRight - kLeft) * p.step / steps_,
            kBottom - (kBottom - kTop) * p.loss / loss_};
  }
  double steps_, loss_;
  int names_ = 0;
  media::Diagram out_{720, 400};
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
  const auto per_step =
      a.per_device_train_batch_size * a.gradient_accumulation_steps * r.processes;
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
  if (r.processes > 1) text += "\n- num_devices: " + std::to_string(r.processes);
  if (a.gradient_accumulation_steps > 1)
    text += "\n- gradient_accumulation_steps: " + std::to_string(a.gradient_accumulation_steps);
  if (per_step != a.per_device_train_batch_size)
    text += "\n- total_train_batch_size: " + std::to_string(per_step);
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
    for (const LossPoint& p : *points) {
      steps = std::max(steps, p.step);
      loss = std::max(loss, p.loss);
    }
  LossPlot plot(steps, loss);
  if (!train.empty()) plot.add(train, "training loss", {0x1f, 0x77, 0xb4});
  if (!eval.empty()) plot.add(eval, "evaluation loss", {0xd6, 0x27, 0x28});
  write_file(folder / "training_curve.svg", plot.diagram().svg());
  write_file(folder / "training_curve.png", plot.diagram().png());
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
