// hft eval of pictures, sounds and rankings: stored predictions against the Python packages'
// figures (tests/golden/metrics), and small models against their own answers.
#include <map>

#include "core/base/text.h"
#include "tests/support/test.h"

using namespace hft;
using test::golden;
using test::slurp;
using test::spit;
using test::TempFolder;
using Words = std::vector<std::string>;

namespace {

test::Ran eval(const TempFolder& folder, Words args) {
  args.insert(args.begin(), "eval");
  return test::hft(args, {.cwd = folder.path});
}

double figure(const test::Ran& ran, const std::string& name) {
  REQUIRE_MESSAGE(ran.code == 0, ran.err);
  return ran.records()[0]["metrics"][name]["value"].get<double>();
}

std::string lines(const std::vector<Json>& rows) {
  std::string all;
  for (const Json& row : rows) all += to_line(row) + "\n";
  return all;
}

// The first `count` cases of a metric.
std::vector<Json> cases(const std::string& metric, std::size_t count) {
  std::vector<Json> all;
  for (const std::string& line : split(slurp(golden("metrics") / (metric + ".jsonl")), '\n'))
    if (!line.empty() && all.size() < count) all.push_back(Json::parse(line));
  return all;
}

std::string picture(const std::string& name) { return golden("pictures/" + name).string(); }
std::string sound(const std::string& name) { return golden("sounds/" + name).string(); }

// A command's records for a model of the goldens.
std::vector<Json> answers(const TempFolder& folder, const std::string& command,
                          const std::string& model, Words args) {
  args.insert(args.begin(), {command, "-m", golden(model).string(), "--json"});
  const auto ran = test::hft(args, {.cwd = folder.path});
  REQUIRE_MESSAGE(ran.code == 0, ran.err);
  return ran.records();
}

// Segments of a picture of one row of pixels.
Json segments_of(const Json& ids, const Json& segments) {
  Json list = Json::array();
  for (const Json& segment : segments) {
    Json runs = Json::array();
    bool inside = false;
    int run = 0;
    for (const Json& id : ids) {
      if ((id == segment["id"]) != inside) {
        runs.push_back(run);
        run = 0;
        inside = !inside;
      }
      ++run;
    }
    runs.push_back(run);
    list.push_back({{"label", segment["category"]},
                    {"iscrowd", segment.value("crowd", false)},
                    {"mask", {{"size", {1, ids.size()}}, {"counts", runs}}}});
  }
  return list;
}

}  // namespace

static const Words kNames{"map",   "map_50", "map_75",  "map_small", "map_medium", "map_large",
                          "mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large"};

TEST_CASE("eval: COCO's JSON and results give the twelve figures of pycocotools") {
  for (const Json& one : cases("coco", 3)) {
    TempFolder folder;
    Json whole{
        {"images", Json::array()}, {"annotations", Json::array()}, {"categories", Json::array()}};
    std::map<int, bool> images, categories;
    for (const Json& t : one["input"]["truth"]) {
      images[t["image"]] = categories[t["category"]] = true;
      whole["annotations"].push_back({{"image_id", t["image"]},
                                      {"category_id", t["category"]},
                                      {"bbox", t["box"]},
                                      {"area", t["area"]},
                                      {"iscrowd", t["crowd"] ? 1 : 0}});
    }
    Json results = Json::array();
    for (const Json& d : one["input"]["detected"]) {
      images[d["image"]] = categories[d["category"]] = true;
      results.push_back({{"image_id", d["image"]},
                         {"category_id", d["category"]},
                         {"bbox", d["box"]},
                         {"score", d["score"]}});
    }
    for (const auto& [id, used] : images)
      whole["images"].push_back({{"id", id}, {"file_name", "x.jpg"}});
    for (const auto& [id, used] : categories)
      whole["categories"].push_back({{"id", id}, {"name", "c" + std::to_string(id)}});
    spit(folder / "instances.json", whole.dump());
    spit(folder / "results.json", results.dump());
    const auto ran =
        eval(folder, {"--task", "object-detection", "--predictions", "results.json", "-i",
                      "instances.json", "--metric", joined(kNames, ","), "--resamples", "10"});
    for (std::size_t i = 0; i < kNames.size(); ++i)
      CHECK_MESSAGE(figure(ran, kNames[i]) == doctest::Approx(one["wanted"][i].get<double>()),
                    kNames[i]);
  }
}

