#include "cli/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/completions.h"
#include "cli/parse.h"
#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

constexpr int kTextColumn = 34, kColumns = 100;

std::string exit_codes_text() {
  std::string out = "Exit codes\n  0    success (a reader that closed the pipe included)\n";
  for (const ExitCode& exit : exit_codes()) {
    const std::string number = std::to_string(static_cast<int>(exit.code));
    out += "  " + number + std::string(5 - number.size(), ' ') + std::string(exit.meaning) + "\n";
  }
  return out;
}

constexpr const char* kEnvironment = R"(Environment
  HF_HOME, HF_HUB_CACHE   where models are cached, shared with Python; ~ and $NAME are expanded
  XDG_CACHE_HOME, HOME    used when those are not set
  HF_TOKEN, HF_TOKEN_PATH the token, or the file that holds it (hft hub login writes it)
  HF_HUB_DISABLE_IMPLICIT_TOKEN  1: downloads go without the token
  HF_ENDPOINT             another Hub; http is taken for this machine only, or with HFT_ALLOW_HTTP=1
  HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE  1: no network, only what is cached
  HF_HUB_ETAG_TIMEOUT, HF_HUB_DOWNLOAD_TIMEOUT  seconds for an answer to begin, for a transfer to stand still [10]
  HFT_HUB_RETRY_WAIT      seconds before the second of 5 tries; doubles up to 8 times that [1]
  HF_HUB_DISABLE_PROGRESS_BARS  1: no progress
  http_proxy, https_proxy, all_proxy, no_proxy  proxies; in capitals too
  SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE  certificates to trust: a file, or a folder of them
  OMP_NUM_THREADS         threads to compute with, when --threads is not given
  CUDA_VISIBLE_DEVICES    which GPUs may be used
  NO_COLOR                no colours; without it there are none either, at present
  HFT_NAME                the option --name where it is not given: HFT_DTYPE=bfloat16, HFT_MAX_NEW_TOKENS=50
  hft.toml                in this folder (or --config FILE), then hft/config.toml in $XDG_CONFIG_HOME or
                          ~/.config: dtype = "bfloat16" for every command that has the option, and
                          [generate] with keys of one command; hft env --config shows what is in force
  HFT_CPU                 the instruction set to compute with: plain, avx2, avx512, avx512_vnni or
                          avx512_bf16 [the best this processor has]
  SLURM_ARRAY_TASK_ID and _COUNT, JOB_COMPLETION_INDEX, MPI's rank: the default of --shard
)";

constexpr const char* kFormats = R"(Inputs
  arguments      each one an input
  standard input the whole of it one input; --lines: one per line
  -i FILE        .txt one text (--lines: one per line), .jsonl one JSON object or string per line,
                 .json an array of them, .csv and .tsv rows under a line of column names, whose
                 cells are texts as they are written (RFC 4180: quotes hold separators, line ends
                 and doubled quotes), .parquet and .arrow rows of which the wanted columns are
                 read, .tar the samples of WebDataset; -i DIR: every file in it; where the suffix
                 does not say, the content does; gzip and zstd around any of them
  data sets      -i hf://datasets/ORG/NAME[@REVISION][/PATH], or -i DIR, with --split NAME
                 (train[:100], test[10%:20%]) and --subset NAME
  labels         -i DIR of pictures or sounds in folders: the folder's name is the column label;
                 metadata.jsonl, .csv or .parquet in it: rows that name files (file_name)
  pictures       a file, a folder (each picture in it; -R: also in the folders inside), a pattern
                 in quotes, a URL, - for standard input, data:image/…;base64,… or bare base64, as
                 arguments and in data; JPEG, PNG, WebP, GIF, BMP, TIFF, turned as EXIF says
  sounds         given as pictures are; WAV, FLAC, Ogg, MP3, with the ffmpeg program any other;
                 --raw RATE,CHANNELS,TYPE: samples without a header, endless ones from a pipe too
  A byte-order mark is dropped, CRLF ends a line, an empty string is an input like any other.

