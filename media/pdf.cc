#include "media/pdf.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/signals.h"
#include "core/base/text.h"

namespace hft::media {
namespace {

constexpr const char* kDotsPerInch = "200";  // pdf2image's
constexpr std::uint64_t kMemory = 4096ull * limits::kMiB;
constexpr std::size_t kSignature = 8, kChunkHead = 8, kChunkSum = 4;  // of a PNG file, in bytes
constexpr std::size_t kMessage = 4096;
constexpr int kPatienceMs = 200;

std::size_t chunk_size(std::string_view head) {
  std::size_t size = 0;
  for (const char c : head.substr(0, 4)) size = size << 8 | static_cast<unsigned char>(c);
  return size;
}

// A page may take long to draw; false: the program was asked to stop meanwhile.
bool wait_for(int fd) {
  pollfd one{fd, POLLIN, 0};
  while (!stop_requested())
    if (::poll(&one, 1, kPatienceMs) > 0) return true;
  return false;
}

}  // namespace

bool is_pdf(std::string_view head) { return head.starts_with("%PDF-"); }

PdfPages::PdfPages(Descriptor document, int only) : errors_(file_of("")) {
  std::vector<std::string> arguments{"pdftoppm", "-r", kDotsPerInch, "-png"};
  if (only > 0)
    for (const char* flag : {"-f", "-l"}) {
      arguments.emplace_back(flag);
      arguments.push_back(std::to_string(only));
    }
  arguments.emplace_back("-");
  Pipe pipe = make_pipe();
  program_ = Program(arguments, {document.get(), pipe.in.get(), errors_.get()}, kMemory);
  if (!program_.there())
    fail_hint(Errc::kUnsupported, "install poppler-utils, or give the pages as pictures",
              "is a PDF document, and the pdftoppm program, which draws its pages, is not there");
  pages_ = std::move(pipe.out);
}

bool PdfPages::read(std::size_t count, std::string& to) {
  const std::size_t before = to.size();
  to.resize(before + count);
  for (std::size_t have = 0; have < count;) {
    if (!wait_for(pages_.get())) return false;
    const ssize_t n = ::read(pages_.get(), to.data() + before + have, count - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    have += static_cast<std::size_t>(n);
  }
  return true;
}

std::optional<std::string> PdfPages::next() {
  std::string page;
  if (read(kSignature, page)) {
    if (!read_chunks(page)) {
      if (stop_requested()) return std::nullopt;
      fail(Errc::kBadData, "pdftoppm stopped: ", last_message());
    }
    any_ = true;
    return page;
  }
  if (stop_requested() || (program_.wait() == 0 && any_)) return std::nullopt;
  fail(Errc::kBadData, any_ ? "pdftoppm stopped: " : "pdftoppm cannot draw it: ", last_message());
}

// Up to the one that ends a PNG file.
bool PdfPages::read_chunks(std::string& page) {
  for (std::string_view type; type != "IEND";) {
    const std::size_t at = page.size();
    if (!read(kChunkHead, page)) return false;
    const std::size_t size = chunk_size(std::string_view(page).substr(at));
    if (page.size() + size > static_cast<std::size_t>(limits::kImageBytes))
      fail(Errc::kBadData, "a page is over the limit of ", human_bytes(limits::kImageBytes));
    if (!read(size + kChunkSum, page)) return false;
    type = std::string_view(page).substr(at + 4, 4);
  }
  return true;
}

std::string PdfPages::last_message() {
  program_.wait();
  std::string text(kMessage, '\0');
  const off_t end = ::lseek(errors_.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(end - static_cast<off_t>(kMessage), 0);
  const ssize_t n = ::pread(errors_.get(), text.data(), text.size(), from);
  text = trimmed(text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(n, 0))));
  text = escape_controls(text.substr(text.rfind('\n') + 1));
  if (text.empty()) return any_ ? "it ended early" : "it has no pages";
  return text;
}

}  // namespace hft::media
