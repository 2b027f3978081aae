// What a bad network, a bad Hub and a bad disk may do (reliability.md rows 27-33, 25): each row by
// its number, with its exit code and its line.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>

#include "tests/hub/one_file.h"

using namespace hft;
using test::error_line;
using test::FakeHub;
using test::has;
using test::kBytes;
using test::OneFile;
namespace fs = std::filesystem;

namespace {
const std::string kStorage = R"("origin": "cdn")";
}  // namespace

TEST_CASE("row 27: 150 kills during a download leave no corrupt entry and cost little again") {
  constexpr std::size_t kLarge = 2'000'000;
  FakeHub hub(R"({"rate": 40000000})");
  for (int i = 0; i < 3; ++i)
    hub.add("org/kill", "part-" + std::to_string(i) + ".bin", test::noise(kLarge, 7 + i));
  hub.start();
  std::mt19937 random(20260101);
  MESSAGE("seed 20260101");
  std::int64_t kills = 0, finished = 0;
  while (kills < 150) {
    const pid_t pid = hub.launch({"hub", "download", "org/kill"});
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution(0, 110'000)(random)));
    ::kill(pid, SIGKILL);
    const int code = FakeHub::wait_for(pid);
    CHECK((code == 0 || code == 137));
    if (code == 137) ++kills;
    REQUIRE(hub.cache_faults() == "");
    if (code == 0) {
      ++finished;
      fs::remove_all(hub.repo("org/kill"));
    }
  }
  REQUIRE(hub.run({"hub", "download", "org/kill"}).code == 0);
  for (int i = 0; i < 3; ++i) {
    const auto snapshot = *fs::directory_iterator(hub.repo("org/kill") / "snapshots");
    CHECK(test::slurp(snapshot.path() / ("part-" + std::to_string(i) + ".bin")) ==
          test::noise(kLarge, 7 + i));
  }
  // What the Hub sent beyond whole copies, spread over the kills.
  std::int64_t sent = 0;
  for (const Json& entry : hub.log("/lfs/")) sent += entry["sent"].get<std::int64_t>();
  const double again =
      static_cast<double>(sent - (finished + 1) * static_cast<std::int64_t>(3 * kLarge)) / 150;
  MESSAGE("bytes fetched again per kill: ", again, ", downloads finished: ", finished);
  CHECK(again < 10e6);
  CHECK(again < 1.5 * kLarge);
  const auto blobs = hub.repo("org/kill") / "blobs";
  CHECK(std::distance(fs::directory_iterator(blobs), {}) == 3);
}

TEST_CASE(
    "row 28: a server that ignores or garbles ranges is restarted from or refused, never spliced") {
  const OneFile one;
  const struct {
    const char* name;
    std::string action;
    bool whole_again;
  } kCases[] = {
      {"ignored range", R"("ignore_range": true)", true},
      {"wrong Content-Range",
       R"("times": 1, "set": {"Content-Range": "bytes 100000-399999/400000"})", true},
      {"Content-Range of another size",
       R"("times": 1, "set": {"Content-Range": "bytes 200000-399998/399999"})", true},
      {"no Content-Range", R"("times": 1, "set": {"Content-Range": null})", true},
      {"416", R"("times": 1, "status": 416)", true},
      {"extra bytes",
       R"("times": 1, "extra": 1000, "set": {"Content-Range": "bytes 200000-399999/400000"})",
       true},
      {"gzip body", R"("times": 1, "gzip": true)", true},
      {"206 of another content", R"("times": 1, "flip": 300000)", true},
      {"short chunked body", R"("times": 1, "chunked": "short", "cut": 70000)", false},
      {"cut body", R"("times": 1, "cut": 70000)", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    one.forget();
    one.leave_half();
    const auto ran = one.fetch("[{" + kStorage + "," + c.action + "}]");
    CAPTURE(ran.err);
    CHECK(ran.code == 0);
    CHECK(one.is_there());
    CHECK(one.hub.cache_faults() == "");
    const auto requests = one.hub.log("/lfs/");
    CHECK(requests[0]["range"] == "bytes=200000-");
    if (!c.whole_again)
      CHECK(requests[1]["range"] == "bytes=270000-");
    else if (requests.size() > 1)
      CHECK(requests[1]["range"].is_null());
  }
  // The etag of another file, from the Hub itself.
  one.forget();
  one.leave_half();
  const auto other = one.fetch(R"([{"path": "/resolve/", "set": {"X-Linked-Etag": "\")" +
                               std::string(64, '1') + R"(\""}}])");
  CHECK(other.code == 7);
  CHECK(error_line(other) ==
        "org/big@main: the Hub's etag is " + std::string(64, '1') + ", wanted " + one.digest);
  CHECK_FALSE(fs::exists(one.blob()));
  // Always garbled: refused.
  for (const char* action :
       {R"("gzip": true)", R"("extra": 10)", R"("size": 399999, "cut": 399999)"}) {
    one.forget();
    const auto ran = one.fetch("[{" + kStorage + "," + action + "}]");
    CAPTURE(ran.err);
    CHECK(ran.code == 7);
    CHECK_FALSE(fs::exists(one.blob()));
  }
}

