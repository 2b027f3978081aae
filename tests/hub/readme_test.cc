// Every command of README.md, as it stands there, in a folder with the files it names and a Hub
// whose models are small ones.
#include <map>

#include "core/base/text.h"
#include "tests/support/fake_hub.h"

using namespace hft;
namespace fs = std::filesystem;
using test::golden;

namespace {

const std::string kToken = "hf_token_of_me";

// The golden that stands for an id on the Hub, and for DIR of a command.
const std::map<std::string, std::string>& models() {
  static const std::map<std::string, std::string> kModels{
      {"Salesforce/blip-image-captioning-base", "blip-caption"},
      {"Salesforce/blip-vqa-base", "blip-vqa"},
      {"impira/layoutlm-document-qa", "layoutlm"},
      {"llava-hf/llava-1.5-7b-hf", "llava"},
      {"Qwen/Qwen2.5-VL-3B-Instruct", "qwen2-5-vl"},
      {"openai/clip-vit-base-patch32", "clip"},
      {"google/vit-base-patch16-224", "vit"},
      {"facebook/detr-resnet-50", "detr"},
      {"facebook/mask2former-swin-base-coco-panoptic", "mask2former"},
      {"superb/wav2vec2-base-superb-ks", "wav2vec2"},
      {"laion/clap-htsat-unfused", "clap"},
      {"openai/whisper-small", "whisper-multilingual"},
      {"openai/whisper-large-v3-turbo", "whisper-multilingual"},
      {"distilbert/distilbert-base-uncased-finetuned-sst-2-english", "distilbert-classify"},
      {"distilbert/distilbert-base-uncased", "distilbert-classify"},
      {"openai-community/gpt2", "gpt2-generate"},
  };
  return kModels;
}

std::string folder_for(const std::string& command) {
  static const std::map<std::string, std::string> kFolders{
      {"generate", "llama-generate"},   {"chat", "llama-generate"},
      {"ner", "modernbert-ner"},        {"qa", "bert-qa"},
      {"fill-mask", "bert-mlm"},        {"summarize", "bart-cnn"},
      {"translate", "marian-opus"},     {"embed", "bert-embed"},
      {"rerank", "rerank-bert"},        {"tokenize", "llama-generate"},
      {"train", "distilbert-classify"}, {"detect", "detr"},
      {"image-classify", "vit"}};
  const auto found = kFolders.find(command);
  return found == kFolders.end() ? "bert-classify" : found->second;
}

// The commands of a section of README.md, whole: lines that go on, and texts for standard input.
std::vector<std::string> commands_of(const std::string& section) {
  std::vector<std::string> all;
  std::string here, end;
  for (const std::string& line :
       split(test::slurp(std::string(HFT_SOURCE_DIR) + "/README.md"), '\n')) {
    if (line.starts_with("## ")) here = line.substr(3);
    if (here != section || !line.starts_with("    ")) continue;
    const std::string text = line.substr(4);
    if (!end.empty()) {
      all.back() += "\n" + text;
      if (text == end) end.clear();
    } else if (!all.empty() && all.back().ends_with('\\')) {
      all.back() = all.back().substr(0, all.back().size() - 1) + text;
    } else {
      all.push_back(text);
    }
    if (const auto at = text.find("<<"); at != text.npos) end = text.substr(at + 2);
  }
  return all;
}

struct Reader {
  explicit Reader(bool with_models = true)
      : hub(R"({"users": {")" + kToken +
            R"(": {"name": "me", "orgs": []}}, "repos": {"org/name": {"tags": ["v1.0"]}}})") {
    hub.add_model("org/name");
    hub.add("datasets/org/name", "test.jsonl", "{\"sentence\": \"I love this\"}\n");
    if (with_models)
      for (const auto& [id, name] : models())
        for (const auto& file : fs::recursive_directory_iterator(golden(name)))
          if (file.is_regular_file() && file.path().filename() != "golden.json")
            hub.add(id, file.path().lexically_relative(golden(name)).string(),
                    test::slurp(file.path()));
    hub.start();
    fill();
  }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((work() / name).parent_path());
    test::spit(work() / name, text);
  }
  void copy(const std::string& from, const std::string& name) const {
    write(name, test::slurp(golden(from)));
  }
  fs::path work() const { return hub.folder / "work"; }

  void fill() const {
    const std::string text = "The harbour master counts nine red boats before the storm.\n";
    for (const char* name : {"article.txt", "report.txt", "corpus.txt", "faq.txt"})
      write(name, text);
    std::string book;
    for (int i = 0; i < 12; ++i) book += text;
    write("book.txt", book);
    write("person.json", R"({"type": "object", "properties": {"age": {"type": "integer"}}})");
    write("chat.json", R"([{"role": "user", "content": "Hello"}])");
    const std::string rows = R"({"text":"I love this","label":1})"
                             "\n"
                             R"({"text":"It's cheap","label":0})"
                             "\n";
    for (const char* name : {"reviews.jsonl", "texts.jsonl", "train.jsonl", "eval.jsonl"})
      write(name, rows + rows);
    write("reviews.csv", "text\nI love this\nmore\n");
    REQUIRE(test::command({"gzip", "reviews.csv"}, {.cwd = work()}).code == 0);
    write("test.csv", "text,label\nI love this,1\n");
    write("test.jsonl", R"({"text":"Nine boats in the harbour.","summary":"nine boats"})"
                        "\n");
    for (const char* name :
         {"a.jpg", "cat.jpg", "street.jpg", "harbour.jpg", "photos/1.jpg", "photos/2.jpg",
          "animals/jar/1.jpg", "animals/pier/2.jpg"})
      copy("pictures/tall.jpg", name);
    copy("pictures/wide.png", "receipt.png");
    write("instances.json",
          R"({"images":[{"id":1,"file_name":"1.jpg"}],"categories":[{"id":3,"name":"car"}],
        "annotations":[{"image_id":1,"category_id":3,"bbox":[1,1,9,9],"area":81,"iscrowd":0}]})");
    write("scifact/corpus.jsonl", R"({"_id":"d1","title":"Boats","text":"Nine red boats."})"
                                  "\n"
                                  R"({"_id":"d2","text":"A clock."})"
                                  "\n");
    write("scifact/queries.jsonl", R"({"_id":"q1","text":"How many boats?"})"
                                   "\n");
    write("scifact/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n");
    copy("pictures/invoice.png", "invoice.png");
    for (const char* name : {"recordings/a.wav", "calls/b.wav", "film.mp4"})
      copy("sounds/phone.wav", name);
    copy("sounds/speech.flac", "yard.flac");
    fs::create_directories(work() / "models");
    fs::create_directory_symlink(golden("bert-embed"), work() / "models/all-MiniLM-L6-v2");
    fs::copy(golden("bert-classify"), work() / "my-model", fs::copy_options::recursive);
  }

  // Its exit code, and what it says, where it is neither 0 nor that a gate was not met.
  void check(std::string line) {
    if (line.starts_with("scripts/hft")) line.erase(0, std::string("scripts/").size());
    if (!line.starts_with("hft ")) return;
    std::string command = split(line, ' ')[1];
    for (const auto& [task, its] : {std::pair{"--task summarization", "summarize"},
                                    {"--task embed", "embed"},
                                    {"--task generate", "generate"},
                                    {"--task image-classification", "image-classify"},
                                    {"--task object-detection", "detect"}})
      if (line.find(task) != line.npos) command = its;
    fs::remove(work() / "DIR");
    fs::create_directory_symlink(golden(folder_for(command)), work() / "DIR");
    if (line.find("invoice.pdf") != line.npos)
      line.replace(line.find("invoice.pdf"), 11, "invoice.png");
    const auto ran = test::command(
        {"bash", "-c", line},
        {.in = line.find("hub login") == line.npos ? "" : kToken + "\n",
         .env = hub.env({"PATH=" + fs::path(HFT_BINARY).parent_path().string() + ":/usr/bin:/bin"}),
         .cwd = work()});
    INFO(line, "\n", ran.err);
    CHECK((ran.code == 0 || ran.code == 100));
    CHECK(ran.err.find('\x1b') == ran.err.npos);
    for (const char* name : {"new.jsonl", ".new.jsonl.hft.json"})  // an evaluation to compare with
      if (fs::exists(work() / name)) {
        std::string old = name;
        fs::copy_file(work() / name, work() / old.replace(old.find("new"), 3, "old"),
                      fs::copy_options::skip_existing);
      }
  }

  test::FakeHub hub;
};

}  // namespace

TEST_CASE("readme: the commands of what it does") {
  Reader reader;
  const auto commands = commands_of("What it does");
  CHECK(commands.size() > 30);
  // An adapter, which its own section makes.
  reader.check("hft train --task generate -m " + golden("llama-generate").string() +
               " --train-file book.txt --block-size 16 --max-steps 1 --lora-r 2 -o LORA");
  for (const std::string& command : commands) reader.check(command);
}

TEST_CASE("readme: the commands of the Hub, of training and of evaluation") {
  Reader reader;
  for (const char* section : {"The Hub", "Training", "Evaluation"}) {
    const auto commands = commands_of(section);
    CHECK(commands.size() >= 3);
    for (const std::string& command : commands) reader.check(command);
  }
}

TEST_CASE("readme: its first command") {
  Reader reader(false);
  for (const std::string& command : commands_of("")) reader.check(command);
}
