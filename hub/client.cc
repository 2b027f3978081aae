#include "hub/client.h"

#include <algorithm>
#include <charconv>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "hub/names.h"

namespace hft::hub {
namespace {

std::string get(const Headers& headers, const std::string& name) {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::int64_t checked_size(const std::string& text, const char* header) {
  std::int64_t size = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size() || size < 0)
    fail(Errc::kBadData, "the Hub's ", header, " '", escape_controls(text),
         "' is not a size; refused");
  return size;
}

std::int64_t checked_size(const Json& value, const std::string& name) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0)
    fail(Errc::kBadData, "the Hub gives ", name, " the size ", to_line(value), "; refused");
  return value.get<std::int64_t>();
}

RepoFile parse_sibling(const Json& entry) {
  RepoFile file;
  file.name = entry.value("rfilename", "");
  check_file_name(file.name);
  if (entry.contains("lfs") && entry["lfs"].is_object()) {
    const Json& lfs = entry["lfs"];
    if (lfs.contains("sha256")) file.digest = checked_digest(lfs["sha256"].get<std::string>());
    if (lfs.contains("size")) file.size = checked_size(lfs["size"], file.name);
    if (entry.contains("blobId") && entry["blobId"].is_string()) file.pointer = entry["blobId"];
  } else {
    if (entry.contains("blobId") && entry["blobId"].is_string())
      file.digest = checked_digest(entry["blobId"].get<std::string>());
    if (entry.contains("size") && !entry["size"].is_null())
      file.size = checked_size(entry["size"], file.name);
  }
  return file;
}

std::vector<std::string> licences_of(const Json& info) {
  std::vector<std::string> out;
  const auto card = info.find("cardData");
  if (card != info.end() && card->is_object() && card->contains("license")) {
    const Json& value = (*card)["license"];
    if (value.is_string()) out.push_back(value);
    if (value.is_array())
      for (const Json& one : value)
        if (one.is_string()) out.push_back(one);
  }
  if (out.empty() && info.contains("tags") && info["tags"].is_array())
    for (const Json& tag : info["tags"])
      if (tag.is_string() && tag.get<std::string>().starts_with("license:"))
        out.push_back(tag.get<std::string>().substr(8));
  return out;
}

RepoInfo parse_info(Json json, const std::string& repo_id) {
  RepoInfo info;
  info.id = json.value("id", repo_id);
  info.commit = checked_commit(json.value("sha", ""));
  const auto gated = json.find("gated");
  if (gated != json.end())
    info.gated = gated->is_string() ? gated->get<std::string>() : *gated == true ? "auto" : "";
  info.is_private = json.contains("private") && json["private"] == true;
  info.licences = licences_of(json);
  const auto siblings = json.find("siblings");
  if (siblings != json.end() && siblings->is_array()) {
    if (siblings->size() > limits::kHubFiles)
      fail(Errc::kBadData, "the Hub lists ", siblings->size(), " files, the limit is ",
           limits::kHubFiles);
    for (const Json& entry : *siblings) info.tree.files.push_back(parse_sibling(entry));
  }
  info.json = std::move(json);
  return info;
}

// What the Hub itself says about a failure: a header, or {"error": …}.
std::string said(const Reply& reply) {
  std::string text = reply.header("x-error-message");
  if (text.empty() && reply.body.size() < 65536)
    if (const Json body = Json::parse(reply.body, nullptr, false);
        body.is_object() && body.contains("error") && body["error"].is_string())
      text = body["error"];
  return text.empty() ? "" : ": " + shorten(escape_controls(text), 200);
}

}  // namespace

void fail_status(const Http& http, const Reply& reply, const std::string& repo_id,
                 const std::string& what) {
  const std::string code = reply.header("x-error-code");
  const std::string login = "set HF_TOKEN or run hft hub login";
  const bool anonymous = http.settings().token.empty();
  const int status = reply.status;
  if (code == "GatedRepo")
    fail_hint(
        Errc::kNotAuthorised,
        "ask for access at " + http.page(repo_id) + (anonymous ? ", then " + login : ""), what,
        ": gated: ",
        anonymous ? "its terms must be accepted first" : "your account has no access to it yet",
        " (", status, ")");
  if (code == "RevisionNotFound") fail(Errc::kNotFound, what, ": no such revision");
  if (code == "EntryNotFound") fail(Errc::kNotFound, what, ": no such file");
  if (status == 401 && anonymous)
    fail_hint(Errc::kNotAuthorised, login, what,
              ": 401 from the Hub: private, gated, or no such repository");
  if (status == 401 && code != "RepoNotFound")
    fail_hint(Errc::kNotAuthorised, login, what, ": 401 from the Hub: the token is not valid");
  if (status == 403)
    fail_hint(Errc::kNotAuthorised, "see " + http.page(repo_id), what,
              ": 403 from the Hub: your token does not allow it", said(reply));
  if (status == 401 || status == 404)
    fail_hint(Errc::kNotFound, anonymous ? "if it is private, " + login : "", what,
              ": no such repository", anonymous ? "" : ", or your account may not see it");
  fail(Errc::kNetwork, what, ": the Hub answered ", status, said(reply));
}