TEST_CASE(
    "row 29: right size and wrong bytes are fetched once more, then refused with both digests") {
  const OneFile one;
  const auto once = one.fetch("[{" + kStorage + R"(, "times": 1, "flip": 1000}])");
  CHECK(once.code == 0);
  CHECK(has(once.err, "; fetching it once more\n"));
  CHECK(one.is_there());
  one.forget();
  const auto always = one.fetch("[{" + kStorage + R"(, "flip": 1000}])");
  CHECK(always.code == 7);
  std::string wrong = one.bytes;
  wrong[1000] = static_cast<char>(wrong[1000] ^ 1);
  test::spit(one.hub.folder / "wrong", wrong);
  CHECK(error_line(always) == "org/big@main: model.bin: its sha256 is " +
                                  hub::digest_of(one.hub.folder / "wrong", one.digest) +
                                  ", wanted " + one.digest);
  CHECK(one.hub.log("/lfs/").size() == 2);
  CHECK(fs::is_empty(one.hub.repo("org/big") / "blobs"));
  CHECK_FALSE(fs::exists(one.hub.repo("org/big") / "refs/main"));
  // A small file is checked by its git hash.
  FakeHub small;
  small.add("org/s", "config.json", "{\"a\": 1}");
  small.start();
  small.faults(R"([{"path": "/resolve/", "flip": 2}])");
  const auto ran = small.run({"hub", "download", "org/s"});
  CHECK(ran.code == 7);
  CHECK(has(error_line(ran), "config.json: its git sha1 is "));
}

TEST_CASE(
    "row 30: what passes is tried again, at most five times, and waits as long as is asked, up to "
    "a limit") {
  const OneFile one;
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    CAPTURE(status);
    const std::string fault = R"("status": )" + std::to_string(status);
    one.forget();
    CHECK(one.fetch("[{" + kStorage + R"(, "times": 2, )" + fault + "}]").code == 0);
    one.forget();
    const auto ran = one.fetch("[{" + kStorage + ", " + fault + "}]");
    CHECK(ran.code == 7);
    CHECK(has(error_line(ran), "/lfs/" + one.digest + ": the Hub answered " +
                                   std::to_string(status) + " (5 tries)"));
    CHECK(one.hub.log("/lfs/").size() == 5);
    CHECK_FALSE(has(ran.err, "Signature"));
  }
  // The waits double: 0.1, 0.2, 0.4, 0.8 s, a quarter more or less.
  one.forget();
  one.fetch("[{" + kStorage + R"(, "status": 503}])", {"HFT_HUB_RETRY_WAIT=0.1"});
  const auto tries = one.hub.log("/lfs/");
  REQUIRE(tries.size() == 5);
  for (std::size_t i = 1; i < tries.size(); ++i) {
    const double gap = tries[i]["began"].get<double>() - tries[i - 1]["began"].get<double>(),
                 wanted = 0.1 * std::pow(2, static_cast<double>(i - 1));
    CHECK(gap > 0.7 * wanted);
    CHECK(gap < 1.3 * wanted + 0.3);
  }
  one.forget();
  const auto patient = one.fetch(
      "[{" + kStorage + R"(, "times": 1, "status": 429, "headers": {"Retry-After": "1"}}])");
  CHECK(patient.code == 0);
  const auto waited = one.hub.log("/lfs/");
  CHECK(waited[1]["began"].get<double>() - waited[0]["began"].get<double>() > 0.95);
  one.forget();
  const auto long_wait =
      one.fetch("[{" + kStorage + R"(, "status": 429, "headers": {"Retry-After": "1000000000"}}])");
  CHECK(long_wait.code == 7);
  CHECK(has(
      error_line(long_wait),
      "the Hub answered 429 and asks to wait 1000000000 s (Retry-After); hft waits 300 s at most"));
  CHECK(one.hub.log("/lfs/").size() == 1);
}

