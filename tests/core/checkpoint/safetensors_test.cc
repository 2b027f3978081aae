// safetensors: which files are read, which are refused, and with which words.
#include "core/checkpoint/safetensors.h"

#include <chrono>
#include <cstring>

#include "tests/core/checkpoint/build_file.h"
#include "tests/support/test.h"

using namespace hft;
using test::error_of;
using test::safetensors;

namespace {

struct File {
  test::TempFolder folder;
  fs::path path = folder / "model.safetensors";
  explicit File(std::string_view bytes) { test::spit(path, bytes); }
  SafetensorsFile open() const { return open_safetensors(path); }
};

// The error of a file, without its path, and its code checked.
std::string refusal(std::string_view bytes, Errc code = Errc::kBadData) {
  File file(bytes);
  Error error = test::caught([&] { file.open(); });
  CHECK(error.code == code);
  const std::string lead = file.path.string() + ": ";
  REQUIRE(error.message.starts_with(lead));
  return error.message.substr(lead.size());
}
std::string refusal_of_header(std::string_view header, std::string_view data = "",
                              Errc code = Errc::kBadData) {
  return refusal(safetensors(header, data), code);
}
bool loads(std::string_view bytes) {
  File file(bytes);
  try {
    file.open();
    return true;
  } catch (const Error&) {
    return false;
  }
}

// The bytes of a literal, NULs included.
template <std::size_t size>
std::string raw(const char (&text)[size]) {
  return {text, size - 1};
}

constexpr const char* kSmall =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[2],"data_offsets":[24,40]},)"
    R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";
const std::string kSmallData = "abcdefghijklmnopqrstuvwxyz0123456789+-/*";

}  // namespace

TEST_CASE("safetensors: tensors are found by name with dtype, shape and bytes, metadata beside") {
  File file(safetensors(std::string(kSmall) + "   ", kSmallData));
  SafetensorsFile opened = file.open();
  CHECK(opened.metadata == std::map<std::string, std::string>{{"format", "pt"}});
  REQUIRE(opened.tensors.size() == 2);
  const StoredTensor& a = opened.tensors.at("a");
  CHECK(a.dtype == Dtype::kF32);
  CHECK(a.shape == std::vector<std::int64_t>{2, 3});
  CHECK(a.count() == 6);
  CHECK(std::memcmp(a.bytes.data(), kSmallData.data(), 24) == 0);
  const StoredTensor& b = opened.tensors.at("b");
  CHECK(b.count() == 2);
  CHECK(std::memcmp(b.bytes.data(), kSmallData.data() + 24, 16) == 0);
}

TEST_CASE("safetensors: the worked example of docs/formats/safetensors.md is read") {
  std::string bytes =
      raw("\x38\0\0\0\0\0\0\0"
          "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  "
          "\0\0\x80\x3f\0\0\0\x40");
  CHECK(bytes.size() == 72);
  File file(bytes);
  SafetensorsFile opened = file.open();
  float numbers[2] = {};
  REQUIRE(opened.tensors.at("x").bytes.size() == sizeof numbers);
  std::memcpy(numbers, opened.tensors.at("x").bytes.data(), sizeof numbers);
  CHECK(numbers[0] == 1.0f);
  CHECK(numbers[1] == 2.0f);
}

TEST_CASE("safetensors: every dtype has its name and size") {
  std::int64_t sum = 0;
  for (int i = 0; i < 15; ++i) {
    auto dtype = static_cast<Dtype>(i);
    std::string bytes(static_cast<std::size_t>(bytes_of(dtype)), 'x');
    std::string header = R"({"t":{"dtype":")" + std::string(name_of(dtype)) +
                         R"(","shape":[],"data_offsets":[0,)" + std::to_string(bytes.size()) +
                         "]}}";
    File file(safetensors(header, bytes));
    CHECK(file.open().tensors.at("t").dtype == dtype);
    sum += bytes_of(dtype);
  }
  CHECK(sum == 8 + 4 + 2 + 2 + 8 + 4 + 2 + 1 + 8 + 4 + 2 + 1 + 1 + 1 + 1);
}

