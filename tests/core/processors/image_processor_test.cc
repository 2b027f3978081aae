#include "core/processors/image_processor.h"

#include "tests/media/pictures.h"

namespace hft {
namespace {

ImageProcessor processor_of(const Json& settings, const Json& config = nullptr,
                            const std::string& file = "preprocessor_config.json") {
  const test::TempFolder folder;
  test::spit(folder / file, to_line(settings));
  if (!config.is_null()) test::spit(folder / "config.json", to_line(config));
  return ImageProcessor::from_folder(folder.path);
}

media::Image photo(const std::string& name) {
  const std::string file = test::picture(name);
  return media::read_image(media::bytes_of(file), name);
}

std::uint32_t checksum(const Pixels& pixels) {
  return test::checksum(pixels.data.data(), 4 * pixels.data.size());
}

Extent resized(const Json& settings, int height, int width) {
  return processor_of(settings).resized_extent({height, width});
}

}  // namespace

TEST_CASE("image processors: tensors are the reference's, bit for bit") {
  for (const Json& one : test::pictures()["processors"]) {
    CAPTURE(one["settings"].dump());
    CAPTURE(one["file"].dump());
    const Json& settings = one["settings"];
    const bool timm = settings.contains("pretrained_cfg");
    const Pixels pixels = processor_of(
        settings, nullptr, timm ? "config.json" : "preprocessor_config.json")(photo(one["file"]));
    CHECK(pixels.height == one["shape"][1].get<int>());
    CHECK(pixels.width == one["shape"][2].get<int>());
    CHECK(checksum(pixels) == one["crc"].get<std::uint32_t>());
  }
}

TEST_CASE("image processors: every instruction set gives the same bytes") {
  const media::Image image = photo("photo-61x40.jpg");
  for (const Filter filter : {Filter::kBilinear, Filter::kLanczos, Filter::kBox})
    for (const auto& [width, height] : {std::pair{17, 90}, {200, 11}, {61, 7}, {9, 40}}) {
      const auto plain =
          resized(image, width, height, filter, Arithmetic::kPillow, Processor::kPlain);
      for (const Processor row : kProcessors)
        if (has(row))
          CHECK(resized(image, width, height, filter, Arithmetic::kPillow, row).rgb == plain.rgb);
    }
}

TEST_CASE("image processors: a plain name means what it meant to the release that wrote it") {
  const Json plain = {{"image_processor_type", "ViTImageProcessor"}, {"size", 50}};
  const Json fast = {{"image_processor_type", "ViTImageProcessorFast"}, {"size", 50}};
  const Json pil = {{"image_processor_type", "ViTImageProcessorPil"}, {"size", 50}};
  const Json old = {{"feature_extractor_type", "ViTFeatureExtractor"}, {"size", 50}};
  const Json version5 = {{"model_type", "vit"}, {"transformers_version", "5.2.0"}};
  const Json nested = {{"image_processor", plain}};
  const auto torchvision = [](const ImageProcessor& p) {
    return p.settings().arithmetic == Arithmetic::kTorchvision;
  };
  CHECK_FALSE(torchvision(processor_of(plain)));
  CHECK_FALSE(torchvision(processor_of(old)));
  CHECK(torchvision(processor_of(fast)));
  CHECK(torchvision(processor_of(plain, version5)));
  CHECK(torchvision(processor_of(nested, nullptr, "processor_config.json")));
  CHECK_FALSE(torchvision(processor_of(pil, version5)));
}

TEST_CASE("image processors: what a file leaves out is the default of its class and release") {
  const auto filter = [](const char* name, const char* version) {
    return processor_of({{"image_processor_type", name}}, {{"transformers_version", version}})
        .settings()
        .filter;
  };
  CHECK(filter("EfficientNetImageProcessor", "4.57.0") == Filter::kNearest);
  CHECK(filter("EfficientNetImageProcessor", "5.0.0") == Filter::kBicubic);
  CHECK(filter("PvtImageProcessor", "4.57.0") == Filter::kBilinear);
  CHECK(filter("PvtImageProcessor", "5.0.0") == Filter::kBicubic);
  const ImageSettings by_model =
      processor_of(Json::object(), {{"model_type", "resnet"}}).settings();
  CHECK(by_model.sizing == Sizing::kCropShare);
  CHECK(by_model.shortest_edge == 384);
}

TEST_CASE("image processors: DETR's sizes") {
  const Json detr = {{"image_processor_type", "DetrImageProcessor"},
                     {"size", {{"shortest_edge", 800}, {"longest_edge", 1333}}}};
  CHECK(resized(detr, 480, 640) == Extent{800, 1066});
  CHECK(resized(detr, 640, 480) == Extent{1066, 800});
  CHECK(resized(detr, 300, 900) == Extent{444, 1333});
  CHECK(resized(detr, 10, 4000) == Extent{3, 1333});
  const Json table = {
      {"image_processor_type", "DetrImageProcessor"}, {"size", 800}, {"max_size", 1000}};
  CHECK(resized(table, 480, 640) == Extent{750, 1000});
}

TEST_CASE("image processors: ConvNeXT crops below 384 and warps from there on") {
  const auto convnext = [](int edge) {
    return Json{{"image_processor_type", "ConvNextImageProcessor"},
                {"size", {{"shortest_edge", edge}}}};
  };
  CHECK(resized(convnext(224), 300, 400) == Extent{256, 341});
  CHECK(resized(convnext(384), 300, 400) == Extent{384, 384});
  const Pixels pixels = processor_of(convnext(48))(photo("photo-61x40.jpg"));
  CHECK(pixels.height == 48);
  CHECK(pixels.width == 48);
}

TEST_CASE("image processors: timm's settings stand in config.json") {
  const Json config = {{"pretrained_cfg",
                        {{"input_size", {3, 32, 32}},
                         {"crop_pct", 0.875},
                         {"interpolation", "bicubic"},
                         {"mean", {0.5, 0.5, 0.5}},
                         {"std", {0.25, 0.25, 0.25}}}}};
  const test::TempFolder folder;
  test::spit(folder / "config.json", to_line(config));
  const ImageProcessor processor = ImageProcessor::from_folder(folder.path);
  CHECK(processor.settings().filter == Filter::kBicubic);
  CHECK(processor.resized_extent({40, 61}) == Extent{36, 54});
  const Pixels pixels = processor(photo("photo-61x40.jpg"));
  CHECK(pixels.height == 32);
  CHECK(pixels.width == 32);
}

TEST_CASE("image processors: mistakes name the file, the field and what is wanted") {
  const auto error = [](const Json& settings) {
    const test::TempFolder folder;
    test::spit(folder / "preprocessor_config.json", to_line(settings));
    std::string message =
        test::error_of([&] { static_cast<void>(ImageProcessor::from_folder(folder.path)); });
    const std::string lead = (folder / "preprocessor_config.json").string() + ": ";
    return message.starts_with(lead) ? message.substr(lead.size()) : message;
  };
  CHECK(error({{"image_processor_type", "NoSuchImageProcessor"}})
            .starts_with(
                "the image processor 'NoSuchImageProcessor' is not supported, wanted ViT, "));
  CHECK(error({{"size", 224}}) == "names no image_processor_type");
  CHECK(error({{"image_processor_type", "ViTImageProcessor"}, {"image_mean", {0.5, 0.5}}})
            .ends_with("'image_mean' wanted a list of 3 numbers"));
  CHECK(error({{"image_processor_type", "ViTImageProcessor"}, {"resample", 9}})
            .ends_with("'resample' is 9, wanted an integer in [0, 5]"));
  CHECK(error({{"image_processor_type", "ViTImageProcessorFast"}, {"resample", 5}}) ==
        "'resample' is 5, which torchvision does not have, wanted 0 to 3");
  const test::TempFolder empty;
  CHECK(test::error_of([&] { static_cast<void>(ImageProcessor::from_folder(empty.path)); }) ==
        empty.path.string() +
            ": has no preprocessor_config.json, which says how pictures are resized");
}

TEST_CASE("image processors: a result without pixels, or of too many, is the picture's fault") {
  const Json detr = {{"image_processor_type", "DetrImageProcessor"}};
  const Json clip = {{"image_processor_type", "CLIPImageProcessor"}};
  media::Image thin{100000, 1, std::vector<std::uint8_t>(300000)};
  CHECK(test::error_of([&] { static_cast<void>(processor_of(detr)(thin)); }) ==
        "the picture would be resized to 1333 x 0 pixels, wanted 1 to 178956970 of them");
  CHECK(test::error_of([&] { static_cast<void>(processor_of(clip)(thin)); }) ==
        "the picture would be resized to 22400000 x 224 pixels, wanted 1 to 178956970 of them");
}

}  // namespace hft