TEST_CASE("a signed address that has expired is asked for anew, within the same tries") {
  const OneFile one;
  for (const int status : {400, 401, 403, 404, 410}) {
    CAPTURE(status);
    one.forget();
    one.leave_half();
    const auto ran =
        one.fetch("[{" + kStorage + R"(, "times": 2, "status": )" + std::to_string(status) + "}]");
    CHECK(ran.code == 0);
    CHECK(one.is_there());
    CHECK(one.hub.log("/resolve/").size() == 3);
    CHECK(one.hub.log("/lfs/")[2]["range"] == "bytes=200000-");
  }
  one.forget();
  const auto always = one.fetch("[{" + kStorage + R"(, "status": 403}])");
  CHECK(always.code == 7);
  CHECK(has(error_line(always),
            ": the storage answered 403; its signed address may have expired (5 tries)"));
  CHECK_FALSE(has(always.err, "Signature"));
  CHECK(one.hub.log("/resolve/").size() == 5);
}

TEST_CASE("a Retry-After in the form of a date is waited for, or refused when it is far away") {
  const OneFile one;
  const auto far_away = one.fetch(
      "[{" + kStorage +
      R"(, "status": 429, "headers": {"Retry-After": "Fri, 31 Dec 2128 23:59:59 GMT"}}])");
  CHECK(far_away.code == 7);
  CHECK(has(error_line(far_away), "s (Retry-After); hft waits 300 s at most"));
  CHECK(one.hub.log("/lfs/").size() == 1);
  one.forget();
  CHECK(
      one.fetch(
             "[{" + kStorage +
             R"(, "times": 1, "status": 429, "headers": {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}}])")
          .code == 0);
}

TEST_CASE("proxies: in capitals too; one that fails is named, without its password") {
  FakeHub hub;
  hub.add("org/s", "config.json", "{}");
  hub.start();
  const auto fetch = [&](std::vector<std::string> env) {
    fs::remove_all(hub.repo("org/s"));
    hub.clear_log();
    env.insert(env.begin(), {"HF_ENDPOINT=http://hub.example", "HFT_ALLOW_HTTP=1"});
    return hub.run({"hub", "download", "org/s"}, env);
  };
  for (const std::string name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) {
    CAPTURE(name);
    CHECK(fetch({name + "=" + hub.hub}).code == 0);
    CHECK(hub.log().size() == 2);
    CHECK(hub.log()[0]["host"] == "hub.example");
  }
  const auto excepted = fetch({"HTTP_PROXY=" + hub.hub, "NO_PROXY=hub.example"});
  CHECK(excepted.code == 7);
  CHECK(hub.log().empty());
  CHECK(fetch({"HTTP_PROXY=" + hub.hub, "REQUEST_METHOD=GET"}).code == 7);
  const auto unknown = fetch({"http_proxy=http://ann:secret@proxy.invalid:3128"});
  CHECK(unknown.code == 7);
  CHECK(
      error_line(unknown) ==
      "http://hub.example:80: the proxy http://proxy.invalid:3128: no such host (or no network) (5 "
      "tries)");
  const auto down = fetch({"http_proxy=http://ann:secret@127.0.0.1:9"});
  CHECK(down.code == 7);
  CHECK(error_line(down) ==
        "http://hub.example:80: the proxy http://127.0.0.1:9: cannot connect (5 tries)");
  CHECK_FALSE(has(down.err + unknown.err, "secret"));
  hub.faults(R"([{"path": "/", "status": 407}])");
  const auto closed = fetch({"http_proxy=" + hub.hub});
  CHECK(closed.code == 7);
  CHECK(has(error_line(closed), " wants a name and a password (407)"));
  CHECK(hub.log().size() == 1);
  const auto tunnel = fetch({"https_proxy=" + hub.hub, "HF_ENDPOINT=https://hub.example"});
  CHECK(tunnel.code == 7);
  CHECK(has(error_line(tunnel), "https://hub.example:443: the proxy " + hub.hub));
}