TEST_CASE("safetensors: what the format allows loads") {
  for (const char* header :
       {"{}", "{} \r\n\t", R"({"__metadata__":{}})", R"({"__metadata__":null})",
        R"({"t":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]}})",
        R"({"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
        R"("u":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}})",
        R"({"__metadata__":{"format":"mlx","other":"x"}})"}) {
    INFO(header);
    CHECK(loads(safetensors(header)));
  }
  CHECK(loads(safetensors(R"({"t":{"dtype":"I32","shape":[],"data_offsets":[0,4]}})", "1234")));
  CHECK(loads(safetensors(
      R"({"t":{"dtype":"U8","new":{"x":[1,{"y":2}]},"shape":[1],"data_offsets":[0,1]}})", "1")));
}

TEST_CASE("safetensors: lengths that lie are refused with both numbers") {
  CHECK(refusal("") == "is empty, wanted a safetensors file");
  CHECK(refusal("1234567") ==
        "is 7 bytes, but a safetensors file begins with the 8 bytes of its header's length");
  CHECK(refusal(raw("\0\0\0\0\0\0\0\0")) == "header: is empty, wanted JSON");
  CHECK(refusal(raw("\x3c\0\0\0\0\0\0\0{}")) ==
        "header: its length is 60 bytes, but the file has 10; the file was cut short or is not "
        "safetensors");
  CHECK(refusal(raw("\xff\xff\xff\xff\xff\xff\xff\xff{}")) ==
        "header: its length is 18446744073709551615 bytes, the limit is 100000000; the file is "
        "damaged or not safetensors");
  CHECK(refusal(raw("\xfa\xff\xff\xff\xff\xff\xff\xff{}")).starts_with("header: its length is "));
  CHECK(refusal(raw("\x01\xe1\xf5\x05\0\0\0\0{}")) ==
        "header: its length is 100000001 bytes, the limit is 100000000; the file is damaged or not "
        "safetensors");
}

