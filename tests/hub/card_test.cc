// The card's licence and gating; tokens in files; the card that push makes.
#include "hub/card.h"

#include "hub/model_card.h"
#include "hub/secrets.h"
#include "tests/support/test.h"

using namespace hft;
using hub::parse_card;

TEST_CASE("card: licence and gating of the front matter") {
  CHECK(licence_text(parse_card("---\nlicense: apache-2.0\ntags: [a]\n---\n# x")) == "apache-2.0");
  CHECK(licence_text(parse_card("---\r\nlicense: \"mit\"\r\n---\r\n")) == "mit");
  CHECK(licence_text(parse_card("\xEF\xBB\xBF---\nlicense:\n- mit\n- apache-2.0\n---\n")) ==
        "mit, apache-2.0");
  const auto llama = parse_card(
      "---\nlicense: other\nlicense_name: llama3\nlicense_link: LICENSE\nextra_gated_prompt: |\n  "
      "Agree?\n  ---x\n---\n");
  CHECK(licence_text(llama) == "other (llama3)");
  CHECK(llama.licence_link == "LICENSE");
  CHECK(llama.gated);
  for (const char* text :
       {"", "# no front matter\nlicense: mit", "---\nlicense: mit\n(never closed)", "---\n---\n",
        "---\n- a\n- b\n---\n", "---\nlicense: {a: b}\n---\n"})
    CHECK(licence_text(parse_card(text)) == "not stated");
}

TEST_CASE("card: front matter that is no YAML, deep or large is read as none, quickly") {
  CHECK_FALSE(parse_card("---\nlicense: [mit\n---\n").fault.empty());
  CHECK(licence_text(parse_card("---\na: " + std::string(200'000, '[') + "\n---\n")) ==
        "not stated");
  CHECK(licence_text(parse_card("---\n" + std::string(3'000'000, 'x') + "\n---\n")) ==
        "not stated");
}

TEST_CASE("card: --require-license") {
  const auto check = [](const std::string& yaml, const std::vector<std::string>& allowed) {
    require_licence(parse_card("---\n" + yaml + "\n---\n"), allowed);
  };
  CHECK_NOTHROW(check("license: Apache-2.0", {"mit", "apache-2.0"}));
  CHECK_NOTHROW(check("license: [mit, apache-2.0]", {"mit", "apache-2.0"}));
  CHECK_NOTHROW(check("license: other\nlicense_name: llama3", {"llama3"}));
  const auto refused = test::caught([&] { check("license: cc-by-nc-4.0", {"mit", "apache-2.0"}); });
  CHECK(refused.code == Errc::kUnsupported);
  CHECK(refused.message ==
        "its licence is 'cc-by-nc-4.0', --require-license allows mit, apache-2.0");
  CHECK(test::error_of([&] { check("a: b", {"mit"}); }) ==
        "its licence is not stated, --require-license allows mit");
  CHECK(test::caught([&] { check("license: [mit, cc-by-nc-4.0]", {"mit"}); }).code ==
        Errc::kUnsupported);
}

TEST_CASE("secrets: a token is found wherever the pieces are cut") {
  const std::string token = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567";
  for (std::size_t cut = 0; cut <= token.size() + 10; ++cut) {
    const std::string text = "key = " + token + "\n";
    hub::TokenSearch search("");
    search.feed(text.substr(0, std::min(cut, text.size())));
    search.feed(text.substr(std::min(cut, text.size())));
    CHECK(search.found() == 6);
  }
  for (const char* harmless :
       {"hf_hub_download(repo_id)", "hf_", "hf_short", "shf_AbCdEfGhIjKlMnOpQrStUvWxYz", "HF_TOKEN",
        "hf_transfer_enabled_and_more_words", "hf_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "import hf_alongnameofaninternalpackageofour",
        "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345678", "hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567_x"}) {
    CAPTURE(harmless);
    hub::TokenSearch search("");
    search.feed(harmless);
    CHECK_FALSE(search.found());
  }
  for (const std::string text : {"\"line\\n" + token + "\"", "user:" + token + "@host", token}) {
    CAPTURE(text);
    hub::TokenSearch search("");
    search.feed(text);
    CHECK(search.found());
  }
  hub::TokenSearch own("my-own-secret-value");
  own.feed("xx my-own-se");
  own.feed("cret-value");
  CHECK(own.found() == 3);
}

TEST_CASE("model card: models that see pictures in texts are told by their type") {
  for (const char* type : {"idefics3", "llava_onevision", "qwen2_5_vl", "smolvlm"})
    CHECK(hub::task_of("AnyForConditionalGeneration", type) == "image-text-to-text");
  CHECK(hub::task_of("AnyForConditionalGeneration", "t5") == "text2text-generation");
}

TEST_CASE("model card: task, tags, base model and metrics of the folder") {
  test::TempFolder folder;
  test::spit(
      folder / "config.json",
      R"({"model_type": "bert", "architectures": ["BertForSequenceClassification"], "_name_or_path": "google-bert/bert-base-uncased"})");
  test::spit(
      folder / "eval_results.json",
      R"({"eval_accuracy": 0.925, "eval_runtime": 3.1, "eval_samples_per_second": 9, "epoch": 2})");
  const std::string card = hub::make_model_card(folder.path, "my-model");
  CHECK(card.starts_with(
      "---\nlibrary_name: transformers\npipeline_tag: text-classification\nbase_model: "
      "google-bert/bert-base-uncased\ntags:\n  - hft\n  - bert\nmodel-index:\n"));
  CHECK(card.find("value: 0.925") != std::string::npos);
  CHECK(card.find("runtime") == std::string::npos);
  CHECK(card.find("# my-model\n") != std::string::npos);
  CHECK(parse_card(card).fault.empty());
  CHECK(hub::make_model_card(folder.path, "my-model") == card);
  test::TempFolder empty;
  CHECK(hub::make_model_card(empty.path, "x")
            .starts_with("---\nlibrary_name: transformers\ntags:\n  - hft\n---\n"));
}
