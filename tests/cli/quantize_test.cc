// --quantize dynamic: how near its answers are to those of float32, and that company changes no bit.
#include <cmath>

#include "tests/support/test.h"

using namespace hft;

namespace {

std::vector<std::vector<double>> vectors(std::vector<std::string> args) {
  args.insert(args.begin(), {"embed", "-m", test::model("all-MiniLM-L6-v2").string(), "--json"});
  const test::Ran ran = test::hft(args);
  REQUIRE(ran.code == 0);
  std::vector<std::vector<double>> all;
  for (const Json& record : ran.records())
    all.push_back(record["output"].get<std::vector<double>>());
  return all;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double product = 0, left = 0, right = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    product += a[i] * b[i], left += a[i] * a[i], right += b[i] * b[i];
  return product / std::sqrt(left * right);
}

}  // namespace

TEST_CASE("--quantize dynamic: vectors have a cosine of 0.999 to those of float32") {
  const std::vector<std::string> texts{
      "An otter", "The ferry to the islands leaves at seven.", "x", "1998 e-mail İstanbul 東京大学",
      "A parcel of old maps reached the museum on Thursday, and the curator, who expected only "
      "postcards, spent the whole evening comparing every coastline with modern charts.",
      "e\u0301e\u0301e\u0301 !? ... NASA"};
  std::vector<std::string> dynamic = texts;
  dynamic.insert(dynamic.begin(), {"--quantize", "dynamic"});
  const auto exact = vectors(texts), rounded = vectors(dynamic);
  REQUIRE(rounded.size() == texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    CHECK(cosine(exact[i], rounded[i]) >= 0.999);
    CHECK(exact[i] != rounded[i]);
  }
  const auto alone = vectors({"--quantize", "dynamic", texts[1]});
  CHECK(alone[0] == rounded[1]);
}

TEST_CASE("--quantize dynamic: every kind of model answers; another word is refused") {
  for (const std::string name : {"gpt2-generate", "qwen2-generate"}) {
    CAPTURE(name);
    const auto ran = test::hft({"generate", "-m", test::golden(name).string(), "--quantize", "dynamic",
                                "--no-do-sample", "--max-new-tokens", "3", "Hello"});
    CHECK(ran.code == 0);
    CHECK(!ran.out.empty());
  }
  const auto ran = test::hft({"embed", "-m", test::model("all-MiniLM-L6-v2").string(), "--quantize",
                              "int4", "x"});
  CHECK(ran.code == 2);
  CHECK(ran.err.find("--quantize: int4 not in {none,dynamic}") != std::string::npos);
}
