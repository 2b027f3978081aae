// hft vqa: pictures and questions in, answers out. Reference: VisualQuestionAnsweringPipeline.
#include "tasks/commands.h"
#include "tasks/several/picture_text.h"

namespace hft {
namespace {

struct Options : PictureTextOptions {
  std::string question;
};

int run(const Flags& flags, Options& o) {
  if (!o.question.empty()) o.input.columns[1].fixed = o.question;
  return run_picture_text_task(flags, o,
                               {.default_model = "Salesforce/blip-vqa-base",
                                .verb = "answering",
                                .field = "answer",
                                .asks = true});
}

std::function<int()> declare(Flags& flags) {
  auto o = std::make_shared<Options>();
  flags.footer(
      "Examples:\n"
      "  hft vqa --question \"How many dogs are there?\" photo.jpg\n"
      "  hft vqa -m DIR --question \"Is it day or night?\" --json photos/ -o answers.jsonl\n"
      "  hft vqa -i questions.jsonl --json            (columns image and question)\n\n"
      "A picture is looked at once, however many questions to it follow each other.");
  flags.add("--question", o->question, "The question, for every picture").metavar("TEXT");
  add_picture_text_options(flags, *o,
                           {{.name = "image", .kind = Kind::kImage}, {.name = "question"}});
  return [o, flags] { return run(flags, *o); };
}

}  // namespace

extern const Command vqa_command{"vqa", "Pictures and text", "Answer questions about pictures",
                                 declare};

}  // namespace hft
