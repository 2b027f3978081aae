#include "core/base/digest.h"

#include <set>

#include "tests/support/test.h"

using namespace hft;

TEST_CASE("digest: every bit and every length tells") {
  std::set<Digest> seen;
  std::string bytes;
  for (int length = 0; length <= 200; ++length, bytes += '\0')
    CHECK(seen.insert(digest_of(bytes)).second);
  for (std::size_t bit = 0; bit < 200 * 8; ++bit) {
    std::string other(200, '\0');
    other[bit / 8] = static_cast<char>(1 << bit % 8);
    CHECK(seen.insert(digest_of(other)).second);
  }
  CHECK(digest_of("hello") == digest_of(std::string("hello")));
  CHECK(digest_of("hello").text().size() == 32);
}
