// Wrong models and wrong flags: one clear line, the documented exit code.
#include <fstream>

#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::spit;
using test::TempFolder;

namespace {
std::string copy_of(const std::string& name, const TempFolder& folder) {
  std::filesystem::copy(golden(name), folder / "model", std::filesystem::copy_options::recursive);
  return (folder / "model").string();
}
// Changes a field of the copied model's config.json.
void set(const TempFolder& folder, const std::string& field, const std::string& json) {
  Json config = Json::parse(test::slurp(folder / "model" / std::string("config.json")));
  config[field] = Json::parse(json);
  spit(folder / "model/config.json", config.dump());
}
int lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}
}  // namespace

TEST_CASE("mistakes: a folder without the needed files is exit 5 and says what it lacks") {
  TempFolder folder;
  const auto empty = test::hft({"classify", "-m", folder.path.string(), "x"});
  CHECK(empty.code == 5);
  CHECK(empty.err == "hft: " + folder.path.string() +
                         ": no config.json (the folder is empty)\n"
                         "hint: -m wants the folder that holds config.json and the weights\n");
  for (const std::string file : {"model.safetensors", "tokenizer.json"}) {
    TempFolder other;
    const auto model = copy_of("distilbert-classify", other);
    std::filesystem::remove(other / ("model/" + file));
    std::filesystem::remove(other / "model/vocab.txt");
    const auto ran = test::hft({"classify", "-m", model, "x"});
    CHECK(ran.code == 5);
    CHECK(ran.out.empty());
    CHECK(lines(ran.err) <= 2);
  }
  CHECK(test::hft({"classify", "-m", "org/missing", "x"}, {.env = {"HF_HUB_OFFLINE=1"}}).code == 5);
}

TEST_CASE(
    "mistakes: hostile numbers in config.json are refused by name before anything is allocated") {
  for (const auto& [field, json] :
       std::vector<std::pair<std::string, std::string>>{{"hidden_size", "1000000000000"},
                                                        {"hidden_size", "-1"},
                                                        {"hidden_size", "0"},
                                                        {"hidden_size", "\"12\""},
                                                        {"num_hidden_layers", "1000000000"},
                                                        {"num_attention_heads", "-7"},
                                                        {"vocab_size", "2147483648"},
                                                        {"max_position_embeddings", "-5"},
                                                        {"layer_norm_eps", "\"small\""},
                                                        {"intermediate_size", "1.5"}}) {
    TempFolder folder;
    const auto model = copy_of("bert-classify", folder);
    set(folder, field, json);
    const auto ran = test::hft({"classify", "-m", model, "x"});
    CAPTURE(field);
    CAPTURE(json);
    CAPTURE(ran.err);
    CHECK(ran.code == 9);
    CHECK(ran.err.find(field) != std::string::npos);
    CHECK(lines(ran.err) <= 2);
  }
}

TEST_CASE("mistakes: an unknown architecture, activation or custom code is exit 6") {
  for (const auto& [field, json] : std::vector<std::pair<std::string, std::string>>{
           {"model_type", "\"brt\""},
           {"hidden_act", "\"swoosh\""},
           {"position_embedding_type", "\"relative_key\""}}) {
    TempFolder folder;
    const auto model = copy_of("bert-classify", folder);
    set(folder, field, json);
    const auto ran = test::hft({"classify", "-m", model, "x"});
    CAPTURE(ran.err);
    CHECK(ran.code == 6);
    CHECK(ran.err.find(Json::parse(json).get<std::string>()) != std::string::npos);
  }
}

TEST_CASE("mistakes: a model of the wrong kind names the command that fits") {
  const auto ran = test::hft({"ner", "-m", golden("bert-classify").string(), "x"});
  CHECK(ran.code == 6);
  CHECK(ran.err.ends_with("hint: hft classify\n"));
}

TEST_CASE("mistakes: contradicting or impossible settings are exit 2 with one line") {
  const std::string model = golden("bert-classify").string(),
                    ner = golden("bert-ner-cased").string();
  const std::string qa = golden("bert-qa").string(), embed = golden("bert-embed").string();
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"classify", "-m", model, "--top-k", "0", "x"},
           {"classify", "-m", model, "--json", "--format", "csv", "x"},
           {"classify", "-m", model, "--resume", "x"},
           {"classify", "-m", model, "--batch-size", "none", "x"},
           {"classify", "-m", model, "--candidate-labels", "a", "--hypothesis-template", "no hole",
            "x"},
           {"classify", "-m", model, "x", "-i", "y"},
           {"ner", "-m", ner, "--stride", "4", "--aggregation-strategy", "none", "x"},
           {"ner", "-m", ner, "--stride", "100000", "x"},
           {"qa", "-m", qa, "only a context"},
           {"qa", "-m", qa, "--question", "q", "--doc-stride", "99", "--max-seq-len", "20", "c"},
           {"embed", "-m", embed, "--top-k", "3", "x"},
           {"embed", "-m", embed, "--prompt-name", "none", "x"},
           {"embed", "-m", embed, "--query", "q", "-o", "x.npy", "x"}}) {
    const auto ran = test::hft(args);
    CAPTURE(args[0]);
    CAPTURE(args[3]);
    CAPTURE(ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.err.starts_with("hft: "));
    CHECK(lines(ran.err) <= 2);
    CHECK(ran.out.empty());
  }
}

