// hft vqa: pictures and questions in, answers out. Reference: VisualQuestionAnsweringPipeline.
#include "core/checkpoint/config.h"
#include "tasks/commands.h"
#include "tasks/several/picture_text.h"
#include "tasks/several/vqa_scores.h"

namespace hft {
namespace {

constexpr const char* kVqaDefaultModel = "Salesforce/blip-vqa-base";
constexpr std::int64_t kAnswers = 5;  // the pipeline's

struct VqaOptions : PictureTextOptions {
  std::string question;
};

// Of the answers to be shown, or, where they are written, of the tokens to be drawn from.
std::int64_t take_top_k(GenerationOptions& generation) {
  const std::int64_t top_k = generation.flags.value("top_k", kAnswers);
  if (top_k < 1) fail(Errc::kUsage, "--top-k: ", top_k, " is below 1, wanted a number of answers");
  generation.flags.erase("top_k");
  check_no_generation(generation, "scores answers, it writes none");
  return top_k;
}

int run_vqa(const Flags& flags, VqaOptions& o) {
  if (!o.question.empty()) o.input.columns[1].fixed = o.question;
  const fs::path folder = model_folder(o.model, kVqaDefaultModel);
  if (read_config(folder).text("model_type", "") == "vilt")
    return run_scored_answers(flags, o, take_top_k(o.generation), folder);
  return run_picture_text_task(
      flags, o,
      {.default_model = kVqaDefaultModel, .verb = "answering", .field = "answer", .asks = true});
}

std::function<int()> declare_vqa(Flags& flags) {
  auto o = std::make_shared<VqaOptions>();
  flags.footer(
      "Examples:\n"
      "  hft vqa --question \"How many dogs are there?\" photo.jpg\n"
      "  hft vqa -m dandelin/vilt-b32-finetuned-vqa --top-k 3 --question \"Is it day?\" photo.jpg\n"
      "  hft vqa -m DIR --question \"Is it day or night?\" --json photos/ -o answers.jsonl\n"
      "  hft vqa -i questions.jsonl --json            (columns image and question)\n"
      "  hft vqa -m Qwen/Qwen2-VL-2B-Instruct --question \"What does it say?\" sign.jpg\n\n"
      "A model that writes its answers looks at a picture once, however many questions to it "
      "follow\n"
      "each other. Of one that scores the answers it knows (ViLT) --top-k says how many are shown "
      "(5).");
  flags.add("--question", o->question, "The question, for every picture").metavar("TEXT");
  add_picture_text_options(flags, *o,
                           {{.name = "image", .kind = Kind::kImage}, {.name = "question"}});
  return [o, flags] { return run_vqa(flags, *o); };
}

}  // namespace

extern const Command vqa_command{"vqa", "Pictures and text", "Answer questions about pictures",
                                 declare_vqa};

}  // namespace hft
