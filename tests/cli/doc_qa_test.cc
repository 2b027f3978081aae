// hft doc-qa: pages, documents and words from the real program, and what goes wrong, in words; the
// answers are goldens.
#include "core/base/json.h"
#include "tasks/several/doc_qa_page.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

const std::string kGolden = HFT_SOURCE_DIR "/tests/golden/";
const std::string kModel = kGolden + "layoutlm", kPage = kGolden + "pictures/invoice.png";

std::vector<std::string> asked(std::vector<std::string> more) {
  std::vector<std::string> args{"doc-qa", "-m", kModel, "--question", "What is the total?"};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

// A document of pages with a line of text each.
std::string pdf_of(const std::vector<std::string>& lines) {
  std::string kids, pages;
  int number = 4;
  for (const std::string& line : lines) {
    const std::string text = "BT /F 40 Tf 40 60 Td (" + line + ") Tj ET";
    kids += std::to_string(number) + " 0 R ";
    pages += std::to_string(number) +
             " 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 400 140]/Resources<</Font<</F 3 0 "
             "R>>>>/Contents " +
             std::to_string(number + 1) + " 0 R>> endobj\n" + std::to_string(number + 1) +
             " 0 obj <</Length " + std::to_string(text.size()) + ">> stream\n" + text +
             "\nendstream endobj\n";
    number += 2;
  }
  return "%PDF-1.4\n1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj\n2 0 obj <</Type/Pages/Kids[" +
         kids + "]/Count " + std::to_string(lines.size()) +
         ">> endobj\n3 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj\n" + pages +
         "trailer <</Root 1 0 R>>\n%%EOF\n";
}

Json many_words(int count) {
  Json words = Json::array();
  for (int i = 0; i < count; ++i)
    words.push_back({"boats", {i % 900, i / 10, i % 900 + 50, i / 10 + 20}});
  return words;
}

}  // namespace

TEST_CASE("doc-qa: one bad page among good ones, and an empty one") {
  const auto ran = test::hft(asked({kPage, kGolden + "README.md", kGolden + "pictures/empty.png"}));
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 3);
  CHECK(records[0]["output"].size() == 1);
  CHECK(records[1]["error"]["message"].get<std::string>().find("README.md") != std::string::npos);
  CHECK(records[2]["output"] == Json::array());
}

TEST_CASE("doc-qa: each page of a document is an input, and one page may be named") {
  const test::TempFolder folder;
  const auto file = folder / "two.pdf";
  test::spit(file, pdf_of({"nine red boats", "the broken clock"}));
  auto records = test::hft(asked({"--top-k", "1", file.string()})).records();
  REQUIRE(records.size() == 2);
  CHECK(records[0]["input"]["image"] == file.string() + "#page=1");
  CHECK(records[1]["input"]["image"] == file.string() + "#page=2");
  const auto second = records[1]["output"];
  CHECK(second.size() == 1);
  records = test::hft(asked({file.string() + "#page=2"})).records();
  REQUIRE(records.size() == 1);
  CHECK(records[0]["output"] == second);
  records = test::hft(asked({folder.path.string()})).records();  // as a folder has it
  CHECK(records.size() == 2);
  records = test::hft(asked({"-"}), {.in = test::slurp(file)}).records();
  REQUIRE(records.size() == 2);
  CHECK(records[1]["output"] == second);
}

TEST_CASE("doc-qa: documents that cannot be drawn") {
  const test::TempFolder folder;
  const auto file = (folder / "x.pdf").string();
  test::spit(file, "%PDF-1.4\nnothing of the kind");
  auto ran = test::hft(asked({file, kPage}));
  CHECK(ran.code == 3);
  CHECK(ran.records()[0]["error"]["message"].get<std::string>().starts_with(
      file + ": pdftoppm cannot draw it: "));
  test::spit(file, pdf_of({"one"}));
  ran = test::hft(asked({file + "#page=7"}));
  CHECK(ran.code == 9);
  CHECK(ran.records()[0]["error"]["message"].get<std::string>().find("page range") !=
        std::string::npos);
  ran = test::hft(asked({file}), {.env = {"PATH=/nowhere"}});
  CHECK(ran.code == 6);
  CHECK(ran.records()[0]["error"]["message"] ==
        file +
            ": is a PDF document, and the pdftoppm program, which draws its pages, is not there");
}