TEST_CASE("mistakes: weights that are not finite are exit 10, not answers") {
  TempFolder folder;
  const auto model = copy_of("distilbert-classify", folder);
  // Every number becomes NaN: the header stays, the data is all ones.
  std::string bytes = test::slurp(folder / "model/model.safetensors");
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::fill(bytes.begin() + 8 + static_cast<std::ptrdiff_t>(header), bytes.end(), '\xff');
  spit(folder / "model/model.safetensors", bytes);
  const auto ran = test::hft({"classify", "-m", model, "x"});
  CHECK(ran.code == 10);
  CHECK(ran.out.empty());
}

TEST_CASE("mistakes: text longer than the model takes is cut with a note, or an error when asked") {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "a ";
  const auto model = golden("bert-classify").string();
  const auto cut = test::hft({"classify", "-m", model, text});
  CHECK(cut.code == 0);
  CHECK(cut.err.find("hft: a text was cut: 3002 tokens, the model takes ") == 0);
  const auto whole = test::hft({"classify", "-m", model, "--no-truncation", text});
  CHECK(whole.code == 1);
  CHECK(whole.records()[0]["error"]["message"].get<std::string>().starts_with(
      "the text has 3002 tokens, the model takes "));
}

TEST_CASE("mistakes: an empty value of an option that names something is exit 2") {
  const std::string model = golden("bert-classify").string();
  const auto refused = [](const std::vector<std::string>& args, const std::string& name) {
    const auto ran = test::hft(args, {.in = "from stdin"});
    INFO(args[0], " ", name, ": ", ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err == "hft: " + name + ": is empty; a variable that is not set?\n");
  };
  refused({"classify", "-m", "", "x"}, "-m/--model");
  refused({"classify", "--model=", "x"}, "-m/--model");
  refused({"classify", "-m", model, "-i", ""}, "-i/--input");
  refused({"classify", "-m", model, "-o", "", "x"}, "-o/--output");
  refused({"classify", "-m", model, "--files-from", ""}, "--files-from");
  refused({"classify", "-m", model, "--files_from="}, "--files-from");
  refused({"classify", "-m", model, "--candidate-labels", "", "x"}, "--candidate-labels");
  refused({"classify", "-m", model, "--dtype", "", "x"}, "--dtype");
  refused({"convert", "", "-o", "x"}, "MODEL");
  refused({"convert", model, "-o", ""}, "-o/--output");
  refused({"hub", "download", ""}, "REPO");
  refused({"hub", "download", "a/b", "--local-dir="}, "--local-dir");
  refused({"hub", "cache", "rm", ""}, "ID");
  refused({"push", model, ""}, "REPO");
}

TEST_CASE("mistakes: an empty text is a text") {
  const std::string model = golden("bert-classify").string();
  const auto ran = test::hft({"tokenize", "-m", model, "--pair=", "--json", ""});
  CHECK(ran.code == 0);
  CHECK(ran.records().at(0)["input"].dump().find("\"\"") != std::string::npos);
}

TEST_CASE("mistakes: a model's folder in place of a text, with -m forgotten") {
  const std::string model = golden("bert-classify").string();
  const auto ran = test::hft({"classify", model, "x"}, {.env = {"HF_HUB_OFFLINE=1"}});
  CHECK(ran.code == 2);
  CHECK(ran.err == "hft: classify: " + model +
                       " is a model's folder, not an input; -m is missing\nhint: hft classify -m " +
                       model + " …\n");
}

TEST_CASE("mistakes: a token is never repeated") {
  const std::string token = "hf_" + std::string(34, 'q');
  const std::string model = golden("bert-classify").string();
  for (std::vector<std::string> args : std::vector<std::vector<std::string>>{
           {"hub", "login", token},
           {"hub", "login", "--token", token},
           {"hub", "login", "--token=" + token},
           {"hub", "whoami", token},
           {"push", "x", "ada/x", token},
           {token},
           {"hub", token},
           {"help", token},
           {"completion", token},
           {"classify", "--" + token, "x"},
           {"classify", "-m", token, "x"},
           {"classify", "-m", "org/" + token, "x"},
           {"classify", "-m", model, "--dtype", token, "x"},
           {"classify", "-m", model, "--top-k", token, "x"},
           {"classify", "-m", model, "--shard", token, "x"},
           {"classify", "-m", model, "-i", token},
           {"classify", "-m", model, "-o", token + "/x", "x"},
           {"tokenize", "-m", model, "--decode", token},
           {"tokenize", "-m", model, "--json", "--decode", token},
           {"hub", "download", token},
           {"hub", "download", "a/b", "--revision", token},
           {"hub", "upload", "a/b", token},
           {"hub", "cache", "rm", token},
           {"hub", "cache", "ls", "--filter", token},
       }) {
    const auto ran = test::hft(args, {.env = {"HF_HUB_OFFLINE=1"}});
    INFO(args[0], " ", args.size() > 1 ? args[1].substr(0, 10) : "", ": ", ran.err);
    CHECK(ran.code != 0);
    CHECK(ran.err.find(token) == std::string::npos);
    for (const Json& record : ran.records())
      CHECK(record.value("error", Json()).dump().find(token) == std::string::npos);
  }
}

TEST_CASE("mistakes: what begins with a hyphen and is no option; numbers far outside") {
  const auto text = test::hft({"classify", "--great-- stuff"});
  CHECK(text.code == 2);
  CHECK(text.err ==
        "hft: classify: unknown option '--great-- stuff'\nhint: hft classify --help lists them; "
        "a text that begins with - stands behind: -- TEXT\n");
  const auto limit = test::hft({"classify", "--limit", "-1", "x"});
  CHECK(limit.code == 2);
  CHECK(limit.err.size() < 150);
}
