#include "core/base/base64.h"

#include "tests/support/test.h"

namespace hft {

TEST_CASE("base64: RFC 4648's examples, with and without padding") {
  CHECK(decoded_base64("") == "");
  CHECK(decoded_base64("Zg==") == "f");
  CHECK(decoded_base64("Zg") == "f");
  CHECK(decoded_base64("Zm9v\r\nYmFy") == "foobar");
  CHECK(decoded_base64("//79") == "\xff\xfe\xfd");
  CHECK_FALSE(decoded_base64("Zm9vY").has_value());
  CHECK_FALSE(decoded_base64("Zm=9").has_value());
  CHECK_FALSE(decoded_base64("photo.jpg").has_value());
  CHECK_FALSE(decoded_base64("Zg===").has_value());
}

}  // namespace hft