TEST_CASE("doc-qa: words of one's own in place of tesseract's, by a file or a column") {
  const test::TempFolder folder;
  const auto file = (folder / "words.json").string();
  test::spit(file, R"([["nine", [0, 0, 10, 10]], ["boats", [10, 0, 20, 10]]])");
  const auto records = test::hft(asked({"--word-boxes", file, kPage})).records();
  REQUIRE(records.size() == 1);
  const std::string answer = records[0]["output"][0]["answer"];
  const bool of_words = answer == "nine" || answer == "boats" || answer == "nine boats";
  CHECK(of_words);
  test::spit(file, R"([["nine", [0, 0, 10, 1001]]])");
  auto ran = test::hft(asked({"--word-boxes", file, kPage}));
  CHECK(ran.code == 9);
  CHECK(
      ran.err ==
      "hft: " + file +
          R"(: word_boxes: entry 0 is ["nine",[0,0,10,1001]], wanted four whole numbers from 0 to 1000)"
          "\n");
  ran = test::hft(asked({"-i", "-", "--input-format", "jsonl"}),
                  {.in = R"({"word_boxes": [["a", [0, 0, 1]]]})"
                         "\n"
                         R"({"question": "Who?"})"
                         "\n"
                         R"({"word_boxes": [], "question": "Who?"})"
                         "\n"});
  const auto rows = ran.records();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["error"]["message"].get<std::string>().find(
            "word_boxes: entry 0 is [\"a\",[0,0,1]]") != std::string::npos);
  CHECK(rows[1]["error"]["message"] == "has neither an image nor word_boxes");
  CHECK(rows[2]["output"] == Json::array());
}

TEST_CASE("doc-qa: five thousand words in windows, and questions that leave them no room") {
  const std::string row = Json({{"word_boxes", many_words(5000)}}).dump() + "\n";
  auto ran = test::hft(asked({"-i", "-", "--input-format", "jsonl", "--top-k", "2"}), {.in = row});
  CHECK(ran.code == 0);
  CHECK(ran.records()[0]["output"].size() == 2);
  std::string question;
  for (int i = 0; i < 200; ++i) question += "boats ";
  ran = test::hft(
      {"doc-qa", "-m", kModel, "--question", question, "-i", "-", "--input-format", "jsonl"},
      {.in = row});
  CHECK(ran.code == 1);
  CHECK(ran.records()[0]["error"]["message"].get<std::string>().ends_with(
      "tokens, which leaves no room for the page in the 128 that the model takes"));
  ran = test::hft({"doc-qa", "-m", kModel, "--question", " ", "-i", "-", "--input-format", "jsonl"},
                  {.in = row});
  CHECK(ran.records()[0]["error"]["message"] == "the question is empty");
}

TEST_CASE("doc-qa: a language without data, and flags that tesseract does not know") {
  auto ran = test::hft(asked({"--lang", "xyz", kPage}));
  CHECK(ran.code == 6);
  CHECK(ran.records()[0]["error"]["message"] == "tesseract has no data of the language 'xyz'");
  ran = test::hft(asked({"--lang", "eng+xyz", kPage}));
  CHECK(ran.records()[0]["error"]["message"] == "tesseract has no data of the language 'xyz'");
  ran = test::hft(asked({"--tesseract-config", "--psm x", kPage}));
  CHECK(ran.code == 2);
  CHECK(ran.err == "hft: --tesseract-config: --psm: 'x' is no number from 0 to 13\n");
  ran = test::hft(asked({"--tesseract-config", "-c no_such=1", kPage}));
  CHECK(ran.code == 2);
  CHECK(ran.err == "hft: --tesseract-config: tesseract has no variable 'no_such'\n");
}

TEST_CASE("doc-qa: a page that is looked at is needed no more where its words are given") {
  const test::TempFolder folder;
  const std::string model = kGolden + "layoutlmv3";
  const Json words = Json::array(
      {Json::array({"nine", {0, 0, 100, 100}}), Json::array({"boats", {100, 0, 200, 100}})});
  const auto ask = [&](const Json& row, const std::string& of) {
    return test::hft({"doc-qa", "-m", of, "--question", "Who?", "-i", "-", "--input-format", "jsonl"},
                     {.in = row.dump() + "\n"});
  };
  const auto score = [](const test::Ran& ran) {
    return ran.records().at(0)["output"][0]["score"].get<double>();
  };
  const auto blind = ask({{"word_boxes", words}}, model),
             seen = ask({{"word_boxes", words}, {"image", kPage}}, model);
  CHECK(blind.code == 0);
  CHECK(seen.code == 0);
  CHECK(score(blind) != score(seen));
  const auto torn = ask({{"word_boxes", words}, {"image", "no-such.png"}}, model);
  CHECK(torn.code == 5);
  // Where special tokens stand is the tokenizer's to say.
  const auto other = folder / "moved";
  test::fs::copy(model, other);
  Json own = Json::parse(test::slurp(other / "tokenizer_config.json"));
  own["sep_token_box"] = {1000, 1000, 1000, 1000};
  test::spit(other / "tokenizer_config.json", own.dump());
  CHECK(score(ask({{"word_boxes", words}}, other.string())) != score(blind));
  own["sep_token_box"] = {0, 0, 2000, 0};
  test::spit(other / "tokenizer_config.json", own.dump());
  CHECK(ask({{"word_boxes", words}}, other.string()).err ==
        "hft: " + (other / "tokenizer_config.json").string() +
            ": 'sep_token_box' is [0,0,2000,0], wanted four whole numbers from 0 to 1000\n");
}