Results
  --json         one line per input, in input order:
                 {"input": …, "output": …} or {"input": …, "error": {"code", "message"}}
  --format csv   a row per result; tsv likewise; text draws for people
  -o x.parquet   a table of the records (also --format parquet)
  --format srt   subtitles of hft transcribe; vtt, tsv and lrc likewise
  Results go to stdout, or with -o to a file that appears when it is complete. A link is followed,
  a device or a pipe is written through, - is stdout; a cache of models is never written to.

Lists
  --targets a,b  one argument, parted by commas; the flag may stand several times. Names that hold
                 commas stand in a JSON list: --targets '["a, b", "c"]'. --candidate-labels and
                 --targets that stand several times take one name each, with its commas.
)";

constexpr const char* kHelp = R"(Help on a command or a topic

Usage: hft help [COMMAND | TOPIC]
       hft COMMAND --help

Options
  --man [COMMAND]                 The man page of hft, or of a command
  --commands                      The names of the commands, one per line

Examples:
  hft help classify
  hft help hub
  hft help --man classify | man -l -
)";

constexpr const char* kCompletion = R"(Completions for a shell

Usage: hft completion bash|zsh|fish

Examples:
  source <(hft completion bash)                                 # in ~/.bashrc
  hft completion zsh > "${fpath[1]}/_hft"
  hft completion fish > ~/.config/fish/completions/hft.fish
)";