TEST_CASE("safetensors: headers that are not the format's JSON are refused with their place") {
  CHECK(refusal_of_header(" []") == "header: does not begin with '{'");
  CHECK(refusal_of_header("[]") == "header: does not begin with '{'");
  CHECK(refusal_of_header("{") == "header: not valid JSON at byte 2");
  CHECK(refusal_of_header("{}x") == "header: not valid JSON at byte 3");
  CHECK(refusal_of_header(std::string("{}\0{}", 5)) == "header: not valid JSON at byte 3");
  CHECK(refusal_of_header("{\"t\":NaN}") == "header: not valid JSON at byte 6");
  CHECK(refusal_of_header("{\"\xff\xfe\":1}") == "header: not valid UTF-8 at byte 3");
  CHECK(refusal_of_header(R"({"t":1})") == "header: 't' is 1, wanted an object");
  CHECK(refusal_of_header(R"({"t":null})") == "header: 't' is null, wanted an object");
  CHECK(refusal_of_header(R"({"t":[]})") == "header: 't' is a list, wanted an object");
  CHECK(refusal_of_header(R"({"__metadata__":{"a":1}})") ==
        "header: __metadata__: 'a' is 1, wanted a string");
  CHECK(refusal_of_header(R"({"__metadata__":{"a":{}}})") ==
        "header: __metadata__: 'a' is an object, wanted a string");
  CHECK(refusal_of_header(R"({"__metadata__":{"a":"1","a":"2"}})") == "header: duplicate key 'a'");
  CHECK(refusal_of_header(R"({"__metadata__":{},"__metadata__":{}})") ==
        "header: duplicate key '__metadata__'");
  CHECK(refusal_of_header(R"({"__metadata__":{"format":"np"}})", "", Errc::kUnsupported) ==
        "__metadata__: format 'np' is not supported, wanted pt, tf, flax or mlx");
  std::string deep = R"({"t":{"x":)" + std::string(100'000, '[');
  CHECK(refusal_of_header(deep) == "nested deeper than 512");
  CHECK(refusal_of_header(R"({"t":{"x":{"y":1,"y":2}}})") == "header: duplicate key 'y'");
}

TEST_CASE("safetensors: a tensor's wrong fields are named") {
  auto tensor = [](std::string fields, std::string_view data = "1234", Errc code = Errc::kBadData) {
    return refusal_of_header("{\"t\":{" + fields + "}}", data, code);
  };
  CHECK(tensor(R"("dtype":"F3","shape":[8],"data_offsets":[0,4])", "1234", Errc::kUnsupported) ==
        "tensor 't': dtype 'F3' is not supported");
  CHECK(tensor(R"("dtype":1,"shape":[1],"data_offsets":[0,4])") ==
        "tensor 't': 'dtype' is 1, wanted a string");
  CHECK(tensor(R"("dtype":"F32","shape":"x","data_offsets":[0,4])") ==
        "tensor 't': 'shape' is a string, wanted a list");
  CHECK(tensor(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])") ==
        "tensor 't': 'shape' holds 1.0, wanted an integer from 0");
  CHECK(tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])") ==
        "tensor 't': 'shape' holds -1, wanted an integer from 0");
  CHECK(tensor(R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])") ==
        "tensor 't': 'shape' holds a list, wanted an integer from 0");
  CHECK(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4])") ==
        "tensor 't': 'data_offsets' has 1 numbers, wanted 2");
  CHECK(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,4])") ==
        "tensor 't': 'data_offsets' has more than 2 numbers");
  CHECK(tensor(R"("dtype":"F32","shape":[1])") == "tensor 't': 'data_offsets' is missing");
  CHECK(tensor(R"("dtype":"F32","data_offsets":[0,4])") == "tensor 't': 'shape' is missing");
  CHECK(tensor(R"("shape":[1],"data_offsets":[0,4])") == "tensor 't': 'dtype' is missing");
  CHECK(tensor(R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])") ==
        "header: duplicate key 'dtype'");
  CHECK(tensor(R"("dtype":"F32","shape":[1],"x":1,"x":2,"data_offsets":[0,4])") ==
        "header: duplicate key 'x'");
  CHECK(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])") ==
        "tensor 't': F32 of shape [2] is 8 bytes, its range [0, 4) holds 4");
  CHECK(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])") ==
        "tensor 't': its range [4, 0) runs backwards");
  CHECK(tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4])") ==
        "tensor 't': shape [4294967296, 4294967296] is larger than any file");
  CHECK(tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4])") ==
        "tensor 't': 'shape' holds 18446744073709551615, the limit is 9223372036854775807");
  CHECK(
      tensor(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4])") ==
      "tensor 't': has more than 16 dimensions");
  CHECK(refusal_of_header("{\"\\u001b[2J\\u202e\":{}}") ==
        "tensor '?[2J" + std::string(3, '?') + "': 'dtype' is missing");
}

TEST_CASE(
    "safetensors: ranges that overlap, leave a hole or do not end with the file are refused") {
  auto two = [](int a, int b, int c, int d) {
    auto size = [](int from, int to) { return std::to_string(to - from); };
    return R"({"a":{"dtype":"U8","shape":[)" + size(a, b) + R"(],"data_offsets":[)" +
           std::to_string(a) + "," + std::to_string(b) + R"(]},"b":{"dtype":"U8","shape":[)" +
           size(c, d) + R"(],"data_offsets":[)" + std::to_string(c) + "," + std::to_string(d) +
           "]}}";
  };
  CHECK(loads(safetensors(two(0, 4, 4, 8), "12345678")));
  CHECK(loads(safetensors(two(4, 8, 0, 4), "12345678")));
  CHECK(refusal_of_header(two(0, 4, 2, 8), "12345678") ==
        "tensor 'b': its range [2, 8) overlaps [0, 4) of tensor 'a'");
  CHECK(refusal_of_header(two(0, 8, 0, 8), "12345678").find("overlaps") != std::string::npos);
  CHECK(refusal_of_header(two(0, 4, 5, 8), "12345678") ==
        "tensor 'b': its range [5, 8) leaves a hole after byte 4");
  CHECK(refusal_of_header(two(1, 4, 4, 8), "12345678") ==
        "tensor 'a': its range [1, 4) leaves a hole after byte 0");
  CHECK(refusal_of_header(two(0, 4, 4, 9), "12345678") ==
        "tensor 'b': its range [4, 9) ends past the 8 bytes of data; the file was cut short");
  CHECK(refusal_of_header(two(0, 4, 4, 7), "12345678") == "1 bytes follow the last tensor");
  CHECK(refusal_of_header("{}", "x") == "1 bytes follow the last tensor");
}

