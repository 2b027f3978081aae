// hft loglikelihood: how likely a language model finds the choices that go on a text, or a text
// itself. Reference: HFLM of lm-evaluation-harness 0.4.
#include <algorithm>

#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "core/metrics/words.h"
#include "core/tokenizers/tokenizer.h"
#include "tasks/commands.h"
#include "tasks/run/model_options.h"
#include "tasks/run/records.h"
#include "tasks/text/likelihood_worker.h"

namespace hft {
namespace {

struct LoglikelihoodOptions {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
  std::string description, fewshot;
  std::string target_delimiter = " ", fewshot_delimiter = "\n\n";
  std::int64_t shots = 0;
};

using TokenIds = std::vector<std::int32_t>;

TokenIds joined_ids(TokenIds a, std::span<const std::int32_t> b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Likelihoods {
 public:
  Likelihoods(const LoglikelihoodOptions& o, const Tokenizer& tokenizer, std::int64_t most)
      : o_(o), tokenizer_(tokenizer), most_(static_cast<std::size_t>(most)) {
    const auto bos = tokenizer.special_id("bos");
    prefix_ = bos ? bos : tokenizer.special_id("eos");
    shots_ = o.description + shots();
  }

  std::vector<Continued> parts_of(const Input& input) const {
    if (!input.has(1)) return windows(input.text());
    std::vector<Continued> parts;
    for (const std::string& choice : choices_of(input))
      parts.push_back(part(shots_ + input.text(), o_.target_delimiter + choice));
    return parts;
  }

  static std::vector<std::string> choices_of(const Input& input) {
    return choices_of(parse_json(input.text(1), input.place));
  }

 private:
  static std::vector<std::string> choices_of(const Json& list) {
    std::vector<std::string> choices;
    for (const Json& choice : list) {
      if (!choice.is_string()) fail(Errc::kBadData, "'choices' holds ", to_line(choice), ", wanted texts");
      choices.push_back(choice);
    }
    if (choices.empty()) fail(Errc::kBadData, "'choices' is empty");
    return choices;
  }

  // Examples before every text: the first rows of --fewshot with their right choices.
  std::string shots() const {
    if (o_.shots == 0) return "";
    InputOptions data;
    data.files = {o_.fewshot};
    data.limit = o_.shots;
    data.columns = {{.name = "text", .source = "text"},
                    {.name = "choices", .source = "choices", .kind = Kind::kList}};
    InputReader rows(data);
    std::string all;
    std::int64_t count = 0;
    while (const auto row = rows.next()) {
      if (row->error) throw *row->error;
      const auto choices = choices_of(*row);
      const Json label = row->row.value("label", Json());
      const auto right = label.is_number_integer() ? label.get<std::int64_t>() : -1;
      if (right < 0 || right >= static_cast<std::int64_t>(choices.size()))
        fail(Errc::kBadData, row->place, ": has no 'label' from 0 to ", choices.size() - 1);
      all += row->text() + o_.target_delimiter + choices[static_cast<std::size_t>(right)] +
             o_.fewshot_delimiter;
      ++count;
    }
    if (count < o_.shots)
      fail(Errc::kUsage, "--num-fewshot: ", o_.fewshot, " has ", count, " rows, wanted ", o_.shots);
    return all;
  }

  // White space between the two belongs to the continuation; both are encoded as one text, which is
  // parted where the context alone would end. Of what is too long the beginning is left out.
  Continued part(std::string context, std::string continuation) const {
    const std::string trimmed = metrics::right_trimmed(context);
    continuation = context.substr(trimmed.size()) + continuation;
    const bool special = !trimmed.empty() && takes_specials(trimmed);
    TokenIds seen = trimmed.empty() ? start() : encode(trimmed, special);
    TokenIds said = encode(trimmed + continuation, special);
    if (!trimmed.empty()) said.erase(said.begin(), said.begin() + static_cast<std::ptrdiff_t>(
                                                                      std::min(seen.size(), said.size())));
    if (said.empty()) fail(Errc::kBadData, "a choice has no token of its own");
    if (said.size() > most_)
      fail(Errc::kBadData, "a choice has ", said.size(), " tokens, the model takes ", most_);
    const std::size_t all = seen.size() + said.size() - 1;
    if (all > most_) {
      if (!o_.model.truncate)
        fail(Errc::kBadData, "the text has ", all, " tokens, the model takes ", most_);
      seen.erase(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(all - most_));
    }
    return {std::move(seen), std::move(said)};
  }

  // Every token of a text once; in windows, each of which sees as much before as there is room for.
  std::vector<Continued> windows(const std::string& text) const {
    const TokenIds ids = encode(text, takes_specials(text));
    std::vector<Continued> parts;
    for (std::size_t at = 0; at < ids.size();) {
      const std::size_t count = std::min(ids.size() - at, most_), end = at + count;
      const std::span<const std::int32_t> all = ids;
      TokenIds seen = at == 0 ? start()
                              : joined_ids({}, all.subspan(end - most_ - 1, most_ - count + 1));
      parts.push_back({std::move(seen), joined_ids({}, all.subspan(at, count))});
      at = end;
    }
    return parts;
  }

  // The tokenizer's own special tokens, unless the text begins with the one it would put there.
  bool takes_specials(const std::string& text) const {
    return !(prefix_ && text.starts_with(tokenizer_.token(*prefix_)));
  }
  TokenIds encode(const std::string& text, bool special) const {
    return tokenizer_.encode(text, {.add_special_tokens = special}).ids;
  }
  TokenIds start() const {
    if (!prefix_) fail(Errc::kBadData, "the text is empty, and the model has no token to start with");
    return {*prefix_};
  }

  const LoglikelihoodOptions& o_;
  const Tokenizer& tokenizer_;
  std::size_t most_;
  std::optional<std::int32_t> prefix_;
  std::string shots_;
};

// What lm-evaluation-harness divides by: the parts between runs of white space, empty ones too.
std::size_t words_in(const std::string& text) {
  const std::size_t words = metrics::words_of(text).size();
  if (words == 0) return text.empty() ? 1 : 2;
  const std::string trimmed = metrics::right_trimmed(text);
  return words + (trimmed != text) + (unicode_trimmed(text) != trimmed);
}

struct OutputJob : LikelihoodJob {
  void write(const Input& input, Sink& sink) override {
    if (input.has(1)) {
      const auto choices = Likelihoods::choices_of(input);
      Json all = Json::array();
      for (std::size_t i = 0; i < parts.size(); ++i)
        all.push_back({{"choice", choices[i]},
                       {"loglikelihood", results[i].log_likelihood},
                       {"is_greedy", results[i].greedy},
                       {"tokens", parts[i].continuation.size()}});
      return sink.write(input, std::move(all));
    }
    double sum = 0;
    std::size_t tokens = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      sum += results[i].log_likelihood;
      tokens += parts[i].continuation.size();
    }
    sink.write(input, {{"loglikelihood", sum},
                       {"tokens", tokens},
                       {"words", words_in(input.text())},
                       {"bytes", input.text().size()}});
  }
};

std::string draw_loglikelihood(const Input&, const Json& output) { return to_line(output) + "\n"; }

int run_loglikelihood(const Flags& flags, LoglikelihoodOptions& o) {
  if ((o.shots > 0) != !o.fewshot.empty())
    fail(Errc::kUsage, "--num-fewshot N and --fewshot FILE belong together");
  const fs::path folder = model_folder(o.model, "openai-community/gpt2");
  const std::int64_t most = batch_size(o.model);
  const Fields config = read_text_config(folder, kDecoderWords);
  ModelRequest request = model_request(o.model, folder, Head::kFeatures);
  request.deterministic = true;  // figures of an evaluation hang on no company
  RecordWriter writer(o.output, {.text = draw_loglikelihood}, fingerprint(flags, folder));
  InputReader reader(o.input, o.output.keep_columns);
  auto loading = load_in_background<CausalLm>(request);
  const Tokenizer tokenizer = unless_unsupported(loading, [&] { return Tokenizer::load(folder); });
  const std::unique_ptr<CausalLm> model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  const Likelihoods likelihoods(o, tokenizer,
                                std::min(model->max_positions(),
                                         config.integer("max_position_embeddings", 1,
                                                        limits::kPositions, limits::kPositions)));
  LikelihoodWorker worker(*model, most);
  return run({.reader = reader,
              .sink = writer,
              .prepare =
                  [&](const Input& input) {
                    auto job = std::make_unique<OutputJob>();
                    job->parts = likelihoods.parts_of(input);
                    return job;
                  },
              .worker = &worker,
              .verb = "reading"});
}

std::function<int()> declare_loglikelihood(Flags& flags) {
  auto o = std::make_shared<LoglikelihoodOptions>();
  flags.footer(
      "Examples:\n"
      "  hft loglikelihood -m DIR -i questions.jsonl --json       (columns text and choices)\n"
      "  hft loglikelihood -m DIR --num-fewshot 5 --fewshot train.jsonl -i questions.jsonl\n"
      "  hft loglikelihood -m DIR < article.txt                   (of the text itself)\n"
      "hft eval --task multiple-choice makes acc and acc_norm of it, --task language-modeling\n"
      "perplexity and bits per byte.");
  flags.add("--fewshot", o->fewshot, "Rows of examples: text, choices and label, the number of the right one")
      .metavar("FILE");
  flags.add("--num-fewshot", o->shots, "Put its first N before every text").metavar("N").range(0, 10'000);
  flags.add("--description", o->description, "Text before the examples").metavar("TEXT");
  flags.add("--target-delimiter", o->target_delimiter, "Between a text and its choice [a space]")
      .metavar("TEXT");
  flags.add("--fewshot-delimiter", o->fewshot_delimiter, "Behind an example [two line ends]")
      .metavar("TEXT");
  add_input_options(flags, o->input,
                    {{.name = "text"}, {.name = "choices", .optional = true, .kind = Kind::kList}});
  add_output_options(flags, o->output);
  add_model_options(flags, o->model);
  return [o, flags] { return run_loglikelihood(flags, *o); };
}

}  // namespace

extern const Command loglikelihood_command{"loglikelihood", "Text",
                                           "How likely a model finds the choices that go on a text",
                                           declare_loglikelihood};

}  // namespace hft
