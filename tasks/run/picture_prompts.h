// Prompts with pictures in them: which pictures a conversation has, what the model looks at, and the
// tokens they take. Reference: ImageTextToTextPipeline.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/generation/generation_config.h"
#include "core/generation/method.h"
#include "core/processors/pictures_in_text.h"
#include "tasks/run/album.h"

namespace hft {

class Constraint;

// The settings of one text, where they are not the run's.
struct OwnSettings {
  GenerationConfig config;
  std::optional<std::uint64_t> seed;
};

struct PicturedPrompt {
  TokenIds ids;
  std::vector<std::shared_ptr<const Pixels>> pictures{};
  std::shared_ptr<const OwnSettings> own{};
  std::shared_ptr<Constraint> constraint{};  // what is written must conform with; null: nothing
};

// The messages with `given` in those parts of type "image" that name none, in their order. Throws
// kBadData, naming `place`, where there are more or fewer of them, and for parts that are no text and
// no picture.
Json with_pictures(Json messages, const std::vector<Media>& given, const std::string& place);
// A user's message: pictures, then a text.
Json pictured_message(const std::vector<Media>& pictures, const std::string& text);
// The pictures of such messages.
std::vector<Media> pictures_in(const Json& messages);

class PicturePrompts {
 public:
  explicit PicturePrompts(PicturesInText processor);

  const std::string& mark() const { return processor_.mark(); }
  // The text with as many marks as its pictures have tokens; they are made ready. From any thread.
  std::string ready(const std::string& text, const std::vector<Media>& pictures,
                    std::vector<std::shared_ptr<const Pixels>>& out);

 private:
  PicturesInText processor_;
  Album alone_, in_company_;
};

// Sequences that prompts with the same pictures at their beginning go on from: those tokens are
// computed once.
class SharedBeginnings {
 public:
  explicit SharedBeginnings(CausalLm& model) : model_(model) {}
  // An open sequence for each prompt that has pictures, with what is cached of it.
  std::vector<Prompt> open(std::span<const PicturedPrompt* const> prompts);

 private:
  struct Beginning {
    PicturedPrompt prompt;  // its first `length` tokens are fed
    std::size_t length;     // up to the last token of a picture
    int sequence;
  };
  const Beginning& beginning_of(const PicturedPrompt& prompt, std::vector<Beginning*>& fresh);
  void feed(const std::vector<Beginning*>& fresh);
  void forget(const Beginning* beginning);
  CausalLm& model_;
  std::vector<std::unique_ptr<Beginning>> kept_;  // the last used at the end
};

// Throws kUnsupported: pictures are given to a model that takes none.
[[noreturn]] void fail_without_sight(const std::filesystem::path& folder);

// Shows a sequence the pictures of the prompt it will be fed.
void show(CausalLm& model, int sequence, const PicturedPrompt& prompt);

}  // namespace hft
