#include "tasks/run/named_files.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/base/text.h"
#include "hub/url.h"
#include "media/pdf.h"

namespace hft {
namespace {

namespace fs = std::filesystem;

// The files of a folder in order of their names, and the folders that lead to it, by which a loop
// of links is known.
class Listing {
 public:
  explicit Listing(const FileChoice& choice) : choice_(choice) {}

  void add(const fs::path& folder, std::vector<NamedFile>& out) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0) return failed(folder, std::strerror(errno), out);
    const auto id = std::pair(info.st_dev, info.st_ino);
    if (std::ranges::find(above_, id) != above_.end())
      return failed(folder, "is a link to a folder it lies in", out);
    std::error_code error;
    std::vector<fs::path> entries;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      entries.push_back(at->path());
    if (error) return failed(folder, "cannot list: " + error.message(), out);
    std::ranges::sort(entries);
    above_.push_back(id);
    for (const auto& entry : entries) take(entry, out);
    above_.pop_back();
  }

 private:
  // Sockets, devices and the like are left out; what cannot be looked at is not.
  void take(const fs::path& entry, std::vector<NamedFile>& out) {
    if (entry.filename().string().starts_with('.')) return;
    std::error_code error;
    const auto status = fs::status(entry, error);
    if (fs::is_directory(status)) {
      if (choice_.recurse) add(entry, out);
    } else if (is_media(choice_.kind) && !is_media_name(choice_.kind, entry.string()) &&
               !(choice_.tables && is_table_name(entry.string()))) {
      return;
    } else if (fs::is_regular_file(status) || fs::is_symlink(entry, error) ||
               status.type() == fs::file_type::none) {
      out.push_back({entry.string()});
    }
  }
  static void failed(const fs::path& folder, const std::string& why, std::vector<NamedFile>& out) {
    out.push_back({folder.string(), Error(Errc::kResources, folder.string() + ": " + why)});
  }
  const FileChoice& choice_;
  std::vector<std::pair<dev_t, ino_t>> above_;
};

// Whether a shell would take it for a pattern.
bool is_pattern(const std::string& name) { return name.find_first_of("*?[") != name.npos; }

}  // namespace

void add_named(const FileChoice& choice, const std::string& name, std::vector<NamedFile>& files) {
  std::error_code ignored;
  if (name != "-" && fs::is_directory(name, ignored))
    Listing(choice).add(name, files);
  else
    files.push_back({name});
}

void add_media(const FileChoice& choice, const std::string& name, std::vector<NamedFile>& files) {
  std::error_code ignored;
  if (!is_pattern(name) || hub::is_url(name) || name.starts_with("data:") ||
      fs::exists(name, ignored))
    return add_named(choice, name, files);
  glob_t found{};
  const int failed = ::glob(name.c_str(), GLOB_TILDE, nullptr, &found);
  for (std::size_t i = 0; !failed && i < found.gl_pathc; ++i)
    add_named(choice, found.gl_pathv[i], files);
  ::globfree(&found);
  if (failed) files.push_back({name, Error(Errc::kNotFound, name + ": no file matches")});
}

bool is_metadata_name(const std::string& file) {
  const std::string base = fs::path(file).filename().string();
  return base == "metadata.jsonl" || base == "metadata.csv" || base == "metadata.parquet";
}

bool is_table_name(const std::string& file) {
  const std::string suffix = lowercase(fs::path(file).extension().string());
  return is_metadata_name(file) || suffix == ".parquet" || suffix == ".arrow" || suffix == ".tar" ||
         suffix == ".tgz" || lowercase(file).ends_with(".tar.gz");
}

bool is_media_name(Kind kind, const std::string& name) {
  if (kind == Kind::kPage && lowercase(name).ends_with(".pdf")) return true;
  return kind == Kind::kSound ? media::is_sound_name(name)
                              : is_media(kind) && media::is_image_name(name);
}

bool is_media_head(Kind kind, std::string_view head) {
  const auto bytes = media::bytes_of(head);
  if (kind == Kind::kPage && media::is_pdf(head)) return true;
  return kind == Kind::kSound ? media::is_sound(bytes) : is_media(kind) && media::is_image(bytes);
}

}  // namespace hft
