// What every test includes: doctest (whose CHECK c10 redefines, so ATen comes first), and helpers
// for temporary folders, tiny files and running the real program.
#pragma once

#if __has_include(<ATen/ATen.h>)
#include "core/nn/tensor.h"
#undef CHECK
#undef CHECK_EQ
#undef CHECK_NE
#undef CHECK_LT
#undef CHECK_LE
#undef CHECK_GT
#undef CHECK_GE
#endif
#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/json.h"

namespace hft::test {

namespace fs = std::filesystem;

// A folder that is removed with everything in it.
struct TempFolder {
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  fs::path operator/(const std::string& name) const { return path / name; }
  fs::path path;
};

fs::path golden(const std::string& name);  // tests/golden/<name>
fs::path model(const std::string& name);   // models/<name>, put there by scripts/setup
std::string slurp(const fs::path& file);   // "" when missing
void spit(const fs::path& file, std::string_view bytes);

struct Ran {
  int code = -1;  // exit code; 128 + n when signal n ended it
  std::string out, err;
  std::vector<Json> records() const;  // stdout, a JSON value per line
};
struct RunOptions {
  std::string in;                // standard input
  std::vector<std::string> env;  // "NAME=value", added to the environment
  fs::path cwd;                  // "" = here
  int timeout_s = 120;           // then SIGKILL
};
// Runs a program, looked for in PATH.
Ran command(const std::vector<std::string>& argv, const RunOptions& options = {});
// Runs the real binary.
Ran hft(const std::vector<std::string>& args, const RunOptions& options = {});

// The message of the hft::Error that f throws; fails the test when it throws none.
std::string error_of(const std::function<void()>& f);
Error caught(const std::function<void()>& f);

// Equal JSON: same types, keys and order; numbers within `relative` (and `absolute` near zero).
// Returns "" when equal, else the path and both values of the first difference.
std::string difference(const Json& got, const Json& wanted, double relative = 1e-4,
                       double absolute = 1e-6);

}  // namespace hft::test
