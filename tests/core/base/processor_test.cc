#include "core/base/processor.h"

#include <sstream>

#include "tests/support/test.h"

namespace hft::test {

TEST_CASE("processor: what serves each kernel is told with the reason, and this processor has it") {
  std::istringstream text(kernel_rows_text());
  std::vector<std::string> kernels;
  for (std::string line; std::getline(text, line);) {
    CAPTURE(line);
    const auto colon = line.find(": "), bracket = line.find(" (");
    REQUIRE(colon != std::string::npos);
    REQUIRE(bracket != std::string::npos);
    kernels.push_back(line.substr(0, colon));
    const std::string row = line.substr(colon + 2, bracket - colon - 2);
    bool known = false;
    for (const Processor level : kProcessors)
      known |= name_of(level) == row && has(level) && level <= processor();
    CHECK(known);
    CHECK(line.back() == ')');
  }
  CHECK(kernels == std::vector<std::string>{"product", "attention", "cached attention", "norms",
                                            "rotary positions", "activations"});
}

}  // namespace hft::test
