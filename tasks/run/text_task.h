// What every task shares that puts token sequences through a text encoder: options, loading, texts
// that are too long. A task says what one input becomes (sequences, and what to make of their
// results); all else is the runner's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/models/heads/text_model.h"
#include "core/tokenizers/tokenizer.h"
#include "tasks/run/command.h"
#include "tasks/run/encoder_worker.h"
#include "tasks/run/flags.h"
#include "tasks/run/model_options.h"

namespace hft {

// What a task knows about its model before it sees an input.
struct TextContext {
  std::filesystem::path folder;
  Fields config;
  Tokenizer tokenizer;
  std::int64_t max_tokens = 0;              // of one sequence: the least of model and tokenizer
  std::int64_t trained_tokens = INT64_MAX;  // those the model was made for, where it takes more
  bool cut = true;             // false: a text longer than that is an error (--no-truncation)
  bool special_tokens = true;  // what the tokenizer puts around a text
  bool sees_pages = false;     // the model looks at pages too
  bool listed = false;         // texts are tokenized as those of a list: an empty pair is one
  std::vector<Json> labels;    // config's id2label in id order; may be empty
};

Sequence to_sequence(const TextContext& context, const Encoding& encoding);

// Called for each input. Error of an input: thrown, it becomes its error record.
using Prepare = std::function<Prepared(const Input&)>;

// Where in the model's folder a task finds what it reads.
struct TextSource {
  std::filesystem::path folder;  // of the tokenizer
  std::filesystem::path config;  // of config.json
  bool has_config = true;
  bool special_tokens = true;
  LoadOptions tokenizer{};
};

struct TextTask {
  Head head;
  std::string default_model;
  std::string verb;  // of the progress bar: "classifying"
  Rendering rendering;
  // Empty: the model's folder itself.
  std::function<TextSource(const std::filesystem::path& folder)> source{};
  // Called once model and tokenizer are loaded; what it returns is called from one thread, or,
  // where pictures are read, from several.
  std::function<Prepare(const TextContext&)> setup;
  // Changes the request (pooling …); takes the results elsewhere. Both may be empty.
  std::function<void(ModelRequest&)> request{};
  std::function<std::unique_ptr<Sink>(std::unique_ptr<RecordWriter>)> sink{};
  // sentence-transformers reads the texts: as a list, and cut where config.json's positions end.
  bool sentences = false;
  // The model reads pages: texts with boxes, out of pictures.
  bool pages = false;
  // --max-length and the like, in place of those limits; 0: none.
  std::function<std::int64_t(const TextContext&)> max_tokens{};
};

struct TextOptions {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
};

// Declares the options every text task shares.
void add_text_options(Flags& flags, TextOptions& options, std::vector<Column> columns);

// Runs the task to its exit code.
int run_text_task(const Flags& flags, const TextOptions& options, const TextTask& task);

// Encodes within max_tokens: cuts with a note on stderr, or throws when cutting is not allowed.
// `pair` may be null; `truncation` says which text is cut.
Encoding encode_within(const TextContext& context, const std::string& text, const std::string* pair,
                       Truncation truncation, bool offsets);

}  // namespace hft