// Breaks at spaces; continuation lines start at `indent`.
std::string wrapped(const std::string& text, int indent) {
  std::string out, line;
  for (const auto& word : split(text, ' ')) {
    if (!line.empty() && display_width(line) + 1 + display_width(word) > kColumns - indent) {
      out += line + "\n" + std::string(static_cast<std::size_t>(indent), ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + line;
}

std::string row(const std::string& left, const std::string& text) {
  std::string out = "  " + left;
  if (display_width(out) > kTextColumn - 2)
    out += "\n" + std::string(kTextColumn, ' ');
  else
    out += std::string(static_cast<std::size_t>(kTextColumn - display_width(out)), ' ');
  return out + wrapped(text, kTextColumn) + "\n";
}

struct Topic {
  const char* name;
  std::function<std::string()> text;
};

std::span<const Topic> topics() {
  static const Topic kTopics[] = {{"exit-codes", exit_codes_text},
                                  {"environment", [] { return kEnvironment; }},
                                  {"formats", [] { return kFormats; }}};
  return kTopics;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

std::vector<std::string> topic_names() {
  std::vector<std::string> names;
  for (const Topic& topic : topics()) names.push_back(topic.name);
  return names;
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto colon = type.find(':');
  if (colon == std::string::npos || !type.ends_with('}') || type[colon + 1] != '{') return {};
  return split(type.substr(colon + 2, type.size() - colon - 3), ',');
}

std::string spelling(const CLI::Option& option) {
  if (!option.nonpositional()) return option.get_single_name();
  std::string out;
  for (const auto& name : option.get_snames()) out += (out.empty() ? "-" : ", -") + name;
  for (const auto& name : option.get_lnames()) out += (out.empty() ? "--" : ", --") + name;
  if (option.get_expected_max() > 0) {
    const std::string type = option.get_type_name();
    const std::string plain = type.substr(0, type.find(':'));
    const auto choices = choices_of(option);
    out += " " + (!choices.empty()                    ? joined(choices, "|")
                  : plain == "INT" || plain == "UINT" ? "N"
                                                      : plain);
  }
  return out;
}

std::string overview() {
  std::string out =
      "hft runs Hugging Face models from the shell.\n\nUsage: hft COMMAND [OPTIONS] [INPUT…]\n";
  std::vector<std::string> groups;
  for (const Command& command : commands())
    if (std::find(groups.begin(), groups.end(), command.group) == groups.end())
      groups.push_back(command.group);
  for (const auto& group : groups) {
    out += "\n" + group + "\n";
    for (const Command& command : commands())
      if (group == command.group) out += row(command.name, command.about);
    if (group == "About") {
      out += row("help [COMMAND]", "Help on a command, or on " + joined(topic_names(), ", "));
      out += row("completion bash|zsh|fish", "Completions for a shell");
      out += row("--version", "The version");
    }
  }
  out +=
      "\nExamples:\n"
      "  hft classify \"I love this product!\"\n"
      "  hft embed -m models/all-MiniLM-L6-v2 --query \"opening hours\" --lines < faq.txt\n"
      "  hft ner --json -i articles.jsonl -o entities.jsonl\n";
  return out;
}

// `hft help hub`: the commands whose names begin so.
std::string help_of_group(const std::string& words) {
  std::string out = "Usage: hft " + words + " COMMAND [OPTIONS]\n\n";
  for (const Command& command : commands())
    if (std::string(command.name).starts_with(words + " ")) out += row(command.name, command.about);
  return out;
}

std::string help_of(const CLI::App& command) {
  std::string out =
      command.get_description() + "\n\nUsage: hft " + command.get_name() + " [OPTIONS]";
  const auto options =
      command.get_options([](const CLI::Option* o) { return !o->check_lname("help"); });
  for (const CLI::Option* option : options)
    if (!option->nonpositional())
      out += " [" + option->get_single_name() + (option->get_expected_max() > 1 ? "…]" : "]");
  out += "\n";
  std::vector<std::string> groups;
  for (const CLI::Option* option : options)
    if (std::find(groups.begin(), groups.end(), option->get_group()) == groups.end())
      groups.push_back(option->get_group());
  // The command's own options first.
  std::stable_partition(groups.begin(), groups.end(), [](const auto& g) { return g == "Options"; });
  for (const auto& group : groups) {
    std::string rows;
    for (const CLI::Option* option : options) {
      if (option->get_group() != group || !option->nonpositional()) continue;
      const std::string standard = option->get_default_str();
      rows += row(spelling(*option),
                  option->get_description() + (standard.empty() ? "" : " [" + standard + "]"));
    }
    if (!rows.empty()) out += "\n" + group + "\n" + rows;
  }
  if (!command.get_footer().empty()) out += "\n" + command.get_footer() + "\n";
  return out;
}

int run_help(const std::vector<std::string>& arguments) {
  const std::string first = arguments.empty() ? "" : arguments[0];
  const bool asks = arguments.size() > 1 && (arguments[1] == "--help" || arguments[1] == "-h");
  if (asks && (first == "completion" || first == "help")) return run_help({"help", first});
  if (first == "completion") {
    if (arguments.size() != 2)
      fail_hint(Errc::kUsage, "hft completion --help",
                "completion: name a shell: bash, zsh or fish");
    print(completion_script(arguments[1]));
    return 0;
  }
  const std::string topic = first == "help" && arguments.size() > 1
                                ? joined(std::span(arguments).subspan(1), " ")
                                : "--help";
  if (topic.starts_with("--man"))
    return print(man_page(topic.size() > 6 ? topic.substr(6) : "")), 0;
  if (topic == "--commands") {
    for (const Command& command : commands()) std::printf("%s\n", command.name);
    return 0;
  }
  if (topic.starts_with("-")) return print(overview()), 0;
  if (topic == "help") return print(kHelp), 0;
  if (topic == "completion") return print(kCompletion), 0;
  for (const Topic& known : topics())
    if (topic == known.name) return print(known.text()), 0;
  if (is_command_group(topic) && !is_command(topic)) return print(help_of_group(topic)), 0;
  std::vector<std::string> names = topic_names();
  names.insert(names.end(), {"help", "completion"});
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (topic != command.name) continue;
    std::map<std::string, std::function<int()>> runs;
    print(help_of(*build_tree(runs, topic)->get_subcommand(topic)));
    return 0;
  }
  const auto near = nearest(topic, names);
  fail(Errc::kUsage, "help: no command or topic '", topic, "'",
       near ? "; closest: '" + *near + "'" : "");
}

}  // namespace hft
