// hft image-classify: pictures in, labels with scores out; with --candidate-labels any labels at all,
// by a model of pictures and texts. Reference: ImageClassificationPipeline,
// ZeroShotImageClassificationPipeline.
#include "core/processors/scores.h"
#include "tasks/commands.h"
#include "tasks/image/image_task.h"
#include "tasks/run/drawing.h"
#include "tasks/run/scored_labels.h"
#include "tasks/run/text_space.h"

namespace hft {
namespace {

struct ImageClassifyOptions {
  ImageOptions common;
  LabelOptions labels{.top_k = "5", .hypothesis = "This is a photo of {}."};
};

ScoreFunction function_for(const std::string& flag, const ImageContext& context) {
  if (!flag.empty()) return score_function(flag);
  const bool independent =
      context.config.text("problem_type", "") == "multi_label_classification" ||
      context.labels.size() == 1;
  return independent ? ScoreFunction::kSigmoid : ScoreFunction::kSoftmax;
}

Answer label(const ImageClassifyOptions& o, const ImageContext& context) {
  const ScoreFunction function = function_for(o.labels.function, context);
  return [&context, function, k = top_k_of(o.labels.top_k)](const Seen& seen, const Picture&) {
    return labelled(context.labels, apply(function, seen.logits.row(0)), k);
  };
}

Answer label_with_candidates(const ImageClassifyOptions& o, const ImageContext& context,
                             ImageModel& model) {
  const TextSpace texts(context.folder, context.config, model);
  const Matrix vectors = texts.read(hypotheses_of(o.labels.hypothesis, o.labels.candidates));
  const std::vector<Json> labels(o.labels.candidates.begin(), o.labels.candidates.end());
  return [=, likeness = model.likeness(), independent = texts.independent()](const Seen& seen,
                                                                              const Picture&) {
    const auto logits = likenesses(seen.logits.row(0), vectors, likeness);
    return scored(labels, independent ? sigmoid(logits) : softmax_of(logits), -1);
  };
}

std::string draw_image_classify(const Input& input, const Json& output) {
  return draw_bars(input, output, "label");
}

int run_image_classify(const Flags& flags, const ImageClassifyOptions& o) {
  top_k_of(o.labels.top_k);
  const bool zero_shot = !o.labels.candidates.empty();
  if (zero_shot)
    for (const char* flag : {"--top-k", "--function-to-apply"})
      if (flags.given(flag))
        fail(Errc::kUsage, flag, " and --candidate-labels contradict each other");
  if (!zero_shot && flags.given("--hypothesis-template"))
    fail(Errc::kUsage, "--hypothesis-template is for --candidate-labels");
  ImageTask task{
      .head = zero_shot ? ImageHead::kEmbed : ImageHead::kClassify,
      .default_model = zero_shot ? "openai/clip-vit-base-patch32" : "google/vit-base-patch16-224",
      .verb = "classifying",
      .rendering = {.text = draw_image_classify}};
  task.setup = [&](const ImageContext& context, ImageModel& model) {
    return zero_shot ? label_with_candidates(o, context, model) : label(o, context);
  };
  return run_image_task(flags, o.common, task);
}

std::function<int()> declare_image_classify(Flags& flags) {
  auto o = std::make_shared<ImageClassifyOptions>();
  flags.footer(
      "Examples:\n"
      "  hft image-classify cat.jpg\n"
      "  hft image-classify -m DIR --top-k all --json photos/ -o labels.jsonl\n"
      "  hft image-classify -m openai/clip-vit-base-patch32 --candidate-labels \"a cat,a dog\" "
      "photo.jpg");
  add_label_options(flags, o->labels, "picture", "of pictures and texts (CLIP, SigLIP)");
  add_image_options(flags, o->common);
  return [o, flags] { return run_image_classify(flags, *o); };
}

}  // namespace

extern const Command image_classify_command{"image-classify", "Image",
                                            "Label pictures, with the model's labels or your own",
                                            declare_image_classify};

}  // namespace hft
