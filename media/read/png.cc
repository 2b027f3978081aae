// PNG by libpng, the still picture of an APNG too. Notes are read from the chunks here, within
// limits.
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <string>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "media/number_map.h"
#include "media/read/format.h"

namespace hft::media {
namespace {

// libpng leaves by longjmp: the functions that set one hold nothing with a destructor.
struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  Bytes rest;
  std::string message;
  std::jmp_buf failed;

  explicit Decoder(Bytes file) : rest(file) {}
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
  // False: it failed with `message`.
  bool read_header();
  bool read_rows(png_bytepp rows);
};

Decoder& owner(png_voidp pointer) { return *static_cast<Decoder*>(pointer); }

[[noreturn]] void leave(png_structp png, png_const_charp message) {
  Decoder& decoder = owner(png_get_error_ptr(png));
  decoder.message = message;
  std::longjmp(decoder.failed, 1);
}

void take(png_structp png, png_bytep to, std::size_t n) {
  Decoder& decoder = owner(png_get_io_ptr(png));
  if (n > decoder.rest.size()) png_error(png, "ends early");
  std::memcpy(to, decoder.rest.data(), n);
  decoder.rest = decoder.rest.subspan(n);
}

bool Decoder::read_header() {
  if (setjmp(failed)) return false;
  png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, leave,
                               [](png_structp, png_const_charp) {});
  if (!png) return false;
  info = png_create_info_struct(png);
  if (!info) return false;
  png_set_read_fn(png, this, take);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // all that are not needed
  png_read_info(png, info);
  return true;
}

bool Decoder::read_rows(png_bytepp rows) {
  if (setjmp(failed)) return false;
  png_read_update_info(png, info);
  png_read_image(png, rows);
  return true;
}

// Rows as libpng gives them after the transformations that were asked for.
void read_all(Decoder& decoder, std::uint8_t* data, std::size_t stride, int height) {
  std::vector<png_bytep> rows(static_cast<std::size_t>(height));
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = data + y * stride;
  if (!decoder.read_rows(rows.data())) fail(Errc::kBadData, decoder.message);
}

// Entries that the palette lacks are greys, as in Pillow.
void look_up(Decoder& decoder, Image& image) {
  png_colorp palette = nullptr;
  int entries = 0;
  png_get_PLTE(decoder.png, decoder.info, &palette, &entries);
  std::uint8_t table[256][3];
  for (int i = 0; i < 256; ++i) {
    const png_color grey{static_cast<png_byte>(i), static_cast<png_byte>(i),
                         static_cast<png_byte>(i)};
    const png_color color = i < entries ? palette[i] : grey;
    table[i][0] = color.red;
    table[i][1] = color.green;
    table[i][2] = color.blue;
  }
  png_set_packing(decoder.png);
  std::vector<std::uint8_t> indices(image.rgb.size() / 3);
  read_all(decoder, indices.data(), static_cast<std::size_t>(image.width), image.height);
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::memcpy(image.rgb.data() + 3 * i, table[indices[i]], 3);
}

void clip_wide_greys(Decoder& decoder, Image& image) {
  const std::size_t pixels = image.rgb.size() / 3;
  std::vector<std::uint8_t> wide(2 * pixels);
  read_all(decoder, wide.data(), 2 * static_cast<std::size_t>(image.width), image.height);
  for (std::size_t i = 0; i < pixels; ++i)
    std::memset(image.rgb.data() + 3 * i, wide[2 * i] > 0 ? 255 : wide[2 * i + 1], 3);
}

// "\nexif\n      98\n4578696600…": what ImageMagick writes.
std::vector<std::uint8_t> raw_profile(Bytes text) {
  std::size_t lines = 0, at = 0;
  while (at < text.size() && lines < 3) lines += text[at++] == '\n';
  std::vector<std::uint8_t> out;
  int high = -1;
  for (; at < text.size(); ++at) {
    const char c = static_cast<char>(text[at] | 0x20);
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high >= 0) out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return out;
}

// The text of a tEXt, zTXt or iTXt chunk with that keyword; empty: another one.
std::vector<std::uint8_t> note_of(Bytes body, std::string_view type, std::string_view keyword) {
  if (!begins_with(body, keyword) || body.size() <= keyword.size() || body[keyword.size()] != 0)
    return {};
  Cursor at(body.subspan(keyword.size() + 1));
  bool deflated = type == "zTXt";
  if (type != "tEXt") {
    if (type == "iTXt") {
      deflated = at.byte() != 0;
      at.skip(1);
      for (int name = 0; name < 2; ++name)  // language, translated keyword
        while (at.byte() != 0) {
        }
    } else {
      at.skip(1);
    }
  }
  const Bytes text = at.take(at.left());
  if (deflated) return inflated_note(text);
  return {text.begin(), text.end()};
}

