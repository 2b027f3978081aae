// hft tokenize: text to token ids and back, conversations to text; never loads LibTorch.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <thread>

#include "core/base/exact_json.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/templates/chat_template.h"
#include "core/tokenizers/tokenizer.h"
#include "core/tokenizers/unicode.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/run/model_options.h"
#include "tasks/run/runner.h"

namespace hft {
namespace {

constexpr unsigned kMostThreads = 16;

struct TokenizeOptions {
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
  std::string pair, messages, chat_template, template_vars;
  bool render = false, generation_prompt = true;
  bool ids_only = false, no_specials = false, decode = false, split_special = false,
       keep_specials = false;
  std::string src_lang;
  std::int64_t max_length = 0, stride = 0;
  std::string truncation = "longest_first";
  bool overflowing = false;
};

void append(std::string& out, std::int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_quoted(std::string& out, const std::string& token) {
  const bool plain = std::all_of(token.begin(), token.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
  });
  if (plain) {
    out += '"';
    out += token;
    out += '"';
  } else {
    out += to_line(token);
  }
}

// {"ids", "tokens", "offsets"}, or the ids alone, as JSON text: a long text has millions of tokens.
void append_described(const TokenizeOptions& o, const Tokenizer& tokenizer, const Encoding& e,
                      std::string& out) {
  const auto list = [&](const auto& item) {
    out += '[';
    for (std::size_t i = 0; i < e.size(); ++i) {
      if (i > 0) out += ',';
      item(i);
    }
    out += ']';
  };
  out.reserve(out.size() + e.size() * (o.ids_only ? 6 : 32));
  if (!o.ids_only) out += "{\"ids\":";
  list([&](std::size_t i) { append(out, e.ids[i]); });
  if (o.ids_only) return;
  out += ",\"tokens\":";
  list([&](std::size_t i) { append_quoted(out, tokenizer.token(e.ids[i])); });
  out += ",\"offsets\":";
  list([&](std::size_t i) {
    out += '[';
    append(out, e.offsets[i].begin);
    out += ',';
    append(out, e.offsets[i].end);
    out += ']';
  });
  out += '}';
}

Truncation truncation_of(const TokenizeOptions& o) {
  if (o.max_length == 0) return Truncation::kNone;
  return o.truncation == "only_first"    ? Truncation::kOnlyFirst
         : o.truncation == "only_second" ? Truncation::kOnlySecond
                                         : Truncation::kLongestFirst;
}

// Appends the tokens of an input as JSON text: one encoding, or a list of them with
// --return-overflowing-tokens.
void append_encoded(const TokenizeOptions& o, const Tokenizer& tokenizer, const Input& input,
                    std::string& out) {
  const EncodeOptions options{.add_special_tokens = !o.no_specials,
                              .offsets = !o.ids_only,
                              .split_special = o.split_special,
                              .truncation = truncation_of(o),
                              .max_length = o.max_length,
                              .stride = o.stride};
  const bool pair = input.has(1);
  if (!o.overflowing)
    return append_described(o, tokenizer,
                            pair ? tokenizer.encode_pair(input.text(0), input.text(1), options)
                                 : tokenizer.encode(input.text(0), options),
                            out);
  char separator = '[';
  for (const Encoding& e :
       pair ? tokenizer.encode_pair_windows(input.text(0), input.text(1), options)
            : tokenizer.encode_windows(input.text(0), options)) {
    out += separator;
    append_described(o, tokenizer, e, out);
    separator = ',';
  }
  out += ']';
}

// The text of the conversation of --messages.
std::string rendered(const TokenizeOptions& o, const fs::path& folder) {
  ChatOptions chat{.add_generation_prompt = o.generation_prompt};
  if (!o.template_vars.empty()) {
    chat.variables = Fields(read_exact_json(o.template_vars), o.template_vars).json();
    // tools and documents steer which template is taken, so they are more than variables.
    for (auto [name, target] :
         {std::pair{"tools", &chat.tools}, std::pair{"documents", &chat.documents}})
      if (chat.variables.contains(name)) {
        *target = chat.variables[name];
        chat.variables.erase(name);
      }
  }
  for (const auto& [name, token] : Tokenizer::special_tokens(folder))
    if (!chat.variables.contains(name)) chat.variables[name] = token;
  return ChatTemplates::choose(folder, o.chat_template).apply(read_exact_json(o.messages), chat).text;
}

// "[1, 2]" or "1 2" -> text
Json decoded(const TokenizeOptions& o, const Tokenizer& tokenizer, const std::string& text) {
  std::string list = text;
  for (char& c : list)
    if (c == '[' || c == ']' || c == ',') c = ' ';
  std::vector<std::int32_t> ids;
  std::istringstream in(list);
  for (std::string word; in >> word;) {
    std::uint32_t id = 0;
    const char* end = word.data() + word.size();
    if (const auto read = std::from_chars(word.data(), end, id);
        read.ec != std::errc() || read.ptr != end)
      fail(Errc::kBadData, "'", word, "' is no token id, wanted a number from 0 to ",
           std::numeric_limits<std::uint32_t>::max());
    // Ids that the tokenizer does not have are all the same to it.
    const auto unknown = static_cast<std::uint32_t>(tokenizer.id_end());
    ids.push_back(static_cast<std::int32_t>(std::min(id, unknown)));
  }
  return tokenizer.decode(ids, !o.keep_specials);
}

// Its output is made where it is prepared: the whole line, when records are JSON.
struct TokenizeJob : Job {
  std::string line;
  Json output;
  void write(const Input& input, Sink& sink) override {
    if (line.empty())
      sink.write(input, std::move(output));
    else
      sink.write_line(line);
  }
};

class Tokenizing {
 public:
  Tokenizing(const TokenizeOptions& o, const fs::path& folder, const RecordWriter& writer)
      : o_(o), writer_(writer) {
    if (!o.messages.empty()) text_ = rendered(o, folder);
    // A rendered text alone needs no tokens.
    if (!o.render) tokenizer_ = Tokenizer::load(folder, {.src_lang = o.src_lang});
  }