TEST_CASE("row 30: a transfer that breaks off or stands still goes on where it was") {
  const OneFile one;
  CHECK(one.fetch("[{" + kStorage + R"(, "cut": 100000, "times": 3}])").code == 0);
  CHECK(one.is_there());
  CHECK(one.hub.log("/lfs/")[3]["range"] == "bytes=300000-");
  one.forget();
  const auto stalled = one.fetch("[{" + kStorage + R"(, "times": 1, "stall": [65536, 4]}])",
                                 {"HF_HUB_DOWNLOAD_TIMEOUT=1"});
  CHECK(stalled.code == 0);
  CHECK(has(stalled.err, "no byte came in time; trying again"));
  CHECK(one.is_there());
  one.forget();
  const auto always = one.fetch("[{" + kStorage + R"(, "cut": 100}])");
  CHECK(always.code == 7);
  CHECK(has(error_line(always), "the connection broke off"));
}

TEST_CASE("row 30: no host, no connection, no trusted certificate") {
  const OneFile one;
  const auto host = one.fetch("[]", {"HF_ENDPOINT=https://no-such-host.invalid"});
  CHECK(host.code == 7);
  CHECK(error_line(host) == "https://no-such-host.invalid: no such host (or no network) (5 tries)");
  const auto port = one.fetch("[]", {"HF_ENDPOINT=http://127.0.0.1:9"});
  CHECK(port.code == 7);
  CHECK(error_line(port) == "http://127.0.0.1:9: cannot connect (5 tries)");
  const auto plain = one.fetch("[]", {"HF_ENDPOINT=http://hub.example"});
  CHECK(plain.code == 2);
  CHECK(error_line(plain) ==
        "HF_ENDPOINT http://hub.example/: wanted https (http only for this machine)");
  const OneFile tls("{}", true);
  CHECK(tls.fetch("[]").code == 0);
  tls.forget();
  const auto untrusted = tls.fetch("[]", {"SSL_CERT_FILE="});
  CHECK(untrusted.code == 7);
  CHECK(has(error_line(untrusted), ": no secure connection: SSL certificate problem: "));
  CHECK(has(untrusted.err, "hint: check this machine's clock"));
  const fs::path folder = tls.hub.folder / "trusted";
  fs::create_directories(folder);
  const std::string script = "cp '" + (tls.hub.folder / "ca.pem").string() + "' '" +
                             folder.string() + "/ca.pem' && openssl rehash '" + folder.string() +
                             "'";
  REQUIRE(test::command({"bash", "-c", script}, {}).code == 0);
  for (const std::string name : {"SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}) {
    tls.forget();
    CHECK(tls.fetch("[]", {"SSL_CERT_FILE=", name + "=" + folder.string()}).code == 0);
  }
}

TEST_CASE("row 32: the token reaches no other origin in 40 redirects, nor any message") {
  const std::string token = "hf_SecretOfAnnSecretOfAnnSecretOfAnn";
  const OneFile one(R"({"users": {")" + token + R"(": {"name": "ann"}}})");
  const std::string port = one.hub.hub.substr(one.hub.hub.rfind(':'));
  const std::string cdn_host = one.hub.cdn.substr(7);
  int cases = 0;
  for (const char* path : {"/api/models/", "/resolve/"})
    for (const int code : {301, 302, 303, 307, 308})
      for (const std::string& lead : {one.hub.cdn, "//" + cdn_host, "http://localhost" + port,
                                      "http://user:word@" + cdn_host}) {
        ++cases;
        one.forget();
        const std::string target = lead + "/lfs/" + one.digest;
        const auto ran = one.fetch(R"([{"origin": "hub", "times": 1, "path": ")" +
                                       std::string(path) + R"(", "location": ")" + target +
                                       R"(", "status": )" + std::to_string(code) + "}]",
                                   {"HF_TOKEN=" + token});
        CAPTURE(target);
        const auto entries = one.hub.log();
        CHECK(entries[0]["token"] == "Bearer " + token);
        int followed = 0;
        for (const Json& entry : entries) {
          const bool at_hub = entry["host"] == one.hub.hub.substr(7);
          if (!at_hub) ++followed;
          CHECK((at_hub || entry["token"].get<std::string>().find("hf_") == std::string::npos));
        }
        CHECK(followed > 0);
        CHECK_FALSE(has(ran.out + ran.err, "SecretOfAnn"));
      }
  CHECK(cases == 40);
}