int orientation_of(Bytes file) {
  int from_exif = 0, from_profile = 0, from_xmp = 0;
  try {
    Cursor at(file, true);
    at.skip(8);
    while (at.left() >= 12) {
      const std::uint32_t size = at.number(4);
      const Bytes name = at.take(4);
      const std::string_view type(reinterpret_cast<const char*>(name.data()), 4);
      const Bytes body = at.take(size);
      at.skip(4);
      if (type == "IEND") break;
      if (type == "eXIf") from_exif = exif_orientation(body);
      if (type == "zTXt" || type == "tEXt")
        if (const auto note = note_of(body, type, "Raw profile type exif"); !note.empty())
          from_profile = exif_orientation(raw_profile(note));
      if (type == "iTXt")
        if (const auto note = note_of(body, type, "XML:com.adobe.xmp"); !note.empty())
          from_xmp = xmp_orientation(note);
    }
  } catch (const Error&) {  // what follows the pixels may be torn
  }
  return from_exif > 0 ? from_exif : from_profile > 0 ? from_profile : from_xmp;
}

Image read(Bytes file, Reading& reading) {
  Decoder decoder(file);
  if (!decoder.read_header()) fail(Errc::kBadData, decoder.message);
  png_structp png = decoder.png;
  Image image = reading.blank(png_get_image_width(png, decoder.info),
                              png_get_image_height(png, decoder.info));
  const int type = png_get_color_type(png, decoder.info);
  const int depth = png_get_bit_depth(png, decoder.info);
  png_set_interlace_handling(png);
  if (type == PNG_COLOR_TYPE_PALETTE) {
    look_up(decoder, image);
  } else if (type == PNG_COLOR_TYPE_GRAY && depth == 16) {
    clip_wide_greys(decoder, image);
  } else {
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if (depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if ((type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
    read_all(decoder, image.rgb.data(), 3 * static_cast<std::size_t>(image.width), image.height);
  }
  reading.orientation = orientation_of(file);
  return image;
}

NumberMap numbers_of(Bytes file, Reading& reading) {
  Decoder decoder(file);
  if (!decoder.read_header()) fail(Errc::kBadData, decoder.message);
  png_structp png = decoder.png;
  NumberMap map;
  map.width = static_cast<int>(png_get_image_width(png, decoder.info));
  map.height = static_cast<int>(png_get_image_height(png, decoder.info));
  map.numbers.resize(reading.blank(map.width, map.height).rgb.size() / 3);
  const bool colors = png_get_color_type(png, decoder.info) & PNG_COLOR_MASK_COLOR &&
                      png_get_color_type(png, decoder.info) != PNG_COLOR_TYPE_PALETTE;
  const bool wide = png_get_bit_depth(png, decoder.info) == 16;
  png_set_interlace_handling(png);
  png_set_strip_alpha(png);
  png_set_packing(png);
  if (colors && wide) png_set_strip_16(png);
  const std::size_t bytes = colors ? 3 : wide ? 2 : 1;
  std::vector<std::uint8_t> data(bytes * map.numbers.size());
  read_all(decoder, data.data(), bytes * static_cast<std::size_t>(map.width), map.height);
  for (std::size_t i = 0; i < map.numbers.size(); ++i) {
    const std::uint8_t* at = data.data() + bytes * i;
    map.numbers[i] = bytes == 3 ? at[0] + 256 * at[1] + 65536 * at[2]
                                : bytes == 2 ? 256 * at[0] + at[1] : at[0];
  }
  return map;
}

bool is_png(Bytes file) { return begins_with(file, "\x89PNG\r\n\x1a\n"); }

}  // namespace

const Format kPng{"PNG", is_png, read};

NumberMap read_number_map(Bytes file, std::string_view name, std::int64_t max_pixels) {
  return with_context(name, [&] {
    if (!is_png(file)) fail(Errc::kBadData, "is no PNG, wanted one whose pixels are numbers");
    Reading reading{max_pixels};
    return numbers_of(file, reading);
  });
}

}  // namespace hft::media
