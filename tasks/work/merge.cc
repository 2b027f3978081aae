// hft merge: the records of the shards of one run, put together as the run without shards would
// have written them.
#include <algorithm>
#include <deque>
#include <map>

#include "core/base/error.h"
#include "core/base/text.h"
#include "tasks/commands.h"
#include "tasks/run/line_reader.h"
#include "tasks/run/output_file.h"
#include "tasks/run/resume.h"
#include "tasks/run/shard.h"
#include "tasks/run/table_file.h"

namespace hft {
namespace {

struct MergeOptions {
  std::vector<std::string> files;
  std::string output;
  bool force = false;
};

// Which part the file is of, as the settings beside it tell; null where they do not.
Json shard_flag(const Json& settings) {
  if (!settings.is_object() || !settings.contains("flags")) return {};
  return settings["flags"].value("--shard", Json());
}

// The files in the order of their shards, where that is known of each; `whole` becomes the settings
// of the run without shards. kUsage for parts of different runs, or too few of them.
std::vector<std::string> ordered(const std::vector<std::string>& files, Json& whole) {
  std::map<std::int64_t, std::string> by_shard;
  std::int64_t count = 0;
  for (const std::string& file : files) {
    Json settings = FingerprintFiles(file).of_file();
    const Json flag = shard_flag(settings);
    if (flag.is_null()) return files;
    const Shard shard = shard_of(flag[0].get<std::string>());
    settings["flags"].erase("--shard");
    if (whole.is_null()) whole = settings;
    if (settings != whole)
      fail(Errc::kUsage, file, ": was not made with the settings of ", files[0]);
    if (count != 0 && shard.count != count)
      fail(Errc::kUsage, file, ": is one of ", shard.count, " shards, the others of ", count);
    count = shard.count;
    if (!by_shard.emplace(shard.index, file).second)
      fail(Errc::kUsage, file, ": shard ", shard.index, "/", count, " is there twice, also as ",
           by_shard[shard.index]);
  }
  std::vector<std::string> all;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto found = by_shard.find(i);
    if (found == by_shard.end()) fail(Errc::kUsage, "shard ", i, "/", count, " is missing");
    all.push_back(found->second);
  }
  return all;
}

int run_merge(const MergeOptions& o) {
  if (o.files.size() < 2) fail(Errc::kUsage, "merge: wanted the files of two shards or more");
  check_output_file(o.output, o.force);
  const bool table = is_parquet_name(o.output) && OutputFile::lasting(o.output);
  if (table) table_backend();  // missing, it is told at once
  Json whole;
  const std::vector<std::string> files = ordered(o.files, whole);
  std::deque<LineReader> shards;
  for (const std::string& file : files) {
    shards.emplace_back(file);
    if (shards.back().head().starts_with("PAR1"))
      fail_hint(Errc::kUsage,
                "write the shards as JSON lines; merge makes a table of them: -o FILE.parquet", file,
                ": is a Parquet table, wanted records as JSON lines");
  }
  OutputFile out(o.output);
  const FingerprintFiles known(o.output);
  const bool keeps = !whole.is_null() && OutputFile::lasting(o.output);
  if (keeps) known.begin(whole);
  // A shard has every n-th input: they are dealt like cards, and come back so.
  std::string ended;  // the first shard without another record
  while (ended.empty()) {
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const auto line = shards[i].next();
      if (line && !ended.empty())
        fail_hint(Errc::kBadData, "an unfinished shard goes on with --resume", ended,
                  ": has fewer records than shards behind it");
      if (line)
        out.write(*line + "\n");
      else if (ended.empty())
        ended = files[i];
    }
  }
  // Shards before the first that ended have one record more, and no other.
  for (std::size_t i = 0; files[i] != ended; ++i)
    if (shards[i].next())
      fail_hint(Errc::kBadData, "an unfinished shard goes on with --resume", ended,
                ": has fewer records than its place among the shards allows");
  if (keeps) known.before_replacing(whole);
  if (table)
    close_as_parquet(out, o.output, rows_of_partial(o.output));
  else
    out.close();
  if (keeps) known.after_replacing();
  return 0;
}

std::function<int()> declare_merge(Flags& flags) {
  auto o = std::make_shared<MergeOptions>();
  flags.footer(
      "Examples:\n"
      "  hft classify -i texts.jsonl --shard 0/2 -o part0.jsonl\n"
      "  hft classify -i texts.jsonl --shard 1/2 -o part1.jsonl\n"
      "  hft merge part0.jsonl part1.jsonl -o all.jsonl\n"
      "  hft merge part0.jsonl part1.jsonl -o all.parquet\n"
      "The order of the files is that of their shards; where the settings beside them (.NAME.hft.json)\n"
      "are lost, as they are given.");
  flags.add("SHARD", o->files, "The records of every shard, JSON lines");
  flags
      .add("-o,--output", o->output,
           "Write to FILE, as a table where it is called .parquet; none: stdout")
      .metavar("FILE")
      .group("Output");
  flags.add("--force", o->force, "Replace an existing FILE").group("Output");
  return [o] { return run_merge(*o); };
}

}  // namespace

extern const Command merge_command{
    "merge", "Work", "Put the records of shards together in the order of one run", declare_merge};

}  // namespace hft
