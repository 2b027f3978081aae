// hft run, hft pipeline, hft doctor, hft env: which command it is, what is wrong here, where
// settings come from.
#include "core/base/text.h"
#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::spit;
using test::TempFolder;
using Words = std::vector<std::string>;

namespace {

// The command that stands behind, by --dry-run; "" where there is none.
std::string command_of(Words args) {
  args.push_back("--dry-run");
  const auto ran = test::hft(args);
  return ran.code == 0 ? split(ran.out, '\n')[0] : "";
}

Json check_named(const test::Ran& ran, const std::string& name) {
  for (const Json& one : ran.records())
    if (one["check"] == name) return one;
  return {};
}

}  // namespace

TEST_CASE("pipeline: every task that transformers names is a command here, or is told to be none") {
  const std::pair<const char*, const char*> kTasks[] = {
      {"audio-classification", "audio-classify"},
      {"automatic-speech-recognition", "transcribe"},
      {"document-question-answering", "doc-qa"},
      {"feature-extraction", "embed"},
      {"fill-mask", "fill-mask"},
      {"image-classification", "image-classify"},
      {"image-feature-extraction", "embed"},
      {"image-segmentation", "segment"},
      {"image-text-to-text", "generate"},
      {"image-to-text", "caption"},
      {"ner", "ner"},
      {"object-detection", "detect"},
      {"question-answering", "qa"},
      {"sentiment-analysis", "classify"},
      {"summarization", "summarize"},
      {"text-classification", "classify"},
      {"text-generation", "generate"},
      {"text2text-generation", "summarize"},
      {"token-classification", "ner"},
      {"translation", "translate"},
      {"translation_en_to_fr", "translate"},
      {"visual-question-answering", "vqa"},
      {"vqa", "vqa"},
      {"zero-shot-audio-classification", "audio-classify"},
      {"zero-shot-classification", "classify"},
      {"zero-shot-image-classification", "image-classify"},
      {"sentence-similarity", "embed"},
      {"text-ranking", "rerank"}};
  for (const auto& [task, command] : kTasks)
    CHECK_MESSAGE(command_of({"pipeline", task}) == std::string("hft ") + command, task);
  for (const char* task :
       {"depth-estimation", "mask-generation", "table-question-answering", "text-to-audio",
        "text-to-speech", "video-classification", "zero-shot-object-detection", "image-to-image",
        "keypoint-matching", "any-to-any"}) {
    const auto ran = test::hft({"pipeline", task, "x"});
    CHECK_MESSAGE(ran.code == 6, task);
    CHECK(ran.err.starts_with(std::string("hft: the task '") + task +
                              "' is not supported; there is audio-classification, "));
  }
  const auto wrong = test::hft({"pipeline", "sentiment-analisys", "x"});
  CHECK(wrong.code == 2);
  CHECK(wrong.err.ends_with("; closest: 'sentiment-analysis'\n"));
}

TEST_CASE("pipeline: what stands behind is the command's, languages in a task's name are options") {
  const std::string model = golden("bert-classify").string();
  CHECK(test::hft({"pipeline", "sentiment-analysis", "-m", model, "a text", "--json"}).out ==
        test::hft({"classify", "-m", model, "a text", "--json"}).out);
  const std::string t5 = golden("t5-tied").string();
  CHECK(test::hft({"pipeline", "translation_en_to_de", "-m", t5, "a b", "--json"}).out ==
        test::hft({"translate", "--src-lang", "en", "--tgt-lang", "de", "-m", t5, "a b", "--json"})
            .out);
  const auto made = test::hft({"pipeline", "text2text-generation", "-m", t5, "a b", "--json"});
  CHECK(made.records()[0]["output"][0].contains("generated_text"));
}

TEST_CASE("run: the task is the model's own") {
  const std::pair<const char*, const char*> kModels[] = {{"bert-classify", "classify"},
                                                         {"bert-ner-cased", "ner"},
                                                         {"bert-qa", "qa"},
                                                         {"bert-mlm", "fill-mask"},
                                                         {"llama-generate", "generate"},
                                                         {"bart-cnn", "summarize"},
                                                         {"marian-opus", "translate"},
                                                         {"bert-embed", "embed"},
                                                         {"vit", "image-classify"},
                                                         {"detr", "detect"},
                                                         {"detr-panoptic", "segment"},
                                                         {"segformer", "segment"},
                                                         {"mask2former", "segment"},
                                                         {"blip-caption", "caption"},
                                                         {"blip-vqa", "vqa"},
                                                         {"vilt", "vqa"},
                                                         {"layoutlm", "doc-qa"},
                                                         {"layoutlmv3", "doc-qa"},
                                                         {"trocr", "caption"},
                                                         {"wav2vec2", "audio-classify"},
                                                         {"wav2vec2-ctc", "transcribe"},
                                                         {"whisper-english", "transcribe"},
                                                         {"ast", "audio-classify"},
                                                         {"clip", "embed"},
                                                         {"clap", "audio-classify"},
                                                         {"llava", "generate"},
                                                         {"qwen2-vl", "generate"},
                                                         {"t5-tied", "summarize"}};
  for (const auto& [model, command] : kModels)
    CHECK_MESSAGE(command_of({"run", golden(model).string()}) == std::string("hft ") + command,
                  model);
  CHECK(command_of({"run", golden("bert-classify").string(), "--query", "a"}) == "hft rerank");
  CHECK(command_of({"run", golden("clip").string(), "--candidate-labels=a,b"}) ==
        "hft image-classify");
  const std::string model = golden("bert-classify").string();
  CHECK(test::hft({"run", model, "a text", "--json"}).out ==
        test::hft({"classify", "-m", model, "a text", "--json"}).out);
  TempFolder folder;
  spit(folder / "config.json",
       R"({"model_type": "bert", "architectures": ["BertForNextSentencePrediction"]})");
  const auto ran = test::hft({"run", folder.path.string(), "x"});
  CHECK(ran.code == 6);
  CHECK(ran.err == "hft: " + folder.path.string() +
                       ": is BertForNextSentencePrediction, which does not tell its task\n"
                       "hint: name the task: hft pipeline TASK -m " +
                       folder.path.string() + "\n");
}

