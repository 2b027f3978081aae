#include "hub/names.h"

#include <algorithm>
#include <random>

#include "core/base/error.h"
#include "core/base/text.h"
#include "hub/repo_hint.h"

namespace hft::hub {
namespace {

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// What is wrong with one part of a path; "" when nothing is.
std::string fault_of_part(const std::string& part) {
  if (part.empty()) return "it is absolute or has an empty part";
  if (part == "." || part == "..") return "it has the part '" + part + "'";
  if (part.size() > 255) return "a part of it is longer than 255 bytes";
  if (part.back() == '.' || part.back() == ' ') return "a part of it ends in a dot or a space";
  if (lowercase(part) == ".git") return "it lies in a .git folder";
  if (part.size() > 1 && part[1] == ':' && std::isalpha(static_cast<unsigned char>(part[0])))
    return "it begins with a drive";
  return "";
}

}  // namespace

std::string file_name_fault(std::string_view name) {
  if (name.empty()) return "it is empty";
  if (name.size() > 1024) return "it is longer than 1024 bytes";
  if (utf8_error(name)) return "it is not UTF-8";
  for (unsigned char c : name) {
    if (c < 0x20 || c == 0x7f) return "it has a control character";
    if (c == '\\') return "it has a backslash";
  }
  for (const auto& part : split(name, '/'))
    if (auto fault = fault_of_part(part); !fault.empty()) return fault;
  return "";
}

bool leads_out(std::string_view name) {
  std::string plain(name);
  std::replace(plain.begin(), plain.end(), '\\', '/');
  const auto parts = split(plain, '/');
  const bool drive = plain.size() > 2 && plain[1] == ':' && plain[2] == '/';
  return plain.starts_with('/') || drive ||
         std::find(parts.begin(), parts.end(), "..") != parts.end();
}

std::string shown(std::string_view text) {
  std::string out = escape_controls(text.substr(0, 100));
  if (text.size() > 100) out += "…";
  return "'" + out + "'";
}

bool is_data_set_id(std::string_view text) { return text.starts_with("datasets/"); }

std::string id_with_kind(const std::string& repo_id) {
  return is_data_set_id(repo_id) ? repo_id : "models/" + repo_id;
}

bool is_repo_id(std::string_view text) {
  if (is_data_set_id(text)) text.remove_prefix(std::string_view("datasets/").size());
  const auto parts = split(text, '/');
  if (parts.size() > 2 || text.size() > 193) return false;
  if (text.find("--") != text.npos || text.find("..") != text.npos) return false;
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    const auto edge = [](char c) { return c != '-' && c != '.'; };
    return !part.empty() && part.size() <= 96 && edge(part.front()) && edge(part.back()) &&
           !part.ends_with(".git") && std::all_of(part.begin(), part.end(), [](char c) {
             return is_word(c) || c == '-' || c == '.';
           });
  });
}

bool is_commit(std::string_view text) { return is_hex(text, 40); }
bool is_digest(std::string_view text) { return is_hex(text, 40) || is_hex(text, 64); }

void check_file_name(std::string_view name) {
  if (const auto fault = file_name_fault(name); !fault.empty())
    fail(Errc::kBadData, "unsafe file name ", shown(name), ": ", fault);
}

void check_revision(std::string_view revision) {
  if (const auto fault = file_name_fault(revision); !fault.empty())
    fail(Errc::kUsage, "--revision ", shown(revision), ": not a branch, tag or commit: ", fault);
}

void check_repo_id(std::string_view id) {
  if (is_repo_id(id)) return;
  const std::string meant = meant_repository(id);
  fail_hint(Errc::kUsage, meant.empty() ? "" : "give " + meant, shown(id),
            ": not a repository's id, wanted name or org/name");
}

std::string checked_digest(std::string_view etag) {
  std::string_view bare = etag;
  if (bare.starts_with("W/")) bare.remove_prefix(2);
  if (bare.size() >= 2 && bare.front() == '"' && bare.back() == '"')
    bare = bare.substr(1, bare.size() - 2);
  if (!is_digest(bare))
    fail(Errc::kBadData, "the Hub's etag ", shown(etag), " is not 40 or 64 hex digits; refused");
  return std::string(bare);
}

std::string checked_commit(std::string_view commit) {
  if (!is_commit(commit))
    fail(Errc::kBadData, "the Hub's commit ", shown(commit), " is not 40 hex digits; refused");
  return std::string(commit);
}

std::string random_tag() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::random_device random;
  std::string tag;
  for (int i = 0; i < 8; ++i) tag += kHex[random() & 15];
  return tag;
}

std::string url_quoted(std::string_view text, std::string_view keep) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : text) {
    if (is_word(static_cast<char>(c)) || c == '-' || c == '.' || c == '~' ||
        keep.find(static_cast<char>(c)) != keep.npos) {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
  }
  return out;
}

}  // namespace hft::hub
