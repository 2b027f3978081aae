// Pictures that are broken, too large, or none.
#pragma once

#include <utility>

#include "tests/media/little.h"
#include "tests/media/pictures.h"

namespace hft::test {

using namespace std::string_literals;

inline std::string png(std::uint32_t width, std::uint32_t height, const std::string& more = "") {
  return "\x89PNG\r\n\x1a\n" + test::png_chunk("IHDR", test::png_header(width, height, 8, 2)) +
         more + test::png_chunk("IDAT", test::deflated(std::string(100, '\0'))) +
         test::png_chunk("IEND", "");
}

inline std::string bmp(std::uint32_t width, std::uint32_t height, int bits, int compression,
                       const std::string& body) {
  return "BM"s + little(0, 8) + little(54, 4) + little(40, 4) + little(width, 4) +
         little(height, 4) + little(1, 2) + little(static_cast<std::uint32_t>(bits), 2) +
         little(static_cast<std::uint32_t>(compression), 4) + little(0, 20) + body;
}

struct TiffTag {
  std::uint32_t tag, value;
};
inline std::string tiff(const std::vector<TiffTag>& tags, const std::string& body = "") {
  std::string out = "II*\0"s + little(8, 4) + little(static_cast<std::uint32_t>(tags.size()), 2);
  for (const TiffTag& t : tags)
    out += little(t.tag, 2) + little(4, 2) + little(1, 4) + little(t.value, 4);
  return out + little(0, 4) + body;
}

// A JPEG whose last scan is said again and again.
inline std::string many_scans(const std::string& file) {
  const auto scan = file.rfind("\xff\xda");
  const std::string last = file.substr(scan, file.size() - 2 - scan);
  std::string out = file.substr(0, file.size() - 2);
  for (int i = 0; i < 600; ++i) out += last;
  return out + "\xff\xd9";
}

inline std::string with_size(std::string jpeg, int width, int height) {
  const auto at = jpeg.find("\xff\xc0\x00\x11"s) + 5;
  jpeg.replace(at, 4,
               {static_cast<char>(height >> 8), static_cast<char>(height),
                static_cast<char>(width >> 8), static_cast<char>(width)});
  return jpeg;
}

// How files of other formats begin, and what they are called.
inline std::vector<std::pair<std::string, std::string>> other_formats() {
  return {{"8BPS\0\1"s, "a Photoshop (PSD) image"},
          {"#?RADIANCE\n", "a Radiance (HDR) image"},
          {"\0\0\0\x18"
           "ftypheic"s,
           "a HEIC image"},
          {"\0\0\0\x18"
           "ftypavif"s,
           "an AVIF image"},
          {"\0\0\0\x18"
           "ftypmp42"s,
           "a video or another file of the MP4 family"},
          {"\0\0\0\x0cjP  \r\n"s, "a JPEG 2000 image"},
          {"\xff\x0a", "a JPEG XL image"},
          {"v/1\x01", "an OpenEXR image"},
          {"DDS |", "a DDS image"},
          {"qoif\0"s, "a QOI image"},
          {"\0\0\x01\0\x01"s, "an icon (ICO)"},
          {"%PDF-1.7", "a PDF document"},
          {"<svg xmlns=", "an SVG drawing"},
          {"RIFF\0\0\0\0WAVE"s, "a sound or video (RIFF) file"},
          {"P6 1 1 255\n", "a PNM image"},
          {"II+\0"s, "a BigTIFF image"},
          {"PK\x03\x04", "a zip archive"},
          {"\x1f\x8b\x08", "a gzip file"},
          {std::string(20, '\x02') + "TRUEVISION-XFILE.\0"s, "a TGA image"}};
}

// More than sixty files (name, bytes) that no picture can be read from.
inline std::vector<std::pair<std::string, std::string>> hostile_pictures() {
  std::vector<std::pair<std::string, std::string>> out{
      {"empty.png", ""},
      {"text.png", "a letter, renamed\n"},
      {"page.jpg", "<!DOCTYPE html><title>404</title>"},
      {"noise.gif", "\x01\x02\x80\xfe\xff\x00\x11"s},
      {"pointer.jpg", "version https://git-lfs.github.com/spec/v1\n"},
      {"huge.png", png(65535, 65535)},
      {"wide.png", png(178956971, 1)},
      {"flat.png", png(0, 10)},
      {"short.png", png(40, 40)},
      {"head.png", "\x89PNG\r\n\x1a\n"},
      {"huge.bmp", bmp(65535, 65535, 24, 0, "")},
      {"flat.bmp", bmp(0, 10, 24, 0, "")},
      {"odd.bmp", bmp(3, 3, 7, 0, "")},
      {"runs.bmp", bmp(300, 300, 8, 1, std::string(1024, 'a'))},
      {"huge.gif", "GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\x02\0"s},
      {"flat.gif", "GIF89a\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\0\0\x02\0"s},
      {"codes.gif", "GIF89a\2\0\2\0\0\0\0,\0\0\0\0\2\0\2\0\0\x0c\0"s},
      {"none.gif", "GIF89a\1\0\1\0\0\0\0;"s},
      {"huge.jpg", with_size(picture("photo-61x40.jpg"), 65000, 65000)},
      {"flat.jpg", with_size(picture("photo-61x40.jpg"), 61, 0)},
      {"scans.jpg", many_scans(picture("jpeg-progressive-2-75.jpg"))},
      {"huge.tif", tiff({{256, 65535}, {257, 65535}, {273, 8}})},
      {"tiles.tif", tiff({{256, 9}, {257, 9}, {258, 8}, {322, 1 << 30}, {323, 1 << 30}})},
      {"strips.tif", tiff({{256, 9}, {257, 9}, {258, 8}, {262, 1}})},
      {"loop.tif", "II*\0\xff\xff\xff\x7f"s},
      {"canvas.webp",
       "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\x3f\0\xff\x3f\0ANMF\x01\0\0\0a\0"s},
      {"bytes.webp", "RIFF\0\0\0\0WEBPVP8 \4\0\0\0abcd"s}};
  for (std::size_t i = 0; const auto& [bytes, name] : other_formats())
    out.emplace_back("other-" + std::to_string(i++) + ".png", bytes);
  for (const char* name : {"photo-61x40.jpg", "jpeg-progressive-2-75.jpg", "png-alpha.png",
                           "webp-lossy.webp", "gif-16.gif", "bmp-alpha.bmp", "tiff-tiff_lzw.tif"})
    for (const std::size_t percent : {3, 40, 80})
      out.emplace_back("cut-" + std::to_string(percent) + "-" + name,
                       picture(name).substr(0, picture(name).size() * percent / 100));
  return out;
}

}  // namespace hft::test
