// Files at addresses that people name.
#include "hub/url.h"

#include <cstdlib>

#include "tests/support/fake_hub.h"

using namespace hft;

TEST_CASE("read_url: the whole file, its limit, and what the host answers") {
  test::FakeHub hub;
  hub.add("org/pictures", "a.png", "the bytes");
  hub.start();
  std::string endpoint;
  for (const auto& variable : hub.env())
    if (variable.starts_with("HF_ENDPOINT=")) endpoint = variable.substr(12);
  const std::string url = endpoint + "/org/pictures/resolve/main/a.png";
  CHECK(hub::is_url(url));
  CHECK_FALSE(hub::is_url("http_picture.png"));
  CHECK(hub::read_url(url, 100) == "the bytes");
  CHECK(test::error_of([&] { hub::read_url(url, 8); }) == url + ": is larger than 8 B");
  CHECK(test::error_of([&] { hub::read_url(url + ".none", 100); }) ==
        url + ".none: the host answered 404");
}

TEST_CASE("read_url: an address without TLS is asked, too") {
  ::setenv("HFT_HUB_RETRY_WAIT", "0.01", 1);
  const std::string url = "http://pictures.invalid/a.png";
  const std::string error = test::error_of([&] { hub::read_url(url, 100); });
  CHECK(error.find("pictures.invalid") != std::string::npos);
  CHECK(error.find("HF_ENDPOINT") == std::string::npos);
  ::unsetenv("HFT_HUB_RETRY_WAIT");
}
