// Tokens and the cache commands.
#include <sys/stat.h>

#include <algorithm>

#include "tests/support/fake_hub.h"

using namespace hft;
using test::FakeHub;
namespace fs = std::filesystem;

namespace {

const std::string kSettings =
    R"({"users": {"hf_token_of_ann": {"name": "ann", "orgs": ["lab", "team"]}}})";

unsigned mode_of(const fs::path& file) {
  struct stat info {};
  return ::stat(file.c_str(), &info) == 0 ? info.st_mode & 0777u : 0u;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "login: the token is checked, then kept for the user alone; logout removes it") {
  FakeHub hub(kSettings);
  hub.start();
  const auto wrong = hub.run({"hub", "login"}, {}, "hf_wrong\n");
  CHECK(wrong.code == 4);
  CHECK(wrong.err == "hft: the Hub does not accept the token (401)\nhint: make one at " + hub.hub +
                         "/settings/tokens\n");
  CHECK_FALSE(fs::exists(hub.home() / "token"));
  const auto ran = hub.run({"hub", "login"}, {}, "hf_token_of_ann\n");
  CHECK(ran.code == 0);
  CHECK(ran.err ==
        "hft: logged in as ann; the token is in " + (hub.home() / "token").string() + "\n");
  CHECK(ran.out.empty());
  CHECK(test::slurp(hub.home() / "token") == "hf_token_of_ann");
  CHECK(mode_of(hub.home() / "token") == 0600);
  CHECK(mode_of(hub.home() / "stored_tokens") == 0600);
  CHECK(mode_of(hub.home()) == 0700);
  CHECK(hub.run({"hub", "whoami"}).out == "ann\norgs: lab, team\n");
  CHECK(hub.run({"hub", "whoami", "--json"}).records()[0]["orgs"] == Json{"lab", "team"});
  CHECK(hub.run({"hub", "logout"}).err == "hft: logged out\n");
  CHECK_FALSE(fs::exists(hub.home() / "token"));
  const auto out = hub.run({"hub", "whoami"});
  CHECK(out.code == 4);
  CHECK(out.err == "hft: hub whoami: not logged in\nhint: set HF_TOKEN or run hft hub login\n");
}

TEST_CASE("login: what is no token is refused; it is never taken from the command line") {
  FakeHub hub(kSettings);
  hub.start();
  CHECK(hub.run({"hub", "login"}, {}, "").code == 2);
  CHECK(hub.run({"hub", "login"}, {}, "two words\n").code == 2);
  CHECK(hub.run({"hub", "login"}, {}, "a\rb: c\n").code == 2);
  CHECK(hub.run({"hub", "login", "--token", "hf_x"}).code == 2);
  CHECK(hub.run({"hub", "login", "hf_x"}).code == 2);
  const std::string token = "hf_ThisTokenIsShownToNobodyAtAll01234567";
  for (const std::vector<std::string>& args : {std::vector<std::string>{"hub", "login", token},
                                               {"hub", "whoami", token},
                                               {"push", "x", "ann/x", token},
                                               {"hub", "download", token + "/x"},
                                               {"tokenize", "-m", token, "x"},
                                               {"hub", token}}) {
    const auto ran = hub.run(args, {"HF_HUB_OFFLINE=1"});
    CAPTURE(args[0]);
    CHECK(ran.code != 0);
    CHECK_FALSE(has(ran.out + ran.err, "ThisTokenIs"));
  }
  CHECK(has(hub.run({"hub", "login", token}).err,
            "hft: hub login: a token is not taken from the command line; it comes from standard "
            "input (hft hub login) or from HF_TOKEN\n"));
  CHECK(hub.log().empty());
  const auto header = hub.run({"hub", "whoami"}, {"HF_TOKEN=a\nX-Evil: 1"});
  CHECK(header.code == 2);
  CHECK(header.err == "hft: HF_TOKEN: does not hold a token (one word of ASCII letters)\n");
}

TEST_CASE(
    "tokens: HF_TOKEN, then HF_TOKEN_PATH, then the token file; switched off for downloads") {
  FakeHub hub(kSettings);
  hub.add_model("org/tiny");
  hub.start();
  fs::create_directories(hub.home());
  test::spit(hub.home() / "token", "hf_in_file");
  test::spit(hub.folder / "other", " hf_in_other \n");
  const auto sent = [&](const std::vector<std::string>& env) {
    hub.clear_log();
    hub.run({"hub", "info", "org/tiny"}, env);
    return hub.log()[0]["token"].get<std::string>();
  };
  CHECK(sent({}) == "Bearer hf_in_file");
  CHECK(sent({"HF_TOKEN_PATH=" + (hub.folder / "other").string()}) == "Bearer hf_in_other");
  CHECK(sent({"HF_TOKEN=hf_in_env"}) == "Bearer hf_in_env");
  CHECK(sent({"HUGGING_FACE_HUB_TOKEN=hf_legacy"}) == "Bearer hf_legacy");
  CHECK(sent({"HF_HUB_DISABLE_IMPLICIT_TOKEN=1"}) == "");
}

TEST_CASE("info: licence, gating and size; the list of files") {
  FakeHub hub(R"({"repos": {"org/tiny": {"gated": "manual", "card_tags": ["license:mit"]}}})");
  hub.add_model("org/tiny");
  hub.start();
  const auto info = hub.run({"hub", "info", "org/tiny"});
  CHECK(info.code == 0);
  CHECK(has(info.out,
            "license        mit\ngated          manual\nprivate        false\nfiles          8\n"));
  CHECK(hub.run({"hub", "info", "org/tiny", "--json"}).records()[0]["gated"] == "manual");
  const auto ls = hub.run({"hub", "ls", "org/tiny"});
  CHECK(ls.out.starts_with("SIZE      FILE\n"));
  CHECK(has(ls.out, "124.9 kB  model.safetensors\n"));
  CHECK(hub.run({"hub", "ls", "org/tiny", "--json"}).records().size() == 8);
}

TEST_CASE("cache: ls, filters, rm of a revision keeps what another needs, prune, verify") {
  FakeHub hub(R"({"users": {"hf_token_of_ann": {"name": "ann"}}})");
  hub.add("ann/m", "shared.bin", test::noise(50'000));
  hub.add("ann/m", "a.txt", "first");
  hub.add("org/other", "b.txt", "other");
  hub.start();
  REQUIRE(hub.run({"hub", "download", "ann/m"}).code == 0);
  REQUIRE(hub.run({"hub", "download", "org/other"}).code == 0);
  const std::string first = test::slurp(hub.repo("ann/m") / "refs/main");
  test::spit(hub.folder / "a.txt", "second");
  REQUIRE(hub.run({"hub", "upload", "ann/m", (hub.folder / "a.txt").string()},
                  {"HF_TOKEN=hf_token_of_ann"})
              .code == 0);
  REQUIRE(hub.run({"hub", "download", "ann/m"}).code == 0);

  const auto ls = hub.run({"hub", "cache", "ls"});
  CHECK(ls.out.find("ID         SIZE     LAST USED  MODIFIED  REFS\nann/m      50.0 kB  just now   "
                    "just now  main\norg/other  5 B ") == 0);
  CHECK(ls.err == "hft: 2 repos, 50.0 kB in " + hub.cache().string() + "\n");
  CHECK(hub.run({"hub", "cache", "ls", "--filter", "size>1kB", "--json"}).records().size() == 1);
  CHECK(hub.run({"hub", "cache", "ls", "--filter", "accessed>1h", "--json"}).out.empty());
  CHECK(hub.run({"hub", "cache", "ls", "--filter", "size>many"}).code == 2);
  CHECK(hub.run({"hub", "cache", "ls", "--json"}).records()[0]["revisions"].size() == 2);

  // Nobody to ask; then a revision goes, and what the other needs stays.
  const auto asked = hub.run({"hub", "cache", "rm", first});
  CHECK(asked.code == 2);
  CHECK(has(asked.err, "nobody to ask: 'remove this, 5 B?' needs --yes"));
  CHECK(hub.run({"hub", "cache", "prune", "--dry-run"}).out ==
        "model/ann/m: revision " + first + "\n");
  CHECK(fs::exists(hub.repo("ann/m") / "snapshots" / first));
  const auto pruned = hub.run({"hub", "cache", "prune", "--yes"});
  CHECK(pruned.code == 0);
  CHECK(pruned.err == "hft: freed 5 B\n");
  CHECK_FALSE(fs::exists(hub.repo("ann/m") / "snapshots" / first));
  CHECK(hub.cache_faults() == "");
  CHECK(hub.run({"hub", "download", "ann/m", "--local-files-only"}).code == 0);
  CHECK(hub.run({"hub", "cache", "prune", "--yes"}).err == "hft: nothing to remove\n");

  // A broken-off download and a blob of no revision are pruned.
  test::spit(hub.repo("ann/m") / "blobs" / (std::string(64, 'a') + ".deadbeef.incomplete"), "abc");
  test::spit(hub.repo("ann/m") / "blobs" / std::string(64, 'b'), "abcd");
  CHECK(hub.run({"hub", "cache", "prune", "--yes"}).err == "hft: freed 7 B\n");

  const auto verified = hub.run({"hub", "cache", "verify"});
  CHECK(verified.code == 0);
  CHECK(verified.err == "hft: ann/m: 2 files as the Hub has them\nhft: org/other: 1 file as the Hub has them\nhft: 3 files verified\n");
  // One flipped bit, the size unchanged.
  for (const auto& blob : fs::directory_iterator(hub.repo("ann/m") / "blobs"))
    if (fs::file_size(blob) == 50'000) {
      std::string bytes = test::slurp(blob.path());
      bytes[40'000] = static_cast<char>(bytes[40'000] ^ 4);
      test::spit(blob.path(), bytes);
    }
  const auto damaged = hub.run({"hub", "cache", "verify"});
  CAPTURE(damaged.out);
  CHECK(damaged.code == 9);
  CHECK(has(damaged.out, ": shared.bin: sha256 is "));
  CHECK(has(damaged.err, "hft: cache: 1 file of 3 not as the Hub has them\n"));
  CHECK(hub.run({"hub", "cache", "verify", "org/other"}).code == 0);
  CHECK(hub.run({"hub", "cache", "verify", "org/none"}).code == 5);

  CHECK(hub.run({"hub", "cache", "rm", "nobody/none", "--yes"}).code == 5);
  CHECK(hub.run({"hub", "cache", "rm", "model/ann/m", "--yes"}).code == 0);
  CHECK_FALSE(fs::exists(hub.repo("ann/m")));
  CHECK(hub.run({"hub", "cache", "rm", "--filter", "size<1kB", "--yes"}).code == 0);
  CHECK(hub.run({"hub", "cache", "ls"}).out.empty());
}

TEST_CASE("cache: a truncated entry is not trusted: fetched again, or told when offline") {
  FakeHub hub;
  hub.add("org/m", "data.bin", test::noise(50'000));
  hub.start();
  REQUIRE(hub.run({"hub", "download", "org/m"}).code == 0);
  const auto blob = fs::directory_iterator(hub.repo("org/m") / "blobs")->path();
  fs::resize_file(blob, 20'000);
  const auto offline = hub.run({"hub", "download", "org/m", "--local-files-only"});
  CHECK(offline.code == 9);
  CHECK(has(offline.err,
            "org/m@main: data.bin: torn in the cache (20000 bytes, wanted 50000), and "
            "--local-files-only uses no network"));
  const auto online = hub.run({"hub", "download", "org/m"});
  CHECK(online.code == 0);
  CHECK(has(online.err,
            "data.bin: torn in the cache (20000 bytes, wanted 50000); fetching it again"));
  CHECK(hub.cache_faults() == "");
}
