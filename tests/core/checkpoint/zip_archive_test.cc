// Zip archives: which are read, which are refused, and with which words.
#include "core/checkpoint/zip_archive.h"

#include "core/checkpoint/torch_file.h"
#include "tests/core/checkpoint/build_torch.h"
#include "tests/support/test.h"

using namespace hft;
using namespace std::string_literals;
using test::little;
using test::Part;
using test::zip;

namespace {

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
std::vector<std::pair<std::string, std::string>> read(const std::string& file) {
  std::vector<std::pair<std::string, std::string>> found;
  const auto entries = read_zip(as_bytes(file));
  for (const ZipEntry& entry : entries)
    found.emplace_back(entry.name, std::string(reinterpret_cast<const char*>(entry.bytes.data()),
                                               entry.bytes.size()));
  check_zip_sums(entries);
  return found;
}
std::string refusal(const std::string& file) {
  const Error error = test::caught([&] { read(file); });
  CHECK(error.code == Errc::kBadData);
  return error.message;
}
const std::vector<Part> kTwo{{"m/a", "hello"}, {"m/b", ""}};

// A change of the file at the place of a record's mark, some bytes on.
std::string changed(std::string file, std::string_view mark, std::size_t on,
                    const std::string& bytes) {
  const std::size_t at = file.rfind(mark);
  REQUIRE(at != std::string::npos);
  return file.replace(at + on, bytes.size(), bytes);
}

// The end records of zip64 in front of the plain one, as torch.save always writes them.
struct End64 {
  std::uint64_t entries = 2, here = 2, bytes = 0, offset = 0, at = 0;
  std::uint32_t disks = 1;
  std::uint64_t size = 44;
};
std::string zip64(
    const std::string& file, const std::function<void(End64&)>& change = [](End64&) {}) {
  const std::size_t end = file.rfind("PK\5\6"), directory = file.find("PK\1\2");
  End64 e;
  e.bytes = end - directory;
  e.offset = directory;
  e.at = end;
  change(e);
  return file.substr(0, end) + "PK\6\6" + little(e.size, 8) + little(0, 4) + little(0, 8) +
         little(e.here, 8) + little(e.entries, 8) + little(e.bytes, 8) + little(e.offset, 8) +
         "PK\6\7" + little(0, 4) + little(e.at, 8) + little(e.disks, 4) + file.substr(end);
}

}  // namespace

TEST_CASE("zip: entries are found in place, in the order of their bytes") {
  const std::vector<std::pair<std::string, std::string>> wanted{{"m/a", "hello"}, {"m/b", ""}};
  CHECK(read(zip(kTwo)) == wanted);
  CHECK(read(zip64(zip(kTwo))) == wanted);
  CHECK(read(zip({})).empty());
  // Padding in the local header alone, as torch.save aligns its entries.
  CHECK(read(zip({{.name = "m/a", .data = "x", .local_extra = "FB\3\0ZZZ"s}})).size() == 1);
}

TEST_CASE("zip: sums that follow an entry, with and without their mark, in 32 and 64 bits") {
  const std::string data = "hello";
  const auto crc = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
  for (const int width : {4, 8})
    for (const std::string& mark : {"PK\7\10"s, ""s}) {
      Part part{.name = "m/a", .data = data, .flags = 8, .local_size = 0};
      part.gap = mark + little(crc, 4) + little(5, width) + little(5, width);
      CHECK(read(zip({part, {"m/b", "x"}})).size() == 2);
    }
  Part lies{.name = "m/a", .data = data, .flags = 8, .local_size = 0};
  lies.gap = "PK\7\10" + little(crc + 1, 4) + little(5, 4) + little(5, 4);
  CHECK(refusal(zip({lies})) == "entry 'm/a': its data descriptor differs from the directory");
}

TEST_CASE("zip: sizes that stand in the field of zip64") {
  const std::string extra = little(1, 2) + little(16, 2) + little(5, 8) + little(5, 8);
  Part part{
      .name = "m/a", .data = "hello", .local_extra = extra, .extra = extra, .size = 0xffffffff};
  CHECK(read(zip({part})).size() == 1);
  part.extra = little(1, 2) + little(16, 2) + little(6, 8) + little(6, 8);
  CHECK(refusal(zip({part})) ==
        "entry 'm/a': size is 5 in the local header and 6 in the directory");
  part.extra = "";
  CHECK(refusal(zip({part})) == "entry 'm/a': a size of 4294967295 without a zip64 field");
  part.extra = little(1, 2) + little(8, 2) + little(5, 8);
  CHECK(refusal(zip({part})) == "entry 'm/a': zip64 field: lies past the 8 bytes of the file");
  part.extra = little(1, 2) + little(99, 2);
  CHECK(refusal(zip({part})) == "entry 'm/a': extra field: lies past the 4 bytes of the file");
}

