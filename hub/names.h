// Names that come from the command line or from the Hub and become parts of paths and URLs. All of
// them pass here before any path is made of them.
#pragma once

#include <string>
#include <string_view>

namespace hft::hub {

// "name" or "org/name", as the Hub allows: letters, digits, '-', '_', '.', no "..", no "--"; before
// that "datasets/", where it is no model.
bool is_repo_id(std::string_view text);
bool is_data_set_id(std::string_view text);
// Of a repository, "models/org/name" or "datasets/org/name".
std::string id_with_kind(const std::string& repo_id);
// 40 lower-case hex digits.
bool is_commit(std::string_view text);
// An etag that names content: 40 (git blob, SHA-1) or 64 (SHA-256) lower-case hex digits.
bool is_digest(std::string_view text);

// A file's path inside a repository: relative, '/' between its parts, nothing that another system
// could read as a drive, a share or a step upwards. Throws kBadData, naming what is wrong.
void check_file_name(std::string_view name);
// What is wrong with it; "" when nothing is.
std::string file_name_fault(std::string_view name);
// Would such a name, on one system or another, be a file outside the folder it is put into?
bool leads_out(std::string_view name);
// The name for a message: in quotes, cut, control characters as escapes.
std::string shown(std::string_view name);
// A branch, a tag, a commit or refs/pr/N. Throws kUsage.
void check_revision(std::string_view revision);
// kUsage unless is_repo_id.
void check_repo_id(std::string_view id);

// An HTTP etag without its quotes and its W/. Throws kBadData unless it is a digest.
std::string checked_digest(std::string_view etag);
// Throws kBadData unless it is a commit.
std::string checked_commit(std::string_view commit);

// Eight hex digits, for a name that nobody else has.
std::string random_tag();

// `text` with everything but letters, digits and -._~ as %XX; `keep` names further bytes to keep.
std::string url_quoted(std::string_view text, std::string_view keep = "");

}  // namespace hft::hub
