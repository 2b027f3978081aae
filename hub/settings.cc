#include "hub/settings.h"

#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include "core/base/error.h"
#include "core/base/text.h"
#include "hub/auth.h"

namespace hft::hub {
namespace fs = std::filesystem;
namespace {

bool is_true(const char* name) {
  const std::string value = lowercase(environment(name));
  return value == "1" || value == "on" || value == "yes" || value == "true";
}

double seconds(const char* name, double standard) {
  const std::string text = environment(name);
  if (text.empty()) return standard;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end || !(value >= 0) || value > 86400)
    fail(Errc::kUsage, name, ": '", text, "' is not a number of seconds from 0 to 86400");
  return value;
}

int whole_seconds(const char* name) {
  return std::max(1, static_cast<int>(std::ceil(seconds(name, 10))));
}

std::string endpoint() {
  std::string url = environment("HF_ENDPOINT");
  if (url.empty()) return "https://huggingface.co";
  const bool visible =
      std::ranges::all_of(url, [](unsigned char c) { return c > 0x20 && c != 0x7f; });
  if (!visible || (!url.starts_with("https://") && !url.starts_with("http://")))
    fail_hint(Errc::kUsage, "for example HF_ENDPOINT=https://huggingface.co", "HF_ENDPOINT: '",
              escape_controls(url), "' is not an address, wanted https://HOST");
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string uppercase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

void find_certificates(Settings& s) {
  for (const std::string name :
       {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    const std::string value = environment(name.c_str());
    std::error_code ignored;
    // SSL_CERT_DIR may name several, with ':' between them.
    const bool folder = name == "SSL_CERT_DIR" || fs::is_directory(value, ignored);
    if (!value.empty()) {
      (folder ? s.ca_folder : s.ca_file) = value;
      return;
    }
  }
}

bool in_variable_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// "~" and "~user" at the start; as it was when there is no such user.
std::string home_expanded(const std::string& text) {
  if (!text.starts_with('~')) return text;
  const auto end = std::min(text.find('/'), text.size());
  std::string home = end == 1 ? environment("HOME") : "";
  if (home.empty()) {
    const passwd* user =
        end == 1 ? ::getpwuid(::getuid()) : ::getpwnam(text.substr(1, end - 1).c_str());
    if (!user) return text;
    home = user->pw_dir;
  }
  while (home.ends_with('/')) home.pop_back();
  const std::string path = home + text.substr(end);
  return path.empty() ? "/" : path;
}

// "$NAME" and "${NAME}" of variables that are set.
std::string variables_expanded(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool braced = text.compare(at, 2, "${") == 0;
    const std::size_t begin = at + (braced ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && (braced ? text[end] != '}' : in_variable_name(text[end]))) ++end;
    const char* value = text[at] == '$' && end > begin && (!braced || end < text.size())
                            ? std::getenv(text.substr(begin, end - begin).c_str())
                            : nullptr;
    if (value) out += value;
    if (!value) out += text[at];
    at = value ? end + (braced ? 1 : 0) : at + 1;
  }
  return out;
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

fs::path expanded(const std::string& text) { return variables_expanded(home_expanded(text)); }

fs::path path_in(const char* name) { return expanded(environment(name)); }

fs::path hf_home() {
  if (auto home = path_in("HF_HOME"); !home.empty()) return home;
  if (auto xdg = path_in("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "huggingface";
  const auto home = environment("HOME");
  if (home.empty())
    fail_hint(Errc::kUsage, "set HF_HOME, or give --cache-dir",
              "no cache folder: neither HF_HOME nor HOME is set");
  return fs::path(home) / ".cache/huggingface";
}

fs::path cache_folder(const std::string& given) {
  if (!given.empty()) return expanded(given);
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"})
    if (auto value = path_in(name); !value.empty()) return value;
  return hf_home() / "hub";
}

bool offline() { return is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE"); }

std::string proxy_for(const std::string& scheme) {
  for (const std::string& name : {scheme + "_proxy", std::string("all_proxy")})
    for (const std::string& spelt : {name, uppercase(name)}) {
      const bool from_a_request = spelt == "HTTP_PROXY" && !environment("REQUEST_METHOD").empty();
      if (auto value = trimmed(environment(spelt.c_str())); !value.empty() && !from_a_request)
        return value;
    }
  return "";
}

Settings settings(bool implicit_token) {
  Settings s;
  s.endpoint = endpoint();
  if (!implicit_token || !is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN")) s.token = find_token();
  if (!s.token.empty()) {
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);  // a core dump would hold it
  }
  s.answer_s = whole_seconds("HF_HUB_ETAG_TIMEOUT");
  s.stall_s = whole_seconds("HF_HUB_DOWNLOAD_TIMEOUT");
  s.retry_s = seconds("HFT_HUB_RETRY_WAIT", 1);
  find_certificates(s);
  return s;
}

}  // namespace hft::hub