TEST_CASE("zip: entries that are not simply stored are refused by name") {
  CHECK(refusal(zip({{.name = "m/a", .data = "x", .method = 8}})) ==
        "entry 'm/a': is compressed (method 8); torch.save stores entries as they are");
  CHECK(refusal(zip({{.name = "m/a", .data = "x", .flags = 1}})) == "entry 'm/a': is encrypted");
  CHECK(refusal(zip({{.name = "m/a", .data = "x", .flags = 0x2000}})) ==
        "entry 'm/a': has flags 8192, wanted at most bits 3 and 11");
  CHECK(refusal(zip({{.name = "m/a", .data = "x", .disk = 1}})) ==
        "entry 'm/a': lies on disk 1 of a split archive");
}

TEST_CASE("zip: names that are no plain relative ones, or there twice") {
  for (const std::string& name : {"../m/a"s, "/m/a"s, "m/../../a"s, "m\\a"s, "m//a"s, "m/./a"s,
                                  "m/a\0b"s, "m/a\x1b"s, "m/"s + std::string(2000, 'a')})
    CHECK(refusal(zip({{name, "x"}})).ends_with(": is not a plain relative name"));
  CHECK(refusal(zip({{"", "x"}})) == "entry '': is not a plain relative name");
  CHECK(refusal(zip({{"m/a", "x"}, {"m/a", "y"}})) == "entry 'm/a': the name is there twice");
}

TEST_CASE("zip: a local header that differs from the directory") {
  CHECK(refusal(zip({{.name = "m/a", .data = "hello", .local_name = "m/b"}})) ==
        "entry 'm/a': is named 'm/b' in its local header");
  CHECK(refusal(zip({{.name = "m/a", .data = "hello", .local_size = 4}})) ==
        "entry 'm/a': size is 4 in the local header and 5 in the directory");
  CHECK(refusal(zip({{.name = "m/a", .data = "hello", .size = 6}})) ==
        "entry 'm/a': local header: lies past the 38 bytes of the file");
  CHECK(refusal(changed(zip({{"m/a", "hello"}}), "PK\1\2", 16, little(7, 4)))
            .starts_with(
                "entry 'm/a': CRC-32 is 907060870 in the local header and 7 in the directory"));
  CHECK(refusal(changed(zip({{"m/a", "hello"}}), "PK\1\2", 42, little(1, 4))) ==
        "entry 'm/a': no local header at byte 1");
  CHECK(refusal(changed(zip({{"m/a", "hello"}}), "PK\1\2", 42, little(1 << 30, 4))) ==
        "entry 'm/a': local header: lies past the 38 bytes of the file");
  CHECK(refusal(changed(zip({{"m/a", "hello"}}), "PK\1\2", 20, little(4, 4))) ==
        "entry 'm/a': is stored, but has two sizes: 4 and 5");
}

TEST_CASE("zip: every byte belongs to an entry or to the directory") {
  CHECK(refusal(zip(kTwo, "#!/bin/sh\n")) ==
        "entry 'm/a': begins at byte 10, after a hole (byte 0)");
  CHECK(refusal(zip({{.name = "m/a", .data = "x", .gap = "gap"}, {"m/b", "y"}})) ==
        "entry 'm/b': begins at byte 37, after a hole (byte 34)");
  CHECK(refusal(zip({{.name = "m/a", .data = "x", .gap = "gap"}})) ==
        "3 bytes lie between the last entry and the directory");
  CHECK(refusal(changed(zip({{"m/a", "PK\3\4"}, {"m/a", "x"}}), "PK\1\2", 46, "m/b"))
            .find("is named 'm/a'") != std::string::npos);
  // Two names for one place.
  std::string same = zip({{"m/a", "x"}, {"m/b", "x"}});
  same = changed(same, "PK\1\2", 42, little(0, 4));
  CHECK(refusal(same) == "entry 'm/b': is named 'm/a' in its local header");
  CHECK(refusal(zip(kTwo) + "more") ==
        "does not end with a zip directory; the file was cut short, or bytes follow it");
  CHECK(refusal(changed(zip(kTwo), "PK\5\6", 20, little(9, 2))) ==
        "end record: a comment of 9 bytes is said to follow the file's end");
  CHECK(refusal("PK\3\4") == "is 4 bytes, too few for a zip archive");
}

TEST_CASE("zip: the directory is where its end record says, with as many entries") {
  const std::string file = zip(kTwo);
  CHECK(refusal(changed(file, "PK\5\6", 4, little(1, 2))) ==
        "end record: describes a split archive");
  CHECK(refusal(changed(file, "PK\5\6", 8, little(3, 2))) ==
        "end record: describes a split archive");
  CHECK(refusal(changed(file, "PK\5\6", 8, little(3, 2) + little(3, 2))) ==
        "central directory: has 2 entries, its end record says 3");
  CHECK(refusal(changed(file, "PK\5\6", 12, little(97, 4))) ==
        "central directory: 97 bytes at byte 71 do not end where its end record begins (byte 169)");
  CHECK(refusal(changed(file, "PK\5\6", 16, little(0xfffffff0, 4))) ==
        "central directory: 98 bytes at byte 4294967280 do not end where its end record begins "
        "(byte 169)");
  CHECK(refusal(changed(file, "PK\1\2", 0, "PK\1\3")) == "central directory: no entry at byte 120");
}

