// Files that are broken, too large, or no image: each is one clear error, and costs no memory.
#include "tests/media/hostile.h"
#include "tests/support/memory.h"
#include "media/image.h"

namespace hft {
namespace {

using namespace std::string_literals;
using test::bmp;
using test::many_scans;
using test::png;
using test::tiff;
using test::with_size;

// "" when it was read.
std::string refusal(const std::string& file, Errc* code = nullptr) {
  try {
    media::read_image(media::bytes_of(file), "x");
    return "";
  } catch (const Error& e) {
    if (code) *code = e.code;
    return e.message;
  }
}

const std::string kWanted = ", wanted JPEG, PNG, WebP, GIF, BMP or TIFF";

}  // namespace

TEST_CASE("read_image: what is no image says what it is") {
  const auto refused = [](const std::string& file, Errc wanted, const std::string& message) {
    Errc code{};
    CHECK(refusal(file, &code) == "x: " + message);
    CHECK(code == wanted);
  };
  refused("", Errc::kBadData, "is empty, wanted an image");
  refused("a letter, renamed to .png\n", Errc::kBadData, "is not an image but text" + kWanted);
  refused("<!DOCTYPE html>", Errc::kBadData, "is not an image but text" + kWanted);
  refused("\x01\x02\x80\xfe\xff\x00\x11"s, Errc::kBadData, "is not an image" + kWanted);
  refused("version https://git-lfs.github.com/spec/v1\n", Errc::kBadData,
          "is a Git LFS pointer, not the image itself");
  for (const auto& [file, name] : test::other_formats())
    refused(file, Errc::kUnsupported, "is " + name + kWanted);
}

TEST_CASE("read_image: sizes are looked at before anything is decoded") {
  const auto over = [](const std::string& kind, const std::string& size) {
    return "x: " + kind + ": is " + size + " pixels, over the limit of 178956970";
  };
  CHECK(refusal(png(65535, 65535)) == over("PNG", "65535 x 65535"));
  CHECK(refusal(png(178956971, 1)) == over("PNG", "178956971 x 1"));
  CHECK(refusal(bmp(65535, 65535, 24, 0, "")) == over("BMP", "65535 x 65535"));
  CHECK(refusal("GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\x02\0"s) ==
        over("GIF", "65535 x 65535"));
  CHECK(refusal(with_size(test::picture("photo-61x40.jpg"), 65000, 65000)) ==
        over("JPEG", "65000 x 65000"));
  CHECK(refusal(tiff({{256, 65535}, {257, 65535}, {273, 8}})) == over("TIFF", "65535 x 65535"));
  CHECK(refusal("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\x3f\0\xff\x3f\0ANMF\0\0\0\0"s) ==
        "x: WebP: has no picture");
  CHECK(refusal("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\x3f\0\xff\x3f\0ANMF\x01\0\0\0a\0"s) ==
        over("WebP", "16384 x 16384"));
  CHECK(refusal(bmp(0, 10, 24, 0, "")) == "x: BMP: is 0 x 10 pixels, wanted at least one");
  CHECK(refusal(tiff({{256, 10}, {257, 0}, {273, 8}})) == "x: TIFF: has tiles of 10 x 0 pixels");
  CHECK(refusal(png(0, 10)) == "x: PNG: Invalid IHDR data");
  CHECK(refusal("GIF89a\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\0\0\x02\0"s) ==
        "x: GIF: is 0 x 0 pixels, wanted at least one");
}

TEST_CASE("read_image: a file cut anywhere is an error, or all of its pixels were there") {
  for (const char* name : {"photo-61x40.jpg", "jpeg-progressive-2-75.jpg", "png-alpha.png",
                           "webp-lossy.webp", "webp-lossless.webp", "gif-16.gif", "bmp-alpha.bmp",
                           "tiff-tiff_lzw.tif", "tiff-packbits.tif", "tiff-jpeg.tif"}) {
    const std::string file = test::picture(name);
    const media::Image whole = media::read_image(media::bytes_of(file), name);
    for (std::size_t percent = 0; percent < 100; ++percent) {
      CAPTURE(name);
      CAPTURE(percent);
      const std::string cut = file.substr(0, file.size() * percent / 100);
      Errc code{};
      if (refusal(cut, &code).empty())
        CHECK(media::read_image(media::bytes_of(cut), name).rgb == whole.rgb);
      else
        CHECK((code == Errc::kBadData || code == Errc::kUnsupported));
    }
  }
}

TEST_CASE("read_image: notes that would fill the memory are left out") {
  const std::string bomb = test::deflated(std::string(64 << 20, '\0'));
  const std::string packed_text = "Raw profile type exif\0\0"s + bomb;
  const std::string packed_xmp = "XML:com.adobe.xmp\0\1\0\0\0"s + bomb;
  const std::string profile = "icc\0\0"s + bomb;
  const std::string file =
      png(4, 4,
          test::png_chunk("zTXt", packed_text) + test::png_chunk("iTXt", packed_xmp) +
              test::png_chunk("iCCP", profile));
  test::reset_peak();
  const long before = test::peak_kib();
  CHECK(media::read_image(media::bytes_of(file), "x").width == 4);
  CHECK(test::peak_kib() - before < 8 << 10);
}

TEST_CASE("read_image: damage is told by its kind") {
  CHECK(refusal(many_scans(test::picture("jpeg-progressive-2-75.jpg"))) ==
        "x: JPEG: has too many scans");
  CHECK(refusal(with_size(test::picture("photo-61x40.jpg"), 61, 0)).starts_with("x: JPEG: "));
  CHECK(refusal("\xff\xd8\xff\xd9\xff\xd8"s).starts_with("x: JPEG: "));
  CHECK(refusal("\xff\xd8\xff\xe0\0\x02"s) == "x: JPEG: ends early");
  CHECK(refusal(png(40, 40)) == "x: PNG: Not enough image data");
  CHECK(refusal("\x89PNG\r\n\x1a\n"s) == "x: PNG: ends early");
  std::string torn = test::picture("png-alpha.png");
  torn[60] = static_cast<char>(torn[60] + 1);
  CHECK(refusal(torn).starts_with("x: PNG: "));
  CHECK(refusal("GIF89a\1\0\1\0\0\0\0;"s) == "x: GIF: has no picture");
  CHECK(refusal("GIF89a\2\0\2\0\0\0\0,\0\0\0\0\2\0\2\0\0\x0c\0"s) ==
        "x: GIF: is damaged: codes of 13 bits");
  CHECK(refusal("GIF89a\2\0\2\0\0\0\0,\0\0\0\0\2\0\2\0\0\x02\1\xff\0"s) == "x: GIF: is damaged");
  CHECK(refusal("GIF89a\2\0\2\0\0\0\0,\0\0\0\0\2\0\2\0\0\x02\0"s) == "x: GIF: ends early");
  CHECK(refusal("RIFF\0\0\0\0WEBPVP8 \4\0\0\0abcd"s) == "x: WebP: is damaged");
  CHECK(refusal(bmp(3, 3, 7, 0, "")) ==
        "x: BMP: has 7 bits a pixel in compression 0, which is not read");
  CHECK(refusal(bmp(3, 3, 24, 4, "")) ==
        "x: BMP: has 24 bits a pixel in compression 4, which is not read");
  CHECK(refusal(bmp(3, 3, 24, 0, "short")) == "x: BMP: ends early");
  CHECK(refusal(bmp(300, 300, 8, 1, std::string(1024, 'a'))) == "x: BMP: ends early");
  const auto strip = [](std::uint32_t compression, std::uint32_t offset, std::uint32_t size) {
    return tiff(
        {{256, 9}, {257, 9}, {258, 8}, {259, compression}, {262, 1}, {273, offset}, {279, size}},
        "\x80\x01\x02\x03");
  };
  CHECK(refusal(strip(1, 98, 4)) == "x: TIFF: ends early");
  CHECK(refusal(strip(1, 4000, 4)) == "x: TIFF: ends early");
  CHECK(refusal(strip(5, 98, 4)).starts_with("x: TIFF: "));
  CHECK(refusal(strip(8, 98, 4)) == "x: TIFF: is damaged");
  CHECK(refusal(strip(32773, 98, 4)) == "x: TIFF: ends early");
  CHECK(refusal(strip(7, 98, 4)).starts_with("x: TIFF: "));
  CHECK(refusal(strip(4, 98, 4)) == "x: TIFF: has the compression 4, which is not read");
  CHECK(refusal(tiff({{256, 9}, {257, 9}, {258, 8}, {322, 1 << 30}, {323, 1 << 30}})) ==
        "x: TIFF: has tiles of 1073741824 x 1073741824 pixels");
  CHECK(refusal(tiff({{256, 9}, {257, 9}, {258, 8}, {262, 1}})) ==
        "x: TIFF: lacks strips of the picture");
  CHECK(refusal("II*\0\xff\xff\xff\x7f"s) == "x: TIFF: ends early");
}

}  // namespace hft
