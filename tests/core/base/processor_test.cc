#include "core/base/processor.h"

#include "tests/support/test.h"

namespace hft::test {

TEST_CASE("processor: what serves each kernel is told with the reason, and this processor has it") {
  std::vector<std::string_view> kernels;
  for (const auto& [kernel, row, why] : kernel_rows()) {
    CAPTURE(kernel);
    kernels.push_back(kernel);
    bool known = false;
    for (const Processor level : kProcessors)
      known |= name_of(level) == row && has(level) && level <= processor();
    CHECK(known);
    CHECK(!why.empty());
  }
  CHECK(kernels == std::vector<std::string_view>{"product", "int8 product", "attention",
                                                 "cached attention", "norms", "rotary positions",
                                                 "activations"});
}

}  // namespace hft::test
