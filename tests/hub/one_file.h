// A Hub with one large file, and what tests of faults ask of it.
#pragma once

#include <sstream>
#include <string>

#include "hub/partial.h"
#include "tests/support/fake_hub.h"

namespace hft::test {

inline constexpr std::size_t kBytes = 400'000;

// A Hub with one large file, half of which may be there already.
struct OneFile {
  explicit OneFile(const std::string& settings = "{}", bool tls = false)
      : hub(settings, tls), bytes(noise(kBytes)) {
    hub.add("org/big", "model.bin", bytes);
    hub.start();
    digest = hft::hub::digest_of(hub.folder / "repos/org/big/model.bin", std::string(64, '0'));
  }
  void leave_half() const {
    fs::create_directories(blob().parent_path());
    spit(blob().string() + ".0badcafe.incomplete", bytes.substr(0, kBytes / 2));
  }
  fs::path blob() const { return hub.repo("org/big") / "blobs" / digest; }
  bool is_there() const { return slurp(blob()) == bytes; }
  // Downloads into an empty cache.
  Ran fetch(const std::string& faults, std::vector<std::string> env = {}) const {
    hub.faults(faults);
    hub.clear_log();
    return hub.run({"hub", "download", "org/big"}, std::move(env));
  }
  void forget() const { fs::remove_all(hub.repo("org/big")); }

  FakeHub hub;
  std::string bytes, digest;
};

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The last line of stderr that is no hint, without "hft: ".
inline std::string error_line(const Ran& ran) {
  std::string found;
  std::istringstream lines(ran.err);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("hft: ")) found = line.substr(5);
  return found;
}

}  // namespace hft::test
