#include "core/checkpoint/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/in_quotes.h"

namespace hft {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kDescriptor = 0x08074b50;
constexpr std::uint32_t kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::uint32_t kIn64 = 0xffffffff;  // the number stands in the zip64 field instead
constexpr std::uint16_t kCountIn64 = 0xffff;
constexpr std::uint16_t kSizesFollow = 1 << 3, kUtf8 = 1 << 11;  // the flags that may be set
constexpr std::uint64_t kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20;

// Little-endian numbers, one after another; reading past the end throws.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::uint64_t at, std::string_view what)
      : bytes_(bytes), at_(at), what_(what) {}
  std::uint64_t at() const { return at_; }

  std::span<const std::byte> take(std::uint64_t size) {
    if (at_ > bytes_.size() || size > bytes_.size() - at_)
      fail(Errc::kBadData, what_, ": lies past the ", bytes_.size(), " bytes of the file");
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }
  std::string_view text(std::uint64_t size) {
    const auto bytes = take(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::uint64_t number(int bytes) {
    const auto data = take(static_cast<std::uint64_t>(bytes));
    std::uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
      value = value << 8 | std::to_integer<std::uint64_t>(data[static_cast<std::size_t>(i)]);
    return value;
  }
  std::uint16_t two() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t four() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t eight() { return number(8); }
  void skip(std::uint64_t size) { take(size); }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t at_;
  std::string_view what_;
};

// What both headers of an entry say of it.
struct EntryHeader {
  std::uint16_t flags = 0, method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, size = 0, offset = 0;  // offset: of the local header
  std::string_view name;
  std::string quoted() const { return "entry " + in_quotes(name); }
};

void read_common(Reader& in, EntryHeader& h) {
  in.skip(2);  // the version needed to extract
  h.flags = in.two();
  h.method = in.two();
  in.skip(4);  // time and date
  h.crc = in.four();
  h.packed = in.four();
  h.size = in.four();
}

// Takes the numbers that did not fit their fields from the extra field of zip64.
void read_extra(std::span<const std::byte> extra, EntryHeader& h, bool local) {
  Reader in(extra, 0, "extra field");
  bool found = false;
  while (in.at() < extra.size()) {
    const std::uint16_t id = in.two(), size = in.two();
    const auto field = in.take(size);
    if (id != 1 || found) continue;
    found = true;
    Reader numbers(field, 0, "zip64 field");
    for (std::uint64_t* number : {&h.size, &h.packed, &h.offset})
      if (*number == kIn64 && !(local && number == &h.offset)) *number = numbers.eight();
  }
  if (!found && (h.size == kIn64 || h.packed == kIn64 || h.offset == kIn64))
    fail(Errc::kBadData, "a size of 4294967295 without a zip64 field");
}

void check_name(std::string_view name) {
  bool sound = !name.empty() && name.size() <= limits::kZipName && name[0] != '/';
  for (unsigned char c : name) sound &= c >= 0x20 && c != 0x7f && c != '\\';
  for (std::size_t at = 0; sound && at < name.size();) {
    const std::size_t slash = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, slash - at);
    sound = !part.empty() && part != "." && part != "..";
    at = slash + 1;
  }
  if (!sound) fail(Errc::kBadData, "is not a plain relative name");
}

EntryHeader read_central(Reader& in) {
  if (in.four() != kCentral)
    fail(Errc::kBadData, "central directory: no entry at byte ", in.at() - 4);
  in.skip(2);  // the version that made it
  EntryHeader h;
  read_common(in, h);
  const std::uint16_t name = in.two(), extra = in.two(), comment = in.two();
  const std::uint16_t disk = in.two();
  in.skip(6);  // attributes
  h.offset = in.four();
  h.name = in.text(name);
  const auto field = in.take(extra);
  in.skip(comment);
  with_context(h.quoted(), [&] {
    check_name(h.name);
    read_extra(field, h, false);
    if (disk != 0) fail(Errc::kBadData, "lies on disk ", disk, " of a split archive");
    if (h.flags & 1) fail(Errc::kBadData, "is encrypted");
    if (h.flags & ~(kSizesFollow | kUtf8))
      fail(Errc::kBadData, "has flags ", h.flags, ", wanted at most bits 3 and 11");
    if (h.method != 0)
      fail(Errc::kBadData, "is compressed (method ", h.method,
           "); torch.save stores entries as they are");
    if (h.packed != h.size)
      fail(Errc::kBadData, "is stored, but has two sizes: ", h.packed, " and ", h.size);
  });
  return h;
}

void check_equal(std::string_view field, std::uint64_t local, std::uint64_t central) {
  if (local != central)
    fail(Errc::kBadData, field, " is ", local, " in the local header and ", central,
         " in the directory");
}

// The bytes of a data descriptor at `at`, which repeats the sums: with its mark or without, its
// sizes in 32 bits or 64. 0 when none agrees with the directory.
std::uint64_t descriptor_bytes(std::span<const std::byte> file, std::uint64_t at, const EntryHeader& h) {
  for (const int width : {4, 8})
    for (const bool marked : {true, false}) {
      const std::uint64_t bytes = (marked ? 8u : 4u) + 2u * static_cast<unsigned>(width);
      if (bytes > file.size() - at) continue;
      Reader in(file, at, "data descriptor");
      if (marked && in.four() != kDescriptor) continue;
      if (in.four() == h.crc && in.number(width) == h.size && in.number(width) == h.size)
        return bytes;
    }
  return 0;
}

struct Placed {
  std::uint64_t begin = 0, end = 0;  // header, bytes and descriptor
  ZipEntry entry;
};

Placed read_local(std::span<const std::byte> file, const EntryHeader& central) {
  Reader in(file, central.offset, "local header");
  if (in.four() != kLocal) fail(Errc::kBadData, "no local header at byte ", central.offset);
  EntryHeader h;
  read_common(in, h);
  const std::uint16_t name = in.two(), extra = in.two();
  h.name = in.text(name);
  read_extra(in.take(extra), h, true);
  if (h.name != central.name)
    fail(Errc::kBadData, "is named ", in_quotes(h.name), " in its local header");
  check_equal("flags", h.flags, central.flags);
  check_equal("method", h.method, central.method);
  const bool later = h.flags & kSizesFollow;
  if (!later || h.crc != 0) check_equal("CRC-32", h.crc, central.crc);
  if (!later || h.size != 0) check_equal("size", h.size, central.size);
  if (!later || h.packed != 0) check_equal("packed size", h.packed, central.packed);
  Placed placed{.begin = central.offset,
                .entry = {central.name, in.take(central.size), central.crc}};
  placed.end = in.at();
  if (later) {
    const std::uint64_t bytes = descriptor_bytes(file, placed.end, central);
    if (bytes == 0) fail(Errc::kBadData, "its data descriptor differs from the directory");
    placed.end += bytes;
  }
  return placed;
}

// Where the central directory lies.
struct Directory {
  std::uint64_t entries = 0, bytes = 0, offset = 0;
};

void check_zip64(std::string_view field, std::uint64_t narrow, std::uint64_t sentinel,
                 std::uint64_t wide) {
  if (narrow != sentinel && narrow != wide)
    fail(Errc::kBadData, "end record: ", field, " is ", narrow, ", but ", wide,
         " in the zip64 record");
}

// Replaces the numbers of the end record by those of zip64; returns where that record begins.
std::uint64_t read_end64(std::span<const std::byte> file, std::uint64_t locator_at, Directory& d) {
  Reader locator(file, locator_at + 4, "zip64 locator");
  const std::uint32_t disk = locator.four();
  const std::uint64_t at = locator.eight();
  const std::uint32_t disks = locator.four();
  if (disk != 0 || disks != 1 || locator_at < kEnd64Bytes || at != locator_at - kEnd64Bytes)
    fail(Errc::kBadData, "zip64 locator: points to byte ", at, " of disk ", disk,
         ", wanted the record before it");
  Reader in(file, at, "zip64 record");
  if (in.four() != kEnd64 || in.eight() != kEnd64Bytes - 12)
    fail(Errc::kBadData, "zip64 record: is not one of ", kEnd64Bytes, " bytes");
  in.skip(4);  // versions
  const std::uint64_t disk_numbers = in.eight(), here = in.eight();
  Directory wide{.entries = in.eight()};
  wide.bytes = in.eight();
  wide.offset = in.eight();
  if (disk_numbers != 0 || here != wide.entries)
    fail(Errc::kBadData, "zip64 record: describes a split archive");
  check_zip64("the count of entries", d.entries, kCountIn64, wide.entries);
  check_zip64("the directory's size", d.bytes, kIn64, wide.bytes);
  check_zip64("the directory's place", d.offset, kIn64, wide.offset);
  d = wide;
  return at;
}

Directory find_directory(std::span<const std::byte> file) {
  if (file.size() < kEndBytes)
    fail(Errc::kBadData, "is ", file.size(), " bytes, too few for a zip archive");
  std::uint64_t at = file.size() - kEndBytes;
  Reader in(file, at, "end record");
  if (in.four() != kEnd)
    fail(Errc::kBadData,
         "does not end with a zip directory; the file was cut short, or bytes follow it");
  const std::uint32_t disks = in.four();
  const std::uint16_t here = in.two();
  Directory d{.entries = in.two()};
  d.bytes = in.four();
  d.offset = in.four();
  const std::uint16_t comment = in.two();
  if (disks != 0 || here != d.entries)
    fail(Errc::kBadData, "end record: describes a split archive");
  if (comment != 0)
    fail(Errc::kBadData, "end record: a comment of ", comment,
         " bytes is said to follow the file's end");
  const bool wide =
      at >= kLocatorBytes && Reader(file, at - kLocatorBytes, "zip64 locator").four() == kLocator64;
  if (wide) at = read_end64(file, at - kLocatorBytes, d);
  if (d.offset > at || d.bytes != at - d.offset)
    fail(Errc::kBadData, "central directory: ", d.bytes, " bytes at byte ", d.offset,
         " do not end where its end record begins (byte ", at, ")");
  return d;
}

}  // namespace

