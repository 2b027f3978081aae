// What the environment says about the Hub, as huggingface_hub reads it.
#pragma once

#include <filesystem>
#include <string>

namespace hft::hub {

// HF_HOME, else XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface. Throws kUsage when none of
// them and no HOME is set.
std::filesystem::path hf_home();
// `given` (--cache-dir), else HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, TRANSFORMERS_CACHE, HF_HOME/hub.
std::filesystem::path cache_folder(const std::string& given = "");

// HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE.
bool offline();

struct Settings {
  std::string endpoint;  // HF_ENDPOINT without a last '/', else https://huggingface.co
  std::string token;     // "" = anonymous
  int answer_s;          // HF_HUB_ETAG_TIMEOUT: to connect, and for an answer to begin
  int stall_s;           // HF_HUB_DOWNLOAD_TIMEOUT: a transfer may stand still for so long
  double retry_s;        // HFT_HUB_RETRY_WAIT: before the second try; doubles up to 8 times it
  // Certificates to trust; "" = the system's. REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE (a file or a
  // folder), SSL_CERT_FILE, SSL_CERT_DIR.
  std::string ca_file, ca_folder;
};

// `implicit_token`: HF_HUB_DISABLE_IMPLICIT_TOKEN leaves the token out.
Settings settings(bool implicit_token = true);

// The proxy that the environment names for addresses of a scheme ("http", "https"); "" = none. In
// capitals too, as Python reads them; but HTTP_PROXY not where a web server could have set it.
std::string proxy_for(const std::string& scheme);

std::string environment(const char* name);  // "" when unset
// A path as people write it where no shell reads it: "~", "~user", "$NAME" and "${NAME}" stand for
// what a shell would put there, as Python's expanduser and expandvars do.
std::filesystem::path expanded(const std::string& text);
std::filesystem::path path_in(const char* name);  // of a variable, expanded

}  // namespace hft::hub
