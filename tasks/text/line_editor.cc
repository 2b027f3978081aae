#include "tasks/text/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <iostream>

#include "core/base/signals.h"

namespace hft {
namespace {

constexpr int kHistoryLines = 1000;

}  // namespace

struct LineEditor::Terminal {
  Terminal() : line(el_init("hft", stdin, stdout, stderr)), history(history_init()) {
    HistEvent event;
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    el_set(line, EL_CLIENTDATA, this);
    el_set(line, EL_PROMPT, shown_prompt);
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_HIST, ::history, history);
    el_set(line, EL_SIGNAL, 0);
    el_set(line, EL_GETCFN, read_letter);
  }
  ~Terminal() {
    el_end(line);
    history_end(history);
  }
  // A letter of one or more bytes; -1 once a signal asked to stop (libedit itself would read on).
  static int read_letter(EditLine*, wchar_t* letter) {
    std::mbstate_t state{};
    for (;;) {
      char byte = 0;
      const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
      if (n < 0 && errno == EINTR && !stop_requested()) continue;
      if (n <= 0) return static_cast<int>(n);
      const std::size_t used = std::mbrtowc(letter, &byte, 1, &state);
      if (used <= 1) return 1;
      if (used == static_cast<std::size_t>(-1)) state = {};  // no UTF-8: passed over
    }
  }
  static char* shown_prompt(EditLine* line) {
    Terminal* self = nullptr;
    el_get(line, EL_CLIENTDATA, &self);
    return self->prompt.data();
  }

  std::string prompt;
  EditLine* line;
  History* history;
};

LineEditor::LineEditor() : interactive_(::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO)) {
  if (!interactive_) return;
  std::setlocale(LC_CTYPE, "C.UTF-8");  // letters of more than one byte are edited whole
  terminal_ = std::make_unique<Terminal>();
}

LineEditor::~LineEditor() = default;

std::optional<std::string> LineEditor::from_pipe() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::optional<std::string> LineEditor::next(const std::string& prompt) {
  broken_off_ = false;
  if (!terminal_) return from_pipe();
  terminal_->prompt = prompt;
  int count = 0;
  const char* read = el_gets(terminal_->line, &count);
  if (stop_requested() == 130) {
    broken_off_ = true;
    el_reset(terminal_->line);
    std::puts("");
    return "";
  }
  if (!read || count <= 0) return std::nullopt;
  std::string line(read, static_cast<std::size_t>(count));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  HistEvent event;
  if (!line.empty()) ::history(terminal_->history, &event, H_ENTER, line.c_str());
  return line;
}

}  // namespace hft