void check_status(const Http& http, const Reply& reply, const std::string& repo_id,
                  const std::string& what) {
  if (reply.status < 200 || reply.status >= 300) fail_status(http, reply, repo_id, what);
}

Json parse_answer(const Reply& reply) {
  try {
    return parse_json(reply.body, reply.url);
  } catch (const Error& e) {
    throw Error(Errc::kNetwork, "the Hub's answer is no JSON: " + e.message, e.hint);
  }
}

Reply ask_repo_info(Http& http, const std::string& repo_id, const std::string& revision,
                    bool once) {
  check_repo_id(repo_id);
  check_revision(revision);
  Request request;
  request.url = "/api/models/" + repo_id + "/revision/" + url_quoted(revision) + "?blobs=true";
  return once ? http.once(request) : http.send(request);
}

RepoInfo parse_repo_info(const Http& http, const Reply& reply, const std::string& repo_id,
                         const std::string& revision) {
  const std::string what = repo_id + "@" + revision;
  check_status(http, reply, repo_id, what);
  return with_context(what, [&] {
    try {
      return parse_info(parse_answer(reply), repo_id);
    } catch (const nlohmann::json::exception& e) {
      fail(Errc::kBadData, "the Hub's answer is of another form: ", e.what());
    }
  });
}

RepoInfo repo_info(Http& http, const std::string& repo_id, const std::string& revision, bool once) {
  return parse_repo_info(http, ask_repo_info(http, repo_id, revision, once), repo_id, revision);
}

std::string file_path(const std::string& repo_id, const std::string& revision,
                      const std::string& name) {
  check_file_name(name);
  return "/" + repo_id + "/resolve/" + url_quoted(revision) + "/" + url_quoted(name, "/");
}

RepoFile file_info(Http& http, const std::string& repo_id, const std::string& commit,
                   const std::string& name) {
  Request request;
  request.method = "HEAD";
  request.url = file_path(repo_id, commit, name);
  request.stop_at_other_origin = true;
  const Reply reply = http.send(request);
  const std::string what = repo_id + "@" + commit + ": " + name;
  if (reply.status >= 400) fail_status(http, reply, repo_id, what);
  return with_context(what, [&] {
    RepoFile file{name};
    const Headers& headers = reply.hub_headers;
    const std::string linked = get(headers, "x-linked-etag"), size = get(headers, "x-linked-size");
    const std::string length = get(headers, "content-length");
    if (const auto found = get(headers, "x-repo-commit");
        !found.empty() && checked_commit(found) != commit && is_commit(commit))
      fail(Errc::kNetwork, "the Hub answers for the commit ", found, ", asked was ", commit);
    file.digest = checked_digest(linked.empty() ? get(headers, "etag") : linked);
    if (!size.empty())
      file.size = checked_size(size, "X-Linked-Size");
    else if (!length.empty() && reply.status == 200)
      file.size = checked_size(length, "Content-Length");
    return file;
  });
}

void check_file_headers(const Headers& headers, const RepoFile& wanted, const std::string& commit) {
  if (const auto found = get(headers, "x-repo-commit");
      !found.empty() && checked_commit(found) != commit)
    fail(Errc::kNetwork, "the Hub answers for the commit ", found, ", asked was ", commit);
  const std::string linked = get(headers, "x-linked-etag"),
                    etag = linked.empty() ? get(headers, "etag") : linked;
  if (!etag.empty() && checked_digest(etag) != wanted.digest)
    fail(Errc::kNetwork, "the Hub's etag is ", checked_digest(etag), ", wanted ", wanted.digest);
  if (const auto size = get(headers, "x-linked-size");
      !size.empty() && wanted.size >= 0 && checked_size(size, "X-Linked-Size") != wanted.size)
    fail(Errc::kNetwork, "the Hub says ", size, " bytes, its list says ", wanted.size);
}

Json who_am_i(Http& http) {
  Request request;
  request.url = "/api/whoami-v2";
  const Reply reply = http.send(request);
  if (reply.status == 401 || reply.status == 403)
    fail_hint(Errc::kNotAuthorised, "make one at " + http.settings().endpoint + "/settings/tokens",
              "the Hub does not accept the token (", reply.status, ")");
  check_status(http, reply, "", "whoami");
  return parse_answer(reply);
}

}  // namespace hft::hub