TEST_CASE("doctor: each check has a state, what is wrong has a fix and makes the exit code 1") {
  TempFolder folder;
  const auto good =
      test::hft({"doctor", "--json"}, {.env = {"HF_HOME=" + folder.path.string(), "HFT_CPU"}});
  CHECK(good.code == 0);
  for (const char* name :
       {"processor", "engine", "hub", "sound", "ffmpeg", "cache", "scratch", "token", "network"})
    CHECK_MESSAGE(check_named(good, name).is_object(), name);
  CHECK(check_named(good, "engine")["state"] == "ok");
  CHECK(check_named(good, "cache")["state"] == "ok");
  spit(folder / "file", "");
  const auto bad = test::hft({"doctor", "--json"},
                             {.env = {"HF_HOME=" + (folder / "file/x").string(), "HFT_CPU=plain",
                                      "HF_HUB_OFFLINE=1", "TMPDIR=" + (folder / "none").string()}});
  CHECK(bad.code == 1);
  CHECK(check_named(bad, "cache")["state"] == "FAULT");
  CHECK(check_named(bad, "cache")["fix"] == "HF_HOME or --cache-dir names another folder");
  CHECK(check_named(bad, "scratch")["state"] == "FAULT");
  CHECK(check_named(bad, "processor")["fix"] == "unset HFT_CPU");
  CHECK(check_named(bad, "network")["state"] == "note");
  const auto text = test::hft({"doctor"}, {.env = {"HF_HOME=" + (folder / "file/x").string()}});
  CHECK(text.out.find("FAULT  cache ") != text.out.npos);
  CHECK(text.out.find(" fix: HF_HOME or --cache-dir names another folder\n") != text.out.npos);
}

TEST_CASE("env: each setting says where it comes from") {
  TempFolder folder;
  spit(folder / "hft.toml", "dtype = \"bfloat16\"\n");
  const auto ran = test::hft(
      {"env", "--json"}, {.env = {"HF_HOME=/x", "HF_ENDPOINT=https://hub.example", "HF_HUB_CACHE",
                                  "HUGGINGFACE_HUB_CACHE", "OMP_NUM_THREADS=1"},
                          .cwd = folder.path});
  const Json origins = ran.records()[0]["origins"];
  CHECK(origins["cache"] == "HF_HOME");
  CHECK(origins["endpoint"] == "HF_ENDPOINT");
  CHECK(origins["threads"] == "OMP_NUM_THREADS");
  CHECK(test::hft({"env"}, {.env = {"HF_ENDPOINT=https://hub.example"}})
            .out.find("endpoint    https://hub.example  (HF_ENDPOINT)\n") != std::string::npos);
  const auto config =
      test::hft({"env", "--config", "--json"}, {.env = {"HFT_THREADS=2"}, .cwd = folder.path});
  bool file = false, variable = false;
  for (const Json& row : config.records()) {
    file |= row["option"] == "--dtype" && row["value"] == "bfloat16" && row["origin"] == "hft.toml";
    variable |=
        row["option"] == "--threads" && row["value"] == "2" && row["origin"] == "HFT_THREADS";
  }
  CHECK(file);
  CHECK(variable);
}

TEST_CASE(
    "settings: what a file says stands above the model's generation_config.json, below a flag") {
  TempFolder folder;
  test::fs::copy(golden("gpt2-generate"), folder / "m", test::fs::copy_options::recursive);
  spit(folder / "m/generation_config.json", R"({"num_return_sequences": 4})");
  const auto texts = [&](const Words& more, const Words& env = {}) {
    Words args{"generate", "-m", "m", "a", "--json", "--max-new-tokens", "2"};
    args.insert(args.end(), more.begin(), more.end());
    const auto ran = test::hft(args, {.env = env, .cwd = folder.path});
    REQUIRE_MESSAGE(ran.code == 0, ran.err);
    return ran.records()[0]["output"].size();
  };
  CHECK(texts({}) == 4);
  spit(folder / "hft.toml", "[generate]\nnum-return-sequences = 3\n");
  CHECK(texts({}) == 3);
  CHECK(texts({}, {"HFT_NUM_RETURN_SEQUENCES=2"}) == 2);
  CHECK(texts({"--num-return-sequences", "1"}, {"HFT_NUM_RETURN_SEQUENCES=2"}) == 1);
}
