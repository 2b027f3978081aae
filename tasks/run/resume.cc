#include "tasks/run/resume.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "core/base/error.h"
#include "tasks/run/output_file.h"

namespace hft {
namespace {

// The bytes of files, read by several threads: pieces of each, then those of its pieces.
std::vector<std::string> digests_of(const std::vector<fs::path>& files) {
  constexpr std::size_t kPieceBytes = 64 << 20, kThreads = 8;
  struct Piece {
    std::size_t file;
    std::string_view bytes;
    Digest digest;
  };
  std::vector<std::unique_ptr<MappedFile>> mapped;
  std::vector<Piece> pieces;
  for (const fs::path& file : files) {
    mapped.push_back(std::make_unique<MappedFile>(file));
    const auto bytes = mapped.back()->bytes();
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (std::size_t at = 0; at < all.size() || at == 0; at += kPieceBytes)
      pieces.push_back({mapped.size() - 1, all.substr(at, kPieceBytes), {}});
  }
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < pieces.size();)
      pieces[i].digest = digest_of(pieces[i].bytes);
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t cores = std::thread::hardware_concurrency();
    for (std::size_t i = 1; i < std::min({cores, kThreads, pieces.size()}); ++i)
      threads.emplace_back(work);
    work();
  }
  std::vector<std::string> all(files.size());
  for (const Piece& piece : pieces) all[piece.file] += piece.digest.text();
  for (std::string& one : all)
    if (one.size() > 32) one = digest_of(one).text();
  return all;
}

// Files of a model folder that hft may read: what else lies there changes no result.
bool of_model(const fs::path& file) {
  static const std::set<std::string> kSuffixes{".json", ".jinja", ".txt",         ".model",
                                               ".spm",  ".bpe",   ".safetensors", ".bin",
                                               ".pt",   ".vocab", ".codes",       ".merges"};
  return kSuffixes.contains(file.extension().string());
}

// The Hub's cache names a file by the hash of its bytes, and a snapshot links to it.
std::optional<std::string> blob_name(const fs::path& file) {
  std::error_code error;
  const fs::path target = fs::read_symlink(file, error);
  if (error || target.parent_path().filename() != "blobs") return std::nullopt;
  const std::string name = target.filename().string();
  const bool hash = (name.size() == 40 || name.size() == 64) &&
                    name.find_first_not_of("0123456789abcdef") == std::string::npos;
  return hash ? std::optional(name) : std::nullopt;
}

bool of_weights(const fs::path& file) {
  static const std::set<std::string> kSuffixes{".safetensors", ".bin", ".pt"};
  return kSuffixes.contains(file.extension().string());
}

// One text for the bytes of all files of a model, its sub-folders' among them.
std::string digest_of_folder(const fs::path& folder, bool weights) {
  std::vector<fs::path> files, unnamed;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().filename().string().starts_with('.')) {
      at.disable_recursion_pending();
    } else if (std::error_code unknown; at->is_regular_file(unknown) && of_model(at->path()) &&
                                        (weights || !of_weights(at->path()))) {
      files.push_back(at->path());
    }
  }
  std::ranges::sort(files);
  for (const fs::path& file : files)
    if (!blob_name(file)) unnamed.push_back(file);
  const std::vector<std::string> digests = digests_of(unnamed);
  std::string all;
  auto digest = digests.begin();
  for (const fs::path& file : files) {
    const auto name = blob_name(file);
    all += file.lexically_relative(folder).string() + '\0' + (name ? *name : *digest++) + '\n';
  }
  return digest_of(all).text();
}

// The places of one record in a line.
struct Parts {
  std::size_t begin = 0, end = 0;  // of the value of "output", 0 when there is none
  bool error = false;
};

// Walks over the outermost object, looking into strings and brackets only to pass them.
std::optional<Parts> parts_of(std::string_view line) {
  Parts parts;
  int depth = 0;
  std::size_t key_begin = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      key_begin = i + 1;
      for (++i; i < line.size() && line[i] != '"'; ++i) i += line[i] == '\\';
      const bool key = depth == 1 && i + 1 < line.size() && line[i + 1] == ':';
      if (key && !parts.begin && line.substr(key_begin, i - key_begin) == "output")
        parts.begin = i + 2;
      parts.error |= key && line.substr(key_begin, i - key_begin) == "error";
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']' || c == ',') {
      if (c != ',') --depth;
      if (parts.begin && !parts.end && depth == (c == ',' ? 1 : 0)) parts.end = i;
    }
  }
  if (!line.starts_with('{') || depth != 0 || (!parts.end && !parts.error)) return std::nullopt;
  return parts;
}

}  // namespace

Json Fingerprint::whole() const {
  Json all = settings;
  all["model"] = model.get();
  return all;
}