TEST_CASE("doc-qa: what is for other models is refused") {
  auto ran = test::hft({"doc-qa", "-m", kGolden + "distilbert-qa", "--question", "Who?", kPage});
  CHECK(ran.code == 6);
  CHECK(ran.err ==
        "hft: " + kGolden +
            "distilbert-qa: the model reads texts, wanted one that reads pages\nhint: hft qa\n");
  ran = test::hft({"qa", "-m", kModel, "--question", "Who?", "--context", "Ada."});
  CHECK(ran.code == 6);
  CHECK(ran.err.find("hft doc-qa is for it") != std::string::npos);
  ran = test::hft(asked({"--num-beams", "3", kPage}));
  CHECK(ran.code == 2);
  CHECK(ran.err ==
        "hft: --num-beams: is for models that write; this one finds its answers on the page\n");
  ran =
      test::hft({"doc-qa", "-m", kGolden + "donut", "--question", "Who?", "--lang", "eng", kPage});
  CHECK(ran.code == 2);
  CHECK(ran.err == "hft: --lang: is for models that read the words of a page; " + kGolden +
                       "donut sees the page itself\n");
  ran = test::hft({"doc-qa", "-m", kGolden + "vit-gpt2", "--question", "Who?", kPage});
  CHECK(ran.code == 6);
  CHECK(ran.err.find("the model describes pictures, but takes no questions") != std::string::npos);
  ran = test::hft({"generate", "-m", kGolden + "donut", "Once"});
  CHECK(ran.code == 6);
  CHECK(ran.err.find("hft caption") != std::string::npos);
}

TEST_CASE("doc-qa: a question that a model which sees the page cannot hold") {
  std::string question;
  for (int i = 0; i < 60; ++i) question += "boats ";
  const auto ran = test::hft({"doc-qa", "-m", kGolden + "donut", "--question", question, kPage});
  CHECK(ran.code == 2);
  CHECK(ran.err.find("tokens, but the model takes at most 63") != std::string::npos);
}

TEST_CASE("doc-qa: answers are marked on their page") {
  const test::TempFolder folder;
  const auto marked = (folder / "marked").string();
  const auto ran = test::hft(asked({"--save-images", marked, kPage}));
  CHECK(ran.code == 0);
  CHECK(test::slurp(marked + "/0000-invoice.png").starts_with("\x89PNG"));
}

TEST_CASE("doc-qa: a page is read once for all questions to it") {
  PageReader reader({}, nullptr);
  Input input;
  input.values.resize(3);
  input.values[0] = Media{kPage};
  const auto first = reader.page(input).words;
  CHECK(reader.page(input).words == first);
  CHECK(first->words.size() > 10);
}

TEST_CASE("vqa: a model that scores answers") {
  const std::string model = kGolden + "vilt", picture = kGolden + "pictures/wide.png";
  auto ran = test::hft({"vqa", "-m", model, "--top-k", "0", "--question", "Who?", picture});
  CHECK(ran.code == 2);
  CHECK(ran.err == "hft: --top-k: 0 is below 1, wanted a number of answers\n");
  ran = test::hft({"vqa", "-m", model, "--num-beams", "2", "--question", "Who?", picture});
  CHECK(ran.err ==
        "hft: --num-beams: is for models that write; this one scores answers, it writes none\n");
  std::string question;
  for (int i = 0; i < 60; ++i) question += "boats ";
  ran = test::hft({"vqa", "-m", model, "--question", question, picture});
  CHECK(ran.code == 2);
  CHECK(ran.err.find("but the model takes at most 40") != std::string::npos);
  ran = test::hft(
      {"vqa", "-m", model, "--top-k", "100", "--question", "Who?", picture, kGolden + "README.md"});
  CHECK(ran.code == 3);
  CHECK(ran.records()[0]["output"].size() == 7);
  ran = test::hft({"caption", "-m", model, picture});
  CHECK(ran.code == 6);
  CHECK(ran.err.find("hint: hft vqa\n") != std::string::npos);
}