TEST_CASE("eval: COCO's polygons and run lengths give those of masks") {
  for (const Json& one : cases("coco_masks", 3)) {
    TempFolder folder;
    const Json& size = one["input"]["size"];
    Json whole{
        {"images", Json::array()}, {"annotations", Json::array()}, {"categories", Json::array()}};
    std::map<int, bool> images, categories;
    for (const Json& t : one["input"]["truth"]) {
      images[t["image"]] = categories[t["category"]] = true;
      whole["annotations"].push_back({{"image_id", t["image"]},
                                      {"category_id", t["category"]},
                                      {"segmentation", t["segmentation"]},
                                      {"area", t["area"]},
                                      {"iscrowd", t["crowd"] ? 1 : 0}});
    }
    std::map<int, Json> found;
    Json results = Json::array();
    for (const Json& d : one["input"]["detected"]) {
      categories[d["category"]] = true;
      results.push_back({{"image_id", d["image"]},
                         {"category_id", d["category"]},
                         {"segmentation", d["segmentation"]},
                         {"score", d["score"]}});
      found[d["image"]].push_back({{"score", d["score"]},
                                   {"label", "c" + std::to_string(d["category"].get<int>())},
                                   {"mask", d["segmentation"]}});
    }
    std::vector<Json> records;
    for (const auto& [id, used] : images) {
      whole["images"].push_back(
          {{"id", id}, {"file_name", "x.jpg"}, {"height", size[0]}, {"width", size[1]}});
      records.push_back({{"id", id}, {"output", found.contains(id) ? found[id] : Json::array()}});
    }
    for (const auto& [id, used] : categories)
      whole["categories"].push_back({{"id", id}, {"name", "c" + std::to_string(id)}});
    spit(folder / "instances.json", whole.dump());
    spit(folder / "results.json", results.dump());
    spit(folder / "records.jsonl", lines(records));  // as hft segment writes them
    for (const char* predictions : {"results.json", "records.jsonl"}) {
      const auto ran =
          eval(folder, {"--task", "image-segmentation", "--predictions", predictions, "-i",
                        "instances.json", "--metric", joined(kNames, ","), "--resamples", "10"});
      for (std::size_t i = 0; i < kNames.size(); ++i)
        CHECK_MESSAGE(figure(ran, kNames[i]) == doctest::Approx(one["wanted"][i].get<double>()),
                      predictions, " ", kNames[i]);
    }
  }
}

TEST_CASE("eval: annotations of COCO whose polygons are none") {
  TempFolder folder;
  spit(folder / "records.jsonl", "{\"id\": 1, \"output\": []}\n");
  const auto refused = [&](const std::string& shape) {
    spit(folder / "x.json",
         R"({"images": [{"id": 1, "file_name": "x.jpg", "height": 10, "width": 10}],
             "categories": [{"id": 1, "name": "a"}],
             "annotations": [{"image_id": 1, "category_id": 1, "segmentation": )" + shape + "}]}");
    const auto ran =
        eval(folder, {"--task", "segment", "--predictions", "records.jsonl", "-i", "x.json"});
    CHECK(ran.code == 9);
    return ran.err;
  };
  CHECK(refused("[[1, 2, 3]]") ==
        "hft: x.json: an annotation: has a polygon of 3 numbers, wanted x and y of three corners or "
        "more\n");
  CHECK(refused("[[1, 2, 1e9, 4, 5, 6]]") ==
        "hft: x.json: an annotation: has a polygon with a corner at 1e+09\n");
  CHECK(refused("null") == "hft: x.json: an annotation without a 'segmentation'\n");
}