// The format tests of the safetensors package, with its verdicts.
TEST_CASE("safetensors: the 13 cases of the reference reader get its verdicts") {
  const std::string header = R"({"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}})";
  const std::string data(16, '\0');
  CHECK(loads(safetensors(header, data)));  // deserialization
  CHECK(loads(safetensors("{}")));          // empty
  CHECK(loads(safetensors("{}\r \t\n")));   // padded
  CHECK(loads(safetensors(R"({"t":{"dtype":"I32","shape":[2,0],"data_offsets":[0,0]}})")));
  CHECK(loads(safetensors(R"({"t":{"dtype":"I32","shape":[],"data_offsets":[0,4]}})", "1234")));
  std::string attack = "{";  // one range, many times
  for (int i = 0; i < 10; ++i)
    attack += (i ? ",\"" : "\"") + std::to_string(i) +
              R"(":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]})";
  CHECK_FALSE(loads(safetensors(attack + "}", data)));
  CHECK_FALSE(loads(safetensors(header, data + "extra")));  // incomplete buffer
  CHECK_FALSE(loads(safetensors(header, data.substr(1))));
  CHECK_FALSE(loads(raw("\x3c\0\0\0\0\xff\xff\xff{}")));  // header too large
  CHECK_FALSE(loads(""));                                 // header too small
  CHECK_FALSE(loads(raw("\x3c\0\0\0\0\0\0\0")));          // invalid length
  CHECK_FALSE(loads(raw("\x01\0\0\0\0\0\0\0\xff")));      // not UTF-8
  CHECK_FALSE(loads(raw("\x01\0\0\0\0\0\0\0{")));         // not JSON
  CHECK_FALSE(
      loads(safetensors(R"({"t":{"dtype":"I32","shape":[2,2],"data_offsets":[0,4]}})", "1234")));
  CHECK_FALSE(loads(safetensors(
      R"({"t":{"dtype":"I32","shape":[2,18446744073709551614],"data_offsets":[0,16]}})", data)));
}

TEST_CASE("safetensors: a file cut at any byte never loads") {
  std::string header = kSmall;
  std::string whole = safetensors(header, kSmallData);
  for (std::size_t size = 0; size < 8 + header.size(); ++size)
    REQUIRE_FALSE(loads(whole.substr(0, size)));
  std::string large = safetensors(R"({"t":{"dtype":"U8","shape":[4000],"data_offsets":[0,4000]}})",
                                  std::string(4000, 'x'));
  REQUIRE(loads(large));
  for (std::size_t i = 0; i < 200; ++i)
    REQUIRE_FALSE(loads(large.substr(0, large.size() - 4000 + i * 20)));
}

