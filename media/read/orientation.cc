// How a camera held the picture: EXIF 2.32 tag 0x0112, and the same in XMP, as Pillow looks for it.
#include <zlib.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "media/read/format.h"

namespace hft::media {
namespace {

constexpr std::uint32_t kOrientation = 0x0112;

int size_of_type(std::uint32_t type) {
  switch (type) {
    case 1:  // BYTE
    case 6:
      return 1;
    case 3:  // SHORT
    case 8:
      return 2;
    case 4:  // LONG
    case 9:
      return 4;
    default:
      return 0;
  }
}

}  // namespace

int exif_orientation(Bytes exif) {
  while (begins_with(exif, std::string_view("Exif\0\0", 6))) exif = exif.subspan(6);
  const bool big = begins_with(exif, "MM");
  if (!big && !begins_with(exif, "II")) return 0;
  try {
    Cursor at(exif, big);
    at.skip(4);
    at.seek(at.number(4));
    for (std::uint32_t entries = at.number(2); entries-- > 0;) {
      const std::uint32_t tag = at.number(2), type = at.number(2), count = at.number(4);
      Cursor value(at.take(4), big);
      const int size = size_of_type(type);
      if (tag == kOrientation && count == 1 && size > 0)
        return static_cast<int>(value.number(size));
    }
  } catch (const Error&) {  // a torn block says nothing, as to Pillow
  }
  return 0;
}

int xmp_orientation(Bytes xmp) {
  const std::string_view text(reinterpret_cast<const char*>(xmp.data()), xmp.size());
  constexpr std::string_view kName = "tiff:Orientation";
  for (auto at = text.find(kName); at != text.npos; at = text.find(kName, at + 1)) {
    const std::string_view rest = text.substr(at + kName.size());
    const std::size_t digit = rest.starts_with("=\"") ? 2 : rest.starts_with('>') ? 1 : 0;
    if (digit > 0 && rest.size() > digit && rest[digit] >= '0' && rest[digit] <= '9')
      return rest[digit] - '0';
  }
  return 0;
}

std::vector<std::uint8_t> inflated_note(Bytes deflated) {
  std::vector<std::uint8_t> out(static_cast<std::size_t>(limits::kImageNotes));
  uLongf size = out.size();
  if (::uncompress(out.data(), &size, deflated.data(), deflated.size()) != Z_OK) return {};
  out.resize(size);
  return out;
}

}  // namespace hft::media
