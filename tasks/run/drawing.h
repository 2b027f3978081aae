// How results are drawn for people: labelled bars, and a heading when there are several inputs.
#pragma once

#include <string>

#include "tasks/run/rows.h"

namespace hft {

// "LABEL  ████████▌    0.8523" lines of an output [{label-like, "score"}]; `name` is the field
// that names a line.
std::string draw_bars(const Input& input, const Json& output, const std::string& name);

// A label as people read it: most are strings.
std::string label_text(const Json& label);

// The input, shortened to a line, above its results; "" for a lone argument.
std::string heading(const Input& input);

// Text a model made, for stdout: on a terminal its control characters, which could do more than be
// read, are shown as U+FFFD; elsewhere it stays as it is.
std::string for_stdout(std::string text);

}  // namespace hft
