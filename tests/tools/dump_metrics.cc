// Figures of metrics for scripts/compare: lines {"metric", "input"} in, a line of JSON for each out.
#include <iostream>

#include "tests/core/metrics/cases.h"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const hft::Json row = hft::parse_json(line, "stdin");
    std::cout << hft::to_line(hft::test::metric_of(row["metric"], row["input"])) << "\n";
  }
}