TEST_CASE(
    "row 32: redirects to another scheme, to link-local addresses, and in circles are refused by "
    "name") {
  const OneFile one;
  const std::string from = one.hub.hub + "/api/models/org/big/revision/main: redirects to ";
  const struct {
    std::string to, line;
  } kCases[] = {
      {"http://169.254.169.254/latest/meta-data",
       "http://169.254.169.254/latest/meta-data; refused: no Hub leads to a link-local address"},
      {"http://[fe80::1]/x", "http://[fe80::1]/x; refused: no Hub leads to a link-local address"},
      {"file:///etc/passwd", "file:///etc/passwd; refused: only http and https are followed"},
      {"ftp://example.org/x", "ftp://example.org/x; refused: only http and https are followed"},
      {"gopher://example.org/x",
       "gopher://example.org/x; refused: only http and https are followed"},
  };
  for (const auto& c : kCases) {
    const auto ran = one.fetch(R"([{"path": "/api/models/", "location": ")" + c.to + "\"}]");
    CHECK(ran.code == 7);
    CHECK(error_line(ran) == from + c.line);
  }
  const auto circle =
      one.fetch(R"([{"path": "/api/models/", "location": "/api/models/org/big/revision/main"}])");
  CHECK(circle.code == 7);
  CHECK(has(error_line(circle), ": redirected more than 10 times, last to "));
  CHECK(one.hub.log().size() == 11);
  // https never becomes http.
  const OneFile tls("{}", true);
  const auto down = tls.fetch(R"([{"path": "/resolve/", "location": ")" + one.hub.cdn + "/lfs/" +
                              tls.digest + "\"}]");
  CHECK(down.code == 7);
  CHECK(has(error_line(down), "; refused: https may not become http"));
}

