// OcrBackend by libtesseract. Reference: tesseract.cpp and renderer.cpp of the program, 5.3.
#include <leptonica/allheaders.h>
#include <tesseract/baseapi.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "core/base/error.h"
#include "core/base/text.h"
#include "media/ocr.h"

namespace hft::media {
namespace {

using Reader = tesseract::TessBaseAPI;

constexpr int kMostSide = 32767;  // INT16_MAX, the library's own

struct PixDeleter {
  void operator()(Pix* pix) const { pixDestroy(&pix); }
};

// As leptonica has an RGB picture read from a file without a resolution.
std::unique_ptr<Pix, PixDeleter> pix_of(const Image& image) {
  std::unique_ptr<Pix, PixDeleter> pix(pixCreate(image.width, image.height, 32));
  if (!pix) fail(Errc::kResources, "out of memory");
  const std::uint8_t* from = image.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    l_uint32* line = pixGetData(pix.get()) + static_cast<std::ptrdiff_t>(y) * pixGetWpl(pix.get());
    for (int x = 0; x < image.width; ++x, from += 3)
      composeRGBPixel(from[0], from[1], from[2], line + x);
  }
  return pix;
}

[[noreturn]] void fail_without(const std::string& language) {
  fail_hint(Errc::kUnsupported,
            "install its data (tesseract-ocr-" + language +
                "), name its folder in TESSDATA_PREFIX, or give the words with --word-boxes",
            "tesseract has no data of the language '", language, "'");
}

// A language among others that was not found is left out by the library, with a message that nobody
// reads.
void check_languages(const Reader& reader, const std::string& wanted) {
  std::vector<std::string> loaded;
  reader.GetLoadedLanguagesAsVector(&loaded);
  for (const std::string& language : split(wanted, '+'))
    if (!language.starts_with('~') && std::ranges::find(loaded, language) == loaded.end())
      fail_without(language);
}

std::unique_ptr<Reader> make_reader(const OcrOptions& o) {
  auto reader = std::make_unique<Reader>();
  reader->SetVariable("debug_file", "/dev/null");
  std::vector<std::string> names, values;
  for (const auto& [name, value] : o.variables) {
    names.push_back(name);
    values.push_back(value);
  }
  std::vector<char*> configs;
  for (const std::string& config : o.configs) configs.push_back(const_cast<char*>(config.c_str()));
  const int failed = reader->Init(o.data.empty() ? nullptr : o.data.c_str(), o.languages.c_str(),
                                  static_cast<tesseract::OcrEngineMode>(o.engine), configs.data(),
                                  static_cast<int>(configs.size()), &names, &values, false);
  if (failed && o.engine != OcrOptions().engine)
    fail(Errc::kUnsupported, "tesseract cannot start with --oem ", o.engine, " and the data of '",
         o.languages, "'");
  if (failed) fail_without(o.languages);
  check_languages(*reader, o.languages);
  for (const auto& [name, value] : o.variables)
    if (!reader->SetVariable(name.c_str(), value.c_str()))
      fail(Errc::kUsage, "--tesseract-config: tesseract has no variable '", name, "'");
  if (reader->GetPageSegMode() == tesseract::PSM_SINGLE_BLOCK)  // else a variable said so
    reader->SetPageSegMode(static_cast<tesseract::PageSegMode>(o.segmentation));
  return reader;
}

// Readers take long to be made; those that are not in use are kept.
class Tesseract : public OcrBackend {
 public:
  Tesseract() { setMsgSeverity(L_SEVERITY_NONE); }

  std::string table(const Image& image, const OcrOptions& options) const override {
    if (std::max(image.width, image.height) > kMostSide)
      fail(Errc::kBadData, "the page has ", image.width, " x ", image.height,
           " pixels, but tesseract reads at most ", kMostSide, " a side");
    std::unique_ptr<Reader> reader = take(options);
    const auto pix = pix_of(image);
    reader->SetImage(pix.get());
    std::unique_ptr<char[]> text;
    if (reader->Recognize(nullptr) == 0) text.reset(reader->GetTSVText(0));
    if (!text) fail(Errc::kFailure, "tesseract cannot read the picture");
    reader->Clear();
    reader->ClearAdaptiveClassifier();  // a page is read alike whatever was read before it
    give_back(options, std::move(reader));
    return text.get();
  }

 private:
  using Key =
      std::tuple<std::string, int, int, std::string,
                 std::vector<std::pair<std::string, std::string>>, std::vector<std::string>>;
  static Key key_of(const OcrOptions& o) {
    return {o.languages, o.segmentation, o.engine, o.data, o.variables, o.configs};
  }
  std::unique_ptr<Reader> take(const OcrOptions& options) const {
    {
      const std::scoped_lock lock(mutex_);
      auto& idle = idle_[key_of(options)];
      if (!idle.empty()) {
        auto reader = std::move(idle.back());
        idle.pop_back();
        return reader;
      }
    }
    return make_reader(options);
  }
  void give_back(const OcrOptions& options, std::unique_ptr<Reader> reader) const {
    const std::scoped_lock lock(mutex_);
    idle_[key_of(options)].push_back(std::move(reader));
  }

  mutable std::mutex mutex_;
  mutable std::map<Key, std::vector<std::unique_ptr<Reader>>> idle_;
};

}  // namespace

extern "C" const OcrBackend* hft_ocr() {
  static const auto* backend = new Tesseract;  // never ended: the library has threads of its own
  return backend;
}

}  // namespace hft::media
