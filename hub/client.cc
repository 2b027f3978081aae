#include "hub/client.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

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

std::int64_t checked_size(const nlohmann::json& value, const std::string& name) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0)
    fail(Errc::kBadData, "the Hub gives ", name, " the size ", shorten(value.dump(), 40),
         "; refused");
  return value.get<std::int64_t>();
}

RepoFile parse_sibling(const nlohmann::json& entry) {
  RepoFile file;
  file.name = entry.at("rfilename").get<std::string>();
  if (!file_name_fault(file.name).empty()) return file;
  if (entry.contains("lfs") && entry["lfs"].is_object()) {
    const auto& lfs = entry["lfs"];
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

std::vector<std::string> licences_of(const nlohmann::json& info) {
  std::vector<std::string> out;
  const auto card = info.find("cardData");
  if (card != info.end() && card->is_object() && card->contains("license")) {
    const auto& value = (*card)["license"];
    if (value.is_string()) out.push_back(value);
    if (value.is_array())
      for (const auto& one : value)
        if (one.is_string()) out.push_back(one);
  }
  if (out.empty() && info.contains("tags") && info["tags"].is_array())
    for (const auto& tag : info["tags"])
      if (tag.is_string() && tag.get<std::string>().starts_with("license:"))
        out.push_back(tag.get<std::string>().substr(8));
  return out;
}

// A list in which each name stands once, and none is both a file and a folder.
void check_names(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    fail(Errc::kBadData, "the Hub lists ", shown(*twice), " twice; refused");
  const std::unordered_set<std::string_view> there(names.begin(), names.end());
  for (const std::string_view name : names)
    for (auto at = name.find('/'); at != name.npos; at = name.find('/', at + 1))
      if (there.contains(name.substr(0, at)))
        fail(Errc::kBadData, "the Hub lists ", shown(name.substr(0, at)),
             " as a file and as a folder; refused");
}

void parse_siblings(const nlohmann::json& siblings, RepoInfo& info) {
  if (siblings.is_null()) return;
  if (!siblings.is_array())
    fail(Errc::kBadData, "the Hub's list of files is of the type ", siblings.type_name());
  if (siblings.size() > limits::kHubFiles)
    fail(Errc::kBadData, "the Hub lists ", siblings.size(), " files, the limit is ",
         limits::kHubFiles);
  std::vector<std::string> names;
  for (const auto& entry : siblings) {
    RepoFile file = parse_sibling(entry);
    if (!file_name_fault(file.name).empty()) {
      info.tree.odd_names.push_back(file.name);
      continue;
    }
    names.push_back(file.name);
    info.tree.files.push_back(std::move(file));
  }
  check_names(std::move(names));
}

RepoInfo parse_info(nlohmann::json json, const std::string& repo_id) {
  RepoInfo info;
  info.id = json.value("id", repo_id);
  info.commit = checked_commit(json.value("sha", ""));
  parse_siblings(json["siblings"], info);
  json.erase("siblings");
  info.json = std::move(json);
  const auto gated = info.json.find("gated");
  if (gated != info.json.end())
    info.gated = gated->is_string() ? gated->get<std::string>() : *gated == true ? "auto" : "";
  info.is_private = info.json.contains("private") && info.json["private"] == true;
  info.licences = licences_of(info.json);
  return info;
}

// How deep brackets stand in brackets, outside of strings.
int nesting_of(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      in_string = !in_string;
    else if (in_string)
      continue;
    else if (text[i] == '[' || text[i] == '{')
      deepest = std::max(deepest, ++depth);
    else if (text[i] == ']' || text[i] == '}')
      --depth;
  }
  return deepest;
}

// What the Hub itself says about a failure: a header, or {"error": …}.
std::string said(const Reply& reply) {
  std::string text = reply.header("x-error-message");
  if (text.empty() && reply.body.size() < 65536)
    text = text_of(nlohmann::json::parse(reply.body, nullptr, false), "error");
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

nlohmann::json parse_answer(const Reply& reply) {
  if (nesting_of(reply.body) > limits::kJsonDepth)
    fail(Errc::kBadData, reply.url, ": the answer is nested deeper than ", limits::kJsonDepth);
  auto json = nlohmann::json::parse(reply.body, nullptr, false);
  if (json.is_discarded()) fail(Errc::kNetwork, reply.url, ": the Hub's answer is no JSON");
  return json;
}

std::string text_of(const nlohmann::json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

Reply ask_repo_info(Http& http, const std::string& repo_id, const std::string& revision,
                    bool once) {
  check_repo_id(repo_id);
  check_revision(revision);
  Request request;
  request.url = "/api/" + id_with_kind(repo_id) + "/revision/" + url_quoted(revision) + "?blobs=true";
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
      fail(Errc::kBadData, "the Hub's answer is of another form: ", escape_controls(e.what()));
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

Account who_am_i(Http& http) {
  Request request;
  request.url = "/api/whoami-v2";
  const Reply reply = http.send(request);
  if (reply.status == 401 || reply.status == 403)
    fail_hint(Errc::kNotAuthorised, "make one at " + http.settings().endpoint + "/settings/tokens",
              "the Hub does not accept the token (", reply.status, ")");
  check_status(http, reply, "", "whoami");
  const auto json = parse_answer(reply);
  Account account{text_of(json, "name"), "", {}};
  if (account.name.empty())
    fail(Errc::kNetwork, reply.url, ": the Hub does not say whose token it is");
  if (json.contains("auth") && json["auth"].is_object() && json["auth"].contains("accessToken"))
    account.token_name = text_of(json["auth"]["accessToken"], "displayName");
  if (json.contains("orgs") && json["orgs"].is_array())
    for (const auto& org : json["orgs"]) account.orgs.push_back(text_of(org, "name"));
  return account;
}

}  // namespace hft::hub
