#include "tasks/text/generate_stream.h"

#include "tasks/run/drawing.h"
#include "tasks/text/token_logs.h"

namespace hft {

void TokenStream::show(Json line) {
  if (several_) line["index"] = index_;
  out_.write(to_line(line) + "\n");
  out_.flush();
}

void TokenStream::begin(const TokenIds& prompt, const std::string& shown, bool exact) {
  text_.emplace(generator_.tokenizer(), prompt, generator_.config().stop_strings, exact);
  if (json_ || shown.empty()) return;
  out_.write(shown);
  out_.flush();
}

void TokenStream::add(std::int32_t id, const TokenLog* log) {
  const std::string piece = text_->push(id);
  if (json_) {
    Json line{{"text", piece}, {"id", id}};
    if (log)
      line["logprob"] = number(log->logprob),
      line["top"] = log_record(generator_.tokenizer(), *log)["top"];
    show(std::move(line));
  } else if (!piece.empty()) {
    out_.write(for_stdout(piece));
    out_.flush();
  }
}

void TokenStream::write(const Input&, Json generated) {
  const std::string rest = text_->finish();
  if (!json_)
    out_.write(for_stdout(rest) + "\n");
  else if (!rest.empty())
    show({{"text", rest}});
  if (json_) show(std::move(generated));
  out_.flush();
  ++index_;
  failures_.succeeded();
}

void TokenStream::write_error(const Input& input, const Error& error) {
  failures_.add(input, error);
  ++index_;
}

int TokenStream::finish() {
  out_.flush();
  return failures_.exit_code();
}

}  // namespace hft