TEST_CASE("row 33: a hostile Hub makes no path: names, etags, commits, sizes, long lists") {
  const OneFile one;
  const fs::path outside = one.hub.folder / "home";
  fs::create_directories(outside);
  const std::string good(40, 'a');
  const auto answer = [&](const Json& siblings, const std::string& sha) {
    return Json::array(
               {{{"path", "/api/models"},
                 {"status", 200},
                 {"body", Json{{"id", "org/big"}, {"sha", sha}, {"siblings", siblings}}.dump()}}})
        .dump();
  };
  const std::vector<std::vector<std::string>> both{{"hub", "download", "org/big"},
                                                   {"tokenize", "-m", "org/big", "x"}};
  const auto refused = [&](const std::string& faults, const std::string& line,
                           std::size_t commands = 2) {
    const auto before = test::tree_of(one.hub.home());
    for (const auto& args : std::span(both).first(commands)) {
      one.hub.faults(faults);
      const auto ran = one.hub.run(args);
      CAPTURE(faults);
      CAPTURE(ran.err);
      CHECK(ran.code == 9);
      CHECK(has(ran.err, line));
      CHECK(test::tree_of(one.hub.home()) == before);
    }
  };
  const auto entry = [&](const std::string& name) {
    return Json{{"rfilename", name}, {"blobId", good}, {"size", 5}};
  };
  // All is wanted: refused. A task wants none of these (tests/hub/odd_names_test.cc).
  for (const char* name : {"../evil", "../../evil", "a/../../evil", "..", "/etc/evil", "C:\\evil",
                           "\\\\host\\share\\evil", "..\\evil", "a\\..\\..\\evil", "\\evil"})
    refused(answer(Json::array({entry("config.json"), entry(name)}), good), "unsafe file name '",
            1);
  refused(answer(Json::array({entry("a"), entry("b"), entry("a")}), good),
          "the Hub lists 'a' twice; refused");
  refused(answer(Json::array({entry("a/b"), entry("a-b"), entry("a")}), good),
          "the Hub lists 'a' as a file and as a folder; refused");
  refused(answer({{"a", 1}}, good), "the Hub's list of files is of the type object");
  for (const Json& wrong :
       {Json("a"), Json(1), Json::array(), Json{{"rfilename", 1}}, Json::object()})
    refused(answer(Json::array({wrong}), good), "the Hub's answer is of another form: ");
  const std::string deep(200'000, '[');
  refused(R"([{"path": "/api/models", "status": 200, "body": ")" + deep + R"("}])",
          "the answer is nested deeper than 512");
  for (const char* sha : {"..", "../../x", "", "main"})
    refused(answer(Json::array({entry("config.json")}), sha), "is not 40 hex digits; refused");
  Json bad = entry("config.json");
  bad["blobId"] = "../../x";
  refused(answer(Json::array({bad}), good),
          "the Hub's etag '../../x' is not 40 or 64 hex digits; refused");
  bad = entry("config.json");
  bad["lfs"] = {{"sha256", "../../../../tmp/x"}, {"size", 5}};
  refused(answer(Json::array({bad}), good), "is not 40 or 64 hex digits; refused");
  bad = entry("config.json");
  bad["size"] = -1;
  refused(answer(Json::array({bad}), good), "the Hub gives config.json the size -1; refused");
  Json many = Json::array();
  for (int i = 0; i < 100'001; ++i) many.push_back({{"rfilename", std::to_string(i)}});
  refused(answer(many, good), "the Hub lists 100001 files, the limit is 100000");
  refused(
      R"([{"path": "/api/models", "status": 200, "body": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "repeat": 40000000}])",
      "the answer is larger than 16.8 MB");
  // The headers of a file.
  for (const char* header : {R"("X-Linked-Etag": "\"../../x\"")", R"("X-Repo-Commit": "../../x")",
                             R"("X-Linked-Size": "-1")"}) {
    one.forget();
    const auto ran = one.fetch(R"([{"path": "/resolve/", "set": {)" + std::string(header) + "}}]");
    CAPTURE(ran.err);
    CHECK(ran.code == 9);
    CHECK_FALSE(fs::exists(one.blob()));
  }
}

TEST_CASE("row 33: an index that names files elsewhere fetches nothing of it") {
  FakeHub hub;
  hub.add("org/bad", "config.json", "{}");
  hub.add("org/bad", "model.safetensors.index.json",
          R"({"weight_map": {"a": "../../../evil.safetensors"}})");
  hub.start();
  const auto ran = hub.run({"classify", "-m", "org/bad", "x"});
  CHECK(ran.code == 9);
  CHECK(has(error_line(ran),
            "model.safetensors.index.json: weight_map: unsafe file name "
            "'../../../evil.safetensors': it has the part '..'"));
}
