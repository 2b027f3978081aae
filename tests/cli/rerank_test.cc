// hft rerank: what is ranked and what is only scored, what is refused, runs that go on.
#include "tests/support/test.h"

using namespace hft;
using test::golden;

namespace {

const std::string kBert = golden("rerank-bert").string();

test::Ran rerank(std::vector<std::string> args, const test::RunOptions& options = {}) {
  args.insert(args.begin(), {"rerank", "-m", kBert});
  return test::hft(args, options);
}

std::vector<Json> field(const test::Ran& ran, const char* name) {
  std::vector<Json> all;
  for (const Json& record : ran.records()) all.push_back(record[name]);
  return all;
}

}  // namespace

TEST_CASE("rerank: passages come best first, equal ones in the order they came") {
  const auto ran = rerank({"--query", "boats", "--json", "b", "boats", "a boat", "b"});
  CHECK(ran.code == 0);
  const auto scores = field(ran, "output"), texts = field(ran, "input");
  REQUIRE(scores.size() == 4);
  CHECK(std::is_sorted(scores.rbegin(), scores.rend()));
  CHECK(std::count(texts.begin(), texts.end(), Json("b")) == 2);
  const auto lines = rerank({"--query", "boats", "--json", "--lines"}, {.in = "b\nboats\na boat\nb\n"});
  CHECK(lines.out == ran.out);
  const auto best = rerank({"--query", "boats", "--json", "--top-k", "1", "b", "boats", "a boat", "b"});
  CHECK(best.out == ran.out.substr(0, ran.out.find('\n') + 1));
  const auto drawn = rerank({"--query", "boats", "--format", "text", "boats"});
  CHECK(drawn.out.ends_with("  boats\n"));
  CHECK(drawn.out.starts_with("   0."));
}

TEST_CASE("rerank: pairs of data are scored in their order, lists of documents ranked") {
  test::TempFolder folder;
  test::spit(folder / "in.jsonl",
             R"({"id": 7, "query": "boats", "text": "nine boats"}
{"query": "boats", "documents": ["a clock", "nine boats"]}
{"query": "boats"}
{"query": "boats", "documents": ["a", 3]}
{"text": "boats"}
)");
  const auto ran = rerank({"-i", (folder / "in.jsonl").string(), "--json"});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 5);
  CHECK(records[0]["id"] == 7);
  CHECK(records[0]["output"].is_number());
  for (const Json& one : records[1]["output"])
    if (one["corpus_id"] == 1) CHECK(one["score"] == records[0]["output"]);
  const auto message = [&](int i) {
    const auto text = records[i]["error"]["message"].get<std::string>();
    return text.substr(text.find(": ") + 2);
  };
  CHECK(message(2) == "has no column 'text' and no 'documents'");
  CHECK(message(3) == "document 1 is number, wanted a string");
  CHECK(message(4) == "has no column 'query'");
}

TEST_CASE("rerank: a run over pairs that was cut short goes on") {
  test::TempFolder folder;
  std::string rows;
  for (int i = 0; i < 40; ++i)
    rows += R"({"query": "boat )" + std::to_string(i) + R"(", "text": "nine boats"})" + "\n";
  test::spit(folder / "in.jsonl", rows);
  const std::string in = (folder / "in.jsonl").string(), out = (folder / "out.jsonl").string();
  REQUIRE(rerank({"-i", in, "--json", "-o", out}).code == 0);
  const std::string whole = test::slurp(out);
  REQUIRE(rerank({"-i", in, "--json", "-o", out, "--force", "--limit", "11"}).code == 0);
  CHECK(rerank({"-i", in, "--json", "-o", out, "--resume"}).code == 2);  // another --limit
  REQUIRE(rerank({"-i", in, "--json", "-o", out, "--force"}).code == 0);
  CHECK(rerank({"-i", in, "--json", "-o", out, "--resume"}).code == 0);
  CHECK(test::slurp(out) == whole);
}

TEST_CASE("rerank: what cannot be is refused in one line") {
  const auto refused = [](const test::Ran& ran, int code, const std::string& message) {
    CHECK(ran.code == code);
    CHECK(ran.out == "");
    CHECK(ran.err.substr(0, ran.err.find('\n')) == "hft: " + message);
  };
  refused(rerank({"a passage"}), 2,
          "no query is given: use --query, or data with that column (-i FILE.jsonl)");
  refused(rerank({"--query", "q", "--query-column", "ask", "x"}), 2,
          "--query-column: the one query is that of --query");
  refused(rerank({"--query", "q", "--resume", "-o", "x.jsonl", "x"}), 2,
          "--resume and --query contradict each other");
  const test::Ran long_one = rerank(
      {"--query", "q", "--no-truncation", "--max-length", "4", "--json", "nine boats and a clock"});
  CHECK(long_one.code == 1);  // every input failed
  CHECK(long_one.records()[0]["error"]["message"] == "the text has 9 tokens, the model takes 4");
  const std::string labels = golden("rerank-labels").string();
  refused(test::hft({"rerank", "-m", labels, "--query", "q", "x"}), 6,
          "passages are ranked by one score, the model gives 3");
  refused(test::hft({"rerank", "-m", golden("bert-embed").string(), "--query", "q", "x"}), 6,
          golden("bert-embed").string() +
              ": the checkpoint has no head for sequence classification, it lacks "
              "classifier.weight, classifier.bias");
}

TEST_CASE("rerank: what a folder says of its scores and its modules") {
  test::TempFolder folder;
  const auto m = folder / "m";
  test::fs::copy(kBert, m, test::fs::copy_options::recursive);
  const auto config = [&](const char* key, const Json& value) {
    Json json = read_json(golden("rerank-bert") / "config.json");
    json[key] = value;
    test::spit(m / "config.json", json.dump());
  };
  const auto ran = [&](std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"rerank", "-m", m.string(), "--query", "boats", "--json", "nine boats"});
    return test::hft(more);
  };
  const Json sigmoid = ran().records()[0]["output"];
  const Json logit = ran({"--function-to-apply", "none"}).records()[0]["output"];
  CHECK(sigmoid != logit);
  config("sentence_transformers", {{"activation_fn", "torch.nn.Identity"}});
  CHECK(ran().records()[0]["output"] == logit);
  config("sbert_ce_default_activation_function", "torch.nn.modules.activation.Softmax");
  CHECK(ran().records()[0]["output"] == 1.0);
  config("sentence_transformers", {{"activation_fn", "theirs.Scale"}});
  const auto foreign = ran();
  CHECK(foreign.records()[0]["output"] == sigmoid);
  CHECK(foreign.err ==
        "hft: activation_fn 'theirs.Scale' is Python code from elsewhere, which is never run; the "
        "usual one takes its place\n");
  config("sentence_transformers", {{"activation_fn", "torch.nn.GELU"}});
  CHECK(ran().code == 6);
  CHECK(ran().err ==
        "hft: " + (m / "config.json").string() +
            ": activation_fn 'torch.nn.GELU' is not supported, wanted Identity, Sigmoid or Softmax\n"
            "hint: --function-to-apply says what to do with the logits\n");
  test::spit(m / "modules.json",
             R"([{"type": "sentence_transformers.base.modules.transformer.Transformer", "path": ""},
                 {"type": "sentence_transformers.cross_encoder.modules.logit_score.LogitScore",
                  "path": "1_LogitScore"}])");
  CHECK(ran().code == 6);
  CHECK(ran().err.find("LogitScore' is not supported") != std::string::npos);
}