  std::unique_ptr<Job> operator()(const Input& input) {
    try {
      auto job = prepared(input);
      only_files_at_fault_ = false;
      return job;
    } catch (const Error& e) {
      // A well-formed text that cannot be encoded is the fault of the tokenizer's own files.
      if (o_.decode || e.code != Errc::kBadData ||
          unicode::ill_formed(input.text()) != std::string_view::npos)
        only_files_at_fault_ = false;
      throw;
    }
  }
  bool only_files_at_fault() const { return only_files_at_fault_; }

 private:
  std::unique_ptr<Job> prepared(const Input& input) const {
    auto job = std::make_unique<TokenizeJob>();
    if (o_.decode) {
      job->output = decoded(o_, *tokenizer_, input.text());
    } else if (o_.render) {
      job->output = text_;
    } else if (writer_.takes_lines()) {
      job->line = writer_.begin_line(input);
      encode(input, job->line);
      writer_.end_line(input, job->line);
    } else {
      std::string output;
      encode(input, output);
      job->output = Json::parse(output);
    }
    return job;
  }

  void encode(const Input& input, std::string& out) const {
    if (o_.messages.empty()) return append_encoded(o_, *tokenizer_, input, out);
    // The template has written its own special tokens.
    append_described(
        o_, *tokenizer_,
        tokenizer_->encode(text_, {.add_special_tokens = false, .offsets = !o_.ids_only}), out);
  }

