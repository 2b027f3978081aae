#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/test.h"

namespace hft::test {

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "hft-test-XXXXXX").string();
  path = ::mkdtemp(name.data());
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

fs::path golden(const std::string& name) {
  return fs::path(HFT_SOURCE_DIR) / "tests/golden" / name;
}
fs::path model(const std::string& name) { return fs::path(HFT_SOURCE_DIR) / "models" / name; }

std::string slurp(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
void spit(const fs::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

std::vector<Json> Ran::records() const {
  std::vector<Json> found;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) found.push_back(Json::parse(line));
  return found;
}

Ran hft(const std::vector<std::string>& args, const RunOptions& options) {
  TempFolder folder;
  spit(folder / "in", options.in);
  pid_t pid = ::fork();
  if (pid == 0) {
    ::setpgid(0, 0);
    auto redirect = [](int fd, const fs::path& file, int flags) {
      int opened = ::open(file.c_str(), flags, 0600);
      ::dup2(opened, fd);
    };
    redirect(0, folder / "in", O_RDONLY);
    redirect(1, folder / "out", O_WRONLY | O_CREAT);
    redirect(2, folder / "err", O_WRONLY | O_CREAT);
    for (const auto& pair : options.env) ::putenv(const_cast<char*>(pair.c_str()));
    if (!options.cwd.empty() && ::chdir(options.cwd.c_str()) != 0) ::_exit(126);
    std::vector<char*> argv{const_cast<char*>("hft")};
    for (const auto& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    ::execv(HFT_BINARY, argv.data());
    ::_exit(127);
  }
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.timeout_s);
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) ::kill(-pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Ran ran;
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ran.out = slurp(folder / "out");
  ran.err = slurp(folder / "err");
  return ran;
}

Error caught(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  FAIL("no hft::Error was thrown");
  return {Errc::kFailure, ""};
}
std::string error_of(const std::function<void()>& f) { return caught(f).message; }

namespace {
std::string differ(const Json& got, const Json& wanted, double relative, double absolute,
                   const std::string& path) {
  auto both = [&] { return path + ": got " + got.dump() + ", wanted " + wanted.dump(); };
  if (got.is_number() && wanted.is_number()) {
    double a = got.get<double>(), b = wanted.get<double>();
    return std::abs(a - b) <= absolute + relative * std::abs(b) ? "" : both();
  }
  if (got.type() != wanted.type() || got.size() != wanted.size()) return both();
  if (got.is_array()) {
    for (std::size_t i = 0; i < got.size(); ++i) {
      auto found =
          differ(got[i], wanted[i], relative, absolute, path + "[" + std::to_string(i) + "]");
      if (!found.empty()) return found;
    }
    return "";
  }
  if (!got.is_object()) return got == wanted ? "" : both();
  for (auto a = got.begin(), b = wanted.begin(); a != got.end(); ++a, ++b) {
    if (a.key() != b.key()) return both();
    auto found = differ(*a, *b, relative, absolute, path + "." + a.key());
    if (!found.empty()) return found;
  }
  return "";
}
}  // namespace

std::string difference(const Json& got, const Json& wanted, double relative, double absolute) {
  return differ(got, wanted, relative, absolute, "$");
}

}  // namespace hft::test
