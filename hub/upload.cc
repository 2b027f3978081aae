#include "hub/upload.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/base64.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/client.h"
#include "hub/lfs.h"
#include "hub/names.h"

namespace hft::hub {
namespace {

constexpr std::size_t kPreuploadFiles = 256;
constexpr int kConflicts = 3;
constexpr std::int64_t kGitignoreBytes = 1 << 20;

bool is_same(const LocalFile& file, const std::string& digest) {
  return !digest.empty() && (digest == file.sha256 || digest == file.git_sha1);
}

class Upload {
 public:
  explicit Upload(UploadRequest& request) : request_(request), http_(settings(false)) {}

  Uploaded operator()() {
    if (http_.settings().token.empty())
      fail_hint(Errc::kNotAuthorised, "set HF_TOKEN or run hft hub login", request_.repo_id,
                ": to upload, log in first");
    if (request_.repo_id.find('/') == std::string::npos)
      request_.repo_id = who_am_i(http_).name + "/" + request_.repo_id;
    check_repo_id(request_.repo_id);
    check_revision(request_.revision);
    for (LocalFile& file : request_.files) read_local_file(file, http_.settings().token);
    for (int conflicts = 0;; ++conflicts) {
      out_ = {};
      look();
      if (changed_.empty() || request_.dry_run || commit()) return out_;
      if (conflicts == kConflicts)
        fail_hint(Errc::kNetwork, "run the same command again", what(),
                  ": others commit to it all the time");
      note(what() + ": another commit came first; comparing again");
    }
  }

 private:
  std::string what() const { return request_.repo_id + "@" + request_.revision; }

  Reply post(const std::string& path, std::string_view body,
             const char* type = "application/json") {
    Request request;
    request.method = "POST";
    request.url = path;
    request.headers = {std::string("Content-Type: ") + type};
    request.body = body;
    request.slow_answer = true;
    return http_.send(request);
  }

  void create() {
    const auto slash = request_.repo_id.find('/');
    const std::string owner = request_.repo_id.substr(0, slash),
                      name = request_.repo_id.substr(slash + 1);
    Json body{{"name", name}, {"type", "model"}, {"private", request_.make_private}};
    if (owner != who_am_i(http_).name) body["organization"] = owner;
    const Reply reply = post("/api/repos/create", to_line(body));
    if (reply.status != 409) check_status(http_, reply, request_.repo_id, request_.repo_id);
    note(request_.repo_id + ": created" + (request_.make_private ? ", private" : ""));
  }

  void create_branch() {
    const Reply reply =
        post("/api/models/" + request_.repo_id + "/branch/" + url_quoted(request_.revision), "{}");
    check_status(http_, reply, request_.repo_id, what());
  }

  // The repository as it is, made when it is not there; nothing, of a dry run.
  RepoInfo find_repo() {
    for (bool second = false;; second = true) {
      const Reply reply = ask_repo_info(http_, request_.repo_id, request_.revision);
      const std::string code = reply.header("x-error-code");
      const bool no_revision = code == "RevisionNotFound" && !request_.create_pr;
      const bool no_repo = code != "RevisionNotFound" &&
                           (reply.status == 404 || (reply.status == 401 && code == "RepoNotFound"));
      if (second || !(no_revision || no_repo))
        return parse_repo_info(http_, reply, request_.repo_id, request_.revision);
      if (request_.dry_run) return {};
      if (no_repo)
        create();
      else
        create_branch();
    }
  }

  // Compares with the repository: fills changed_.
  void look() {
    info_ = find_repo();
    if (!info_.id.empty()) request_.repo_id = info_.id;  // renamed meanwhile
    check_repo_id(request_.repo_id);
    changed_.clear();
    const auto is_card = [](const auto& f) { return f.name == "README.md"; };
    if (!request_.card.name.empty() &&
        std::none_of(request_.files.begin(), request_.files.end(), is_card) &&
        !info_.tree.find("README.md")) {
      read_local_file(request_.card, http_.settings().token);
      request_.files.push_back(request_.card);
    }
    for (const LocalFile& file : request_.files) {
      const RepoFile* there = info_.tree.find(file.name);
      check_no_folder(file.name);
      if (there && is_same(file, there->digest))
        ++out_.unchanged;
      else
        changed_.push_back(&file);
    }
    list_changed();
    out_.url =
        http_.page(request_.repo_id) + (info_.commit.empty() ? "" : "/commit/" + info_.commit);
  }

  void check_no_folder(const std::string& name) const {
    if (std::any_of(info_.tree.files.begin(), info_.tree.files.end(),
                    [&](const RepoFile& f) { return f.name.starts_with(name + "/"); }))
      fail_hint(Errc::kUsage, "to put a file into it, end its name with '/'", what(), ": ", name,
                " is a folder there, not a file");
  }

