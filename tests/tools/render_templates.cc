// Renders templates for scripts/compare templates: reads lines {"template", "variables",
// "now"?}, writes a line {"text"} or {"error"} for each.
#include <iostream>

#include "core/base/error.h"
#include "core/templates/template.h"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    hft::Json out = hft::Json::object();
    try {
      hft::Json in = hft::parse_json(line, "stdin");
      hft::RenderOptions options;
      if (in.contains("now")) options.now = in["now"].get<std::time_t>();
      out["text"] = hft::Template::parse(in["template"].get<std::string>())
                        .render(in["variables"], options)
                        .text;
    } catch (const hft::Error& error) {
      out = {{"error", error.message}};
    }
    std::cout << hft::to_line(out) << std::endl;
  }
}
