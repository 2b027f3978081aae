// Which format a file is, its limits, and turning it upright.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "media/read/format.h"

namespace hft::media {
namespace {

const Format* const kFormats[] = {&kJpeg, &kPng, &kWebp, &kGif, &kBmp, &kTiff};

// How images of other formats begin, and files that are often taken for images.
struct Other {
  std::size_t at;
  std::string_view magic, name;
};
using namespace std::string_view_literals;
constexpr Other kOthers[] = {
    {4, "ftypavif"sv, "an AVIF image"},
    {4, "ftypheic"sv, "a HEIC image"},
    {4, "ftypheix"sv, "a HEIC image"},
    {4, "ftypmif1"sv, "a HEIF image"},
    {4, "ftypmsf1"sv, "a HEIF image"},
    {4, "ftyp"sv, "a video or another file of the MP4 family"},
    {4, "jP  \r\n"sv, "a JPEG 2000 image"},
    {0, "\xff\x4f\xff\x51"sv, "a JPEG 2000 image"},
    {0, "\xff\x0a"sv, "a JPEG XL image"},
    {4, "JXL \r\n"sv, "a JPEG XL image"},
    {0, "8BPS"sv, "a Photoshop (PSD) image"},
    {0, "#?RADIANCE"sv, "a Radiance (HDR) image"},
    {0, "#?RGBE"sv, "a Radiance (HDR) image"},
    {0, "v/1\x01"sv, "an OpenEXR image"},
    {0, "DDS "sv, "a DDS image"},
    {0, "II+\0"sv, "a BigTIFF image"},
    {0, "MM\0+"sv, "a BigTIFF image"},
    {0, "qoif"sv, "a QOI image"},
    {0, "\0\0\x01\0"sv, "an icon (ICO)"},
    {0, "%PDF"sv, "a PDF document"},
    {0, "%!PS"sv, "a PostScript document"},
    {0, "<svg"sv, "an SVG drawing"},
    {0, "RIFF"sv, "a sound or video (RIFF) file"},
    {0, "P1"sv, "a PNM image"},
    {0, "P2"sv, "a PNM image"},
    {0, "P3"sv, "a PNM image"},
    {0, "P4"sv, "a PNM image"},
    {0, "P5"sv, "a PNM image"},
    {0, "P6"sv, "a PNM image"},
    {0, "PK\x03\x04"sv, "a zip archive"},
    {0, "\x1f\x8b"sv, "a gzip file"},
};
constexpr std::string_view kRead = "JPEG, PNG, WebP, GIF, BMP or TIFF";

// A TGA has no magic; its footer has (Truevision TGA 2.0).
bool is_tga(Bytes file) {
  constexpr std::string_view kFooter = "TRUEVISION-XFILE.\0"sv;
  return file.size() > kFooter.size() && begins_with(file, kFooter, file.size() - kFooter.size());
}

[[noreturn]] void refuse(Bytes file) {
  if (begins_with(file, "version https://git-lfs"))
    fail_hint(Errc::kBadData, "git lfs pull", "is a Git LFS pointer, not the image itself");
  const auto unsupported = [](std::string_view name) {
    fail_hint(Errc::kUnsupported, "convert it to PNG", "is ", name, ", wanted ", kRead);
  };
  for (const Other& other : kOthers)
    if (begins_with(file, other.magic, other.at)) unsupported(other.name);
  if (is_tga(file)) unsupported("a TGA image");
  fail(Errc::kBadData, "is not an image", is_text(file) ? " but text" : "", ", wanted ", kRead);
}

// One pixel after another of the source, for every pixel of the result: EXIF's eight ways.
struct Turn {
  bool swapped, flipped_x, flipped_y;  // flips are of the source's axes
};
constexpr Turn kTurns[] = {{false, false, false}, {false, true, false}, {false, true, true},
                           {false, false, true},  {true, false, false}, {true, false, true},
                           {true, true, true},    {true, true, false}};

Image turned(Image in, int orientation) {
  if (orientation < 2 || orientation > 8) return in;
  const Turn turn = kTurns[orientation - 1];
  Image out;
  out.width = turn.swapped ? in.height : in.width;
  out.height = turn.swapped ? in.width : in.height;
  out.rgb.resize(in.rgb.size());
  const std::ptrdiff_t pixel = turn.flipped_x ? -3 : 3;
  const std::ptrdiff_t row = (turn.flipped_y ? -3 : 3) * static_cast<std::ptrdiff_t>(in.width);
  const std::uint8_t* first = in.rgb.data();
  if (turn.flipped_x) first += 3 * (static_cast<std::ptrdiff_t>(in.width) - 1);
  if (turn.flipped_y) first += 3 * static_cast<std::ptrdiff_t>(in.width) * (in.height - 1);
  const std::ptrdiff_t along = turn.swapped ? row : pixel, down = turn.swapped ? pixel : row;
  constexpr int kBlock = 64;  // columns at a time, so that what is read stays in the cache
  for (int x0 = 0; x0 < out.width; x0 += kBlock)
    for (int y = 0; y < out.height; ++y) {
      const std::uint8_t* from = first + y * down + x0 * along;
      std::uint8_t* to = out.rgb.data() + 3 * (static_cast<std::ptrdiff_t>(y) * out.width + x0);
      for (int x = x0; x < std::min(x0 + kBlock, out.width); ++x, from += along, to += 3) {
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
      }
    }
  return out;
}

}  // namespace

bool is_text(Bytes file) {
  const Bytes head = file.first(std::min<std::size_t>(file.size(), 256));
  return std::ranges::all_of(head, [](std::uint8_t c) { return c >= 0x20 || (c >= 9 && c <= 13); });
}

Image Reading::blank(std::int64_t width, std::int64_t height) const {
  if (width <= 0 || height <= 0)
    fail(Errc::kBadData, "is ", width, " x ", height, " pixels, wanted at least one");
  if (width > max_pixels / height)
    fail(Errc::kBadData, "is ", width, " x ", height, " pixels, over the limit of ", max_pixels);
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.rgb.resize(static_cast<std::size_t>(width * height * 3));
  return image;
}

void Cursor::seek(std::size_t to) {
  if (to > bytes_.size()) fail(Errc::kBadData, "ends early");
  at_ = to;
}

Bytes Cursor::take(std::size_t n) {
  if (n > left()) fail(Errc::kBadData, "ends early");
  at_ += n;
  return bytes_.subspan(at_ - n, n);
}

std::uint32_t Cursor::number(int n) {
  std::uint32_t value = 0;
  int shift = 0;
  for (const std::uint8_t byte : take(static_cast<std::size_t>(n))) {
    value = big_ ? value << 8 | byte : value | static_cast<std::uint32_t>(byte) << shift;
    shift += 8;
  }
  return value;
}

bool is_image(Bytes head) {
  const auto begins = [&](const Other& other) {
    return other.name.ends_with("image") && begins_with(head, other.magic, other.at);
  };
  return std::ranges::any_of(kFormats, [&](auto* format) { return format->is(head); }) ||
         std::ranges::any_of(kOthers, begins);
}

bool is_image_name(std::string_view name) {
  constexpr std::string_view kSuffixes[] = {
      ".jpg",  ".jpeg", ".jpe",  ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif",
      ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl",  ".psd",  ".tga", ".hdr", ".exr", ".ppm"};
  const std::string lower = lowercase(name);
  return std::ranges::any_of(kSuffixes, [&](auto suffix) { return lower.ends_with(suffix); });
}

Image read_image(Bytes file, std::string_view name, std::int64_t max_pixels) {
  return with_context(name, [&] {
    if (file.empty()) fail(Errc::kBadData, "is empty, wanted an image");
    if (static_cast<std::int64_t>(file.size()) > limits::kImageBytes)
      fail(Errc::kBadData, "is ", human_bytes(static_cast<std::int64_t>(file.size())),
           ", over the limit of ", human_bytes(limits::kImageBytes), " for an image file");
    const auto format = std::ranges::find_if(kFormats, [&](auto* f) { return f->is(file); });
    if (format == std::end(kFormats)) refuse(file);
    Reading reading{max_pixels};
    Image image = with_context((*format)->name, [&] { return (*format)->read(file, reading); });
    return turned(std::move(image), reading.orientation);
  });
}

}  // namespace hft::media
