// Downloads through the real program: what is fetched, what is not asked for again, who may fetch.
#include <sys/stat.h>

#include <algorithm>

#include "hub/partial.h"
#include "tests/support/fake_hub.h"

using namespace hft;
using test::FakeHub;
namespace fs = std::filesystem;

namespace {

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const auto begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

}  // namespace

TEST_CASE(
    "download: a model is fetched by its id, and run; a second run asks one question") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.add("org/tiny", "tf_model.h5", "tf");
  hub.add("org/tiny", "onnx/model.onnx", "onnx");
  hub.add("org/tiny", "original/weights.pth", "pth");
  hub.start();
  const auto ran = hub.run({"classify", "-m", "org/tiny", "--json", "hello there"});
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.err == "hft: org/tiny: licence apache-2.0\n");
  CHECK(ran.records()[0]["output"][0]["label"] == "NEGATIVE");
  CHECK(hub.cache_faults() == "");
  for (const char* left : {"tf_model", "onnx", "original"}) CHECK(hub.log(left).empty());
  const auto snapshot = *fs::directory_iterator(hub.repo("org/tiny") / "snapshots");
  CHECK(fs::read_symlink(snapshot.path() / "config.json").is_relative());
  CHECK(fs::exists(hub.repo("org/tiny") / ".no_exist" / snapshot.path().filename() /
                   "generation_config.json"));
  hub.clear_log();
  CHECK(hub.run({"classify", "-m", "org/tiny", "hello there"}).err.empty());
  CHECK(hub.log().size() == 1);
}

TEST_CASE("download: a cached commit costs no request") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.start();
  const auto whole = hub.run({"hub", "download", "org/tiny"});
  REQUIRE(whole.code == 0);
  const std::string commit = fs::path(last_line(whole.out)).filename().string();
  hub.clear_log();
  CHECK(hub.run({"hub", "download", "org/tiny", "--revision", commit}).out == whole.out);
  CHECK(hub.run({"hub", "download", "org/tiny", "config.json", "--revision", commit}).code == 0);
  CHECK(hub.run({"classify", "-m", "org/tiny", "--revision", commit, "x"}).code == 0);
  CHECK(hub.run({"tokenize", "-m", "org/tiny", "--revision", commit, "x"}).code == 0);
  CHECK(hub.log().empty());
}

TEST_CASE("download: tokenize fetches no weights") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.start();
  CHECK(hub.run({"tokenize", "-m", "org/tiny", "x"}).code == 0);
  CHECK(hub.log("safetensors").empty());
  CHECK(hub.run({"classify", "-m", "org/tiny", "x"}).code == 0);
}

TEST_CASE("download: files, patterns, revisions, folders") {
  FakeHub hub(R"({"repos": {"org/tiny": {"tags": ["v1.0"]}}})");
  hub.add_model("org/tiny");
  hub.add("org/tiny", "deep/er/data.txt", "data");
  hub.start();
  const auto some =
      hub.run({"hub", "download", "org/tiny", "--include", "*.txt", "--exclude", "vocab*"});
  CHECK(some.code == 0);
  CHECK(test::slurp(fs::path(last_line(some.out)) / "deep/er/data.txt") == "data");
  CHECK_FALSE(fs::exists(fs::path(last_line(some.out)) / "vocab.txt"));
  CHECK(hub.run({"hub", "download", "org/tiny", "config.json", "--revision", "v1.0"}).code == 0);
  CHECK(test::slurp(hub.repo("org/tiny") / "refs/v1.0") ==
        fs::path(last_line(some.out)).filename().string());
  const auto missing = hub.run({"hub", "download", "org/tiny", "conifg.json"});
  CHECK(missing.code == 5);
  CHECK(missing.err == "hft: org/tiny@main: conifg.json: no such file; closest: 'config.json'\n");

  test::TempFolder folder;
  const auto local =
      hub.run({"hub", "download", "org/tiny", "--local-dir", (folder / "model").string()});
  CAPTURE(local.err);
  CHECK(last_line(local.out) == (folder / "model").string());
  CHECK(test::slurp(folder / "model/deep/er/data.txt") == "data");
  hub.clear_log();
  CHECK(hub.run({"hub", "download", "org/tiny", "--local-dir", (folder / "model").string()}).code ==
        0);
  CHECK(hub.log("/resolve/").empty());
  test::spit(folder / "model/deep/er/data.txt", "DATA");
  CHECK(hub.run({"hub", "download", "org/tiny", "--local-dir", (folder / "model").string()}).code ==
        0);
  CHECK(test::slurp(folder / "model/deep/er/data.txt") == "data");
  CHECK(hub.log("/resolve/").size() == 1);
}

