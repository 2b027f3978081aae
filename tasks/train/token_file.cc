#include "tasks/train/token_file.h"

#include <array>
#include <bit>
#include <cstring>

#include "core/base/digest.h"
#include "core/base/error.h"

namespace hft {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;
constexpr std::string_view kMagic = "hfttok01";
constexpr std::size_t kEndBytes = 32 + sizeof(std::uint64_t) + kMagic.size();  // digest, size, magic
constexpr std::int32_t kAsIds = -1;  // classes are the ids themselves

// The words of an example begin with the lengths of its lists.
enum Length { kIds, kTypes, kClasses, kSource, kTargets, kOthers, kLengths };

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::int32_t count_of(const auto& list) { return static_cast<std::int32_t>(list.size()); }

}  // namespace

void TokenFileWriter::put(const void* bytes, std::size_t size) {
  const char* from = static_cast<const char*>(bytes);
  while (size > 0) {
    const std::size_t some = std::min(size, kBlockBytes - block_.size());
    block_.append(from, some);
    from += some;
    size -= some;
    if (block_.size() == kBlockBytes) end_block();
  }
}

void TokenFileWriter::end_block() {
  if (block_.empty()) return;
  digests_.push_back(digest_of(block_).text());
  file_.write(block_);
  block_.clear();
}

void TokenFileWriter::add(const TrainExample& e) {
  const bool same = !e.ids.empty() && e.classes == e.ids;
  std::vector<std::int32_t> words{count_of(e.ids),    count_of(e.type_ids),
                                  same ? kAsIds : count_of(e.classes),
                                  count_of(e.source), count_of(e.targets), count_of(e.others)};
  for (const auto& other : e.others) words.push_back(count_of(other));
  const auto append = [&](const auto& list) { words.insert(words.end(), list.begin(), list.end()); };
  append(e.ids);
  append(e.type_ids);
  if (!same) append(e.classes);
  append(e.source);
  for (const float target : e.targets) words.push_back(std::bit_cast<std::int32_t>(target));
  for (const auto& other : e.others) append(other);
  put(words.data(), words.size() * sizeof words[0]);
  begins_.push_back(begins_.back() + words.size());
}

void TokenFileWriter::finish(const Json& about) {
  if (begins_.back() % 2 == 1) {  // what follows are numbers of 64 bits
    constexpr std::int32_t kNothing = 0;
    put(&kNothing, sizeof kNothing);
  }
  put(begins_.data(), begins_.size() * sizeof begins_[0]);
  end_block();
  const Json all{{"about", about}, {"count", begins_.size() - 1}, {"blocks", digests_}};
  const std::string text = all.dump();
  const std::uint64_t size = text.size();
  file_.write(text + digest_of(text).text() +
              std::string(reinterpret_cast<const char*>(&size), sizeof size) + std::string(kMagic));
  file_.commit();
}

Examples::Examples(const std::filesystem::path& file)
    : file_(std::make_shared<const MappedFile>(file)) {
  const std::string_view bytes = text_of(file_->bytes());
  const auto damaged = [&] { fail(Errc::kBadData, file.string(), ": is not as it was written"); };
  if (bytes.size() < kEndBytes || !bytes.ends_with(kMagic)) damaged();
  const std::string_view end = bytes.substr(bytes.size() - kEndBytes);
  std::uint64_t size = 0;
  std::memcpy(&size, end.data() + 32, sizeof size);
  if (size > bytes.size() - kEndBytes) damaged();
  const std::string_view text = bytes.substr(bytes.size() - kEndBytes - size, size);
  if (digest_of(text).text() != end.substr(0, 32)) damaged();
  const Json all = parse_json(text, file.string());
  const std::string_view data = bytes.substr(0, bytes.size() - kEndBytes - size);
  const Json& blocks = all["blocks"];
  const std::size_t count = all["count"].get<std::size_t>() + 1, index = count * sizeof begins_[0];
  if (blocks.size() != (data.size() + kBlockBytes - 1) / kBlockBytes || index > data.size())
    damaged();
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (digest_of(data.substr(i * kBlockBytes, kBlockBytes)).text() != blocks[i]) damaged();
  begins_ = {reinterpret_cast<const std::uint64_t*>(data.data() + data.size() - index), count};
  about_ = all["about"];
  about_["blocks"] = blocks;
}

std::span<const std::int32_t> Examples::words(std::size_t i) const {
  const auto* all = reinterpret_cast<const std::int32_t*>(file_->bytes().data());
  return {all + begins_[i], all + begins_[i + 1]};
}

std::size_t Examples::length(std::size_t i) const {
  const auto lengths = words(i);
  return static_cast<std::size_t>(std::max(lengths[kIds], lengths[kSource]));
}

TrainExample Examples::operator[](std::size_t i) const {
  const auto all = words(i);
  std::size_t at = kLengths + all[kOthers];
  const auto next = [&](std::int32_t count) {
    const auto list = all.subspan(at, count);
    at += count;
    return std::vector<std::int32_t>(list.begin(), list.end());
  };
  TrainExample e{.ids = next(all[kIds]), .type_ids = next(all[kTypes])};
  e.classes = all[kClasses] == kAsIds ? e.ids : next(all[kClasses]);
  e.source = next(all[kSource]);
  for (const std::int32_t word : next(all[kTargets])) e.targets.push_back(std::bit_cast<float>(word));
  for (std::int32_t other = 0; other < all[kOthers]; ++other)
    e.others.push_back(next(all[kLengths + other]));
  if (!shown_.empty()) e.shown = shown_[i];
  return e;
}

std::string Examples::digest() const {
  std::string all = about_.is_null() ? "" : about_["blocks"].dump();
  for (const auto& show : shown_) {
    const Shown shown = show();
    const auto& numbers = shown.picture ? shown.picture->data : shown.sound->data;
    all += digest_of({reinterpret_cast<const char*>(numbers.data()), numbers.size() * 4}).text();
  }
  return digest_of(all).text();
}

}  // namespace hft
