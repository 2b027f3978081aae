#include "tasks/run/text_task.h"

#include <algorithm>
#include <atomic>

#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"

namespace hft {
namespace {

constexpr int kCutsShown = 3;  // notes about cut texts, one by one; then only their number

std::atomic<std::int64_t> cuts{0};
std::atomic<bool> said_further{false};

}  // namespace

void add_text_options(Flags& flags, TextOptions& o, std::vector<Column> columns) {
  add_input_options(flags, o.input, std::move(columns));
  add_output_options(flags, o.output);
  add_model_options(flags, o.model);
}

Sequence to_sequence(const TextContext& context, const Encoding& encoding) {
  Sequence sequence;
  sequence.ids = encoding.ids;
  if (context.tokenizer.has_input("token_type_ids"))
    sequence.type_ids = encoding.type_ids;
  else
    sequence.type_ids.assign(encoding.ids.size(), 0);
  return sequence;
}

Encoding encode_within(const TextContext& context, const std::string& text, const std::string* pair,
                       Truncation truncation, bool offsets) {
  EncodeOptions options{
      .add_special_tokens = context.special_tokens, .offsets = offsets, .listed = context.listed};
  auto encode = [&] {
    return pair ? context.tokenizer.encode_pair(text, *pair, options)
                : context.tokenizer.encode(text, options);
  };
  Encoding encoding = encode();
  const auto length = static_cast<std::int64_t>(encoding.size());
  if (std::min(length, context.max_tokens) > context.trained_tokens && !said_further.exchange(true))
    note(further_note(context.trained_tokens));
  if (length <= context.max_tokens) return encoding;
  const std::string what =
      std::to_string(length) + " tokens, the model takes " + std::to_string(context.max_tokens);
  if (!context.cut)
    fail_hint(Errc::kBadData, "leave out --no-truncation to cut it", "the text has ", what);
  if (++cuts <= kCutsShown) note("a text was cut: " + what);
  options.truncation = truncation;
  options.max_length = context.max_tokens;
  return encode();
}

namespace {

std::int64_t most_tokens(const TextTask& task, const TextContext& context) {
  const std::int64_t own = task.max_tokens ? task.max_tokens(context) : 0;
  if (own > 0) return own;
  const std::int64_t most = context.tokenizer.model_max_length().value_or(INT64_MAX);
  if (!task.sentences) return most;
  return std::min(most, context.config.integer("max_position_embeddings", 1, limits::kPositions,
                                               limits::kPositions));
}

}  // namespace

int run_text_task(const Flags& flags, const TextOptions& o, const TextTask& task) {
  const fs::path folder = model_folder(o.model, task.default_model);
  const std::int64_t most = batch_size(o.model);
  const TextSource source = task.source ? task.source(folder) : TextSource{folder, folder};
  ModelRequest request = model_request(o.model, folder, task.head);
  if (task.request) task.request(request);
  Fields config = !source.has_config ? Fields(Json::object(), source.folder.string())
                  : task.pages       ? read_config(source.config)
                                     : read_text_config(source.config, kEncoderWords);
  auto writer =
      std::make_unique<RecordWriter>(o.output, task.rendering, fingerprint(flags, folder));
  InputReader reader(o.input, o.output.keep_columns);
  auto loading = load_in_background<TextModel>(request);

  TextContext context{
      .folder = folder,
      .config = std::move(config),
      .tokenizer = unless_unsupported(
          loading, [&] { return Tokenizer::load(source.folder, source.tokenizer); }),
      .cut = o.model.truncate,
      .special_tokens = source.special_tokens,
      .listed = task.sentences};
  context.labels = labels_of(context.config);
  const std::unique_ptr<TextModel> model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  if (task.pages && !model->reads_boxes())
    fail_hint(Errc::kUnsupported, "hft qa", folder.string(),
              ": the model reads texts, wanted one that reads pages");
  context.sees_pages = model->sees_pages();
  context.trained_tokens = model->trained_positions();
  context.max_tokens = std::min(model->max_positions(), most_tokens(task, context));

  detail("settings: model " + folder.string() + ", dtype " + o.model.dtype + ", device " +
         o.model.device + ", threads " +
         (o.model.threads ? std::to_string(o.model.threads) : "all") + ", batch size " +
         o.model.batch_size + ", at most " + std::to_string(context.max_tokens) +
         " tokens a sequence");
  Prepare prepare = task.setup(context);
  std::unique_ptr<Sink> sink = task.sink ? task.sink(std::move(writer)) : std::move(writer);
  EncoderWorker worker(*model, task.head, most);
  const int code = run(
      {.reader = reader,
       .sink = *sink,
       .prepare = [&](const Input& input) { return std::make_unique<EncoderJob>(prepare(input)); },
       .worker = &worker,
       .verb = task.verb,
       .unit = task.pages ? "page" : "text",
       .threads = task.pages ? reader_threads() : 1});
  if (cuts > kCutsShown) note(std::to_string(cuts) + " texts were cut in all");
  return code;
}

}  // namespace hft
