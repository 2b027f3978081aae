#include "hub/fetch.h"

#include <charconv>
#include <optional>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/client.h"

namespace hft::hub {
namespace {

// After so many new bytes the tries are counted from anew.
constexpr std::int64_t kProgressBytes = 64 * 1024;

std::string get(const Headers& headers, const char* name) {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// "bytes 5-9/10": begins at `start`, ends with the file, whose size is as wanted.
bool fits_range(const std::string& range, std::int64_t start, std::int64_t size) {
  const auto dash = range.find('-'), slash = range.find('/');
  if (!range.starts_with("bytes ") || dash == range.npos || slash == range.npos || slash < dash)
    return false;
  const auto first = number(std::string_view(range).substr(6, dash - 6));
  const auto last = number(std::string_view(range).substr(dash + 1, slash - dash - 1));
  const auto total = number(std::string_view(range).substr(slash + 1));
  return first == start && last && total && *last + 1 == *total && (size < 0 || *total == size);
}

// One GET, whose bytes go to the partial. What the answer's head forbids is said in `fault`.
class Download {
 public:
  Download(const Source& source, const RepoFile& wanted, Partial& partial, Meter& meter)
      : source_(source), wanted_(wanted), partial_(partial), meter_(meter) {}

  // "" = every byte is there; else what came is not what was wanted, and the partial is empty
  // again. Throws Transient for an answer that broke off: the next try goes on from there.
  std::string run(Http& http) {
    const std::int64_t start = partial_.size();
    Request request;
    request.url = file_path(source_.repo_id, source_.commit, wanted_.name);
    if (start > 0) request.headers.push_back("Range: bytes=" + std::to_string(start) + "-");
    request.on_head = [&](const Reply& reply) { return accept(reply, start); };
    request.on_body = [&](std::span<const char> bytes) { return take(bytes); };
    const Reply reply = http.once(request);
    if (reply.is_expired())
      throw Transient(reply.url + ": the storage answered " + std::to_string(reply.status) +
                      "; its signed address may have expired");
    if (fault_.empty() && reply.status != 416) {
      check_status(http, reply, source_.repo_id,
                   source_.repo_id + "@" + source_.commit.substr(0, 7) + ": " + wanted_.name);
      if (wanted_.size >= 0 && partial_.size() < wanted_.size)
        throw Transient(wanted_.name + ": the answer ended after " + human_bytes(partial_.size()) +
                        " of " + human_bytes(wanted_.size));
    }
    if (!fault_.empty()) drop();
    return fault_;
  }

  void drop() {
    meter_.bytes -= partial_.size();
    partial_.restart();
  }

 private:
  bool accept(const Reply& reply, std::int64_t start) {
    const int status = reply.status;
    const Headers& headers = reply.headers;
    const std::string encoding = get(headers, "content-encoding"),
                      range = get(headers, "content-range");
    const auto length = number(get(headers, "content-length"));
    if (status == 416) fault_ = "the Hub has no bytes after " + std::to_string(start);
    if (status != 200 && status != 206) return status != 416;  // of others, the text says why
    check_file_headers(reply.hub_headers, wanted_, source_.commit);
    if (!encoding.empty() && encoding != "identity")
      fault_ =
          "the answer is compressed (" + escape_controls(encoding) + "), which was not asked for";
    else if (status == 206 && (start == 0 || !fits_range(range, start, wanted_.size)))
      fault_ = "asked for the bytes from " + std::to_string(start) + " of " +
               std::to_string(wanted_.size) + ", got '" + escape_controls(range) + "'";
    else if (status == 200 && length && wanted_.size >= 0 && *length != wanted_.size)
      fault_ = "the answer has " + std::to_string(*length) + " bytes, wanted " +
               std::to_string(wanted_.size);
    if (!fault_.empty()) return false;
    if (status == 200 && start > 0) drop();  // the range was ignored: all comes again
    return true;
  }

  bool take(std::span<const char> bytes) {
    const auto n = static_cast<std::int64_t>(bytes.size());
    if (wanted_.size >= 0 && partial_.size() + n > wanted_.size) {
      fault_ = "more bytes came than the " + std::to_string(wanted_.size) + " wanted";
      return false;
    }
    partial_.append(bytes);
    meter_.bytes += n;
    meter_.show(wanted_.name, partial_.size(), wanted_.size);
    return true;
  }

  const Source& source_;
  const RepoFile& wanted_;
  Partial& partial_;
  Meter& meter_;
  std::string fault_;
};

// Until every byte is there; the fault of the last answer, as Download::run.
std::string fetch_all(Http& http, const Source& source, const RepoFile& wanted, Partial& partial,
                      Meter& meter) {
  Patience patience(http.settings().retry_s);
  while (true) {
    const std::int64_t before = partial.size();
    try {
      if (wanted.size >= 0 && partial.size() == wanted.size) return "";
      return Download(source, wanted, partial, meter).run(http);
    } catch (const Transient& problem) {
      if (partial.size() - before >= kProgressBytes) patience.progress();
      patience.after(problem);
    }
  }
}

}  // namespace

void Meter::show(const std::string& name, std::int64_t done, std::int64_t size) {
  const std::lock_guard lock(mutex_);
  name_ = name;
  done_ = done;
  size_ = size;
}

std::string Meter::current() const {
  const std::lock_guard lock(mutex_);
  if (size_ <= 0) return name_;
  return name_ + " " + std::to_string(100 * done_ / size_) + " %";
}

void fetch(Http& http, const Source& source, const RepoFile& wanted, Partial& partial,
           Meter& meter) {
  for (int round = 1;; ++round) {
    std::string fault = fetch_all(http, source, wanted, partial, meter);
    if (fault.empty()) {
      const std::string got = partial.digest();
      if (got == wanted.digest) break;
      fault = std::string("its ") + (got.size() == 64 ? "sha256" : "git sha1") + " is " + got +
              ", wanted " + wanted.digest;
      Download(source, wanted, partial, meter).drop();
    }
    if (round == 2) {
      partial.remove();
      fail_hint(Errc::kNetwork,
                "the Hub, or something between, changes the file; nothing was stored", wanted.name,
                ": ", fault);
    }
    note(wanted.name + ": " + fault + "; fetching it once more");
  }
  partial.sync();
}

}  // namespace hft::hub
