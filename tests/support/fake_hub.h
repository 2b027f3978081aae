// The fake Hub (fake_hub.py) as a value, and hft and Python pointed at it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/test.h"

namespace hft::test {

class FakeHub {
 public:
  // `settings`: the JSON of hub.json, see fake_hub.py.
  explicit FakeHub(const std::string& settings = "{}", bool tls = false);
  ~FakeHub();
  FakeHub(const FakeHub&) = delete;

  // A file of a repository; before start().
  void add(const std::string& repo, const std::string& name, std::string_view bytes);
  // A small model that hft can run.
  void add_model(const std::string& repo, const std::string& licence = "apache-2.0");
  void start();
  void faults(const std::string& rules) const;  // a JSON list
  std::vector<Json> log() const;                // by time, once no request is under way
  void clear_log() const;
  // Requests whose path holds `part`.
  std::vector<Json> log(const std::string& part) const;

  // The environment that points a program here, with its own HF_HOME.
  std::vector<std::string> env(std::vector<std::string> more = {}) const;
  Ran run(const std::vector<std::string>& args, std::vector<std::string> more_env = {},
          const std::string& in = "") const;
  // Starts hft and returns at once; wait_for() gives what `run` does, but no output.
  pid_t launch(const std::vector<std::string>& args, std::vector<std::string> more_env = {}) const;
  static int wait_for(pid_t pid);
  // Runs a script with huggingface_hub of this version.
  Ran python(const std::string& version, const std::string& script,
             std::vector<std::string> more_env = {}) const;

  fs::path home() const { return folder / "home"; }
  fs::path cache() const { return home() / "hub"; }
  fs::path repo(const std::string& id) const;  // its folder in the cache
  // Every file below the cache that is not as the layout wants it: a digest that is wrong, a link
  // to nowhere, a ref to a missing snapshot; "" when there is none.
  std::string cache_faults() const;

  TempFolder temporary;
  fs::path folder;
  std::string hub, cdn;  // URLs

 private:
  void wait_until_idle() const;  // then the log is whole

  bool tls_;
  pid_t pid_ = -1;
  int stdin_ = -1, stdout_ = -1;
};

// Bytes that look random and are always the same.
std::string noise(std::size_t bytes, unsigned seed = 1);

// Paths below `folder`, with what each is: to see that nothing changed.
std::vector<std::string> tree_of(const fs::path& folder);

}  // namespace hft::test