TEST_CASE(
    "download: a folder that is whole serves without the Hub; its notes are hidden from git") {
  FakeHub hub;
  const std::string longest(240, 'q'), longer(255, 'w');
  hub.add("org/m", "a.txt", "a");
  hub.add("org/m", "sub/b.txt", "b");
  hub.add("org/m", longest, "q");
  hub.add("org/m", longer, "w");
  hub.start();
  const fs::path folder = hub.folder / "model";
  const std::vector<std::string> args{"hub", "download", "org/m", "--local-dir", folder.string()};
  const auto first = hub.run(args);
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  CHECK(test::slurp(folder / longest) == "q");
  CHECK(test::slurp(folder / longer) == "w");
  CHECK(test::slurp(folder / ".cache/huggingface/.gitignore") == "*");
  const auto offline = hub.run(args, {"HF_HUB_OFFLINE=1"});
  CHECK(offline.code == 0);
  CHECK(last_line(offline.out) == folder.string());
  CHECK(offline.err == "hft: " + folder.string() + " is used as it is: the network is forbidden\n");
  const auto down = hub.run(args, {"HF_ENDPOINT=http://127.0.0.1:9"});
  CHECK(down.code == 0);
  // Another repository, or a file that was changed: not whole.
  auto other = args;
  other[2] = "org/other";
  CHECK(hub.run(other, {"HF_HUB_OFFLINE=1"}).code == 5);
  test::spit(folder / "sub/b.txt", "B");
  const auto changed = hub.run(args, {"HF_HUB_OFFLINE=1"});
  CHECK(changed.code == 5);
  CHECK(changed.err.starts_with("hft: org/m@main: sub/b.txt: not (or not whole) in " +
                                folder.string()));
  auto some = args;
  some.insert(some.begin() + 3, "a.txt");
  CHECK(hub.run(some, {"HF_HUB_OFFLINE=1"}).code == 0);
}

TEST_CASE("download: weights of another format are named before anything of them is fetched") {
  const struct {
    const char *repo, *file, *named;
  } kCases[] = {{"org/tf", "tf_model.h5", "TensorFlow weights"},
                {"org/onnx", "onnx/model.onnx", "an ONNX model"},
                {"org/gguf", "m-Q4_K.gguf", "GGUF weights (llama.cpp)"}};
  FakeHub hub;
  for (const auto& c : kCases) {
    if (c.repo != std::string("org/gguf")) hub.add(c.repo, "config.json", "{}");
    hub.add(c.repo, "README.md", "-");
    hub.add(c.repo, c.file, "x");
  }
  hub.start();
  for (const auto& c : kCases) {
    const auto ran = hub.run({"classify", "-m", c.repo, "x"});
    CHECK(ran.code == 6);
    CHECK(
        ran.err ==
        std::string("hft: ") + c.repo + "@main: holds " + c.file + " (" + c.named +
            ") but no model.safetensors and no pytorch_model.bin; only these are read\nhint: save "
            "the model with save_pretrained, which writes model.safetensors\n");
    CHECK(hub.log("/resolve/").empty());
  }
}

