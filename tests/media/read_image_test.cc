#include "media/image.h"

#include "media/image_write.h"
#include "tests/media/pictures.h"

namespace hft {

TEST_CASE("read_image: every kind of picture has the pixels that Pillow reads") {
  for (const Json& one : test::pictures()["files"]) {
    const std::string name = one["name"];
    CAPTURE(name);
    const std::string file = test::picture(name);
    const media::Image image = media::read_image(media::bytes_of(file), name);
    CHECK(image.height == one["shape"][0].get<int>());
    CHECK(image.width == one["shape"][1].get<int>());
    CHECK(test::checksum(image.rgb.data(), image.rgb.size()) == one["crc"].get<std::uint32_t>());
  }
}

TEST_CASE("read_image: wide greys clip, other wide samples keep their high byte") {
  const auto png = [](int type, std::string_view row) {
    return "\x89PNG\r\n\x1a\n" + test::png_chunk("IHDR", test::png_header(1, 1, 16, type)) +
           test::png_chunk("IDAT", test::deflated(std::string(1, '\0') + std::string(row))) +
           test::png_chunk("IEND", "");
  };
  const auto first = [](const std::string& file) {
    return static_cast<int>(media::read_image(media::bytes_of(file), "x").rgb[0]);
  };
  using namespace std::string_view_literals;
  CHECK(first(png(0, "\x00\x64"sv)) == 100);
  CHECK(first(png(0, "\x01\x00"sv)) == 255);
  CHECK(first(png(2, "\x12\xff\x00\x00\x00\x00"sv)) == 0x12);
}

TEST_CASE("png_of: what is written is what is read") {
  media::Image image{5, 3, {}};
  for (int i = 0; i < 45; ++i) image.rgb.push_back(static_cast<std::uint8_t>(i * 37));
  const std::string file = media::png_of(image);
  const media::Image again = media::read_image(media::bytes_of(file), "x");
  CHECK(again.width == 5);
  CHECK(again.rgb == image.rgb);
  const std::vector<std::uint16_t> labels{0, 7, 300, 65535};
  const std::string map = media::grey_png_of(labels, 2, 2);
  CHECK(media::read_image(media::bytes_of(map), "x").rgb[3] == 7);
  CHECK(media::read_image(media::bytes_of(map), "x").rgb[6] == 255);
}

TEST_CASE("is_image: known by content and by name") {
  CHECK(media::is_image(media::bytes_of("GIF89a")));
  CHECK(media::is_image(media::bytes_of("8BPS\0\1")));
  CHECK_FALSE(media::is_image(media::bytes_of("{\"image\": 1}")));
  CHECK_FALSE(media::is_image(media::bytes_of("%PDF-1.7")));
  CHECK(media::is_image_name("a/B.JPEG"));
  CHECK(media::is_image_name("a.heic"));
  CHECK_FALSE(media::is_image_name("a.jsonl"));
}

}  // namespace hft