TEST_CASE("eval: pairs of texts, by a model and as predictions that are joined by their texts") {
  TempFolder folder;
  std::vector<Json> rows;
  for (const char* pair : {"It rains.", "The museum is open on Thursday.", "Nobody counts the boats."})
    rows.push_back({{"text", "The harbour master counts nine red boats."}, {"text_pair", pair}});
  spit(folder / "bare.jsonl", lines(rows));
  const auto records = answers(folder, "classify", "roberta-nli", {"-i", "bare.jsonl"});
  spit(folder / "records.jsonl", lines(records));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i]["label"] = records[i]["output"][0]["label"];
  rows[2]["label"] = "none of them";
  spit(folder / "rows.jsonl", lines(rows));
  const Words model{"--task", "text-classification", "-m", golden("roberta-nli").string(), "-i"};
  const auto with = [&](Words more) {
    Words all = model;
    all.insert(all.end(), more.begin(), more.end());
    return figure(eval(folder, all), "accuracy");
  };
  CHECK(with({"rows.jsonl"}) == doctest::Approx(2.0 / 3));
  for (Json& row : rows) row = {{"premise", row["text"]}, {"hypothesis", row["text_pair"]}, {"label", row["label"]}};
  spit(folder / "named.jsonl", lines(rows));
  CHECK(with({"named.jsonl", "--", "--text-column", "premise", "--text-pair-column", "hypothesis"}) ==
        doctest::Approx(2.0 / 3));
  CHECK(figure(eval(folder, {"--task", "text-classification", "--predictions", "records.jsonl", "-i", "rows.jsonl"}),
               "accuracy") == doctest::Approx(2.0 / 3));
}

TEST_CASE(
    "eval: numbers of pixels give evaluate's mean IoU, segments the panoptic quality of "
    "panopticapi") {
  TempFolder folder;
  for (const Json& one : cases("mean_iou", 3)) {
    std::vector<Json> rows;
    for (const Json& p : one["input"]["pictures"])
      rows.push_back({{"prediction", Json::array({p["predicted"]})},
                      {"annotation", Json::array({p["truth"]})}});
    spit(folder / "p.jsonl", lines(rows));
    const auto ran = eval(folder, {"--task", "segment", "--predictions", "p.jsonl"});
    for (const auto& [name, wanted] : one["wanted"].items())
      if (!wanted.is_null()) CHECK(figure(ran, name) == doctest::Approx(wanted.get<double>()));
  }
  for (const Json& one : cases("panoptic", 3)) {
    std::vector<Json> rows;
    for (const Json& p : one["input"]["pictures"])
      rows.push_back({{"prediction", segments_of(p["predicted"], p["segments"])},
                      {"segments", segments_of(p["truth"], p["true_segments"])}});
    spit(folder / "p.jsonl", lines(rows));
    const auto ran = eval(folder, {"--task", "image-segmentation", "--predictions", "p.jsonl"});
    CHECK(figure(ran, "pq") == doctest::Approx(one["wanted"][0].get<double>()));
    CHECK(figure(ran, "sq") == doctest::Approx(one["wanted"][1].get<double>()));
    CHECK(figure(ran, "rq") == doctest::Approx(one["wanted"][2].get<double>()));
  }
}

TEST_CASE(
    "eval: rankings give ranx' figures, of any depth, from rows and from a run with relevances "
    "apart") {
  TempFolder folder;
  for (const Json& one : cases("retrieval", 4)) {
    const std::string k = std::to_string(one["input"]["k"].get<int>());
    const Words names{"ndcg@" + k, "mrr@" + k, "recall@" + k, "ndcg", "mrr"};
    spit(folder / "p.jsonl", lines({{{"id", "q"},
                                     {"output", one["input"]["scores"]},
                                     {"qrels", one["input"]["relevant"]}}}));
    spit(folder / "run.json", Json{{"q", one["input"]["scores"]}}.dump());
    spit(folder / "truth.jsonl", lines({{{"id", "q"}, {"qrels", one["input"]["relevant"]}}}));
    for (const Words& data : {Words{"p.jsonl"}, Words{"run.json", "-i", "truth.jsonl"}}) {
      Words args{"--task", "text-ranking", "--metric", joined(names, ","), "--predictions"};
      args.insert(args.end(), data.begin(), data.end());
      const auto ran = eval(folder, args);
      for (std::size_t i = 0; i < names.size(); ++i)
        CHECK(figure(ran, names[i]) == doctest::Approx(one["wanted"][i].get<double>()));
    }
  }
}

