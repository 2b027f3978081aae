// hft train by several processes, started as torchrun starts them: one loss curve, whoever computes
// it; whoever of them is lost ends the others, and the run goes on from the last checkpoint.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>

#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

// A port of 127.0.0.1 that nobody listens at; `held`: until this is gone, this test does.
struct Port {
  Port() : listening(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(listening, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::getsockname(listening, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    number = std::to_string(ntohs(at.sin_port));
  }
  ~Port() { ::close(listening); }
  int listening;
  std::string number;
};

struct Several {
  std::vector<int> codes;
  std::vector<std::string> errors;
  std::string out;
};

// Rows, and runs over them.
struct Rows {
  explicit Rows(int count = 24) {
    std::string rows;
    for (int i = 0; i < count; ++i)
      rows += Json{{"text", std::string(i % 7, 'a') + " the boats " + std::to_string(i)},
                   {"label", i % 2}}
                  .dump() +
              "\n";
    test::spit(folder / "rows.jsonl", rows);
  }
  std::vector<std::string> args(const std::string& output, std::vector<std::string> more) const {
    if (more.empty() || more[0] != "--task")
      more.insert(more.begin(),
                  {"--task", "classify", "-m", test::golden("distilbert-classify").string(),
                   "--train-file", (folder / "rows.jsonl").string()});
    std::vector<std::string> args{"train",
                                  "-o",
                                  (folder / output).string(),
                                  "--logging-steps",
                                  "1",
                                  "--logging-file",
                                  (folder / (output + ".log")).string(),
                                  "--threads",
                                  "1"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  // `meanwhile`: shell that runs beside them, $p0 and $p1 being the first two.
  Several run(int count, const std::string& output, const std::vector<std::string>& more,
              const std::string& meanwhile = ":") const {
    std::string shell = "export " + size_name + "=" + std::to_string(count) + "\n";
    for (int rank = 0; rank < count; ++rank) {
      const std::string n = std::to_string(rank);
      shell += rank_name + "=" + n + " \"$0\" \"$@\" 2>err" + n + " >out" + n + " & p" + n + "=$!\n";
    }
    shell += meanwhile + "\n";
    for (int rank = 0; rank < count; ++rank) {
      const std::string n = std::to_string(rank);
      shell += "wait $p" + n + "; echo $? >code" + n + "\n";
    }
    std::vector<std::string> command{"sh", "-c", shell, HFT_BINARY};
    const auto own = args(output, more);
    command.insert(command.end(), own.begin(), own.end());
    const std::string port = Port().number;
    test::command(command, {.env = {"MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + port},
                            .cwd = folder.path});
    Several ran;
    for (int rank = 0; rank < count; ++rank) {
      const std::string n = std::to_string(rank), code = test::slurp(folder / ("code" + n));
      ran.codes.push_back(code.empty() ? -1 : std::stoi(code));
      ran.errors.push_back(test::slurp(folder / ("err" + n)));
    }
    ran.out = test::slurp(folder / "out0");
    CHECK(test::slurp(folder / "out1").empty());
    return ran;
  }
  std::vector<Json> log(const std::string& output) const {
    std::vector<Json> entries;
    const std::string text = test::slurp(folder / (output + ".log"));
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      entries.push_back(Json::parse(text.substr(at, end - at)));
      at = end + 1;
    }
    return entries;
  }
  void same_curve(const std::string& one, const std::string& other) const {
    const auto wanted = log(one), got = log(other);
    CHECK(wanted.size() > 4);
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      for (const auto& [name, value] : wanted[i].items()) {
        if (name.find("runtime") != name.npos || name.find("per_second") != name.npos) continue;
        CAPTURE(i);
        CAPTURE(name);
        const double is = value.get<double>(), was = got[i][name].get<double>();
        CAPTURE(is);
        CAPTURE(was);
        CHECK(std::fabs(is - was) <= 1e-4 * std::fabs(is) + 1e-7);
      }
  }
  void same_bytes(const std::string& one, const std::string& other,
                  const std::vector<std::string>& files) const {
    for (const std::string& file : files) {
      CAPTURE(file);
      const std::string wanted = test::slurp(folder / one / file);
      CHECK(!wanted.empty());
      CHECK((test::slurp(folder / other / file) == wanted));
    }
  }
  test::TempFolder folder;
  std::string rank_name = "RANK", size_name = "WORLD_SIZE";
};

// Until the log has so many entries, at most half a minute.
std::string once_logged(const std::string& output, int entries, const std::string& then) {
  return "i=0; until [ \"$(grep -c loss " + output + ".log 2>/dev/null)\" -ge " +
         std::to_string(entries) + " ] 2>/dev/null || [ $i = 300 ]; do sleep 0.1; i=$((i+1)); done; " +
         then;
}

const std::vector<std::string> kEndless{"--max-steps", "100000", "--save-steps", "4"};

}  // namespace

TEST_CASE("train: the loss of each step by two ranks is that of Trainer by two") {
  for (const auto& entry : fs::directory_iterator(test::golden("train_ranks"))) {
    const std::string name = entry.path().stem();
    CAPTURE(name);
    const Json wanted = Json::parse(test::slurp(entry.path()));
    const Rows rows;
    const auto write = [&](const std::string& file) {
      std::string lines;
      for (const Json& row : wanted[file]) lines += row.dump() + "\n";
      test::spit(rows.folder / file, lines);
      return (rows.folder / file).string();
    };
    std::vector<std::string> more{"--task",       wanted["task"],  "-m",
                                  test::golden(wanted["model"]).string(),
                                  "--train-file", write("train"),  "--dropout", "0",
                                  "--save-strategy", "no"};
    for (const auto& [flag, value] : wanted["arguments"].items())
      if (flag != "logging_steps")
        more.insert(more.end(),
                    {"--" + flag, value.is_string() ? value.get<std::string>() : value.dump()});
    const auto ran = rows.run(2, name, more);
    INFO(ran.errors[0]);
    REQUIRE(ran.codes == std::vector{0, 0});
    const auto log = rows.log(name);
    REQUIRE(log.size() == wanted["log"].size());
    for (std::size_t i = 0; i < log.size(); ++i)
      for (const auto& [key, value] : wanted["log"][i].items()) {
        CAPTURE(i);
        CAPTURE(key);
        const double got = log[i][key].get<double>(), is = value.get<double>();
        CAPTURE(got);
        CAPTURE(is);
        CHECK(std::fabs(got - is) <= (key == "grad_norm" ? 5e-3 : 1e-3) * std::fabs(is) + 1e-9);
      }
  }
}

TEST_CASE("train: ranks give the losses of one process with the same global batch") {
  Rows rows;
  const std::string eval = (rows.folder / "rows.jsonl").string();
  const std::vector<std::string> more{"--max-steps",     "12",    "--eval-file", eval,
                                      "--eval-strategy", "steps", "--eval-steps", "6",
                                      "--lr",            "1e-3"};
  const auto with = [&](std::vector<std::string> last) {
    last.insert(last.begin(), more.begin(), more.end());
    return last;
  };
  const auto alone = [&](const std::string& output, std::vector<std::string> last) {
    return test::hft(rows.args(output, with(std::move(last))));
  };
  REQUIRE(alone("one", {"--per-device-train-batch-size", "4", "--dropout", "0"}).code == 0);
  for (const int count : {2, 4}) {
    const std::string output = "by" + std::to_string(count);
    rows.rank_name = count == 2 ? "RANK" : "OMPI_COMM_WORLD_RANK";
    rows.size_name = count == 2 ? "WORLD_SIZE" : "OMPI_COMM_WORLD_SIZE";
    const auto ran = rows.run(count, output, with({"--per-device-train-batch-size",
                                                   std::to_string(4 / count), "--dropout", "0"}));
    INFO(ran.errors[0]);
    REQUIRE(ran.codes == std::vector<int>(count, 0));
    rows.same_curve("one", output);
    CHECK(Json::parse(ran.out)["step"] == 12);
    CHECK(test::slurp(rows.folder / output / "README.md")
              .find("- num_devices: " + std::to_string(count) + "\n- total_train_batch_size: 4\n") !=
          std::string::npos);
  }
  rows.rank_name = "PMI_RANK", rows.size_name = "PMI_SIZE";
  // What dropout draws follows from the batch, not from who computes it.
  const std::vector<std::string> halves{"--per-device-train-batch-size", "2"};
  REQUIRE(alone("dropped", {"--per-device-train-batch-size", "2", "--gradient-accumulation-steps",
                            "2"})
              .code == 0);
  REQUIRE(rows.run(2, "dropped2", with(halves)).codes == std::vector{0, 0});
  rows.same_curve("dropped", "dropped2");

  // Neither shards of the optimiser's state nor small buckets change a bit of it.
  auto sharded = halves;
  sharded.insert(sharded.end(), {"--zero-stage", "1", "--ddp-bucket-cap-mb", "0.01"});
  REQUIRE(rows.run(2, "sharded", with(sharded)).codes == std::vector{0, 0});
  rows.same_bytes("dropped2", "sharded",
                  {"model.safetensors", "checkpoint-12/optimizer.safetensors"});
}

TEST_CASE("train: tokens of a language model weigh the same on whatever rank") {
  Rows rows;
  std::string lines;
  for (int i = 0; i < 12; ++i)
    lines += Json{{"prompt", "the boats " + std::string(i % 5, 'a')},
                  {"completion", i % 4 ? " nine" : " nine boats in the harbour in the morning"}}
                 .dump() +
             "\n";
  test::spit(rows.folder / "rows.jsonl", lines);
  const std::vector<std::string> more{"--task",       "generate",
                                      "-m",           test::golden("llama-generate").string(),
                                      "--train-file", (rows.folder / "rows.jsonl").string(),
                                      "--max-steps", "8",        "--lr", "1e-3"};
  auto one = rows.args("one", more);
  one.insert(one.end(), {"--per-device-train-batch-size", "4"});
  REQUIRE(test::hft(one).code == 0);
  auto two = more;
  two.insert(two.end(), {"--per-device-train-batch-size", "1", "--gradient-accumulation-steps", "2"});
  const auto ran = rows.run(2, "two", two);
  INFO(ran.errors[0]);
  REQUIRE(ran.codes == std::vector{0, 0});
  rows.same_curve("one", "two");
}

TEST_CASE("train: a killed rank ends the others, and the run goes on to the same last bit") {
  const Rows rows(19);  // of which the last batches are filled up
  const std::vector<std::string> more{"--max-steps", "14", "--save-steps", "4", "--zero-stage", "1",
                                      "--per-device-train-batch-size", "2"};
  REQUIRE(rows.run(2, "whole", more).codes == std::vector{0, 0});

  auto broken = kEndless;
  broken.insert(broken.end(), {"--per-device-train-batch-size", "2"});
  const auto killed = rows.run(2, "killed", broken, once_logged("killed", 6, "kill -KILL $p1"));
  CHECK(killed.codes == std::vector{12, 137});
  CHECK(killed.errors[0].find("hft: rank 1 of 2 has ended\nhint: --resume-from-checkpoint "
                              "last goes on from the last checkpoint\n") != std::string::npos);
  CHECK(fs::exists(rows.folder / "killed/checkpoint-4/model.safetensors"));

  fs::create_directories(rows.folder / "again");
  fs::copy(rows.folder / "whole/checkpoint-8", rows.folder / "again/checkpoint-8");
  auto resumed = more;
  resumed.insert(resumed.end(), {"--resume-from-checkpoint", "last"});
  const auto ran = rows.run(2, "again", resumed);
  INFO(ran.errors[0]);
  REQUIRE(ran.codes == std::vector{0, 0});
  rows.same_bytes("whole", "again",
                  {"model.safetensors", "checkpoint-14/optimizer.safetensors",
                   "checkpoint-14/hft_state.json", "checkpoint-12/trainer_state.json"});

  // Another number of processes is another run.
  const auto alone = test::hft(rows.args("again", resumed));
  CHECK(alone.code == 2);
  CHECK(alone.err.find("checkpoint-14: is of another run: world_size was 2, is 1\nhint: --force "
                       "goes on all the same\n") != std::string::npos);
}

TEST_CASE("train: a rank that keeps silent is waited for --ddp-timeout") {
  const Rows rows;
  auto more = kEndless;
  more.insert(more.end(), {"--ddp-timeout", "2"});
  const auto ran = rows.run(2, "out", more,
                            once_logged("out", 3, "kill -STOP $p1; wait $p0; echo $? >first; kill "
                                                  "-KILL $p1"));
  CHECK(test::slurp(rows.folder / "first") == "12\n");
  CHECK(ran.errors[0].find("hft: rank 1 of 2 did not answer within 2 s\n") !=
        std::string::npos);

  // So is one that never comes.
  const std::string port = Port().number;
  const auto lone = test::hft(rows.args("lone", more),
                              {.env = {"RANK=0", "WORLD_SIZE=2", "MASTER_PORT=" + port}});
  CHECK(lone.code == 12);
  CHECK(lone.err.find("rank 1 of 2 did not answer within 2 s\n") != std::string::npos);
}

TEST_CASE("train: SIGTERM at any rank saves once and ends all with 143") {
  const Rows rows;
  const auto ran =
      rows.run(2, "out", {"--max-steps", "100000", "--save-strategy", "no"},
               once_logged("out", 3, "kill -TERM $p1"));
  CHECK(ran.codes == std::vector{143, 143});
  CHECK(ran.errors[0].find(" is saved\nhint: --resume-from-checkpoint last goes on from it\n") !=
        std::string::npos);
  CHECK(ran.errors[1].empty());
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(rows.folder / "out"))
    kept += fs::exists(entry.path() / "optimizer.safetensors");
  CHECK(kept == 1);
}

TEST_CASE("train: what one rank refuses, no rank does") {
  const Rows rows;
  const auto nan = rows.run(2, "nan", {"--lr", "1e30", "--lr-scheduler-type", "constant",
                                       "--max-grad-norm", "0", "--max-steps", "9"});
  CHECK(nan.codes == std::vector{10, 10});
  CHECK(nan.errors[0].find("is no finite number (learning rate 1e+30)") != std::string::npos);
  CHECK(nan.errors[1].empty());

  const auto there = rows.run(2, "nan", {});
  CHECK(there.codes == std::vector{2, 2});
  CHECK(there.errors[0].find("nan: exists already\n") != std::string::npos);

  Port taken;
  REQUIRE(::listen(taken.listening, 1) == 0);
  const auto busy = test::hft(rows.args("busy", {}),
                              {.env = {"RANK=0", "WORLD_SIZE=2", "MASTER_PORT=" + taken.number}});
  CHECK(busy.code == 11);
  CHECK(busy.err.find("MASTER_PORT " + taken.number + ": another program listens there\nhint: "
                      "MASTER_PORT=PORT names another\n") != std::string::npos);

  const auto half = test::hft(rows.args("half", {}), {.env = {"WORLD_SIZE=2"}});
  CHECK(half.code == 2);
  CHECK(half.err.find("WORLD_SIZE is 2, but RANK is not set\n") != std::string::npos);
}