TEST_CASE("zip: end records of zip64 that do not agree") {
  const std::string file = zip(kTwo);
  auto lie = [&](const std::function<void(End64&)>& change) {
    return refusal(zip64(file, change));
  };
  CHECK(lie([](End64& e) { e.at = 0; }) ==
        "zip64 locator: points to byte 0 of disk 0, wanted the record before it");
  CHECK(
      lie([](End64& e) { e.at = ~std::uint64_t{0}; }) ==
      "zip64 locator: points to byte 18446744073709551615 of disk 0, wanted the record before it");
  CHECK(lie([](End64& e) { e.disks = 2; }) ==
        "zip64 locator: points to byte 169 of disk 0, wanted the record before it");
  CHECK(lie([](End64& e) { e.size = 45; }) == "zip64 record: is not one of 56 bytes");
  CHECK(lie([](End64& e) { e.here = 1; }) == "zip64 record: describes a split archive");
  CHECK(lie([](End64& e) { e.entries = e.here = 3; }) ==
        "end record: the count of entries is 2, but 3 in the zip64 record");
  CHECK(lie([](End64& e) { e.bytes = ~std::uint64_t{0}; }) ==
        "end record: the directory's size is 98, but 18446744073709551615 in the zip64 record");
  CHECK(lie([](End64& e) { e.offset = 1; }) ==
        "end record: the directory's place is 71, but 1 in the zip64 record");
  // A plain record that leaves it all to zip64 is believed as far as the file goes.
  const std::string deferred =
      changed(file, "PK\5\6", 8, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  CHECK(read(zip64(deferred)).size() == 2);
  CHECK(refusal(zip64(deferred, [](End64& e) { e.offset = ~std::uint64_t{0} - 97; })) ==
        "central directory: 98 bytes at byte 18446744073709551518 do not end where its end record "
        "begins (byte 169)");
  CHECK(refusal(deferred) ==
        "central directory: 4294967295 bytes at byte 4294967295 do not end where its end record "
        "begins (byte 169)");
}

TEST_CASE("zip: a wrong checksum is refused, in entries of every size") {
  CHECK(refusal(zip({{"m/a", "hello"}, {.name = "m/b", .data = "hello", .crc_change = 1}})) ==
        "entry 'm/b': its CRC-32 is 907060870, the directory says 907060871");
  std::string large(40 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<char>(i >> 12);
  CHECK(read(zip({{"m/a", large}, {"m/b", "hello"}, {"m/c", large}})).size() == 3);
  std::string broken = zip({{"m/a", large}, {"m/b", "hello"}});
  broken[39 << 20] ^= 1;
  CHECK(refusal(broken).starts_with("entry 'm/a': its CRC-32 is "));
}

TEST_CASE("zip: archives of another kind are named") {
  test::TempFolder folder;
  auto check = [&](const std::vector<Part>& parts, Errc code, const std::string& message) {
    test::spit(folder / "x.bin", zip(parts));
    const Error error = test::caught([&] { open_torch_file(folder / "x.bin", Checksums::kAll); });
    CHECK(error.code == code);
    CHECK(error.message == (folder / "x.bin").string() + ": " + message);
  };
  const Part pickle{"m/data.pkl", "\x80\x02}."};
  check({pickle, {"m/constants.pkl", "x"}}, Errc::kUnsupported,
        "is a TorchScript archive (torch.jit.save), which holds a program");
  check({pickle, {"m/code/__torch__.py", "x"}}, Errc::kUnsupported,
        "is a TorchScript archive (torch.jit.save), which holds a program");
  check({{"m/archive_format", "pt2"}, {"m/models/model.json", "{}"}}, Errc::kUnsupported,
        "is a PT2 archive (torch.export), which holds a program");
  check({{"m/config.json", "{}"}}, Errc::kUnsupported,
        "is a zip archive without data.pkl, so not one of torch.save");
  check({{"config.json", "{}"}}, Errc::kUnsupported,
        "is a zip archive, but not of torch.save: entry 'config.json' is not in the folder of the "
        "others");
  check({pickle, {"n/data/0", "x"}}, Errc::kUnsupported,
        "is a zip archive, but not of torch.save: entry 'n/data/0' is not in the folder of the "
        "others");
  check({pickle, {"m/byteorder", "big"}}, Errc::kUnsupported,
        "its byte order is 'big', wanted 'little'");
  check({{.name = "m/data.pkl", .data = "\x80\x02}.", .crc_change = 1}}, Errc::kBadData,
        "entry 'm/data.pkl': its CRC-32 is 2313074493, the directory says 2313074492");
}