  // The .gitignore that goes along: what it names is then left out of this commit already.
  std::string gitignore() const {
    for (const LocalFile& file : request_.files)
      if (file.name == ".gitignore" && file.size < kGitignoreBytes)
        if (auto text = content_of(file); !utf8_error(text)) return text;
    return "";
  }

  // Which of changed_ go to the large storage; drops what the Hub ignores or has.
  std::vector<const LocalFile*> ask_modes() {
    std::vector<const LocalFile*> large, kept;
    const std::string ignored = gitignore();
    for (std::size_t i = 0; i < changed_.size(); i += kPreuploadFiles) {
      Json files = Json::array();
      std::map<std::string, const LocalFile*> asked;
      for (std::size_t k = i; k < std::min(changed_.size(), i + kPreuploadFiles); ++k) {
        const LocalFile& file = *changed_[k];
        files.push_back(
            {{"path", file.name}, {"sample", encoded_base64(file.sample)}, {"size", file.size}});
        asked[file.name] = &file;
      }
      Json body{{"files", files}};
      if (!ignored.empty()) body["gitIgnore"] = ignored;
      const Reply reply = post("/api/models/" + request_.repo_id + "/preupload/" +
                                   url_quoted(request_.revision) + query(),
                               to_line(body));
      check_status(http_, reply, request_.repo_id, what());
      const auto answers = parse_answer(reply);
      const auto list = answers.is_object() ? answers.find("files") : answers.end();
      if (list == answers.end() || !list->is_array())
        fail(Errc::kNetwork, what(), ": the Hub does not say how to upload its files");
      for (const auto& answer : *list) {
        const auto found = asked.find(text_of(answer, "path"));
        if (found == asked.end()) continue;
        const LocalFile* file = found->second;
        if (answer.contains("shouldIgnore") && answer["shouldIgnore"] == true) {
          note(file->name + ": left out, as .gitignore says");
        } else if (is_same(*file, text_of(answer, "oid"))) {
          ++out_.unchanged;
        } else {
          kept.push_back(file);
          // The storage takes no empty objects.
          if (text_of(answer, "uploadMode") == "lfs" && file->size > 0) large.push_back(file);
        }
        asked.erase(found);
      }
      if (!asked.empty())
        fail(Errc::kNetwork, what(), ": the Hub does not say how to upload ", asked.begin()->first);
    }
    changed_ = kept;
    return large;
  }

  void list_changed() {
    out_.changed.clear();
    for (const LocalFile* file : changed_) out_.changed.emplace_back(file->name, file->size);
  }

  std::string query() const { return request_.create_pr ? "?create_pr=1" : ""; }

  std::string payload(const std::set<const LocalFile*>& large) const {
    Json head{{"summary", request_.message}, {"description", ""}};
    if (!request_.create_pr) head["parentCommit"] = info_.commit;
    std::string out = to_line({{"key", "header"}, {"value", head}}) + "\n";
    for (const LocalFile* file : changed_) {
      Json value{{"path", file->name}};
      if (large.contains(file))
        value.update({{"algo", "sha256"}, {"oid", file->sha256}, {"size", file->size}});
      else
        value = {
            {"content", encoded_base64(content_of(*file))}, {"path", file->name}, {"encoding", "base64"}};
      out += to_line({{"key", large.contains(file) ? "lfsFile" : "file"}, {"value", value}}) + "\n";
    }
    return out;
  }

  // False when another commit came first.
  bool commit() {
    const auto large = ask_modes();
    list_changed();
    if (changed_.empty()) return true;
    out_.sent = upload_large(http_, request_.repo_id, request_.revision, large);
    const Reply reply = post(
        "/api/models/" + request_.repo_id + "/commit/" + url_quoted(request_.revision) + query(),
        payload({large.begin(), large.end()}), "application/x-ndjson");
    if (reply.status == 409 || reply.status == 412) return false;
    check_status(http_, reply, request_.repo_id, what());
    out_.url = text_of(parse_answer(reply), request_.create_pr ? "pullRequestUrl" : "commitUrl");
    out_.committed = true;
    return true;
  }

  UploadRequest& request_;
  Http http_;
  RepoInfo info_;
  std::vector<const LocalFile*> changed_;
  Uploaded out_;
};

}  // namespace

Uploaded upload(UploadRequest request) {
  request.files.reserve(request.files.size() + 1);  // for the card: changed files are pointed at
  return Upload(request)();
}

}  // namespace hft::hub