TEST_CASE("download: sharded weights in a subfolder, with a variant") {
  FakeHub hub;
  hub.add("org/big", "config.json", "{}");
  hub.add("org/big", "part/config.json",
          test::slurp(test::golden("bert-classify") / "config.json"));
  hub.add("org/big", "part/tokenizer.json",
          test::slurp(test::golden("bert-classify") / "tokenizer.json"));
  hub.add(
      "org/big", "part/model.safetensors.index.fp16.json",
      R"({"weight_map": {"a": "model.fp16-00001-of-00002.safetensors", "b": "model.fp16-00002-of-00002.safetensors"}})");
  hub.add("org/big", "part/model.fp16-00001-of-00002.safetensors", "one");
  hub.add("org/big", "part/model.fp16-00002-of-00002.safetensors", "two");
  hub.add("org/big", "part/model.safetensors", "other");
  hub.start();
  CHECK(hub.run({"classify", "-m", "org/big", "--subfolder", "part", "--variant", "fp16", "x"}).code ==
        9);  // the shards are no tensors
  CHECK(hub.log("fp16-0000").size() == 2);
  CHECK(hub.log("model.safetensors?").empty());
  CHECK(hub.log("part/model.safetensors").size() == 1);  // the index alone
}

TEST_CASE("download: renamed repositories are followed, with the token") {
  FakeHub hub(R"({"users": {"hf_token_of_ann": {"name": "ann"}},
                  "repos": {"tiny": {"renamed": "org/tiny"}, "org/tiny": {"private": true, "access": ["ann"]}}})");
  hub.add_model("org/tiny");
  hub.start();
  const auto ran = hub.run({"classify", "-m", "tiny", "x"}, {"HF_TOKEN=hf_token_of_ann"});
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(fs::exists(hub.cache() / "models--tiny/refs/main"));
}

TEST_CASE("download: a Hub that is down is no error for what is cached; the note says so") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.start();
  REQUIRE(hub.run({"classify", "-m", "org/tiny", "x"}).code == 0);
  hub.faults(R"([{"status": 503}])");
  const auto ran = hub.run({"classify", "-m", "org/tiny", "x"});
  CHECK(ran.code == 0);
  CHECK(ran.err.find("answered 503; using what the cache has\n") != std::string::npos);
  const auto other = hub.run({"classify", "-m", "org/other", "x"});
  CHECK(other.code == 7);
}

TEST_CASE(
    "download: files that the Hub lists without sizes and digests are asked for one by one") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.start();
  // An older Hub: it knows no ?blobs=true.
  Json siblings = Json::array();
  for (const char* name : {"README.md", "config.json", "model.safetensors", "tokenizer.json"})
    siblings.push_back({{"rfilename", name}});
  const auto whole = hub.run({"hub", "download", "org/tiny", "README.md"});
  const std::string commit = fs::path(last_line(whole.out)).filename().string();
  const Json info{{"id", "org/tiny"}, {"sha", commit}, {"siblings", siblings}};
  hub.faults(
      Json::array({{{"path", "/api/models"}, {"status", 200}, {"body", info.dump()}}}).dump());
  hub.clear_log();
  const auto ran = hub.run({"classify", "-m", "org/tiny", "x"},
                           {"HF_HUB_CACHE=" + (hub.folder / "second").string()});
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  const auto entries = hub.log();
  CHECK(std::count_if(entries.begin(), entries.end(),
                      [](const Json& e) { return e["method"] == "HEAD"; }) == 4);
}

