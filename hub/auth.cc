#include "hub/auth.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "hub/settings.h"

namespace hft::hub {
namespace {

fs::path stored_tokens_path() { return token_path().parent_path() / "stored_tokens"; }

// What a token may be made of: visible ASCII, so that it cannot end a header.
std::string checked(const std::string& raw, const std::string& source) {
  const std::string token = trimmed(raw);
  const bool visible =
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!visible || token.size() > 4096)
    fail(Errc::kUsage, source, ": does not hold a token (one word of ASCII letters)");
  return token;
}

// Written under another name first, so that the file never stands there readable to others.
void write_secret(const fs::path& file, const std::string& text) {
  std::error_code ignored;
  if (fs::create_directories(file.parent_path(), ignored))
    ::chmod(file.parent_path().c_str(), 0700);
  std::string name = (file.parent_path() / ".token.XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);  // mode 0600
  const bool written = fd >= 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0 && ::rename(name.c_str(), file.c_str()) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (written) return;
  if (fd >= 0) ::unlink(name.c_str());
  fail(Errc::kResources, file.string(), ": cannot write: ", std::strerror(error));
}

// The list without the section of `name`: an INI file, a section per token.
std::string without_section(const std::string& text, const std::string& name) {
  std::string out;
  bool drop = false;
  for (const auto& line : split(text, '\n')) {
    if (line.starts_with('[')) drop = trimmed(line) == "[" + name + "]";
    if (!drop && !line.empty()) out += line + "\n";
  }
  return out;
}

}  // namespace

fs::path token_path() {
  if (auto path = path_in("HF_TOKEN_PATH"); !path.empty()) return path;
  return hf_home() / "token";
}

std::string find_token() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
    if (auto value = environment(name); !trimmed(value).empty()) return checked(value, name);
  if (environment("HF_TOKEN_PATH").empty() && environment("HF_HOME").empty() &&
      environment("XDG_CACHE_HOME").empty() && environment("HOME").empty())
    return "";
  std::error_code ignored;
  if (!fs::is_regular_file(token_path(), ignored)) return "";
  return checked(read_file(token_path(), 64 * 1024), token_path().string());
}

void save_token(const std::string& token, const std::string& name) {
  std::string section = name;
  std::replace_if(
      section.begin(), section.end(),
      [](unsigned char c) { return c < 0x20 || c == '[' || c == ']'; }, '_');
  std::error_code ignored;
  const fs::path list = stored_tokens_path();
  std::string others;
  if (fs::is_regular_file(list, ignored))
    others = without_section(read_file(list, 1 << 20), section);
  write_secret(token_path(), checked(token, "the token"));
  write_secret(list, others + "[" + section + "]\nhf_token = " + token + "\n");
}

bool remove_token() {
  std::error_code ignored;
  const bool was = fs::remove(token_path(), ignored);
  fs::remove(stored_tokens_path(), ignored);
  return was;
}

}  // namespace hft::hub