TEST_CASE(
    "eval: a detector against its own boxes; COCO's names, boxes without and with fractions") {
  TempFolder folder;
  std::vector<Json> rows;
  for (const char* name : {"palette.png", "clear.png"}) {
    Json objects{{"bbox", Json::array()}, {"category", Json::array()}};
    const Json output =
        answers(folder, "detect", "detr", {"--threshold", "0.3", picture(name)})[0]["output"];
    for (const Json& d : output) {
      const Json& b = d["box"];
      const double x = b["xmin"], y = b["ymin"];
      objects["bbox"].push_back({x, y, b["xmax"].get<double>() - x, b["ymax"].get<double>() - y});
      objects["category"].push_back(
          d["label"] == "car" ? Json(3) : d["label"]);  // a number is a label's place
    }
    rows.push_back({{"image", picture(name)}, {"objects", objects}});
  }
  spit(folder / "rows.jsonl", lines(rows));
  const auto ran =
      eval(folder, {"--task", "detect", "-m", golden("detr").string(), "-i", "rows.jsonl", "-o",
                    "records.jsonl", "--metric", "map_50,mar_100"});
  CHECK(figure(ran, "map_50") > 0.3);
  CHECK(figure(ran, "mar_100") > 0.3);
  CHECK(slurp(folder / "records.jsonl").find(".") != std::string::npos);
  const Json box =
      parse_json(split(slurp(folder / "records.jsonl"), '\n')[0], "")["output"][0]["box"];
  CHECK(box["xmin"].is_number_float());
  CHECK(eval(folder, {"--predictions", "records.jsonl", "--labels",
                      R"(["sky","tree, bush","road","car"])", "--metric", "map_50,mar_100"})
            .records()[0]["metrics"] == ran.records()[0]["metrics"]);
  rows[0]["objects"]["category"][0] = "boat";
  for (Json& row : rows)
    for (Json& label : row["objects"]["category"]) label = "boat";
  spit(folder / "rows.jsonl", lines(rows));
  const auto other =
      eval(folder, {"--task", "detect", "-m", golden("detr").string(), "-i", "rows.jsonl"});
  CHECK(other.code == 2);
  CHECK(other.err.find(
            "hft: no label of the data, such as 'boat', is one of the predictions, such as '") ==
        0);
}

TEST_CASE("eval: a segmenter against its own regions, as lists and as a PNG of numbers") {
  TempFolder folder;
  Words args{picture("wide.png"), "--save-masks", "masks"};
  const Json record = answers(folder, "segment", "segformer", args)[0];
  spit(folder / "rows.jsonl",
       lines({{{"image", picture("wide.png")}, {"segments", record["output"]}}}));
  const Words model{"--task", "segment", "-m", golden("segformer").string(), "-i"};
  const auto with = [&](Words more) {
    Words all = model;
    all.insert(all.end(), more.begin(), more.end());
    return eval(folder, all);
  };
  CHECK(figure(with({"rows.jsonl", "--metric", "pq,mean_iou"}), "pq") == 1);
  // --save-masks numbers labels from 1 on, 0 is none: as data sets that want their labels reduced.
  std::string map;
  for (const auto& file : test::fs::directory_iterator(folder / "masks"))
    if (file.path().string().ends_with("-labels.png")) map = file.path().string();
  spit(folder / "png.jsonl", lines({{{"image", picture("wide.png")}, {"annotation", map}}}));
  const auto ran = with({"png.jsonl", "--reduce-labels"});
  CHECK(figure(ran, "mean_iou") == 1);
  CHECK(figure(ran, "overall_accuracy") == 1);
  CHECK(figure(with({"png.jsonl"}), "mean_iou") < 1);
  const auto pq = with({"png.jsonl", "--metric", "pq"});
  CHECK(pq.code == 2);
  CHECK(pq.err ==
        "hft: --metric: no 'pq' for these answers; there is mean_iou, mean_accuracy, "
        "overall_accuracy\n");
}

