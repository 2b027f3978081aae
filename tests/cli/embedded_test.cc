// The models that come with hft (share/models): found without a network from the build folder and
// from a prefix, with cards that say what they are; they answer as those say.
#include <algorithm>
#include <regex>

#include "tests/support/test.h"

using namespace hft;
namespace fs = std::filesystem;

namespace {

const fs::path kEmbeddedModels = fs::path(HFT_SOURCE_DIR) / "share/models";
const fs::path kRecipes = fs::path(HFT_SOURCE_DIR) / "recipes";

std::vector<std::string> names_of_embedded() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kEmbeddedModels))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

// No cache, and a Hub that answers nobody.
struct NoNetwork {
  test::TempFolder home;
  test::Ran operator()(const std::vector<std::string>& args, const std::string& in = "") const {
    return test::hft(args, {.in = in,
                            .env = {"HF_HOME=" + home.path.string(),
                                    "HF_ENDPOINT=http://127.0.0.1:9"}});
  }
};

}  // namespace

TEST_CASE("embedded: at most 12 MB, each with a recipe and a card with licence, data and figures") {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kEmbeddedModels))
    if (entry.is_regular_file()) bytes += entry.file_size();
  CHECK(bytes <= 12'000'000);
  for (const std::string& name : names_of_embedded()) {
    CAPTURE(name);
    const std::string card = test::slurp(kEmbeddedModels / name / "README.md");
    CHECK(std::regex_search(card, std::regex("^---\n(.*\n)*license: [a-z0-9.-]+\n")));
    for (const std::string part : {"## Data", "## Training", "## Figures", "## Limits"})
      CHECK(card.find("\n" + part + "\n") != std::string::npos);
    CHECK(card.find("recipes/" + name + "/make") != std::string::npos);
    CHECK(card.find('@') == std::string::npos);  // every figure was filled in
    CHECK(std::regex_search(card, std::regex("[0-9] ?%|[Pp]erplexity")));
    CHECK(fs::exists(kRecipes / name / "make"));
  }
}

TEST_CASE("embedded: hft models lists them with their commands") {
  const auto ran = test::hft({"models", "--json"});
  std::vector<std::string> listed;
  for (const Json& record : ran.records())
    if (record.contains("model")) listed.push_back(record["model"].get<std::string>().substr(4));
  CHECK(listed == names_of_embedded());
  CHECK(test::hft({"models"}).out.find("\nhft/language-id    hft classify (xlm-roberta)\n") !=
        std::string::npos);
}

TEST_CASE("embedded: a name that none has is told without asking the Hub") {
  const NoNetwork run;
  std::string names;
  for (const std::string& name : names_of_embedded())
    names += (names.empty() ? "hft/" : ", hft/") + name;
  const auto ran = run({"classify", "-m", "hft/nothing", "x"});
  CHECK(ran.code == 5);
  CHECK(ran.err == "hft: -m hft/nothing: no model of this name comes with hft; there is " + names +
                       "\n");
  CHECK(run({"classify", "-m", "hft/language-id", "--require-license", "mit", "x"}).code == 6);
}

TEST_CASE("embedded: where the default model cannot be fetched, they are named") {
  const test::TempFolder home;
  const auto ran = test::hft({"generate", "x"}, {.env = {"HF_HOME=" + home.path.string(),
                                                         "HF_HUB_OFFLINE=1"}});
  CHECK(ran.code == 5);
  CHECK(ran.err.find("no network is needed for -m hft/austen (generate)") != std::string::npos);
}

TEST_CASE("embedded: they are found in the share folder of a prefix") {
  const test::TempFolder prefix;
  const fs::path build = fs::path(HFT_BINARY).parent_path();
  fs::create_directories(prefix / "bin");
  fs::create_directories(prefix / "lib");
  fs::create_directories(prefix / "share/hft/models");
  fs::copy_file(HFT_BINARY, prefix / "bin/hft");
  fs::copy_file(build / "libhft_core.so", prefix / "lib/libhft_core.so");
  fs::copy(kEmbeddedModels / "austen", prefix / "share/hft/models/austen");
  const auto ran = test::command({(prefix / "bin/hft").string(), "tokenize", "-m", "hft/austen",
                                  "--json", "Miss Bates"},
                                 {.env = {"LD_LIBRARY_PATH=" + (prefix / "lib").string()}});
  CHECK(ran.code == 0);
  CHECK(ran.records().at(0)["output"]["tokens"][0] == "<s>");
}

