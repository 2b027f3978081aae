// The first page of a TIFF (TIFF 6.0): strips or tiles of greys, palettes, RGB, CMYK and JPEG,
// packed in the usual ways.
#include "media/read/tiff.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "media/read/format.h"
#include "media/read/inks.h"

namespace hft::media {
namespace {

enum Tag {
  kWidth = 256,
  kHeight = 257,
  kBits = 258,
  kCompression = 259,
  kPhotometric = 262,
  kFillOrder = 266,
  kStripOffsets = 273,
  kOrientation = 274,
  kSamples = 277,
  kRowsPerStrip = 278,
  kStripBytes = 279,
  kPlanar = 284,
  kPredictor = 317,
  kColorMap = 320,
  kTileWidth = 322,
  kTileHeight = 323,
  kTileOffsets = 324,
  kTileBytes = 325,
  kExtraSamples = 338,
  kSampleFormat = 339,
  kJpegTables = 347,
  kXmp = 700,
};
enum Photometric {
  kWhiteIsZero = 0,
  kBlackIsZero = 1,
  kRgb = 2,
  kPalette = 3,
  kInks = 5,
  kYcc = 6
};
constexpr std::uint32_t kJpegPacked = 7;

// The first directory of the file.
class Directory {
 public:
  explicit Directory(Bytes file) : file_(file), big_(begins_with(file, "MM")) {
    Cursor at(file, big_);
    at.skip(4);
    at.seek(at.number(4));
    for (std::uint32_t n = at.number(2); n-- > 0;) {
      const auto tag = static_cast<int>(at.number(2));
      Entry entry{at.number(2), at.number(4), at.position()};
      at.skip(4);
      entries_.emplace(tag, entry);
    }
  }
  bool big_endian() const { return big_; }
  bool has(int tag) const { return entries_.contains(tag); }

  // Bytes, or whole numbers of up to four bytes.
  Bytes bytes(int tag) const {
    const auto found = entries_.find(tag);
    if (found == entries_.end()) return {};
    const Entry& e = found->second;
    const std::uint64_t size = std::uint64_t{size_of(e.type)} * e.count;
    Cursor at(file_, big_);
    at.seek(e.position);
    if (size > 4) at.seek(at.number(4));
    if (size > at.left()) fail(Errc::kBadData, "ends early");
    return at.take(static_cast<std::size_t>(size));
  }
  std::size_t count(int tag) const {
    const auto found = entries_.find(tag);
    return found == entries_.end() ? 0 : found->second.count;
  }
  std::uint32_t number(int tag, std::uint32_t fallback, std::size_t index = 0) const {
    const auto found = entries_.find(tag);
    if (found == entries_.end() || index >= found->second.count) return fallback;
    const std::size_t size = size_of(found->second.type);
    if (size == 0) fail(Errc::kBadData, "has tag ", tag, " of type ", found->second.type);
    Cursor at(bytes(tag), big_);
    at.skip(index * size);
    return at.number(static_cast<int>(size));
  }

