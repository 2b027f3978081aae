// Lines a person types: with editing and a history on a terminal, plain ones from a pipe.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace hft {

class LineEditor {
 public:
  LineEditor();
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;

  // The next line without its end; none at the end of the input. Empty and broken_off() after
  // Ctrl-C.
  std::optional<std::string> next(const std::string& prompt);
  bool broken_off() const { return broken_off_; }
  // A person sits there.
  bool interactive() const { return interactive_; }

 private:
  struct Terminal;
  std::optional<std::string> from_pipe();
  std::unique_ptr<Terminal> terminal_;
  bool interactive_ = false, broken_off_ = false;
};

}  // namespace hft