TEST_CASE("eval: pictures and sounds with labels, captions, answers and transcripts") {
  TempFolder folder;
  struct Case {
    const char *command, *model, *metric, *column;
    Json row;
    double wanted;
    Words more;
  };
  const Case kCases[] = {
      {"image-classify", "vit", "accuracy", "label", {{"image", picture("wide.png")}}, 1, {}},
      {"audio-classify", "ast", "accuracy", "label", {{"audio", sound("speech.flac")}}, 1, {}},
      {"caption",
       "blip-caption",
       "exact_match",
       "caption",
       {{"image", picture("wide.png")}},
       1,
       {"--max-new-tokens", "4"}},
      {"vqa",
       "blip-vqa",
       "exact_match",
       "answer",
       {{"image", picture("wide.png")}, {"question", "How many?"}},
       1,
       {}},
      {"transcribe", "wav2vec2-ctc", "wer", "text", {{"audio", sound("speech.flac")}}, 0, {}},
  };
  for (const Case& one : kCases) {
    INFO(one.command);
    spit(folder / "rows.jsonl", lines({one.row}));
    Words args{"-i", "rows.jsonl"};
    args.insert(args.end(), one.more.begin(), one.more.end());
    const Json output = answers(folder, one.command, one.model, args)[0]["output"];
    Json row = one.row;
    const Json& best = output.is_array() ? output[0] : output;
    for (const char* name : {"label", "generated_text", "answer", "text"})
      if (best.contains(name)) row[one.column] = best[name];
    spit(folder / "rows.jsonl", lines({row}));
    Words all{"--task", one.command,  "-m",       golden(one.model).string(),
              "-i",     "rows.jsonl", "--metric", one.metric};
    if (!one.more.empty()) all.push_back("--");
    all.insert(all.end(), one.more.begin(), one.more.end());
    CHECK(figure(eval(folder, all), one.metric) == one.wanted);
  }
  spit(folder / "p.jsonl", R"({"prediction":"Total: 12.50","answers":["total 12.50","12"]})"
                           "\n");
  CHECK(figure(eval(folder, {"--task", "doc-qa", "--predictions", "p.jsonl"}), "anls") ==
        doctest::Approx(1 - 1 / 12.0));
}

TEST_CASE("eval: a collection of BEIR's layout is ranked by vectors, and by a cross-encoder") {
  TempFolder folder;
  const Words texts{"The harbour master counts nine red boats before the storm.",
                    "It's cheap, isn't it?", "Maria Lopez never liked the broken clock.",
                    "We bake bread every morning."};
  std::vector<Json> corpus;
  for (std::size_t i = 0; i < texts.size(); ++i)
    corpus.push_back({{"_id", "d" + std::to_string(i)}, {"title", ""}, {"text", texts[i]}});
  test::fs::create_directories(folder / "set/qrels");
  spit(folder / "set/corpus.jsonl", lines(corpus));
  spit(folder / "set/queries.jsonl", lines({{{"_id", "q1"}, {"text", "Who counts the boats?"}},
                                            {{"_id", "q2"}, {"text", "Nobody asks"}}}));
  // What the model itself finds best is what is right.
  Words args{"--query", "Who counts the boats?", "--top-k", "1"};
  args.insert(args.end(), texts.begin(), texts.end());
  const Json best = answers(folder, "embed", "bert-embed", args)[0]["input"];
  const auto place = std::find(texts.begin(), texts.end(), best.get<std::string>()) - texts.begin();
  spit(folder / "set/qrels/test.tsv",
       "query-id\tcorpus-id\tscore\nq1\td" + std::to_string(place) + "\t1\n");
  const Words embed{"--task", "embed", "-m", golden("bert-embed").string(),
                    "-i",     "set",   "-o", "ranks.jsonl"};
  const auto ran = eval(folder, embed);
  CHECK(figure(ran, "ndcg@10") == 1);
  CHECK(figure(ran, "mrr@10") == 1);
  CHECK(ran.records()[0]["examples"] == 1);
  const std::string ranks = slurp(folder / "ranks.jsonl");
  CHECK(parse_json(ranks, "")["output"].size() == 4);
  // A run that was killed between its parts goes on.
  test::fs::remove(folder / "ranks.jsonl");
  test::fs::remove(folder / ".ranks.jsonl.hft.json");
  Words again = embed;
  again.push_back("--resume");
  CHECK(eval(folder, again).out == ran.out);
  CHECK(slurp(folder / "ranks.jsonl") == ranks);
  const auto reranked = eval(folder, {"--task", "rerank", "-m", golden("rerank-bert").string(),
                                      "-i", "set", "--candidates", "ranks.jsonl"});
  CHECK(figure(reranked, "recall@100") == 1);
  const auto alone = eval(
      folder, {"--task", "embed", "-m", golden("bert-embed").string(), "-i", "set/queries.jsonl"});
  CHECK(alone.code == 2);
  CHECK(alone.err.find(
            "hft: feature-extraction: wanted a collection: -i FOLDER as BEIR lays it out") == 0);
}

