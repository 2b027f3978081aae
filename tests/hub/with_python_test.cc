// One cache and one Hub for hft and for Python's huggingface_hub: the reference's version and the
// newest. They also prove that the fake Hub speaks as the real one does.
#include <algorithm>

#include "tests/support/fake_hub.h"

using namespace hft;
using test::FakeHub;
namespace fs = std::filesystem;

namespace {

constexpr const char* kOld = "0.36.2";
constexpr const char* kNew = "2.4.0";

const std::string kScan =
    "from huggingface_hub import scan_cache_dir\n"
    "found = scan_cache_dir()\n"
    "assert not found.warnings, found.warnings\n"
    "print(len(found.repos), sum(len(r.revisions) for r in found.repos), sum(len(v.files) for r in "
    "found.repos for v in r.revisions))\n";

void check_python(const test::Ran& ran) {
  CAPTURE(ran.err);
  CAPTURE(ran.out);
  CHECK(ran.code == 0);
}

const std::string kUsers =
    R"({"users": {"hf_token_of_ann": {"name": "ann", "orgs": ["lab"]}}, "part": 40000})";

}  // namespace

TEST_CASE(
    "with Python: what hft downloads, Python loads offline; the scan and hf cache verify find no "
    "fault") {
  for (const std::string version : {kOld, kNew}) {
    CAPTURE(version);
    FakeHub hub;
    hub.add_model("org/tiny");
    hub.start();
    REQUIRE(hub.run({"hub", "download", "org/tiny"}).code == 0);
    REQUIRE(hub.run({"classify", "-m", "org/tiny", "x"}).code == 0);
    const auto offline = hub.python(
        version,
        "from huggingface_hub import snapshot_download, hf_hub_download, try_to_load_from_cache\n"
        "import os\n"
        "folder = snapshot_download('org/tiny')\n"
        "assert len(os.listdir(folder)) == 8, os.listdir(folder)\n"
        "assert hf_hub_download('org/tiny', 'model.safetensors') == folder + '/model.safetensors'\n"
        "print(type(try_to_load_from_cache('org/tiny', 'generation_config.json')))\n",
        {"HF_HUB_OFFLINE=1"});
    check_python(offline);
    CHECK(offline.out == "<class 'object'>\n");  // known to be missing, by .no_exist
    const auto scan = hub.python(version, kScan);
    check_python(scan);
    CHECK(scan.out == "1 1 8\n");
    // Python asks for nothing but the list, and downloads nothing.
    hub.clear_log();
    check_python(hub.python(
        version, "from huggingface_hub import snapshot_download\nsnapshot_download('org/tiny')"));
    for (const Json& entry : hub.log("/resolve/")) CHECK(entry["method"] == "HEAD");
  }
}

TEST_CASE("with Python: hf cache verify of the newest version finds no fault in what hft wrote") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.start();
  REQUIRE(hub.run({"hub", "download", "org/tiny"}).code == 0);
  const auto verify = [&] {
    return hub.python(kNew,
                      "from huggingface_hub import HfApi\n"
                      "v = HfApi().verify_repo_checksums('org/tiny')\n"
                      "print(v.checked_count, v.mismatches, v.missing_paths, v.extra_paths)");
  };
  const auto clean = verify();
  check_python(clean);
  CHECK(clean.out == "8 [] [] []\n");
}

TEST_CASE("with Python: what Python downloads, hft runs offline and verifies") {
  for (const std::string version : {kOld, kNew}) {
    CAPTURE(version);
    FakeHub hub(
        R"({"users": {"hf_token_of_ann": {"name": "ann"}}, "repos": {"org/tiny": {"private": true, "access": ["ann"]}}})");
    hub.add_model("org/tiny");
    hub.start();
    check_python(hub.python(
        version, "from huggingface_hub import snapshot_download\nsnapshot_download('org/tiny')",
        {"HF_TOKEN=hf_token_of_ann"}));
    CHECK(hub.run({"classify", "-m", "org/tiny", "x"}, {"HF_HUB_OFFLINE=1"}).code == 0);
    const auto verified = hub.run({"hub", "cache", "verify"});
    CHECK(verified.code == 0);
    CHECK(verified.err ==
          "hft: org/tiny: 8 files as the Hub has them\nhft: 8 files verified\n");
    const auto commit = test::slurp(hub.repo("org/tiny") / "refs/main");
    hub.clear_log();
    CHECK(hub.run({"classify", "-m", "org/tiny", "--revision", commit, "x"}).code == 0);
    CHECK(hub.log().empty());
    CHECK(hub.run({"hub", "download", "org/tiny", "--local-files-only"}).code == 0);
  }
}

