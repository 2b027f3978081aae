#include "hub/settings.h"

#include <sys/resource.h>

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
  while (url.ends_with('/')) url.pop_back();
  return url.empty() ? "https://huggingface.co" : url;
}

}  // namespace

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

fs::path path_in(const char* name) {
  const std::string value = environment(name);
  if (value.starts_with("~/")) return fs::path(environment("HOME")) / value.substr(2);
  return value;
}

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
  if (!given.empty()) return given;
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"})
    if (auto value = path_in(name); !value.empty()) return value;
  return hf_home() / "hub";
}

bool offline() { return is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE"); }

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
  for (const char* name : {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"})
    if (s.ca_bundle.empty()) s.ca_bundle = environment(name);
  return s;
}

}  // namespace hft::hub
