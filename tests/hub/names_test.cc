// What becomes part of a path or an address.
#include "hub/names.h"

#include <cstdlib>

#include "hub/cache.h"
#include "hub/settings.h"
#include "tests/support/test.h"

using namespace hft;
using hub::check_file_name;

namespace {
// Names that leave the folder they are put into on one system or another.
const std::vector<std::string> kUnsafe{
    "../evil",  "../../evil",      "a/../../evil", "..",       "/etc/passwd",
    "a//b",     "C:\\evil",        "C:evil",       "a/D:evil", "\\\\host\\share\\evil",
    "..\\evil", "a\\..\\..\\evil", "\\evil"};
}  // namespace

TEST_CASE(
    "names: 13 unsafe file names, and more, are refused before a path is made of them") {
  CHECK(kUnsafe.size() == 13);
  const hub::CachedRepo repo("/cache", "org/name");
  const std::string commit(40, 'a');
  for (const auto& name : kUnsafe) {
    CAPTURE(name);
    CHECK(test::caught([&] { check_file_name(name); }).code == Errc::kBadData);
    CHECK(test::caught([&] { repo.file(commit, name); }).code == Errc::kBadData);
    CHECK(test::caught([&] { repo.no_exist(commit, name); }).code == Errc::kBadData);
  }
  for (const std::string& name :
       {std::string("a\0b", 3), std::string("a\nb"), std::string("a\x1b[31m"),
        std::string(256, 'x'), std::string(".git/config"), std::string("a/.GIT/config"),
        std::string("a."), std::string("a /b"), std::string(""), std::string("./a"),
        std::string("a/./b"), std::string("\xff")})
    CHECK(test::caught([&] { check_file_name(name); }).code == Errc::kBadData);
  CHECK(test::error_of([] { check_file_name("../x\n"); }) ==
        "unsafe file name '../x\\n': it has a control character");
  CHECK(test::error_of([] { check_file_name("a/../b"); }) ==
        "unsafe file name 'a/../b': it has the part '..'");
}

TEST_CASE("names: those that lead out of a folder are told from those that are odd") {
  for (const auto* name :
       {"../x", "a/../x", "..", "/x", "C:\\x", "c:/x", "..\\x", "\\x", "a\\..\\x"})
    CHECK(hub::leads_out(name));
  for (const auto* name : {"a:b.txt", "C:x", "a\\b", "a..b", "...", "x.", "a\nb", ".git/x"})
    CHECK_FALSE(hub::leads_out(name));
}

TEST_CASE("settings: a path is expanded as Python does it") {
  const std::string home = hub::environment("HOME");
  ::setenv("HFT_TEST_PART", "some/part", 1);
  ::setenv("HOME", "/home/ann/", 1);
  const auto check = [](const char* text, const char* wanted) {
    CAPTURE(text);
    CHECK(hub::expanded(text) == wanted);
  };
  check("~", "/home/ann");
  check("~/models", "/home/ann/models");
  check("~root/models", "/root/models");
  check("~nobody-of-this-name/x", "~nobody-of-this-name/x");
  check("a/~", "a/~");
  check("$HFT_TEST_PART/x", "some/part/x");
  check("/a/${HFT_TEST_PART}x", "/a/some/partx");
  check("$HFT_TEST_PARTx/${HFT_NO_SUCH}/$", "$HFT_TEST_PARTx/${HFT_NO_SUCH}/$");
  check("${HFT_TEST_PART", "${HFT_TEST_PART");
  check("/plain", "/plain");
  ::setenv("HOME", home.c_str(), 1);
}

TEST_CASE("names: ordinary names pass") {
  for (const auto* name : {"config.json", "1_Pooling/config.json", ".gitattributes", "a..b",
                           "deep/er/model-00001-of-00002.safetensors", "ünïcode.txt", "key:value"})
    CHECK_NOTHROW(check_file_name(name));
}

TEST_CASE("names: etags and commits must be hex digits of the right number") {
  CHECK(hub::checked_digest('"' + std::string(40, 'a') + '"') == std::string(40, 'a'));
  CHECK(hub::checked_digest("W/\"" + std::string(64, '0') + '"') == std::string(64, '0'));
  for (const std::string& bad :
       {std::string("../../x"), std::string(""), std::string(39, 'a'), std::string(41, 'a'),
        std::string(64, 'g'), std::string(64, 'A'), std::string(38, 'a') + "/.",
        std::string("\"") + std::string(40, 'a')})
    CHECK(test::caught([&] { hub::checked_digest(bad); }).code == Errc::kBadData);
  CHECK(test::error_of([] { hub::checked_digest("../../x"); }) ==
        "the Hub's etag '../../x' is not 40 or 64 hex digits; refused");
  CHECK(test::error_of([] { hub::checked_commit(".."); }) ==
        "the Hub's commit '..' is not 40 hex digits; refused");
  const hub::CachedRepo repo("/cache", "org/name");
  CHECK(test::caught([&] { repo.blob("../../x"); }).code == Errc::kBadData);
  CHECK(test::caught([&] { repo.snapshot(".."); }).code == Errc::kBadData);
  CHECK(test::caught([&] { repo.lock("x"); }).code == Errc::kBadData);
  CHECK(test::caught([&] { repo.tree("main"); }).code == Errc::kBadData);
  CHECK(test::caught([&] { repo.ref("../x"); }).code == Errc::kUsage);
}

TEST_CASE("names: paths of the cache are those of huggingface_hub") {
  const hub::CachedRepo repo("/c", "org/name"), plain("/c", "gpt2"),
      data("/c", "org/set", "dataset");
  const std::string digest(64, 'b'), commit(40, 'a');
  CHECK(repo.blob(digest) == "/c/models--org--name/blobs/" + digest);
  CHECK(repo.file(commit, "a/b.json") == "/c/models--org--name/snapshots/" + commit + "/a/b.json");
  CHECK(repo.ref("refs/pr/1") == "/c/models--org--name/refs/refs/pr/1");
  CHECK(repo.lock(digest) == "/c/.locks/models--org--name/" + digest + ".lock");
  CHECK(repo.no_exist(commit, "x") == "/c/models--org--name/.no_exist/" + commit + "/x");
  CHECK(repo.tree(commit) == "/c/models--org--name/trees/" + commit + ".json");
  CHECK(plain.folder() == "/c/models--gpt2");
  CHECK(data.folder() == "/c/datasets--org--set");
}

TEST_CASE("names: repository ids") {
  for (const char* id : {"gpt2", "org/name", "a-b_c.d/E.1", "meta-llama/Llama-3.2-1B"})
    CHECK(hub::is_repo_id(id));
  for (const char* id : {"", "a/b/c", "../x", "a--b", "a..b", "-a", "a/.b", "a b", "a/", "/a",
                         "a\nb", "org/name.git"})
    CHECK_FALSE(hub::is_repo_id(id));
}

TEST_CASE("names: parts of addresses are quoted") {
  CHECK(hub::url_quoted("refs/pr/1") == "refs%2Fpr%2F1");
  CHECK(hub::url_quoted("a b/c?d#e.json", "/") == "a%20b/c%3Fd%23e.json");
}