TEST_CASE("embedded: language-id tells the languages of everyday sentences") {
  const NoNetwork run;
  const auto ran =
      run({"classify", "-m", "hft/language-id", "--json", "--threads", "1", "--keep-columns",
           "label", "-i", (kRecipes / "language-id/everyday.jsonl").string()});
  CHECK(ran.code == 0);
  int right = 0, all = 0;
  for (const Json& record : ran.records()) {
    right += record["output"][0]["label"] == record["label"];
    ++all;
  }
  const std::string card = test::slurp(kEmbeddedModels / "language-id/README.md");
  CHECK(all == 100);
  CHECK(card.find(std::to_string(right) + " of the 100") != std::string::npos);
}

TEST_CASE("embedded: austen goes on as its card shows") {
  const NoNetwork run;
  const auto ran = run({"generate", "-m", "hft/austen", "--no-do-sample", "--max-new-tokens", "24",
                        "--threads", "1", "It was a"});
  CHECK(ran.code == 0);
  CHECK(ran.out.size() > 60);
  CHECK(test::slurp(kEmbeddedModels / "austen/README.md").find(ran.out) != std::string::npos);
}

// A step of a recipe on a sample of its data.

TEST_CASE("recipes: austen's novels become passages") {
  const test::TempFolder work;
  const std::string made = R"(
    mkdir -p root/usr/lib/R/site-library/janeaustenr/data
    perl -MCompress::Zlib -e '
      for my $novel (["EMMA", "", "CHAPTER I", "", "She said,", "\"_Very_ well.\"", "", "He left."], ["It ended."]) {
        my $text = "X\n" . pack("N4", 3, 1, 1, 5) . "UTF-8" . pack("N2", 16, scalar @$novel);
        $text .= pack("N2", 9, length $_) . $_ for @$novel;
        print pack("N", length $text), compress($text);
      }' > root/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb
    mkdir out && )" + (kRecipes / "austen/prepare").string() + " root out && cat out/train.jsonl";
  const auto ran = test::command({"bash", "-c", made}, {.cwd = work.path});
  CHECK(ran.err == "");
  CHECK(ran.out == "{\"text\": \"She said, \\\"Very well.\\\"\\nHe left.</s>\"}\n"
                   "{\"text\": \"It ended.</s>\"}\n");
}

TEST_CASE("recipes: translations become sentences with their languages") {
  const test::TempFolder work;
  const std::string made = R"(
    locale=root/usr/share/games/wesnoth/1.16/locale/de/LC_MESSAGES
    mkdir -p $locale root/usr/share/doc/installation-guide-amd64/de out
    printf 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Where are we? I do not know."\nmsgstr "Wo sind wir? <i>Ich</i> weiß es nicht."\n' |
      msgfmt -o $locale/wesnoth-httt.mo -
    printf 'Dies ist ein Absatz der Anleitung, der über zwei\nZeilen geht und umbrochen ist.\n' |
      gzip > root/usr/share/doc/installation-guide-amd64/de/install.de.txt.gz
    )" + (kRecipes / "language-id/prepare").string() + " root out && sort out/train.jsonl";
  const auto ran = test::command({"bash", "-c", made}, {.cwd = work.path});
  CHECK(ran.err == "");
  CHECK(ran.out ==
        "{\"text\": \"Dies ist ein Absatz der Anleitung, der über zwei Zeilen geht und umbrochen "
        "ist.\", \"label\": \"de\"}\n"
        "{\"text\": \"I do not know.\", \"label\": \"en\"}\n"
        "{\"text\": \"Ich weiß es nicht.\", \"label\": \"de\"}\n"
        "{\"text\": \"Where are we?\", \"label\": \"en\"}\n"
        "{\"text\": \"Wo sind wir?\", \"label\": \"de\"}\n");
}

TEST_CASE("recipes: digits become pictures") {
  const test::TempFolder work;
  std::string row;
  for (int i = 0; i < 64; ++i) row += i == 9 ? "16," : "0,";
  test::spit(work / "rows.csv", row + "7\n");
  const auto ran = test::command(
      {"bash", "-c",
       "gzip rows.csv && mkdir out && " + (kRecipes / "digits/prepare").string() +
           " \"$PWD/rows.csv.gz\" \"$PWD/out\" && cat out/train.jsonl && od -An -v -tu1 -j54 -w24 "
           "out/images/1.bmp | tail -n 2 | head -n 1"},
      {.cwd = work.path});
  CHECK(ran.err == "");
  CHECK(ran.out.starts_with("{\"image\": \"" + (work / "out/images/1.bmp").string() +
                            "\", \"label\": \"7\"}\n   0   0   0 255 255 255   0"));
}
