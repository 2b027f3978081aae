#include "core/processors/image_processor.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/limits.h"

namespace hft {
namespace {

using media::Image;

int rounded_up(std::int64_t size, int divisor) {
  return static_cast<int>(
      std::min<std::int64_t>((size + divisor - 1) / divisor * divisor, 1 << 30));
}

std::int64_t truncated(double x) { return static_cast<std::int64_t>(std::min(x, 1e15)); }

// The other edge, as torchvision's Resize has it.
std::int64_t in_ratio(std::int64_t edge, std::int64_t of, std::int64_t to) {
  return truncated(static_cast<double>(edge * of) / static_cast<double>(to));
}

struct Edges {
  std::int64_t shorter, longer;
};

// get_size_with_aspect_ratio: where longest_edge is passed, the shorter edge is rounded, the longer
// one follows from the shorter before its rounding.
Edges within_longest(const ImageSettings& s, Edges in) {
  const double shorter = static_cast<double>(in.shorter), longer = static_cast<double>(in.longer);
  double raw = s.shortest_edge;
  std::int64_t edge = s.shortest_edge;
  if (longer / shorter * raw > s.longest_edge) {
    raw = s.longest_edge * shorter / longer;
    edge = static_cast<std::int64_t>(std::nearbyint(raw));
  }
  if (edge == in.shorter) return in;
  return {edge, truncated(raw * longer / shorter)};
}

Edges shortest_within(const ImageSettings& s, Edges in) {
  const std::int64_t longer = in_ratio(s.shortest_edge, in.longer, in.shorter);
  if (longer <= s.longest_edge) return {s.shortest_edge, longer};
  return {in_ratio(s.longest_edge, s.shortest_edge, longer), s.longest_edge};
}

Edges shortest_rounded(const ImageSettings& s, Edges in) {
  double shorter = s.shortest_edge;
  double longer = shorter / static_cast<double>(in.shorter) * static_cast<double>(in.longer);
  const double longest = std::floor(1333.0 / 800.0 * shorter);
  if (longer > longest) {
    shorter *= longest / longer;
    longer *= longest / longer;
  }
  return {truncated(shorter + 0.5), truncated(longer + 0.5)};
}

// A picture made smaller to lie within `most`, as Donut's thumbnail has it.
Extent shrunk(Extent in, Extent most) {
  Extent out{std::min(in.height, most.height), std::min(in.width, most.width)};
  if (out == in) return in;
  if (in.height > in.width) out.width = static_cast<int>(in_ratio(out.height, in.width, in.height));
  if (in.width > in.height) out.height = static_cast<int>(in_ratio(out.width, in.height, in.width));
  return out;
}

// A quarter to the right.
Image turned_right(const Image& in) {
  Image out{in.height, in.width, std::vector<std::uint8_t>(in.rgb.size())};
  const auto width = static_cast<std::size_t>(in.width),
             height = static_cast<std::size_t>(in.height);
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x)
      std::copy_n(&in.rgb[3 * (y * width + x)], 3, &out.rgb[3 * (x * height + height - 1 - y)]);
  return out;
}

int crop_share_edge(const ImageSettings& s) {
  return static_cast<int>(s.shortest_edge / s.crop_share);
}
constexpr int kWarpFrom = 384;  // ConvNeXt's pictures of that size are not cropped

Edges resized_edges(const ImageSettings& s, Edges in) {
  switch (s.sizing) {
    case Sizing::kWithinLongest:
      return within_longest(s, in);
    case Sizing::kShortestWithin:
      return shortest_within(s, in);
    case Sizing::kShortestRounded:
      return shortest_rounded(s, in);
    case Sizing::kCropShare:
      return {crop_share_edge(s), in_ratio(crop_share_edge(s), in.longer, in.shorter)};
    default:
      return {s.shortest_edge, in_ratio(s.shortest_edge, in.longer, in.shorter)};
  }
}

// A part of a line that a crop takes: from `first`, or with `before` points of padding before it.
struct Cut {
  int first, before;
};

Cut centred(int from, int to, Centring centring) {
  const int room = from - to;
  if (room < 0) return {0, centring == Centring::kSlow ? (1 - room) / 2 : -room / 2};
  if (centring == Centring::kEven) return {static_cast<int>(std::nearbyint(room / 2.0)), 0};
  return {room / 2, 0};
}

// Every byte's number, for each channel.
using Table = std::array<std::array<float, 256>, 3>;

float in_turn(const ImageSettings& s, std::size_t c, int byte) {
  float x = static_cast<float>(byte);
  if (s.rescales) x = static_cast<float>(byte * s.scale) - static_cast<float>(s.offset);
  if (s.normalises) x = (x - static_cast<float>(s.mean[c])) / static_cast<float>(s.std[c]);
  return x;
}

float at_once(const ImageSettings& s, std::size_t c, int byte) {
  const float x = static_cast<float>(byte), scale = static_cast<float>(1.0 / s.scale);
  float mean = static_cast<float>(s.mean[c]), std = static_cast<float>(s.std[c]);
  const bool fused = s.rescales && s.normalises && s.offset == 0.0;
  if (fused) return (x - mean * scale) / (std * scale);
  const float rescaled =
      s.rescales ? x * static_cast<float>(s.scale) - static_cast<float>(s.offset) : x;
  return s.normalises ? (rescaled - mean) / std : rescaled;
}

Table table_of(const ImageSettings& s) {
  Table table;
  for (std::size_t c = 0; c < 3; ++c)
    for (int byte = 0; byte < 256; ++byte) {
      float x = s.scaling == Scaling::kAtOnce ? at_once(s, c, byte) : in_turn(s, c, byte);
      if (s.scaling == Scaling::kTensor)
        x = (static_cast<float>(byte) / 255.0f - static_cast<float>(s.mean[c])) /
            static_cast<float>(s.std[c]);
      if (s.second_std) x /= static_cast<float>(s.std[c]);
      table[c][static_cast<std::size_t>(byte)] = x;
    }
  return table;
}

void check(Extent extent, const char* what) {
  if (extent.height < 1 || extent.width < 1 || extent.width > limits::kImagePixels / extent.height)
    fail(Errc::kBadData, "the picture would be ", what, " to ", extent.width, " x ", extent.height,
         " pixels, wanted 1 to ", limits::kImagePixels, " of them");
}

// The picture's numbers, `crop` of it, at the upper left of the result. Where a crop is larger than
// the picture, it is black around it.
void fill(const ImageSettings& s, const Image& image, Extent crop, Pixels& out) {
  const Table table = table_of(s);
  const Cut down = centred(image.height, crop.height, s.centring);
  const Cut across = centred(image.width, crop.width, s.centring);
  const int rows = std::min(image.height, crop.height), columns = std::min(image.width, crop.width);
  for (std::size_t c = 0; c < 3; ++c) {
    const auto& numbers = table[c];
    float* const plane = out.data.data() + c * static_cast<std::size_t>(out.height) *
                                               static_cast<std::size_t>(out.width);
    if (rows < crop.height || columns < crop.width)
      for (int y = 0; y < crop.height; ++y)
        std::fill_n(plane + static_cast<std::ptrdiff_t>(y) * out.width, crop.width, numbers[0]);
    const std::size_t channel = s.blue_first ? 2 - c : c;
    for (int y = 0; y < rows; ++y) {
      const std::uint8_t* from =
          image.rgb.data() + channel +
          3 * (static_cast<std::ptrdiff_t>(down.first + y) * image.width + across.first);
      float* to = plane + static_cast<std::ptrdiff_t>(down.before + y) * out.width + across.before;
      for (int x = 0; x < columns; ++x) to[x] = numbers[from[3 * x]];
    }
  }
}

}  // namespace

