#include "tasks/run/rows_pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "hub/url.h"
#include "tasks/run/input_of.h"

namespace hft {
namespace {

constexpr std::string_view kPage = "#page=";
constexpr std::size_t kHead = 8;

// A file with that head, which is read from its start; not open where there is none.
Descriptor open_document(const std::string& file) {
  std::error_code error;
  if (file.size() >= 4096 || !std::filesystem::is_regular_file(file, error)) return Descriptor();
  Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  char head[kHead];
  const ssize_t n = opened.get() < 0 ? -1 : ::pread(opened.get(), head, kHead, 0);
  const bool pdf = n > 0 && media::is_pdf({head, static_cast<std::size_t>(n)});
  return pdf ? std::move(opened) : Descriptor();
}

// Known by what it is called, so that it need not be fetched to be known.
bool is_document_source(const std::string& source) {
  if (source.starts_with("data:application/pdf")) return true;
  return hub::is_url(source) && lowercase(source.substr(0, source.find('?'))).ends_with(".pdf");
}

}  // namespace

std::unique_ptr<PageRows> PageRows::of(const InputOptions& options, const Input& input) {
  if (options.columns[0].kind != Kind::kPage || input.error || !input.has(0)) return nullptr;
  const Media& media = std::get<Media>(*input.values[0]);
  std::string name = media.source;
  int only = 0;
  if (const auto at = name.rfind(kPage); at != std::string::npos) {
    const char *first = name.data() + at + kPage.size(), *last = name.data() + name.size();
    const auto [end, failed] = std::from_chars(first, last, only);
    if (failed != std::errc() || end != last || only < 1) only = 0;
    if (only > 0) name.resize(at);
  }
  const bool document = media.bytes ? media::is_pdf(*media.bytes)
                                    : open_document(name).get() >= 0 || is_document_source(name);
  if (!document) return nullptr;
  return std::unique_ptr<PageRows>(new PageRows(options, input, std::move(name), only));
}

std::optional<Input> PageRows::next() {
  if (ended_) return std::nullopt;
  try {
    if (!pages_) {
      const auto& bytes = std::get<Media>(*input_.values[0]).bytes;
      Descriptor file = bytes ? file_of(*bytes) : open_document(name_);
      if (file.get() < 0) file = file_of(bytes_of({name_}, limits::kImageBytes));
      pages_.emplace(std::move(file), only_);
    }
    auto picture = pages_->next();
    if (!picture) return std::nullopt;
    ++number_;
    std::string name = name_ + std::string(kPage) + std::to_string(only_ > 0 ? only_ : number_);
    return with_value(
        options_, input_,
        Media{std::move(name), std::make_shared<const std::string>(*std::move(picture))});
  } catch (const Error& e) {
    ended_ = true;
    Input failed = input_;
    failed.error = Error(e.code, name_ + ": " + e.message, e.hint);
    return failed;
  }
}

}  // namespace hft
