// hft generate --stream: one JSON line a token, or the text itself, while it is made.
#pragma once

#include <optional>
#include <string>

#include "core/generation/text_stream.h"
#include "tasks/run/generation_worker.h"
#include "tasks/run/output_file.h"
#include "tasks/run/text_generator.h"

namespace hft {

class TokenStream : public Sink {
 public:
  // `several`: lines of JSON say which input they belong to.
  TokenStream(const TextGenerator& generator, bool json, bool several)
      : generator_(generator), json_(json), several_(several), out_("") {}

  // A new input, whose text is shown before what is made; exact: as of a TextStream.
  void begin(const TokenIds& prompt, const std::string& shown, bool exact);
  void add(std::int32_t id, const TokenLog* log);
  // The input's turn is over: the rest, and how it ended.
  void write(const Input& input, Json generated) override;
  void write_error(const Input& input, const Error& error) override;
  int finish() override;

 private:
  void show(Json line);
  const TextGenerator& generator_;
  bool json_, several_;
  std::int64_t index_ = 0;
  OutputFile out_;
  std::optional<TextStream> text_;
  Failures failures_;
};

}  // namespace hft
