// A template of the Jinja language as transformers uses it for chat templates: jinja2's immutable
// sandbox with trim_blocks and lstrip_blocks, the tags generation, break and continue, the
// functions raise_exception and strftime_now, and tojson as json.dumps writes it. Reference:
// jinja2 3.1.6, transformers 4.57 (utils/chat_template_utils.py).
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.h"

namespace hft {

struct RenderOptions {
  std::optional<std::time_t> now;  // what strftime_now tells, in local time; absent: the clock
};

struct Rendered {
  std::string text;
  // The half-open ranges of the text, in Unicode code points, that {% generation %} blocks made.
  std::vector<std::pair<std::int64_t, std::int64_t>> generated;
};

// Immutable once parsed; threads may share one.
class Template {
 public:
  // Throws kBadData: "chat template line 3: …".
  static Template parse(std::string_view source);

  // variables: a JSON object; its keys keep their order. Nothing of the machine but the time can be
  // reached, and time, memory and output are bounded by limits.h.
  // Throws kBadData: "chat template line 3: …"; for raise_exception(text) the message is the text.
  Rendered render(const Json& variables, const RenderOptions& options = {}) const;

 private:
  struct Impl;
  explicit Template(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// Python's format.format(argument): "{}", "{0}", "{:>10}", "{{" and the rest.
// Throws kBadData for what Python refuses.
std::string format_text(const std::string& format, const std::string& argument);

}  // namespace hft
