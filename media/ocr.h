// What is written in a picture, word by word: libtesseract, which lives in libhft_ocr.so, opened
// when a page is read: linked to the program, it and what it links would cost every command its
// start.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "media/image.h"

namespace hft::media {

// What the tesseract program takes on its command line.
struct OcrOptions {
  std::string languages = "eng";                               // "eng+deu"
  int segmentation = 3, engine = 3;                            // --psm, --oem
  std::string data;                                            // --tessdata-dir; "": its own
  std::vector<std::pair<std::string, std::string>> variables;  // -c, --dpi and the like
  std::vector<std::string> configs;                            // files of variables
};

// Of --lang and of the flags in one text, as a shell parts them ("--psm 6 -c load_system_dawg=0").
// Throws kUsage for what the tesseract program would refuse.
OcrOptions ocr_options(const std::string& languages, std::string_view flags);

class OcrBackend {
 public:
  virtual ~OcrBackend() = default;
  // The program's table (TSV) of one picture; from any thread. Throws kUnsupported for a language
  // whose data is not installed.
  virtual std::string table(const Image& image, const OcrOptions& options) const = 0;
};

// Opens libhft_ocr.so on first use.
const OcrBackend& ocr_backend();

}  // namespace hft::media