namespace {

// smart_resize: the areas are those of shortest_edge and longest_edge, whatever their names say.
Extent within_areas(const ImageSettings& s, Extent in) {
  constexpr int kMostRatio = 200;
  const double height = in.height, width = in.width, by = s.divisor;
  if (std::max(height, width) / std::min(height, width) > kMostRatio)
    fail(Errc::kBadData, "the picture is ", in.width, " x ", in.height,
         " pixels large, wanted a side at most ", kMostRatio, " times the other");
  double high = std::nearbyint(height / by) * by, wide = std::nearbyint(width / by) * by;
  if (high * wide > s.longest_edge) {
    const double beta = std::sqrt(height * width / s.longest_edge);
    high = std::max(by, std::floor(height / beta / by) * by);
    wide = std::max(by, std::floor(width / beta / by) * by);
  } else if (high * wide < s.shortest_edge) {
    const double beta = std::sqrt(s.shortest_edge / (height * width));
    high = std::ceil(height * beta / by) * by;
    wide = std::ceil(width * beta / by) * by;
  }
  return {static_cast<int>(std::min(high, 1e9)), static_cast<int>(std::min(wide, 1e9))};
}

// The longest edge as long as asked, the other in proportion and even; both within 4096 pixels.
Extent longest_even(const ImageSettings& s, Extent in) {
  constexpr int kMost = 4096;
  const bool wide = in.width >= in.height;
  const auto other = [&](int edge, double ratio) {  // width / height
    return static_cast<int>(std::min(wide ? edge / ratio : edge * ratio, 1e9));
  };
  const auto ratio_of = [](int longer, int shorter, bool lies) {
    return lies ? static_cast<double>(longer) / shorter : static_cast<double>(shorter) / longer;
  };
  int longer = s.longest_edge;
  int shorter = other(longer, static_cast<double>(in.width) / in.height);
  shorter = std::max(1, shorter + shorter % 2);
  if (longer > kMost) {
    shorter = std::max(1, other(kMost, ratio_of(longer, shorter, wide)));
    longer = kMost;
  }
  return wide ? Extent{shorter, longer} : Extent{longer, shorter};
}

// In the middle of a frame.
Image squared(const ImageSettings& s, const Image& image) {
  const int edge = std::max(image.width, image.height);
  check({edge, edge}, "framed");
  Image out{edge, edge, {}};
  out.rgb.resize(3 * static_cast<std::size_t>(edge) * static_cast<std::size_t>(edge));
  for (std::size_t i = 0; i < out.rgb.size(); ++i)
    out.rgb[i] = static_cast<std::uint8_t>(std::clamp(s.mean[i % 3] * 255, 0.0, 255.0));
  paste(image, (edge - image.width) / 2, (edge - image.height) / 2, out);
  return out;
}

}  // namespace