TEST_CASE(
    "with Python: of a cache that Python filled in part, what is not known is asked, or noted") {
  FakeHub hub;
  hub.add_model("org/tiny");
  hub.add("org/tiny", "modules.json", "[]");
  hub.start();
  const std::string some =
      "from huggingface_hub import hf_hub_download\n"
      "for name in ('config.json', 'model.safetensors', 'tokenizer.json', 'vocab.txt'): "
      "hf_hub_download('org/tiny', name)\n";
  check_python(hub.python(kOld, some));
  const auto offline = hub.run({"classify", "-m", "org/tiny", "x"}, {"HF_HUB_OFFLINE=1"});
  CHECK(offline.code == 0);
  CHECK(offline.err ==
        "hft: org/tiny: the cache may lack some of its files, and the Hub cannot be asked which\n");
  const auto commit = test::slurp(hub.repo("org/tiny") / "refs/main");
  hub.clear_log();
  CHECK(hub.run({"classify", "-m", "org/tiny", "--revision", commit, "x"}).code == 0);
  CHECK(hub.log("modules.json").size() == 1);
  hub.clear_log();
  CHECK(hub.run({"classify", "-m", "org/tiny", "--revision", commit, "x"}).err.empty());
  CHECK(hub.log().empty());
}

TEST_CASE("row 39: hft and Python at once on one cache, 20 rounds") {
  FakeHub hub(R"({"rate": 20000000})");
  for (int i = 0; i < 4; ++i)
    hub.add("org/both", "part-" + std::to_string(i) + ".bin", test::noise(400'000, i));
  hub.add("org/both", "config.json", "{}");
  hub.start();
  for (const std::string version : {kOld, kNew}) {
    // One Python for ten rounds: starting it takes longer than a round.
    const std::string script =
        "import os, sys, subprocess, shutil, random, time\n"
        "from huggingface_hub import snapshot_download, scan_cache_dir\n"
        "for round in range(10):\n"
        "    shutil.rmtree(os.environ['HF_HOME'] + '/hub', ignore_errors=True)\n"
        "    random.seed(round)\n"
        "    hft = subprocess.Popen(['" +
        std::string(HFT_BINARY) +
        "', 'hub', 'download', 'org/both'], stdout=subprocess.DEVNULL)\n"
        "    time.sleep(random.uniform(0, 0.04))\n"
        "    folder = snapshot_download('org/both')\n"
        "    assert hft.wait() == 0, (round, hft.returncode)\n"
        "    found = scan_cache_dir()\n"
        "    assert not found.warnings, (round, found.warnings)\n"
        "    assert len(os.listdir(folder)) == 5, round\n"
        "    left = [f for f in os.listdir(os.path.join(folder, '../../blobs')) if 'incomplete' in "
        "f]\n"
        "    assert not left, (round, left)\n"
        "    assert subprocess.run(['" +
        std::string(HFT_BINARY) + "', 'hub', 'cache', 'verify', '-q']).returncode == 0, round\n";
    check_python(hub.python(version, script));
    CHECK(hub.cache_faults() == "");
  }
}

TEST_CASE(
    "with Python: the fake Hub speaks as the real one: download, upload, login, gated, missing") {
  for (const std::string version : {kOld, kNew}) {
    CAPTURE(version);
    FakeHub hub(R"({"users": {"hf_token_of_ann": {"name": "ann"}}, "part": 40000,
                   "repos": {"org/gated": {"gated": "auto"}, "org/old": {"renamed": "org/tiny"}}})");
    hub.add_model("org/tiny");
    hub.add_model("org/gated");
    hub.start();
    const auto ran = hub.python(
        version,
        "from huggingface_hub import HfApi, snapshot_download, hf_hub_download, "
        "get_hf_file_metadata, hf_hub_url\n"
        "from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, "
        "RevisionNotFoundError, EntryNotFoundError\n"
        "import os\n"
        "def raises(kind, f):\n"
        "    try:\n        f()\n"
        "    except kind:\n        return\n"
        "    raise AssertionError(kind)\n"
        "api = HfApi(token='hf_token_of_ann')\n"
        "assert api.whoami()['name'] == 'ann'\n"
        "info = api.model_info('org/tiny', files_metadata=True)\n"
        "assert [s.size for s in info.siblings if s.rfilename == 'model.safetensors'] == [124912], "
        "info.siblings\n"
        "assert info.siblings[0].blob_id\n"
        "meta = get_hf_file_metadata(hf_hub_url('org/tiny', 'model.safetensors'))\n"
        "assert meta.size == 124912 and len(meta.etag) == 64 and meta.commit_hash == info.sha and "
        "'/lfs/' in meta.location, meta\n"
        "raises(GatedRepoError, lambda: hf_hub_download('org/gated', 'config.json'))\n"
        "raises(RepositoryNotFoundError, lambda: api.model_info('org/none'))\n"
        "raises(RevisionNotFoundError, lambda: api.model_info('org/tiny', revision='nope'))\n"
        "raises(EntryNotFoundError, lambda: hf_hub_download('org/tiny', 'nope.json'))\n"
        "assert os.path.exists(hf_hub_download('org/old', 'config.json'))\n"
        "api.create_repo('ann/mine')\n"
        "api.create_repo('ann/mine', exist_ok=True)\n"
        "folder = snapshot_download('org/tiny')\n"
        "api.upload_folder(repo_id='ann/mine', folder_path=folder)\n"
        "names = api.list_repo_files('ann/mine')\n"
        "assert 'model.safetensors' in names and len(names) == 8, names\n"
        "pr = api.upload_file(repo_id='ann/mine', path_or_fileobj=b'x', path_in_repo='x.txt', "
        "create_pr=True)\n"
        "assert pr.pr_url.endswith('/discussions/1'), pr\n"
        "assert 'x.txt' in api.list_repo_files('ann/mine', revision='refs/pr/1')\n");
    check_python(ran);
    // What Python pushed, hft reads back.
    CHECK(hub.run({"classify", "-m", "ann/mine", "x"}).code == 0);
  }
}

TEST_CASE("with Python: a push from hft is read back file for file") {
  for (const std::string version : {kOld, kNew}) {
    FakeHub hub(kUsers);
    hub.start();
    test::TempFolder folder;
    fs::create_directories(folder / "model/sub/.hidden");
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"})
      fs::copy(test::golden("bert-classify") / name, folder / ("model/" + std::string(name)));
    test::spit(folder / "model/README.md", "---\nlicense: mit\n---\n# Mine\n");
    test::spit(folder / "model/empty.txt", "");
    test::spit(folder / "model/sub/ünïcode name.txt", "text\r\n");
    test::spit(folder / "model/sub/.hidden/x", test::noise(300));
    test::spit(folder / "model/sub/large.bin", test::noise(100'000));  // three parts
    const auto pushed =
        hub.run({"push", (folder / "model").string(), "lab/mine"}, {"HF_TOKEN=hf_token_of_ann"});
    CAPTURE(pushed.err);
    CHECK(pushed.code == 0);
    const auto read =
        hub.python(version,
                   "from huggingface_hub import snapshot_download, HfApi\n"
                   "import filecmp, os\n"
                   "there, here = '" +
                       (folder / "model").string() +
                       "', snapshot_download('lab/mine')\n"
                       "names = sorted(os.path.relpath(os.path.join(d, f), there) for d, _, fs in "
                       "os.walk(there) for f in fs)\n"
                       "found = sorted(os.path.relpath(os.path.join(d, f), here) for d, _, fs in "
                       "os.walk(here) for f in fs)\n"
                       "assert found == sorted(names + ['.gitattributes']), found\n"
                       "for n in names: assert open(os.path.join(there, n), 'rb').read() == "
                       "open(os.path.join(here, n), 'rb').read(), n\n"
                       "info = HfApi().model_info('lab/mine', files_metadata=True)\n"
                       "print(sorted(s.rfilename for s in info.siblings if s.lfs))\n");
    check_python(read);
    CHECK(read.out == "['model.safetensors', 'sub/large.bin']\n");
  }
}

TEST_CASE(
    "with Python: a token kept by hft hub login is Python's, and the other way round") {
  for (const std::string version : {kOld, kNew}) {
    FakeHub hub(kUsers);
    hub.start();
    REQUIRE(hub.run({"hub", "login"}, {}, "hf_token_of_ann\n").code == 0);
    const auto who =
        hub.python(version,
                   "from huggingface_hub import HfApi, get_token\n"
                   "from huggingface_hub.utils import get_stored_tokens\n"
                   "print(get_token(), HfApi().whoami()['name'], get_stored_tokens())");
    check_python(who);
    CHECK(who.out == "hf_token_of_ann ann {'test-token': 'hf_token_of_ann'}\n");
    check_python(hub.python(
        version, "from huggingface_hub import logout, login\nlogout()\nlogin('hf_token_of_ann')"));
    CHECK(hub.run({"hub", "whoami"}).out == "ann\norgs: lab\n");
  }
}
