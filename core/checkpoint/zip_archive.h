// Zip archives whose entries are stored as they are: read in place, checked as a whole.
// Source: PKWARE APPNOTE 6.3.10, of which this is the part that torch.save writes
// (docs/formats/torch.md).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hft {

struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> bytes;
  std::uint32_t crc = 0;
};

// The entries in the order of their bytes. Throws kBadData unless every byte of the file belongs to
// one entry or to the directory: entries stored (not compressed, not encrypted), local and central
// headers equal, no name twice, no hole and no overlap. Names are checked, but are no paths to hft.
std::vector<ZipEntry> read_zip(std::span<const std::byte> file);

// Holds the CRC-32 of the entries against their bytes, on every core. Throws kBadData naming the
// first entry that differs.
void check_zip_sums(std::span<const ZipEntry> entries);

}  // namespace hft
