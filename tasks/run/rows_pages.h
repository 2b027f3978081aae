// A document of several pages as as many inputs, each with the picture of a page: "x.pdf#page=3"
// (RFC 8118), which may also be given itself.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "media/pdf.h"
#include "tasks/run/rows.h"

namespace hft {

class PageRows : public RowSource {
 public:
  // Null where the input is no PDF document, or its task takes none.
  static std::unique_ptr<PageRows> of(const InputOptions& options, const Input& input);
  // What cannot be read is one input with the error, after which there is none.
  std::optional<Input> next() override;

 private:
  PageRows(const InputOptions& options, Input input, std::string name, int only)
      : options_(options), input_(std::move(input)), name_(std::move(name)), only_(only) {}

  const InputOptions& options_;
  Input input_;
  std::string name_;  // of the document
  int only_;          // that page; 0: all
  std::optional<media::PdfPages> pages_;
  int number_ = 0;
  bool ended_ = false;
};

}  // namespace hft