TEST_CASE(
    "download: gated, private and missing are told apart, with the page to visit") {
  FakeHub hub(R"({"users": {"hf_token_of_ann": {"name": "ann"}, "hf_token_of_bob": {"name": "bob"}},
                  "repos": {"org/gated": {"gated": "manual", "access": ["bob"]}, "org/private": {"private": true, "access": ["bob"]}}})");
  for (const char* repo : {"org/gated", "org/private", "org/open"}) hub.add_model(repo);
  hub.start();
  const std::vector<std::string> ann{"HF_TOKEN=hf_token_of_ann"}, bob{"HF_TOKEN=hf_token_of_bob"},
      nobody;
  const auto check = [&](const std::vector<std::string>& args, const std::vector<std::string>& env,
                         int code, const std::string& err) {
    std::vector<std::string> all{"hub", "download"};
    all.insert(all.end(), args.begin(), args.end());
    const auto ran = hub.run(all, env);
    CHECK(ran.code == code);
    CHECK(ran.err == err);
    CHECK(ran.out == "");
  };
  const std::string login = "set HF_TOKEN or run hft hub login\n";
  const auto gated = hub.run({"hub", "download", "org/gated"}, ann);
  CHECK(gated.code == 4);
  CHECK(
      gated.err.find(
          "README.md: gated: your account has no access to it yet (403)\nhint: ask for access at " +
          hub.hub + "/org/gated\n") != std::string::npos);
  const auto anonymous = hub.run({"hub", "download", "org/gated"});
  CHECK(anonymous.code == 4);
  CHECK(
      anonymous.err.find("gated: its terms must be accepted first (401)\nhint: ask for access at " +
                         hub.hub + "/org/gated, then " + login) != std::string::npos);
  check({"org/private"}, nobody, 4,
        "hft: org/private@main: 401 from the Hub: private, gated, or no such repository\nhint: " +
            login);
  check({"org/private"}, ann, 5,
        "hft: org/private@main: no such repository, or your account may not see it\n");
  check({"org/none"}, ann, 5,
        "hft: org/none@main: no such repository, or your account may not see it\n");
  check({"org/open"}, {"HF_TOKEN=hf_wrong"}, 4,
        "hft: org/open@main: 401 from the Hub: the token is not valid\nhint: " + login);
  check({"org/open", "--revision", "v9"}, nobody, 5, "hft: org/open@v9: no such revision\n");
  check({"org/open", "nothing.bin"}, nobody, 5,
        "hft: org/open@main: nothing.bin: no such file\n");
  check({"org/open/x"}, nobody, 2,
        "hft: 'org/open/x': not a repository's id, wanted name or org/name\n");
  const auto granted = hub.run({"hub", "download", "org/gated"}, bob);
  CHECK(granted.code == 0);
  CHECK(granted.err == "hft: org/gated: licence apache-2.0, gated (manual)\n");
  CHECK(hub.run({"hub", "download", "org/private"}, bob).code == 0);
  const auto model = hub.run({"classify", "-m", "models/typo", "x"}, ann);
  CHECK(model.code == 5);
  CHECK(model.err ==
        "hft: -m models/typo: no such folder; as a model's id: models/typo@main: no such "
        "repository, or your account may not see it\n");
}

TEST_CASE("download: --require-license refuses with exit 6 before the weights are fetched") {
  FakeHub hub;
  hub.add_model("org/open", "mit");
  hub.add_model("org/nc", "cc-by-nc-4.0");
  hub.start();
  const auto refused =
      hub.run({"hub", "download", "org/nc", "--require-license", "apache-2.0,mit"});
  CHECK(refused.code == 6);
  CHECK(refused.err ==
        "hft: org/nc@main: its licence is 'cc-by-nc-4.0', --require-license allows apache-2.0, "
        "mit\n");
  CHECK(hub.run({"classify", "-m", "org/nc", "--require-license", "mit", "x"}).code == 6);
  CHECK(hub.log("safetensors").empty());
  CHECK(hub.run({"hub", "download", "org/open", "--require-license", "apache-2.0,mit"}).code == 0);
  CHECK(hub.run({"classify", "-m", "org/open", "--require-license", "mit", "x"}).code == 0);
  CHECK(hub.run({"classify", "-m", "org/open", "--require-license", "apache-2.0",
                 "--local-files-only", "x"})
            .code == 6);
  // A folder's own card counts as well.
  const std::string folder = (hub.folder / "repos/org/nc").string();
  CHECK(hub.run({"classify", "-m", folder, "--require-license", "mit", "x"}).code == 6);
  const auto shown = hub.run({"inspect", folder});
  CHECK(shown.out.find("license                  cc-by-nc-4.0\ngated                    false\n") !=
        std::string::npos);
}