std::vector<ZipEntry> read_zip(std::span<const std::byte> file) {
  const Directory directory = find_directory(file);
  Reader in(file.first(directory.offset + directory.bytes), directory.offset, "central directory");
  std::vector<Placed> placed;
  std::set<std::string_view> names;
  while (in.at() < directory.offset + directory.bytes) {
    const EntryHeader header = read_central(in);
    if (!names.insert(header.name).second)
      fail(Errc::kBadData, header.quoted(), ": the name is there twice");
    with_context(header.quoted(),
                 [&] { placed.push_back(read_local(file.first(directory.offset), header)); });
  }
  if (placed.size() != directory.entries)
    fail(Errc::kBadData, "central directory: has ", placed.size(), " entries, its end record says ",
         directory.entries);
  std::sort(placed.begin(), placed.end(),
            [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
  std::vector<ZipEntry> entries;
  std::uint64_t done = 0;
  for (const Placed& p : placed) {
    if (p.begin != done)
      fail(Errc::kBadData, "entry ", in_quotes(p.entry.name), ": begins at byte ", p.begin,
           p.begin < done ? ", inside the entry before it" : ", after a hole", " (byte ", done,
           ")");
    done = p.end;
    entries.push_back(p.entry);
  }
  if (done != directory.offset)
    fail(Errc::kBadData, directory.offset - done,
         " bytes lie between the last entry and the directory");
  return entries;
}

void check_zip_sums(std::span<const ZipEntry> entries) {
  constexpr std::size_t kPiece = 16 << 20;
  struct Piece {
    std::span<const std::byte> bytes;
    std::uint32_t crc = 0;
  };
  std::vector<Piece> pieces;
  std::size_t total = 0;
  for (const ZipEntry& entry : entries) total += entry.bytes.size();
  for (const ZipEntry& entry : entries)
    for (std::size_t at = 0; at < entry.bytes.size(); at += kPiece)
      pieces.push_back({entry.bytes.subspan(at, std::min(kPiece, entry.bytes.size() - at))});

  std::atomic<std::size_t> next = 0;
  auto work = [&] {
    for (std::size_t i; (i = next++) < pieces.size();)
      pieces[i].crc = static_cast<std::uint32_t>(crc32_z(
          0, reinterpret_cast<const Bytef*>(pieces[i].bytes.data()), pieces[i].bytes.size()));
  };
  const std::size_t cores = std::min<std::size_t>(std::thread::hardware_concurrency(), 8);
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(cores, total / kPiece + 1); ++i) threads.emplace_back(work);
  work();
  threads.clear();

  auto piece = pieces.begin();
  for (const ZipEntry& entry : entries) {
    uLong crc = 0;
    for (std::size_t at = 0; at < entry.bytes.size(); at += kPiece, ++piece)
      crc = crc32_combine(crc, piece->crc, static_cast<z_off_t>(piece->bytes.size()));
    if (crc != entry.crc)
      fail_hint(Errc::kBadData,
                "the file is damaged: fetch it again (torch.save writes no sums after "
                "set_crc32_options(False))",
                "entry ", in_quotes(entry.name), ": its CRC-32 is ", crc, ", the directory says ",
                entry.crc);
  }
}

}  // namespace hft