  const TokenizeOptions& o_;
  const RecordWriter& writer_;
  std::optional<Tokenizer> tokenizer_;
  std::string text_;  // of the conversation
  std::atomic<bool> only_files_at_fault_ = true;
};

std::string draw(const Input& input, const Json& output) {
  if (output.is_string()) return output.get<std::string>() + "\n";
  if (output.is_array()) return to_line(output) + "\n";
  std::string out = heading(input);
  for (std::size_t i = 0; i < output["ids"].size(); ++i) {
    char line[64];
    std::snprintf(line, sizeof line, "%8d  %4d-%-4d  ", output["ids"][i].get<int>(),
                  output["offsets"][i][0].get<int>(), output["offsets"][i][1].get<int>());
    out += line + escape_controls(output["tokens"][i].get<std::string>()) + "\n";
  }
  return out;
}

int run_tokenize(const Flags& flags, TokenizeOptions& o) {
  const fs::path folder =
      model_folder(o.model, "sentence-transformers/all-MiniLM-L6-v2", ModelParts::kTokenizer);
  if (flags.given("--pair")) o.input.columns[1].fixed = o.pair;
  if (o.render && o.messages.empty())
    fail(Errc::kUsage, "--template renders a conversation: it needs --messages FILE");
  if ((o.stride > 0 || o.overflowing) && o.max_length == 0)
    fail(Errc::kUsage, o.stride > 0 ? "--stride" : "--return-overflowing-tokens",
         " needs --max-length N");
  RecordWriter writer(o.output, {.text_by_default = o.decode || o.render, .text = draw},
                      fingerprint(flags, folder, false));
  if (!o.messages.empty()) o.input.values = {o.messages};
  Tokenizing tokenizing(o, folder, writer);
  InputReader reader(o.input, o.output.keep_columns);
  const int code =
      hft::run({.reader = reader,
                .sink = writer,
                .prepare = [&](const Input& input) { return tokenizing(input); },
                .verb = "tokenizing",
                .threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads)});
  const bool failed = code == static_cast<int>(Errc::kFailure);
  return failed && tokenizing.only_files_at_fault() ? static_cast<int>(Errc::kBadData) : code;
}

std::function<int()> declare_tokenize(Flags& flags) {
  auto o = std::make_shared<TokenizeOptions>();
  flags.footer(
      "Examples:\n"
      "  hft tokenize -m models/all-MiniLM-L6-v2 \"Hello world\"\n"
      "  hft tokenize -m DIR --ids-only --lines < corpus.txt > ids.jsonl\n"
      "  hft tokenize -m DIR --template --messages chat.json\n"
      "  hft tokenize -m DIR --decode \"[101, 7592, 102]\"");
  flags.add("--pair", o->pair, "Second text of a pair").metavar("TEXT");
  flags.add("--ids-only", o->ids_only, "Only the list of ids");
  flags.add("--no-special-tokens", o->no_specials, "Add no special tokens");
  flags.add("--split-special-tokens", o->split_special,
            "Text that spells a special token is ordinary text");
  flags.add("--max-length", o->max_length, "Cut to N tokens, special ones counted")
      .metavar("N")
      .range(1, limits::kLineBytes);
  flags.add("--truncation", o->truncation, "Which text of a pair --max-length cuts")
      .one_of({"longest_first", "only_first", "only_second"})
      .metavar("longest_first|only_first|only_second")
      .show_default();
  flags.add("--return-overflowing-tokens", o->overflowing,
            "A list: what is cut off follows, each part N tokens long");
  flags.add("--stride", o->stride, "Tokens that neighbouring parts share")
      .metavar("N")
      .range(0, limits::kLineBytes);
  flags.add("--src-lang", o->src_lang, "Source language of a translation model's tokenizer")
      .metavar("LANG");
  flags.add("--decode", o->decode, "Ids in, text out");
  flags.add("--keep-special-tokens", o->keep_specials, "With --decode: show special tokens");
  flags
      .add("--messages", o->messages,
           "Tokenize a conversation, a JSON list of messages, with the model's chat template")
      .metavar("FILE");
  flags.add("--template", o->render, "With --messages: the rendered text instead of its tokens");
  flags.add("--chat-template", o->chat_template, "Use this template instead of the model's, or one of the model's by name")
      .metavar("FILE|NAME");
  flags.add(
      "--add-generation-prompt", [o] { o->generation_prompt = true; },
      "End with the start of an answer [default]");
  flags.add(
      "--no-add-generation-prompt", [o] { o->generation_prompt = false; },
      "End with the last message");
  flags
      .add("--template-vars", o->template_vars,
           "Further variables of the template: a JSON object, tools among them")
      .metavar("FILE");
  add_input_options(flags, o->input, {{.name = "text"}, {.name = "text_pair", .optional = true}});
  add_output_options(flags, o->output);
  add_source_options(flags, o->model);
  return [o, flags] { return run_tokenize(flags, *o); };
}

}  // namespace

extern const Command tokenize_command{"tokenize", "Work", "Text to token ids, and back",
                                      declare_tokenize};

}  // namespace hft