TEST_CASE("download: offline opens no socket, and says what is not there") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.start();
  REQUIRE(hub.run({"classify", "-m", "org/tiny", "x"}).code == 0);
  const auto traced = [&](std::vector<std::string> args, const std::vector<std::string>& env) {
    const std::string trace = (hub.folder / "trace").string();
    std::vector<std::string> all{"strace", "-f",  "-qq",     "-e", "trace=socket,connect",
                                 "-o",     trace, HFT_BINARY};
    all.insert(all.end(), args.begin(), args.end());
    test::spit(trace, "");
    const auto ran = test::command(all, {.env = hub.env(env)});
    CHECK_MESSAGE(test::slurp(trace).find("socket(") == std::string::npos, test::slurp(trace));
    return ran;
  };
  CHECK(traced({"tokenize", "-m", "org/tiny", "x"}, {"HF_HUB_OFFLINE=1"}).code == 0);
  CHECK(traced({"tokenize", "-m", "org/tiny", "--local-files-only", "x"}, {}).code == 0);
  CHECK(traced({"hub", "download", "org/tiny", "config.json"}, {"TRANSFORMERS_OFFLINE=1"}).code ==
        0);
  const auto missing = traced({"hub", "download", "org/other"}, {"HF_HUB_OFFLINE=1"});
  CHECK(missing.code == 5);
  CHECK(missing.err == "hft: org/other@main: not in the cache " + hub.cache().string() +
                           ", and HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids the network\n");
  const auto flagged = traced({"classify", "-m", "org/other", "--local-files-only", "x"}, {});
  CHECK(flagged.code == 5);
  CHECK(flagged.err.find("not in the cache " + hub.cache().string() +
                         ", and --local-files-only uses no network") != std::string::npos);
  CHECK(hub.run({"classify", "-m", "org/tiny", "x"}, {"HF_HUB_OFFLINE=1"}).code == 0);
}

TEST_CASE("download: a partial that a dead process left is taken over and hashed again") {
  FakeHub hub;
  const std::string bytes = test::noise(3'000'000);
  hub.add("org/big", "model.bin", bytes);
  hub.start();
  // Half of it is there; the Hub is asked for the rest only.
  REQUIRE(hub.run({"hub", "download", "org/big"}).code == 0);
  const std::string digest =
      hub::digest_of(hub.folder / "repos/org/big/model.bin", std::string(64, '0'));
  const fs::path blob = hub.repo("org/big") / "blobs" / digest;
  for (const bool damaged : {false, true}) {
    fs::remove_all(hub.repo("org/big"));
    fs::create_directories(blob.parent_path());
    std::string half = bytes.substr(0, 1'500'000);
    if (damaged) half[700'000] = static_cast<char>(half[700'000] ^ 1);
    test::spit(blob.string() + ".0badcafe.incomplete", half);
    hub.clear_log();
    const auto ran = hub.run({"hub", "download", "org/big"});
    CHECK(ran.code == 0);
    CHECK(hub.cache_faults() == "");
    const auto sent = hub.log("/lfs/");
    REQUIRE(sent.size() == (damaged ? 2 : 1));
    CHECK(sent[0]["range"] == "bytes=1500000-");
    CHECK(sent[0]["sent"] == 1'500'000);
    if (damaged) CHECK(ran.err.find("fetching it once more") != std::string::npos);
    CHECK(std::distance(fs::directory_iterator(blob.parent_path()), {}) == 1);
  }
}

TEST_CASE("download: a partial that a living process writes is left alone") {
  test::TempFolder folder;
  const std::string digest(64, '0');
  hub::RepoFile file{"x", digest, 10};
  hub::Partial first(folder.path, digest, file);
  first.append(std::span("12345", 5));
  CHECK(hub::has_writer(first.path()));
  hub::Partial second(folder.path, digest, file);
  CHECK(second.size() == 0);
  CHECK(second.path() != first.path());
  CHECK(fs::exists(first.path()));
}

TEST_CASE("download: progress is on stderr, per file and in all") {
  FakeHub hub(R"({"rate": 3000000})");
  hub.add("org/big", "model.bin", test::noise(6'000'000));
  hub.start();
  const auto ran = hub.run({"hub", "download", "org/big", "--progress", "json"},
                           {"HF_HUB_DISABLE_PROGRESS_BARS="});
  CHECK(ran.code == 0);
  CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 1);
  const auto line = ran.err.find("{\"progress\":\"org/big\"");
  REQUIRE(line != std::string::npos);
  const Json shown = Json::parse(ran.err.substr(line, ran.err.find('\n', line) - line));
  CHECK(shown["total"] == 6'000'000);
  CHECK(shown["detail"].get<std::string>().starts_with("0/1 files, model.bin "));
}
