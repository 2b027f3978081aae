// hft caption: pictures in, what they show out. Reference: ImageToTextPipeline.
#include "tasks/commands.h"
#include "tasks/several/picture_text.h"

namespace hft {
namespace {

int run_caption(const Flags& flags, PictureTextOptions& o) {
  return run_picture_text_task(flags, o,
                               {.default_model = "Salesforce/blip-image-captioning-base",
                                .verb = "describing",
                                .field = "generated_text"});
}

std::function<int()> declare_caption(Flags& flags) {
  auto o = std::make_shared<PictureTextOptions>();
  flags.footer(
      "Examples:\n"
      "  hft caption photo.jpg\n"
      "  hft caption --prompt \"a photography of\" photo.jpg\n"
      "  hft caption -m DIR --num-beams 3 --json photos/ -o captions.jsonl\n\n"
      "Without other settings of the model: at most 256 tokens, as by the image-to-text pipeline.");
  flags.add("--prompt", o->prompt, "What the text begins with, or what a vision-language model is asked").metavar("TEXT");
  add_picture_text_options(flags, *o, {{.name = "image", .kind = Kind::kImage}});
  return [o, flags] { return run_caption(flags, *o); };
}

}  // namespace

extern const Command caption_command{"caption", "Pictures and text", "Say what pictures show",
                                     declare_caption};

}  // namespace hft
