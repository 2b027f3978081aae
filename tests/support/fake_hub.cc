#include "tests/support/fake_hub.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <sstream>

#include "hub/names.h"
#include "hub/partial.h"

namespace hft::test {
namespace {

// A certificate authority and a certificate for 127.0.0.1 and localhost.
void make_certificates(const fs::path& folder) {
  const std::string script = "cd '" + folder.string() +
                             "' && exec >/dev/null 2>&1 && "
                             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                             "-days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem && "
                             "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "
                             "/CN=localhost -keyout key.pem -out request.pem && "
                             "printf 'subjectAltName=IP:127.0.0.1,DNS:localhost' > names && "
                             "openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key "
                             "-CAcreateserial -days 2 -extfile names -out cert.pem";
  REQUIRE(std::system(script.c_str()) == 0);
}

std::string first_line(int fd) {
  std::string line;
  for (char c; ::read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

FakeHub::FakeHub(const std::string& settings, bool tls) : folder(temporary.path), tls_(tls) {
  fs::create_directories(folder / "repos");
  spit(folder / "hub.json", settings);
  if (tls_) make_certificates(folder);
}

FakeHub::~FakeHub() {
  if (pid_ < 0) return;
  ::close(stdin_);
  ::close(stdout_);
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void FakeHub::add(const std::string& repo, const std::string& name, std::string_view bytes) {
  const fs::path file = folder / "repos" / repo / name;
  fs::create_directories(file.parent_path());
  spit(file, bytes);
}

void FakeHub::add_model(const std::string& repo, const std::string& licence) {
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json",
                           "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"})
    add(repo, name, slurp(golden("bert-classify") / name));
  add(repo, ".gitattributes", "*.safetensors filter=lfs diff=lfs merge=lfs -text\n");
  add(repo, "README.md", "---\nlicense: " + licence + "\n---\n# A model\n");
}

void FakeHub::start() {
  int in[2], out[2];
  REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    const std::string script = std::string(HFT_SOURCE_DIR) + "/tests/support/fake_hub.py",
                      where = folder.string();
    const std::string cert = (folder / "cert.pem").string(), key = (folder / "key.pem").string();
    if (tls_)
      ::execlp("python3", "python3", script.c_str(), where.c_str(), "--tls", cert.c_str(),
               key.c_str(), nullptr);
    else
      ::execlp("python3", "python3", script.c_str(), where.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  stdin_ = in[1];
  stdout_ = out[0];
  const std::string line = first_line(stdout_);
  REQUIRE_MESSAGE(!line.empty(), "the fake Hub did not start");
  const Json urls = Json::parse(line);
  hub = urls["hub"];
  cdn = urls["cdn"];
}

void FakeHub::faults(const std::string& rules) const {
  REQUIRE(Json::parse(rules).is_array());
  spit(folder / "faults.new", rules);
  fs::rename(folder / "faults.new", folder / "faults.json");
}

void FakeHub::wait_until_idle() const {
  REQUIRE(::write(stdin_, "\n", 1) == 1);
  REQUIRE(first_line(stdout_) == "idle");
}

std::vector<Json> FakeHub::log() const {
  wait_until_idle();
  std::vector<Json> out;
  std::istringstream lines(slurp(folder / "log.jsonl"));
  for (std::string line; std::getline(lines, line);) out.push_back(Json::parse(line));
  std::sort(out.begin(), out.end(),
            [](const Json& a, const Json& b) { return a["began"] < b["began"]; });
  return out;
}

std::vector<Json> FakeHub::log(const std::string& part) const {
  std::vector<Json> out;
  for (const Json& entry : log())
    if (entry["path"].get<std::string>().find(part) != std::string::npos) out.push_back(entry);
  return out;
}

void FakeHub::clear_log() const {
  wait_until_idle();
  spit(folder / "log.jsonl", "");
}

std::vector<std::string> FakeHub::env(std::vector<std::string> more) const {
  // putenv of a name alone takes it out.
  std::vector<std::string> out{"HF_TOKEN",
                               "HUGGING_FACE_HUB_TOKEN",
                               "HF_TOKEN_PATH",
                               "HF_HUB_CACHE",
                               "HUGGINGFACE_HUB_CACHE",
                               "TRANSFORMERS_CACHE",
                               "HF_HUB_OFFLINE",
                               "TRANSFORMERS_OFFLINE",
                               "REQUESTS_CA_BUNDLE",
                               "CURL_CA_BUNDLE",
                               "SSL_CERT_FILE",
                               "SSL_CERT_DIR",
                               "http_proxy",
                               "HTTP_PROXY",
                               "https_proxy",
                               "HTTPS_PROXY",
                               "all_proxy",
                               "ALL_PROXY"};
  out.insert(out.end(),
             {"HF_ENDPOINT=" + hub, "HF_HOME=" + home().string(), "HFT_HUB_RETRY_WAIT=0.01",
              "HF_HUB_DISABLE_XET=1", "HF_HUB_DISABLE_PROGRESS_BARS=1"});
  if (tls_) out.push_back("SSL_CERT_FILE=" + (folder / "ca.pem").string());
  for (auto& pair : more) out.push_back(std::move(pair));
  return out;
}

Ran FakeHub::run(const std::vector<std::string>& args, std::vector<std::string> more_env,
                 const std::string& in) const {
  return hft(args, {.in = in, .env = env(std::move(more_env))});
}

pid_t FakeHub::launch(const std::vector<std::string>& args,
                      std::vector<std::string> more_env) const {
  const auto pairs = env(std::move(more_env));
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setpgid(0, 0);
  for (const auto& pair : pairs) ::putenv(const_cast<char*>(pair.c_str()));
  // Not freopen: it would write out what the test's own stdout still holds.
  ::dup2(::open("/dev/null", O_WRONLY), 1);
  ::dup2(::open((folder / "launched.err").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
  std::vector<char*> argv{const_cast<char*>("hft")};
  for (const auto& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  ::execv(HFT_BINARY, argv.data());
  ::_exit(127);
}

int FakeHub::wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Ran FakeHub::python(const std::string& version, const std::string& script,
                    std::vector<std::string> more_env) const {
  const fs::path program = fs::path(HFT_SOURCE_DIR) / ".venv-hub" / version / "bin/python";
  REQUIRE_MESSAGE(fs::exists(program), "run scripts/setup: it installs huggingface_hub ", version);
  return command({program.string(), "-c", script}, {.env = env(std::move(more_env))});
}

fs::path FakeHub::repo(const std::string& id) const {
  std::string name = "models--" + id;
  if (auto slash = name.find('/'); slash != std::string::npos) name.replace(slash, 1, "--");
  return cache() / name;
}

std::string FakeHub::cache_faults() const {
  std::error_code none;
  for (fs::recursive_directory_iterator at(cache(), none), end; !none && at != end;
       at.increment(none)) {
    const std::string path = at->path().string(), name = at->path().filename().string();
    if (at->is_symlink() && !fs::exists(at->path())) return path + ": leads nowhere";
    if (at->path().parent_path().filename() == "refs" && at->is_regular_file() &&
        !fs::is_directory(at->path().parent_path().parent_path() / "snapshots" / slurp(at->path())))
      return path + ": names a snapshot that is not there";
    if (at->path().parent_path().filename() != "blobs" || name.ends_with(".incomplete")) continue;
    if (!hub::is_digest(name)) return path + ": not a digest";
    if (hub::digest_of(at->path(), name) != name) return path + ": wrong bytes";
  }
  return "";
}

std::string noise(std::size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

std::vector<std::string> tree_of(const fs::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::string what = entry.path().string();
    if (entry.is_symlink())
      what += " -> " + fs::read_symlink(entry.path()).string();
    else if (entry.is_regular_file())
      what += " " + std::to_string(std::hash<std::string>()(slurp(entry.path())));
    out.push_back(what);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace hft::test