TEST_CASE(
    "safetensors: a header with any one byte changed loads or is refused, and never crashes") {
  std::string whole = safetensors(kSmall, kSmallData);
  test::TempFolder folder;
  fs::path file = folder / "x.safetensors";
  int refused = 0;
  for (std::size_t i = 0; i < whole.size() - kSmallData.size(); ++i) {
    for (unsigned flip : {0x01u, 0x80u, 0xffu, 0x10u}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      test::spit(file, changed);
      try {
        for (const auto& [name, tensor] : open_safetensors(file).tensors)
          REQUIRE(std::ssize(tensor.bytes) == tensor.count() * bytes_of(tensor.dtype));
      } catch (const Error& e) {
        ++refused;
        REQUIRE_FALSE(e.message.empty());
        REQUIRE(e.message.find('\n') == std::string::npos);
      }
    }
  }
  CHECK(refused > 300);
}

TEST_CASE("safetensors: files of other formats are named, with a way out") {
  struct Other {
    std::string bytes, message;
  };
  const std::string tar = std::string(257, 'x') + "ustar";
  for (const Other& other : std::vector<Other>{
           {raw("GGUF\3\0\0\0\0\0\0\0\0\0\0\0"), "is a GGUF file (llama.cpp), not safetensors"},
           {raw("PK\3\4\0\0\x08\x08\0\0\0\0"),
            "is a zip archive (PyTorch's torch.save, or Keras), not safetensors"},
           {raw("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."),
            "is a Python pickle (PyTorch's torch.save), not safetensors"},
           {raw("\x89HDF\r\n\x1a\n\0\0\0\0"),
            "is an HDF5 file (Keras, TensorFlow), not safetensors"},
           {raw("\x08\x08\x12\x07pytorch\x1a\x05"),
            "is a protobuf file (ONNX, or TensorFlow's SavedModel), not safetensors"},
           {raw("\x1c\0\0\0TFL3\0\0\0\0"), "is a TensorFlow Lite file, not safetensors"},
           {raw("\x82\xa6params\x81"), "is a MessagePack file (Flax), not safetensors"},
           {raw("\x93NUMPY\1\0v\0{'d"), "is a NumPy array, not safetensors"},
           {raw("\x1f\x8b\x08\0\0\0\0\0\0\0\0"), "is a gzip archive, not safetensors"},
           {tar, "is a tar archive (PyTorch before 0.2, among others), not safetensors"}}) {
    CHECK(refusal(other.bytes, Errc::kUnsupported) == other.message);
    File file(other.bytes);
    CHECK(test::caught([&] { file.open(); }).hint ==
          "hft reads safetensors; take the repository's model.safetensors, or save the model with "
          "save_pretrained");
  }
}

TEST_CASE("safetensors: a Git LFS pointer or a web page in place of weights is called that") {
  File pointer("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 268\n");
  Error error = test::caught([&] { pointer.open(); });
  CHECK(error.code == Errc::kBadData);
  CHECK(error.message ==
        pointer.path.string() + ": is a Git LFS pointer, not the weights themselves");
  CHECK(error.hint == "fetch the real file with: git lfs pull");
  for (const char* page :
       {"<!DOCTYPE html><html>", "\n <html lang=en><body>", "<?xml version='1'?>"})
    CHECK(refusal(page) ==
          "is an HTML or XML page, not weights; a failed download was saved in its place");
}

TEST_CASE("safetensors: a missing file, a folder and a FIFO are refused without waiting") {
  test::TempFolder folder;
  CHECK(test::caught([&] { open_safetensors(folder / "x"); }).code == Errc::kNotFound);
  CHECK(error_of([&] { open_safetensors(folder.path); }) ==
        folder.path.string() + ": not a regular file (a folder)");
}

TEST_CASE("safetensors: a header of 200,000 tensors opens in well under a second each 100,000") {
  std::string header = "{";
  for (int i = 0; i < 200'000; ++i) {
    auto from = std::to_string(i), to = std::to_string(i + 1);
    header += (i ? ",\"model.layers." : "\"model.layers.") + from +
              R"(.weight":{"dtype":"U8","shape":[1,1],"data_offsets":[)" + from + "," + to + "]}";
  }
  File file(safetensors(header + "}", std::string(200'000, 'x')));
  auto start = std::chrono::steady_clock::now();
  CHECK(file.open().tensors.size() == 200'000);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}
