#include "hub/sketch.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/checkpoint/other_formats.h"
#include "hub/names.h"
#include "hub/selection.h"

namespace hft::hub {
namespace {

constexpr std::int64_t kFirstBytes = 100'000;  // most headers are shorter
constexpr int kNoSuchRange = 416;

class Sketcher {
 public:
  Sketcher(const SketchRequest& request, fs::path folder)
      : request_(request), folder_(std::move(folder)), http_(settings()) {}

  RepoInfo operator()() {
    RepoInfo info = repo_info(http_, request_.repo_id, request_.revision);
    commit_ = info.commit;
    const std::string lead = request_.subfolder.empty() ? "" : request_.subfolder + "/";
    ModelFiles files = files_of_model(info.tree, request_.subfolder, request_.variant, true);
    std::vector<std::string> names;
    for (const RepoFile& file : info.tree.files) names.push_back(file.name);
    if (!files.whole && request_.variant.empty()) reject_other_formats(names);
    if (!files.index.empty())
      for (auto& shard : shards_of(files.index, whole(files.index), info.tree))
        files.names.push_back(std::move(shard));
    for (const std::string& name : files.names) {
      const std::string base = name.substr(name.rfind('/') + 1);
      if (base.ends_with(".safetensors"))
        draw(info.tree, name, lead);
      else if (base.ends_with(".bin"))
        fail_hint(Errc::kUnsupported, "hft hub download " + request_.repo_id + ", then hft inspect",
                  name, ": only safetensors can be inspected without downloading them");
      else if (base == "config.json" || base == "README.md" || base.ends_with(".index.json"))
        save(name, lead, whole(name));
    }
    return info;
  }

 private:
  // At most so many of its first bytes.
  std::string beginning(const std::string& name, std::int64_t bytes) {
    std::string text;
    Request request{.url = file_path(request_.repo_id, commit_, name)};
    request.headers = {"Range: bytes=0-" + std::to_string(bytes - 1)};
    request.on_body = [&](std::span<const char> more) {
      const auto room = static_cast<std::size_t>(bytes) - text.size();
      text.append(more.data(), std::min(room, more.size()));
      return std::ssize(text) < bytes;  // also of a server that sends the whole file
    };
    const Reply reply = persist(http_.settings().retry_s, [&] {
      text.clear();
      return http_.once(request);
    });
    if (reply.status == kNoSuchRange) return "";  // an empty file has no beginning
    check_status(http_, reply, request_.repo_id,
                 request_.repo_id + "@" + request_.revision + ": " + name);
    return text;
  }
  std::string whole(const std::string& name) {
    std::string text = beginning(name, limits::kCardBytes + 1);
    if (std::ssize(text) > limits::kCardBytes)
      fail(Errc::kBadData, name, ": is larger than ", human_bytes(limits::kCardBytes));
    return text;
  }

  void draw(const Tree& tree, const std::string& name, const std::string& lead) {
    std::int64_t size = tree.find(name)->size;
    if (size < 0) size = file_info(http_, request_.repo_id, commit_, name).size;
    std::string text = beginning(name, kFirstBytes);
    std::uint64_t length = 0;
    if (text.size() >= sizeof length) std::memcpy(&length, text.data(), sizeof length);
    if (length > static_cast<std::uint64_t>(limits::kSafetensorsHeaderBytes))
      fail(Errc::kBadData, request_.repo_id, ": ", name, ": header: its length is ", length,
           " bytes, the limit is ", limits::kSafetensorsHeaderBytes);
    const auto header = static_cast<std::int64_t>(length + sizeof length);
    if (header > std::ssize(text)) text = beginning(name, header);
    text.resize(std::min(text.size(), static_cast<std::size_t>(header)));
    const fs::path file = save(name, lead, text);
    std::error_code error;
    fs::resize_file(file, static_cast<std::uintmax_t>(std::max(size, std::ssize(text))), error);
    if (error) fail(Errc::kResources, file.string(), ": cannot write: ", error.message());
  }

  fs::path save(const std::string& name, const std::string& lead, const std::string& text) const {
    check_file_name(name);
    const fs::path file = folder_ / (name.starts_with(lead) ? name.substr(lead.size()) : name);
    fs::create_directories(file.parent_path());
    write_file(file, text);
    return file;
  }

  const SketchRequest& request_;
  fs::path folder_;
  Http http_;
  std::string commit_;
};

}  // namespace

RepoInfo sketch_model(const SketchRequest& request, const fs::path& folder) {
  return Sketcher(request, folder)();
}

}  // namespace hft::hub
