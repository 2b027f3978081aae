// hft image-classify, detect, segment and embed of pictures: what is refused, data of pictures, COCO's
// list of results, pictures ranked by words.
#include "tests/support/test.h"

using namespace hft;
using test::golden;

namespace {

std::string shown(const std::string& name) { return golden("pictures/" + name).string(); }

test::Ran run(const std::string& command, const std::string& model, std::vector<std::string> args,
              const test::RunOptions& options = {}) {
  args.insert(args.begin(), {command, "-m", golden(model).string()});
  return test::hft(args, options);
}

}  // namespace

TEST_CASE("image: a model is told apart from what the command wants, and the fitting one is named") {
  const auto detect = run("detect", "vit", {shown("wide.png")});
  CHECK(detect.code == 6);
  CHECK(detect.err.find("config.json: model_type 'vit' has no head for object detection\n"
                        "hint: hft image-classify\n") != std::string::npos);
  const auto text = run("image-classify", "rerank-bert", {shown("wide.png")});
  CHECK(text.code == 6);
  CHECK(text.err.find("model_type 'bert' is a text encoder, wanted a vision model") !=
        std::string::npos);
  const auto classify = run("classify", "vit", {"a text"});
  CHECK(classify.code == 6);
  CHECK(classify.err.find("model_type 'vit' is a vision model, wanted a text encoder") !=
        std::string::npos);
  const auto panoptic = run("segment", "segformer", {"--subtask", "panoptic", shown("wide.png")});
  CHECK(panoptic.code != 0);
  CHECK(panoptic.err.find("gives each pixel a label and knows no panoptic segments") !=
        std::string::npos);
}

TEST_CASE("image: flags that contradict each other are refused") {
  const auto refused = [&](std::vector<std::string> args, const std::string& why) {
    args.push_back(shown("wide.png"));
    const auto ran = run("image-classify", "clip", args);
    CHECK(ran.code == 2);
    CHECK(ran.err.find(why) != std::string::npos);
  };
  refused({"--candidate-labels", "a,b", "--top-k", "2"},
          "--top-k and --candidate-labels contradict each other");
  refused({"--hypothesis-template", "{}!"}, "--hypothesis-template is for --candidate-labels");
  refused({"--candidate-labels", "a,b", "--hypothesis-template", "none"}, "has no {} for the label");
  refused({"--top-k", "0"}, "--top-k: '0' is neither all nor a number above 0");
}

TEST_CASE("image: a broken picture among others is its own error record") {
  test::TempFolder folder;
  test::spit(folder / "broken.png", "no picture at all");
  const auto ran = run("image-classify", "vit",
                       {"--json", shown("wide.png"), (folder / "broken.png").string(),
                        (folder / "missing.jpg").string(), shown("tall.jpg")});
  CHECK(ran.code == 3);
  const auto records = ran.records();
  REQUIRE(records.size() == 4);
  CHECK(records[0]["output"].size() == 5);
  CHECK(records[1].contains("error"));
  CHECK(records[2].contains("error"));
  CHECK(records[3]["output"].size() == 5);
  CHECK(records[3]["input"] == shown("tall.jpg"));
}

TEST_CASE("image: detections as COCO's list of results, with its ids and exact boxes") {
  test::TempFolder folder;
  test::fs::copy(shown("half.jpg"), folder / "000000000139.jpg");
  const auto records = run("detect", "detr", {"--threshold", "0", "--json", shown("half.jpg")}).records();
  const auto ran = run("detect", "detr", {"--threshold", "0", "--format", "coco",
                                          (folder / "000000000139.jpg").string(), shown("half.jpg")});
  CHECK(ran.code == 0);
  const Json list = parse_json(ran.out, "");
  const Json& found = records.at(0)["output"];
  REQUIRE(list.size() == 2 * found.size());
  CHECK(list[0]["image_id"] == 139);
  CHECK(list.back()["image_id"] == 2);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Json &box = list[i]["bbox"], &whole = found[i]["box"];
    CHECK(list[i]["score"] == found[i]["score"]);
    CHECK(std::trunc(box[0].get<double>()) == whole["xmin"].get<double>());
    CHECK(std::trunc(box[1].get<double>()) == whole["ymin"].get<double>());
    CHECK(std::abs(box[0].get<double>() + box[2].get<double>() - whole["xmax"].get<double>()) <= 1);
  }
  const auto refused = run("detect", "detr", {"--format", "coco", "--json", shown("half.jpg")});
  CHECK(refused.code == 2);
}

TEST_CASE("image: pictures are ranked by words, as their vectors say") {
  const auto vectors = run("embed", "clip", {"--json", shown("wide.png"), shown("tall.jpg"), "a red car"});
  CHECK(vectors.code == 0);
  const auto all = vectors.records();
  REQUIRE(all.size() == 3);
  const auto cosine = [&](int a, int b) {
    const std::vector<double> x = all[a]["output"], y = all[b]["output"];
    double dot = 0, left = 0, right = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      dot += x[i] * y[i];
      left += x[i] * x[i];
      right += y[i] * y[i];
    }
    return dot / std::sqrt(left * right);
  };
  const auto ranked = run("embed", "clip", {"--json", "--query", "a red car", shown("wide.png"), shown("tall.jpg")});
  CHECK(ranked.code == 0);
  const auto rows = ranked.records();
  REQUIRE(rows.size() == 2);
  const int first = rows[0]["input"] == shown("wide.png") ? 0 : 1;
  CHECK(rows[0]["output"].get<double>() == doctest::Approx(cosine(first, 2)).epsilon(1e-5));
  CHECK(rows[1]["output"].get<double>() == doctest::Approx(cosine(1 - first, 2)).epsilon(1e-5));
  CHECK(cosine(first, 2) >= cosine(1 - first, 2));
  const auto text = run("embed", "clip", {"--json", "--text", shown("wide.png")});
  CHECK(text.records().at(0)["output"] != all[0]["output"]);
  const auto refused = run("embed", "clip", {"--pooling", "cls", "a"});
  CHECK(refused.code == 2);
  CHECK(test::hft({"embed", "-m", golden("bert-embed").string(), "--image", "a"}).code == 2);
}