void paste(const Image& image, int left, int top, Image& onto) {
  for (int y = 0; y < image.height; ++y)
    std::copy_n(image.rgb.begin() + 3 * static_cast<std::ptrdiff_t>(y) * image.width, 3 * image.width,
                onto.rgb.begin() +
                    3 * (static_cast<std::ptrdiff_t>(top + y) * onto.width + left));
}

Extent ImageProcessor::resized_extent(Extent in) const {
  const ImageSettings& s = settings_;
  if (!s.resizes) return in;
  if (s.sizing == Sizing::kAreas) return within_areas(s, in);
  if (s.sizing == Sizing::kLongestEven) return longest_even(s, in);
  if (s.sizing == Sizing::kCropShare && s.shortest_edge >= kWarpFrom)
    return {s.shortest_edge, s.shortest_edge};
  Extent out = s.size;
  if (s.sizing == Sizing::kWithin) {
    const double share = std::min(static_cast<double>(s.size.height) / in.height,
                                  static_cast<double>(s.size.width) / in.width);
    out = {static_cast<int>(in.height * share), static_cast<int>(in.width * share)};
  } else if (s.sizing != Sizing::kExact) {
    const bool wide = in.height <= in.width;
    const Edges edges =
        resized_edges(s, wide ? Edges{in.height, in.width} : Edges{in.width, in.height});
    const auto bounded = [&](std::int64_t edge) {
      return static_cast<int>(std::min<std::int64_t>(edge - edge % s.floor_divisor, 1 << 30));
    };
    out = wide ? Extent{bounded(edges.shorter), bounded(edges.longer)}
               : Extent{bounded(edges.longer), bounded(edges.shorter)};
  }
  return {rounded_up(out.height, s.divisor), rounded_up(out.width, s.divisor)};
}

Pixels ImageProcessor::operator()(const Image& given) const {
  const ImageSettings& s = settings_;
  const bool framed = s.squares && given.width != given.height;
  const Image square = framed ? squared(s, given) : Image{};
  const Image& image = framed ? square : given;
  const bool lies = image.width > image.height, stands = image.width < image.height;
  if (s.aligns &&
      ((s.size.width < s.size.height && lies) || (s.size.width > s.size.height && stands))) {
    ImageSettings upright = s;
    upright.aligns = false;
    return ImageProcessor(upright)(turned_right(image));
  }
  Extent size = resized_extent({image.height, image.width});
  check(size, "resized");
  const bool same = size == Extent{image.height, image.width};
  Image resized_image =
      same ? Image{} : resized(image, size.width, size.height, s.filter, s.arithmetic);
  if (const Extent within = s.shrinks ? shrunk(size, s.size) : size; !(within == size)) {
    check(within, "shrunk");
    const Image& whole = same ? image : resized_image;
    resized_image =
        s.arithmetic == Arithmetic::kPillow
            ? thumbnail(whole, within.width, within.height)
            : resized(whole, within.width, within.height, Filter::kBicubic, s.arithmetic);
    size = within;
  }
  Extent crop = size;
  if (s.crops) crop = s.crop;
  if (s.resizes && s.sizing == Sizing::kCropShare) crop = {s.shortest_edge, s.shortest_edge};
  check(crop, "cropped");
  const Extent whole = s.pad_size.value_or(crop);
  check(whole, "padded");
  if (whole.height < crop.height || whole.width < crop.width)
    fail(Errc::kBadData, "pad_size: is ", whole.width, " x ", whole.height,
         ", less than the picture's ", crop.width, " x ", crop.height);
  Pixels out{3, whole.height, whole.width, crop.height, crop.width, {}};
  out.whole_height = given.height;
  out.whole_width = given.width;
  out.data.resize(3 * static_cast<std::size_t>(whole.height) *
                  static_cast<std::size_t>(whole.width));
  fill(s, resized_image.rgb.empty() ? image : resized_image, crop, out);
  return out;
}

}  // namespace hft
