// Compressed bytes, whole and damaged.
#include "core/base/decompress.h"

#include "tests/support/gzip.h"
#include "tests/support/test.h"

using namespace hft;
using test::gzipped;

namespace {

// Given `step` bytes at a time.
std::string unpacked(const std::string& bytes, std::size_t step) {
  const auto reader = decompressor_for(bytes);
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    std::string_view in = std::string_view(bytes).substr(at, step);
    while (!in.empty()) reader->decode(in, out);
  }
  std::string_view nothing;
  for (std::size_t had = 0; !reader->complete() && had != out.size();) {
    had = out.size();
    reader->decode(nothing, out);
  }
  CHECK(reader->complete());
  return out;
}

}  // namespace

TEST_CASE("decompress: gzip in pieces of any size, members one behind the other, zeros at the end") {
  std::string text;
  for (int i = 0; i < 60000; ++i) text += "line " + std::to_string(i % 977) + "\n";
  const std::string bytes = gzipped(text) + gzipped("more") + std::string(7, '\0');
  for (const std::size_t step : {1U, 7U, 100000U}) CHECK(unpacked(bytes, step) == text + "more");
}

TEST_CASE("decompress: zstd of one frame and of two") {
  // printf hello | zstd --no-check, whose frames hold small texts as they are.
  const std::string plain("\x28\xb5\x2f\xfd\0\x58\x29\0\0" "hello", 14);
  CHECK(unpacked(plain, 3) == "hello");
  CHECK(unpacked(plain + plain, 100) == "hellohello");
}

TEST_CASE("decompress: what is damaged is named") {
  std::string out;
  std::string bytes = gzipped("some text that is long enough to hold a fault");
  bytes[bytes.size() - 6] ^= 1;
  std::string_view in = bytes;
  const auto reader = decompressor_for(in);
  CHECK(test::error_of([&] { reader->decode(in, out); }) == "damaged gzip: incorrect data check");
  CHECK(decompressor_for("text") == nullptr);
  CHECK(may_be_compressed("\x1f"));
  CHECK(!may_be_compressed("{"));
}
