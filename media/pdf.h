// Pages of a PDF document as pictures, by poppler's pdftoppm: a page after the other, as they are
// asked for.
#pragma once

#include <optional>
#include <string>

#include "core/base/program.h"

namespace hft::media {

class PdfPages {
 public:
  // `document` is read from its start. only: that page alone, counted from 1; 0: all.
  // Throws kUnsupported where pdftoppm is not there.
  PdfPages(Descriptor document, int only);
  // The next page, a PNG file; none at the end. Throws kBadData for what pdftoppm cannot read.
  std::optional<std::string> next();

 private:
  bool read(std::size_t count, std::string& to);
  bool read_chunks(std::string& page);
  std::string last_message();

  Program program_;
  Descriptor pages_, errors_;
  bool any_ = false;
};

// Begins like a PDF document.
bool is_pdf(std::string_view head);

}  // namespace hft::media
