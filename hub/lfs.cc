#include "hub/lfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "hub/client.h"
#include "hub/parallel.h"

namespace hft::hub {
namespace {

constexpr std::size_t kBatch = 100;
constexpr const char* kLfsJson = "application/vnd.git-lfs+json";

[[noreturn]] void malformed(const std::string& what) {
  fail(Errc::kNetwork, "the Hub's upload instructions are malformed: ", what);
}

// What the Hub wants done with one file.
struct Order {
  const LocalFile* file = nullptr;
  std::string upload, verify;   // addresses; upload "" = the Hub has it
  std::int64_t part_bytes = 0;  // 0 = in one piece
  std::map<int, std::string> parts;
  std::vector<std::string> headers;
};

// A header of the Hub's for the storage: no more than one line.
void add_header(Order& order, const std::string& name, const std::string& value) {
  if ((name + value).find_first_of("\r\n") != std::string::npos) malformed("a header of two lines");
  order.headers.push_back(name + ": " + value);
}

Order parse_order(const nlohmann::json& object, const LocalFile& file) {
  Order order;
  order.file = &file;
  if (object.contains("error"))
    fail(Errc::kNetwork, file.name,
         ": the Hub does not take it: ", escape_controls(text_of(object["error"], "message")));
  const auto actions = object.find("actions");
  if (actions == object.end() || actions->is_null() || !actions->contains("upload")) return order;
  const auto& upload = (*actions)["upload"];
  order.upload = upload.at("href").get<std::string>();
  if (actions->contains("verify"))
    order.verify = (*actions)["verify"].at("href").get<std::string>();
  const auto header = upload.value("header", nlohmann::json::object());
  for (const auto& [name, value] : header.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (name == "chunk_size")
      order.part_bytes = std::atoll(text.c_str());
    else if (!name.empty() && std::all_of(name.begin(), name.end(), ::isdigit))
      order.parts[std::atoi(name.c_str())] = text;
    else
      add_header(order, name, text);
  }
  if (header.contains("chunk_size")) {
    const auto needed =
        order.part_bytes > 0 ? (file.size + order.part_bytes - 1) / order.part_bytes : -1;
    if (needed != static_cast<std::int64_t>(order.parts.size()))
      malformed("the parts do not make the file");
  }
  return order;
}

class Descriptor {
 public:
  explicit Descriptor(const LocalFile& file)
      : fd_(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {
    if (fd_ < 0)
      fail(Errc::kResources, file.path.string(), ": cannot read: ", std::strerror(errno));
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class Sender {
 public:
  Sender(Http& http, const std::string& repo_id, Meter& meter)
      : http_(http), repo_id_(repo_id), meter_(meter) {}

  void send(const Order& order) {
    const Descriptor fd(*order.file);
    if (order.part_bytes == 0)
      put(order, fd, {order.upload, 0, order.file->size, order.headers});
    else
      send_parts(order, fd);
    check_unchanged(*order.file);
    if (!order.verify.empty())
      post(order, order.verify, {{"oid", order.file->sha256}, {"size", order.file->size}},
           "application/json");
    ++meter_.files_done;
  }

 private:
  void send_parts(const Order& order, const Descriptor& fd) {
    Json parts = Json::array();
    for (const auto& [number, address] : order.parts) {
      const std::int64_t start = (number - 1) * order.part_bytes;
      if (start < 0 || start >= order.file->size) malformed("part " + std::to_string(number));
      const auto bytes = std::min(order.part_bytes, order.file->size - start);
      const std::string etag = put(order, fd, {address, start, bytes}).header("etag");
      if (etag.empty()) malformed("no etag for part " + std::to_string(number));
      parts.push_back({{"partNumber", number}, {"etag", etag}});
    }
    post(order, order.upload, {{"oid", order.file->sha256}, {"parts", parts}}, kLfsJson);
  }

  // A stretch of the file, and where it goes.
  struct Part {
    std::string address;
    std::int64_t start, bytes;
    std::vector<std::string> headers{};
  };

  Reply put(const Order& order, const Descriptor& fd, const Part& part) {
    Request request;
    request.method = "PUT";
    request.url = part.address;
    request.headers = part.headers;
    request.file = fd.get();
    request.file_offset = part.start;
    request.file_bytes = part.bytes;
    request.slow_answer = true;
    std::int64_t counted = 0;
    request.on_sent = [&](std::int64_t sent) {
      meter_.bytes += sent - counted;
      counted = sent;
      meter_.show(order.file->name, part.start + sent, order.file->size);
    };
    const Reply reply = http_.send(request);
    if (reply.is_expired()) {
      meter_.bytes -= counted;
      throw Transient(order.file->name + ": the storage answered " + std::to_string(reply.status) +
                      "; its signed address may have expired");
    }
    check_status(http_, reply, repo_id_, order.file->name);
    meter_.bytes += part.bytes - counted;
    return reply;
  }

  void post(const Order& order, const std::string& address, const Json& body, const char* type) {
    const std::string text = to_line(body);
    Request request;
    request.method = "POST";
    request.url = address;
    request.headers = {std::string("Content-Type: ") + type, std::string("Accept: ") + type};
    request.body = text;
    request.slow_answer = true;
    check_status(http_, http_.send(request), repo_id_, order.file->name);
  }

  Http& http_;
  const std::string& repo_id_;
  Meter& meter_;
};

// What to do with each of `files`, which are at most kBatch.
std::vector<Order> ask(Http& http, const std::string& repo_id, const std::string& revision,
                       std::span<const LocalFile* const> files) {
  Json objects = Json::array();
  for (const LocalFile* file : files)
    objects.push_back({{"oid", file->sha256}, {"size", file->size}});
  const std::string body = to_line({{"operation", "upload"},
                                    {"transfers", {"basic", "multipart"}},
                                    {"objects", objects},
                                    {"hash_algo", "sha256"},
                                    {"ref", {{"name", revision}}}});
  Request request;
  request.method = "POST";
  request.url = "/" + repo_id + ".git/info/lfs/objects/batch";
  request.headers = {std::string("Content-Type: ") + kLfsJson, std::string("Accept: ") + kLfsJson};
  request.body = body;
  request.slow_answer = true;
  const Reply reply = http.send(request);
  check_status(http, reply, repo_id, repo_id);
  std::vector<Order> orders;
  const auto answer = parse_answer(reply);
  for (const auto& object : answer.at("objects")) {
    const std::string oid = text_of(object, "oid");
    const auto found = std::find_if(files.begin(), files.end(),
                                    [&](const LocalFile* f) { return f->sha256 == oid; });
    if (found == files.end()) malformed("an object that was not asked for");
    orders.push_back(parse_order(object, **found));
  }
  return orders;
}

// Sends a file; when the addresses that were given for it have expired, new ones are asked for.
void send_anew(Http& http, const std::string& repo_id, const std::string& revision, Order order,
               Meter& meter) {
  for (Patience patience(http.settings().retry_s);;) try {
      return Sender(http, repo_id, meter).send(order);
    } catch (const Transient& problem) {
      patience.after(problem);
      const LocalFile* file = order.file;
      order = ask(http, repo_id, revision, {&file, 1}).at(0);
      if (order.upload.empty()) return;  // it is there after all
    }
}

}  // namespace

std::size_t upload_large(Http& http, const std::string& repo_id, const std::string& revision,
                         const std::vector<const LocalFile*>& all) {
  std::map<std::string, const LocalFile*> unique;
  for (const LocalFile* file : all) unique.emplace(file->sha256, file);
  std::vector<const LocalFile*> files;
  for (const auto& [oid, file] : unique) files.push_back(file);
  std::vector<Order> orders;
  try {
    for (std::size_t i = 0; i < files.size(); i += kBatch)
      for (Order& order : ask(http, repo_id, revision,
                              std::span(files).subspan(i, std::min(kBatch, files.size() - i))))
        if (!order.upload.empty()) orders.push_back(std::move(order));
  } catch (const nlohmann::json::exception& e) {
    malformed(e.what());
  }
  Meter meter;
  for (const Order& order : orders) meter.total += order.file->size;
  Progress progress("uploading to " + repo_id, "byte", meter.total);
  in_parallel(
      http.settings(), orders.size(),
      [&](Http& own, std::size_t i) { send_anew(own, repo_id, revision, orders[i], meter); },
      [&] {
        progress.update(meter.bytes, std::to_string(meter.files_done) + "/" +
                                         std::to_string(orders.size()) + " files, " +
                                         meter.current());
      });
  return orders.size();
}

}  // namespace hft::hub