Fingerprint fingerprint(const Flags& flags, const fs::path& folder, bool weights) {
  // Flags that change no result, or whose change the inputs themselves show.
  static const std::set<std::string> kHarmless{
      "--output",          "--force",    "--resume",    "--threads",
      "--batch-size",      "--progress", "--quiet",     "--verbose",
      "--color",           "--config",     "--max-errors",     "--model",    "--cache-dir", "--local-files-only",
      "--require-license", "--input",    "--json",      "--format",     "--output-dir", "--skip-existing"};
  Json settings = Json::object();
  std::vector<fs::path> folders{folder};
  const bool kept = flags.given("--output");
  for (const auto& [name, values] : flags.all_given()) {
    if (kHarmless.contains(name)) continue;
    Json& setting = settings[name] = values;
    for (const std::string& value : kept ? values : std::vector<std::string>()) {
      std::error_code ignored;
      if (fs::is_directory(value, ignored)) folders.emplace_back(value);
      if (fs::is_regular_file(value, ignored)) setting.push_back(digests_of({value})[0]);
    }
  }
  const auto read = [folders, weights] {
    std::string all;
    for (const fs::path& one : folders) all += digest_of_folder(one, weights);
    return folders.size() == 1 ? all : digest_of(all).text();
  };
  return {{{"version", HFT_VERSION}, {"command", flags.command()}, {"flags", settings}},
          std::async(kept ? std::launch::async : std::launch::deferred, read).share()};
}

void Earlier::load(const fs::path& file, const Json& fingerprint, bool partial) {
  const FingerprintFiles known(file);
  if (has_bytes(file)) {
    const Json before = known.of_file();
    if (before.is_null())
      fail_hint(Errc::kUsage, "use --force to replace it", file.string(),
                ": cannot resume: its settings are not known, the file beside it that held them "
                "is not there");
    check_same_run(file.string(), before, fingerprint);
    load_lines(kFile, file);
  }
  if (partial) load_lines(kPartial, OutputFile::partial(file));
}

void Earlier::load_lines(std::size_t which, const fs::path& file) {
  files_[which] = std::make_unique<MappedFile>(file);
  const auto bytes = files_[which]->bytes();
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::int64_t number = 0;
  for (std::size_t at = 0; at < all.size();) {
    const auto end = all.find('\n', at);
    if (end == std::string_view::npos) break;  // torn
    const std::string_view line = all.substr(at, end - at);
    const auto parts = parts_of(line);
    ++number;
    if (!parts)
      fail_hint(Errc::kUsage, "use --force to replace it", file.string(), ": cannot resume: line ",
                number, " is no record");
    if (parts->end)
      records_[digest_of(line.substr(0, parts->begin))].push_back(
          {which, static_cast<std::int64_t>(at), static_cast<std::int64_t>(line.size() + 1)});
    at = end + 1;
  }
}

std::string Earlier::read(const StoredLine& span) const {
  const auto bytes = files_[span.file]->bytes();
  return {reinterpret_cast<const char*>(bytes.data()) + span.offset,
          static_cast<std::size_t>(span.size)};
}

std::optional<std::string> Earlier::take(std::string_view head, StoredLine& span) {
  const auto found = records_.find(digest_of(head));
  if (found == records_.end() || found->second.empty()) return std::nullopt;
  span = found->second.front();
  found->second.pop_front();
  const std::string line = read(span);
  const auto parts = parts_of(std::string_view(line).substr(0, line.size() - 1));
  return line.substr(parts->begin, parts->end - parts->begin);
}

bool has_bytes(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  return !error && size > 0;
}

fs::path FingerprintFiles::beside(const std::string& name) const {
  return file_.parent_path() / ("." + name + ".hft.json");
}

Json FingerprintFiles::of_file() const {
  const fs::path own = beside(file_.filename().string());
  if (fs::exists(own)) return read_json(own);
  // Killed between the two steps of replacing FILE.
  const fs::path partial = beside(OutputFile::partial(file_).filename().string());
  const bool moved = !has_bytes(OutputFile::partial(file_)) && fs::exists(partial);
  return moved ? read_json(partial) : Json();
}

Json FingerprintFiles::of_partial() const {
  const fs::path partial = OutputFile::partial(file_);
  const fs::path own = beside(partial.filename().string());
  if (fs::exists(own)) return read_json(own);
  const fs::path whole = beside(file_.filename().string());
  const bool moved = has_bytes(partial) && !fs::exists(file_) && fs::exists(whole);
  return moved ? read_json(whole) : Json();
}

void FingerprintFiles::begin(const Json& fingerprint) const {
  write_file(beside(OutputFile::partial(file_).filename().string()), fingerprint.dump(1) + "\n");
}

void FingerprintFiles::before_replacing(const Json& fingerprint) const {
  const fs::path own = beside(file_.filename().string());
  if (!fs::exists(file_))
    write_file(own, fingerprint.dump(1) + "\n");
  else if (fs::exists(own) && read_json(own) != fingerprint)
    fs::remove(own);
}

void FingerprintFiles::after_replacing() const {
  fs::rename(beside(OutputFile::partial(file_).filename().string()),
             beside(file_.filename().string()));
}

void FingerprintFiles::drop_partial() const {
  const fs::path partial = OutputFile::partial(file_);
  std::error_code ignored;
  if (!fs::exists(partial, ignored)) fs::remove(beside(partial.filename().string()), ignored);
}

void check_same_run(const std::string& file, const Json& before, const Json& now) {
  for (const auto& [key, value] : now.items()) {
    const Json old = before.value(key, Json());
    if (old == value) continue;
    const std::string what = key == "model" ? "the model's files are not those it was made with"
                                            : key + " was " + old.dump() + ", is " + value.dump();
    fail_hint(Errc::kUsage, "use the same settings, or --force to start anew", file,
              ": cannot resume: ", what);
  }
}

}  // namespace hft