 private:
  struct Entry {
    std::uint32_t type, count;
    std::size_t position;
  };
  static std::uint32_t size_of(std::uint32_t type) {
    switch (type) {
      case 1:  // BYTE, ASCII, UNDEFINED
      case 2:
      case 7:
        return 1;
      case 3:  // SHORT
        return 2;
      case 4:  // LONG
        return 4;
      default:
        return 0;
    }
  }
  Bytes file_;
  bool big_;
  std::map<int, Entry> entries_;
};

struct Layout {
  std::int64_t width, height, block_width, block_height;
  int bits, samples, photometric;
  std::uint32_t compression, predictor;
  bool planes, tiles, premultiplied, big_endian;
  int samples_together() const { return planes ? 1 : samples; }
  std::int64_t row_bytes() const { return (block_width * samples_together() * bits + 7) / 8; }
};

[[noreturn]] void unsupported(const char* what, std::int64_t value) {
  fail(Errc::kUnsupported, "has ", what, " ", value, ", which is not read");
}

void check(const Directory& d, const Layout& l) {
  if (l.bits != 1 && l.bits != 2 && l.bits != 4 && l.bits != 8 && l.bits != 16)
    unsupported("bits a sample:", l.bits);
  for (int i = 1; i < l.samples; ++i)
    if (static_cast<int>(d.number(kBits, 0, static_cast<std::size_t>(i))) != l.bits &&
        d.count(kBits) > 1)
      fail(Errc::kUnsupported, "has samples of different bits");
  if (d.number(kSampleFormat, 1) != 1) unsupported("a sample format", d.number(kSampleFormat, 1));
  if (d.number(kFillOrder, 1) != 1) unsupported("the fill order", d.number(kFillOrder, 1));
  const int wanted = l.photometric == kRgb || l.photometric == kYcc ? 3
                     : l.photometric == kInks                       ? 4
                                                                    : 1;
  if (l.samples < wanted || l.samples > 8) unsupported("samples a pixel:", l.samples);
  if (l.photometric == kPalette && l.bits == 16) unsupported("bits of a palette:", l.bits);
  if (l.bits < 8 && l.samples > 1) unsupported("bits a sample:", l.bits);
  if (l.photometric > kInks && !(l.photometric == kYcc && l.compression == kJpegPacked))
    unsupported("the colour space", l.photometric);
  if (l.photometric == 4) unsupported("the colour space", l.photometric);
  if (l.predictor != 1 && (l.predictor != 2 || l.bits < 8))
    unsupported("the predictor", l.predictor);
}

Layout layout_of(const Directory& d) {
  Layout l{};
  l.width = d.number(kWidth, 0);
  l.height = d.number(kHeight, 0);
  l.bits = static_cast<int>(d.number(kBits, 1));
  l.samples = static_cast<int>(std::min(d.number(kSamples, 1), 1u << 16));
  l.photometric = static_cast<int>(d.number(kPhotometric, kBlackIsZero));
  l.compression = d.number(kCompression, 1);
  l.predictor = d.number(kPredictor, 1);
  l.planes = d.number(kPlanar, 1) == 2 && l.samples > 1;
  l.tiles = d.has(kTileWidth);
  l.premultiplied = d.number(kExtraSamples, 0) == 1 && l.photometric == kRgb && l.samples == 4;
  l.big_endian = d.big_endian();
  l.block_width = l.tiles ? d.number(kTileWidth, 0) : l.width;
  l.block_height = l.tiles ? d.number(kTileHeight, 0)
                           : std::min<std::int64_t>(d.number(kRowsPerStrip, 0xffffffff), l.height);
  constexpr std::int64_t kTile = 4096;  // a tile may be larger than the picture, up to this
  if (l.block_width < 1 || l.block_height < 1 || l.block_width > std::max(l.width, kTile) ||
      l.block_height > std::max(l.height, kTile))
    fail(Errc::kBadData, "has tiles of ", l.block_width, " x ", l.block_height, " pixels");
  check(d, l);
  return l;
}

std::vector<std::uint8_t> unpacked(const Directory& d, const Layout& l, Bytes packed,
                                   std::int64_t rows) {
  const auto size = static_cast<std::size_t>(rows * l.row_bytes());
  switch (l.compression) {
    case 1:
      if (packed.size() < size) fail(Errc::kBadData, "ends early");
      return {packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size)};
    case 5:
      return unpacked_lzw(packed, size);
    case kJpegPacked:
      if (l.bits != 8 || l.photometric == kInks)
        unsupported("JPEG of the colour space", l.photometric);
      return decoded_jpeg(d.bytes(kJpegTables), packed, static_cast<int>(l.block_width),
                          static_cast<int>(rows), l.samples_together(), l.photometric == kYcc);
    case 8:
    case 32946:
      return inflated(packed, size);
    case 32773:
      return unpacked_bits(packed, size);
    default:
      unsupported("the compression", l.compression);
  }
}

// Each sample was stored as its difference from the one before it in the row.
void undo_differences(const Layout& l, std::vector<std::uint8_t>& bytes) {
  const auto step = static_cast<std::size_t>(l.samples_together());
  const auto row_bytes = static_cast<std::size_t>(l.row_bytes());
  for (std::size_t row = 0; row < bytes.size(); row += row_bytes) {
    std::uint8_t* x = bytes.data() + row;
    if (l.bits == 8) {
      for (std::size_t i = step; i < row_bytes; ++i)
        x[i] = static_cast<std::uint8_t>(x[i] + x[i - step]);
      continue;
    }
    const std::size_t low = l.big_endian ? 1 : 0, high = 1 - low;
    for (std::size_t i = 2 * step; i + 1 < row_bytes; i += 2) {
      const int sum = x[i + low] + x[i - 2 * step + low];
      x[i + high] = static_cast<std::uint8_t>(x[i + high] + x[i - 2 * step + high] + (sum >> 8));
      x[i + low] = static_cast<std::uint8_t>(sum);
    }
  }
}

// A sample as a byte: 16-bit greys clip, other wide samples keep their high byte.
std::uint8_t sample(const Layout& l, const std::uint8_t* row, std::size_t index) {
  if (l.bits == 8) return row[index];
  const bool grey = l.photometric <= kBlackIsZero && l.samples == 1;
  if (l.bits == 16) {
    const std::uint8_t high = row[2 * index + (l.big_endian ? 0 : 1)];
    const std::uint8_t low = row[2 * index + (l.big_endian ? 1 : 0)];
    return !grey ? high : high > 0 ? 255 : low;
  }
  const std::size_t bit = index * static_cast<std::size_t>(l.bits);
  const int most = (1 << l.bits) - 1;
  const int value = row[bit / 8] >> (8 - l.bits - static_cast<int>(bit % 8)) & most;
  return static_cast<std::uint8_t>(grey ? value * 255 / most : value);
}

// Every pixel's first samples, [H,W,kept].
struct Samples {
  std::vector<std::uint8_t> data;
  int kept;
};

void paint(const Layout& l, const std::vector<std::uint8_t>& block, std::int64_t x0,
           std::int64_t y0, int plane, Samples& out) {
  const auto together = static_cast<std::size_t>(l.samples_together());
  const int first = l.planes ? plane : 0, count = l.planes ? 1 : out.kept;
  const std::int64_t rows =
      std::min(static_cast<std::int64_t>(block.size()) / l.row_bytes(), l.height - y0);
  for (std::int64_t y = 0; y < rows; ++y) {
    const std::uint8_t* row = block.data() + y * l.row_bytes();
    std::uint8_t* to = out.data.data() + ((y0 + y) * l.width + x0) * out.kept + first;
    for (std::int64_t x = 0; x < std::min(l.block_width, l.width - x0); ++x, to += out.kept)
      for (int c = 0; c < count; ++c)
        to[c] =
            sample(l, row, static_cast<std::size_t>(x) * together + static_cast<std::size_t>(c));
  }
}

Samples read_samples(const Directory& d, const Layout& l, Bytes file) {
  Samples out{{}, std::min(l.samples, l.photometric == kRgb && !l.premultiplied ? 3 : 4)};
  if (l.photometric <= kBlackIsZero || l.photometric == kPalette) out.kept = 1;
  out.data.resize(static_cast<std::size_t>(l.width * l.height * out.kept));
  const int offsets = l.tiles ? kTileOffsets : kStripOffsets,
            sizes = l.tiles ? kTileBytes : kStripBytes;
  std::size_t index = 0;
  for (int plane = 0; plane < (l.planes ? out.kept : 1); ++plane)
    for (std::int64_t y = 0; y < l.height; y += l.block_height)
      for (std::int64_t x = 0; x < l.width; x += l.block_width, ++index) {
        if (index >= d.count(offsets)) fail(Errc::kBadData, "lacks strips of the picture");
        Cursor at(file);
        at.seek(d.number(offsets, 0, index));
        const std::size_t size = d.number(sizes, std::numeric_limits<std::uint32_t>::max(), index);
        const std::int64_t rows = l.tiles ? l.block_height : std::min(l.block_height, l.height - y);
        auto block = unpacked(d, l, at.take(std::min(size, at.left())), rows);
        if (l.predictor == 2 && l.compression != kJpegPacked) undo_differences(l, block);
        paint(l, block, x, y, plane, out);
      }
  return out;
}

// Colours that were multiplied by their opacity, as Pillow divides them again.
void put_opaque(const std::uint8_t* from, std::uint8_t* to) {
  for (int c = 0; c < 3; ++c)
    to[c] = static_cast<std::uint8_t>(from[3] == 0 ? 0 : std::min(255, from[c] * 255 / from[3]));
}

void put_palette(const Directory& d, const Samples& samples, Image& image) {
  const std::size_t entries = d.count(kColorMap) / 3;
  std::array<std::array<std::uint8_t, 3>, 256> palette;
  for (std::size_t i = 0; i < 256; ++i) palette[i].fill(static_cast<std::uint8_t>(i));
  for (std::size_t i = 0; i < std::min<std::size_t>(entries, 256); ++i)
    for (std::size_t c = 0; c < 3; ++c)
      palette[i][c] = static_cast<std::uint8_t>(d.number(kColorMap, 0, c * entries + i) >> 8);
  for (std::size_t i = 0; i < samples.data.size(); ++i)
    std::copy_n(palette[samples.data[i]].data(), 3, image.rgb.data() + 3 * i);
}

Image read(Bytes file, Reading& reading) {
  const Directory d(file);
  const Layout l = layout_of(d);
  Image image = reading.blank(l.width, l.height);
  const Samples samples = read_samples(d, l, file);
  const std::size_t pixels = image.rgb.size() / 3;
  const auto kept = static_cast<std::size_t>(samples.kept);
  if (l.photometric == kPalette) {
    put_palette(d, samples, image);
  } else if (l.photometric == kInks) {
    for (std::size_t i = 0; i < pixels; ++i)
      inks_to_rgb(samples.data.data() + kept * i, image.rgb.data() + 3 * i);
  } else {
    for (std::size_t i = 0; i < pixels; ++i) {
      const std::uint8_t* from = samples.data.data() + kept * i;
      std::uint8_t* to = image.rgb.data() + 3 * i;
      if (l.premultiplied)
        put_opaque(from, to);
      else if (kept >= 3)
        std::copy_n(from, 3, to);
      else
        std::fill_n(
            to, 3,
            static_cast<std::uint8_t>(l.photometric == kWhiteIsZero ? 255 - from[0] : from[0]));
    }
  }
  reading.orientation = static_cast<int>(d.number(kOrientation, 0));
  if (reading.orientation == 0) reading.orientation = xmp_orientation(d.bytes(kXmp));
  return image;
}

}  // namespace

const Format kTiff{"TIFF",
                   [](Bytes file) {
                     return begins_with(file, std::string_view("II*\0", 4)) ||
                            begins_with(file, std::string_view("MM\0*", 4));
                   },
                   read};

}  // namespace hft::media
