// What is asked of the Hub, and what its answers mean.
#pragma once

#include <string>
#include <vector>

#include "core/base/json.h"
#include "hub/cache.h"
#include "hub/http.h"

namespace hft::hub {

struct RepoInfo {
  std::string id;  // as the Hub spells it: a renamed repository has another than was asked for
  std::string commit;
  std::string gated;  // "" = open, else who grants access: "auto" or "manual"
  bool is_private = false;
  std::vector<std::string> licences;  // of the card, else of the tags
  Tree tree;
  nlohmann::json json;  // the answer, without its list of files
};

// A model's repository at a revision. Throws Error: kNotAuthorised (401, 403, gated), kNotFound
// (repository or revision), kNetwork, kBadData (a commit, a digest or a list that is no such
// thing). `once`: one try (Transient is thrown), for a question that the cache can answer too.
RepoInfo repo_info(Http& http, const std::string& repo_id, const std::string& revision,
                   bool once = false);
// The same in two steps, for who wants to look at the status between them.
Reply ask_repo_info(Http& http, const std::string& repo_id, const std::string& revision,
                    bool once = false);
RepoInfo parse_repo_info(const Http& http, const Reply& reply, const std::string& repo_id,
                         const std::string& revision);

// Digest and size of one file, from the headers of its address (for lists that lack them).
RepoFile file_info(Http& http, const std::string& repo_id, const std::string& commit,
                   const std::string& name);

// The address of a file, as a path of the endpoint.
std::string file_path(const std::string& repo_id, const std::string& revision,
                      const std::string& name);

struct Account {
  std::string name, token_name;
  std::vector<std::string> orgs;
};
// Who the token belongs to (whoami-v2). kNotAuthorised when it is not valid.
Account who_am_i(Http& http);

// Throws for a status that is no success, telling gated, private and missing apart. `what` is
// "org/name@main" or "org/name@main: file".
[[noreturn]] void fail_status(const Http& http, const Reply& reply, const std::string& repo_id,
                              const std::string& what);
// The same, when status is none of 2xx.
void check_status(const Http& http, const Reply& reply, const std::string& repo_id,
                  const std::string& what);

// A JSON answer, its members sorted: in the order of the text, each would cost a walk through those
// before it. kNetwork when it is none, kBadData when it is nested deeper than limits::kJsonDepth.
nlohmann::json parse_answer(const Reply& reply);
// A member that is a string; "" when there is none.
std::string text_of(const nlohmann::json& json, const char* key);

// Digest and commit of a file's answer agree with what is wanted; kBadData for what has no such
// form, kNetwork for another than wanted. Only the endpoint's own headers are looked at.
void check_file_headers(const Headers& headers, const RepoFile& wanted, const std::string& commit);

}  // namespace hft::hub