TEST_CASE("eval: what is wrong with metrics and data is told before the model is looked at") {
  TempFolder folder;
  spit(folder / "d.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\"}\n");
  spit(folder / "good.jsonl", "{\"text\":\"a\",\"label\":1}\n");
  const auto told = [&](Words args, int code, const std::string& message) {
    args.insert(args.begin(), {"-m", "no/model", "--local-files-only", "--task"});
    const auto ran = eval(folder, args);
    CHECK(ran.code == code);
    CHECK(ran.err == message);
  };
  told({"classify", "-i", "good.jsonl", "--metric", "acuracy"}, 2,
       "hft: --metric: text-classification has no 'acuracy'; it has accuracy, precision, "
       "precision_macro, "
       "precision_micro, precision_weighted, recall, recall_macro, recall_micro, recall_weighted, "
       "f1, "
       "f1_macro, f1_micro, f1_weighted, matthews, log_loss, calibration_error, auroc, pearson, "
       "spearman, "
       "mae, mse; closest: 'accuracy'\n");
  told({"transcribe", "-i", "good.jsonl", "--fail-under", "accuracy=1"}, 2,
       "hft: --metric: automatic-speech-recognition has no 'accuracy'; it has exact_match, anls, "
       "rouge1, "
       "rouge2, rougeL, rougeLsum, bleu, chrf, chrf++, ter, wer, cer\n");
  told({"classify", "-i", "good.jsonl", "--metric", "auroc"}, 2,
       "hft: --metric auroc needs --positive-label LABEL\n");
  told({"classify", "-i", "d.jsonl"}, 9,
       "hft: line 2 of d.jsonl: has no column 'label', which says what is right\n");
  told({"classify", "-i", "good.jsonl", "--reference-column", "gold"}, 2,
       "hft: --reference-column: no column 'gold' in the data; it has: text, label\n");
  told({"summarize", "-i", "good.jsonl"}, 2,
       "hft: --reference-column: names the column with what is right: the data has no 'summary' or "
       "'highlights' or 'reference' or 'references' or 'target'\n");
  told({"classify", "-i", "good.jsonl", "--junit", "none/j.xml"}, 8,
       "hft: none/j.xml: the folder none is not there\n");
}

TEST_CASE("eval: killed at four moments, then resumed: the bytes of an unbroken run") {
  TempFolder folder;
  std::vector<Json> rows;
  for (int i = 0; i < 300; ++i)
    rows.push_back({{"id", i},
                    {"text", "row " + std::to_string(i)},
                    {"label", i % 2 ? "POSITIVE" : "NEGATIVE"}});
  spit(folder / "rows.jsonl", lines(rows));
  const std::string run = HFT_BINARY " eval --task classify -m " +
                          golden("bert-classify").string() +
                          " -i rows.jsonl --batch-size 1 --resamples 20 -o records.jsonl "
                          "--output-path result.json --resume";
  const auto shell = [&](const std::string& line) {
    return test::command({"bash", "-c", line}, {.cwd = folder.path});
  };
  REQUIRE(shell(run).code == 0);
  const std::string records = slurp(folder / "records.jsonl"),
                    result = slurp(folder / "result.json");
  for (const char* name : {"records.jsonl", ".records.jsonl.hft.json", "result.json"})
    test::fs::remove(folder / name);
  for (const char* seconds : {"0.05", "0.25", "0.3", "0.4"})
    shell("timeout --foreground -s KILL " + std::string(seconds) + " " + run);
  CHECK(shell(run).code == 0);
  CHECK(slurp(folder / "records.jsonl") == records);
  CHECK(slurp(folder / "result.json") == result);
}
