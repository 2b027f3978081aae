#include "core/checkpoint/save.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <thread>
#include <utility>

#include "core/base/json.h"
#include "core/checkpoint/cast.h"

namespace hft {
namespace {

using Tensors = std::vector<SavedTensor>;
using Step = std::function<void(std::int64_t)>;

// Runs of digits compare as numbers.
bool natural_less(std::string_view a, std::string_view b) {
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (!a.empty() && !b.empty()) {
    if (digit(a[0]) && digit(b[0])) {
      auto run = [&](std::string_view s) {
        const auto end = std::find_if_not(s.begin(), s.end(), digit);
        return s.substr(0, static_cast<std::size_t>(end - s.begin()));
      };
      const std::string_view x = run(a), y = run(b);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      a.remove_prefix(x.size());
      b.remove_prefix(y.size());
      continue;
    }
    if (a[0] != b[0]) return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]);
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() < b.size();
}

std::string header_of(const Tensors& tensors) {
  nlohmann::ordered_json header{{"__metadata__", {{"format", "pt"}}}};
  std::string text = header.dump();
  text.pop_back();
  std::int64_t at = 0;
  for (const SavedTensor& t : tensors) {
    const nlohmann::ordered_json entry{{"dtype", name_of(t.dtype)},
                                       {"shape", t.tensor.shape},
                                       {"data_offsets", {at, at + t.bytes()}}};
    text += "," + Json(t.name).dump() + ":" + entry.dump();
    at += t.bytes();
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// One piece of a tensor in its new type, worked on by every core.
class Caster {
 public:
  std::int64_t write(const SavedTensor& t, AtomicFile& file) {
    const auto from = static_cast<std::size_t>(bytes_of(t.tensor.dtype)),
               to = static_cast<std::size_t>(bytes_of(t.dtype));
    const auto count = static_cast<std::size_t>(t.tensor.count());
    std::int64_t lost = 0;
    for (std::size_t at = 0; at < count; at += kPiece) {
      const std::size_t size = std::min(kPiece, count - at);
      out_.resize(size * to);
      lost +=
          convert(t.tensor.bytes.subspan(at * from, size * from), t.tensor.dtype, t.dtype, size);
      file.write({reinterpret_cast<const char*>(out_.data()), out_.size()});
    }
    return lost;
  }

 private:
  static constexpr std::size_t kPiece = 4 << 20, kShare = 256 << 10;  // elements

  std::int64_t convert(std::span<const std::byte> in, Dtype from, Dtype to, std::size_t size) {
    const auto wide = static_cast<std::size_t>(bytes_of(from)),
               narrow = static_cast<std::size_t>(bytes_of(to));
    std::vector<std::int64_t> lost((size + kShare - 1) / kShare);
    const std::size_t cores =
        std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, lost.size());
    auto work = [&](std::size_t first) {
      for (std::size_t i = first; i < lost.size(); i += cores) {
        const std::size_t begin = i * kShare, count = std::min(kShare, size - begin);
        lost[i] =
            cast(in.subspan(begin * wide, count * wide), from, out_.data() + begin * narrow, to);
      }
    };
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 1; i < cores; ++i) threads.emplace_back(work, i);
      work(0);
    }
    std::int64_t sum = 0;
    for (std::int64_t n : lost) sum += n;
    return sum;
  }

  std::vector<std::byte> out_;
};

void write_safetensors(const fs::path& target, Tensors tensors, Saved& saved, std::int64_t& done,
                       const Step& step) {
  std::sort(tensors.begin(), tensors.end(), [](const SavedTensor& a, const SavedTensor& b) {
    return std::pair(layout_order(a.dtype), std::string_view(a.name)) <
           std::pair(layout_order(b.dtype), std::string_view(b.name));
  });
  const std::string header = header_of(tensors);
  std::string length;
  for (std::size_t i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> 8 * i & 0xff);
  AtomicFile file(target);
  file.write(length + header);
  Caster caster;
  for (const SavedTensor& t : tensors) {
    if (t.dtype == t.tensor.dtype)
      file.write({reinterpret_cast<const char*>(t.tensor.bytes.data()), t.tensor.bytes.size()});
    else if (caster.write(t, file) > 0)
      saved.overflowed.push_back(t.name);
    step(++done);
  }
  file.commit();
  ++saved.files;
}

// As the reference shares them out: in order, a new shard when the next tensor would not fit.
std::vector<Tensors> shards_of(Tensors tensors, std::int64_t max_bytes) {
  std::vector<Tensors> shards;
  Tensors current;
  std::int64_t bytes = 0;
  for (SavedTensor& t : tensors) {
    const std::int64_t size = t.bytes();
    if (size > max_bytes) {
      shards.emplace_back().push_back(std::move(t));
      continue;
    }
    if (bytes + size > max_bytes) {
      shards.push_back(std::exchange(current, {}));
      bytes = 0;
    }
    bytes += size;
    current.push_back(std::move(t));
  }
  if (!current.empty()) shards.push_back(std::move(current));
  return shards;
}

}  // namespace

Saved save_checkpoint(const fs::path& folder, Tensors tensors, std::int64_t max_shard_bytes,
                      const Step& step) {
  std::sort(tensors.begin(), tensors.end(), [](const SavedTensor& a, const SavedTensor& b) {
    return natural_less(a.name, b.name);
  });
  Saved saved;
  std::int64_t parameters = 0, done = 0;
  for (const SavedTensor& t : tensors) {
    saved.bytes += t.bytes();
    parameters += t.tensor.count();
  }
  auto shards = shards_of(std::move(tensors), max_shard_bytes);
  if (shards.size() <= 1) {
    write_safetensors(folder / "model.safetensors",
                      shards.empty() ? Tensors() : std::move(shards[0]), saved, done, step);
    return saved;
  }
  nlohmann::json index{
      {"metadata", {{"total_parameters", parameters}, {"total_size", saved.bytes}}}};
  for (std::size_t i = 0; i < shards.size(); ++i) {
    char name[64];
    std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
    for (const SavedTensor& t : shards[i]) index["weight_map"][t.name] = name;
    write_safetensors(folder / name, std::move(shards[i]), saved, done, step);
  }
  write_file(folder / "model.safetensors.index.json", index.dump(2) + "\n");
  return saved;
}

void save_tensors(const fs::path& file, Tensors tensors) {
  Saved saved;
  std::int64_t done = 0;
  write_safetensors(file, std::move(tensors), saved, done, [](std::int64_t) {});
}

}  // namespace hft
