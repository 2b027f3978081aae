// The tensors of a model folder: one file, or the shards named by its index; safetensors before
// PyTorch's own format, as the reference looks for them.
#include <algorithm>
#include <array>
#include <set>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/sorted_json.h"
#include "core/checkpoint/in_quotes.h"
#include "core/checkpoint/other_formats.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/torch_file.h"

namespace hft {
namespace {

// The two formats that weights may have: model.fp16.safetensors and its index, or
// pytorch_model.fp16.bin and its own.
struct WeightFormat {
  std::string_view stem, suffix;
  std::string whole(const std::string& variant) const {
    return std::string(stem) + variant + std::string(suffix);
  }
  std::string index(const std::string& variant) const {
    return std::string(stem) + std::string(suffix) + ".index" + variant + ".json";
  }
  StoredTensors open(const fs::path& file, Checksums checksums) const {
    return suffix == ".bin" ? open_torch_file(file, checksums) : open_safetensors(file).tensors;
  }
};
constexpr std::array kWeightFormats{WeightFormat{"model", ".safetensors"}, WeightFormat{"pytorch_model", ".bin"}};

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(file, ignored));
}

// A shard's name must be a plain name in the index's own folder, and of the index's format.
void check_shard_name(const std::string& name, std::string_view suffix) {
  bool plain = name.size() > suffix.size() && name.ends_with(suffix) &&
               std::none_of(name.begin(), name.end(), [](unsigned char c) {
                 return c == '/' || c == '\\' || c < 0x20 || c == 0x7f;
               });
  if (!plain)
    fail(Errc::kBadData, "weight_map: ", in_quotes(name), " is not the plain name of a ", suffix,
         " file");
}

// Tensor -> shard, as the index says.
std::map<std::string, std::string> read_weight_map(const nlohmann::json& json,
                                                   std::string_view suffix) {
  auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (map == json.end() || !map->is_object())
    fail(Errc::kBadData, "'weight_map' is missing, wanted an object");
  std::map<std::string, std::string> entries;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string())
      fail(Errc::kBadData, "weight_map: the shard of ", in_quotes(tensor), " is not a string");
    check_shard_name(shard.get<std::string>(), suffix);
    entries.emplace(tensor, shard.get<std::string>());
  }
  if (entries.empty()) fail(Errc::kBadData, "weight_map: names no tensor");
  return entries;
}

StoredTensors open_shards(const fs::path& folder, const fs::path& index, const WeightFormat& format,
                          Checksums checksums) {
  const nlohmann::json json =
      parse_sorted_json(read_file(index, limits::kJsonBytes), index.string(), true);
  auto entries = with_context(index.string(), [&] { return read_weight_map(json, format.suffix); });
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : entries) shards.insert(shard);
  for (const std::string& shard : shards)
    if (!is_there(folder / shard))
      fail(Errc::kNotFound, (folder / shard).string(), ": no such file, but ",
           index.filename().string(), " names it as a shard");
  StoredTensors tensors;
  for (const std::string& shard : shards) {
    for (auto& [name, tensor] : format.open(folder / shard, checksums)) {
      auto [there, fresh] = tensors.try_emplace(name, std::move(tensor));
      if (!fresh)
        fail(Errc::kBadData, (folder / shard).string(), ": tensor ", in_quotes(name),
             " is also in ", there->second.file->path().filename().string());
    }
  }
  for (const auto& [name, shard] : entries) {
    auto found = tensors.find(name);
    if (found == tensors.end() || found->second.file->path() != folder / shard)
      fail(Errc::kBadData, index.string(), ": tensor ", in_quotes(name), " is not in ", shard,
           found == tensors.end() ? std::string(" nor in another shard")
                                  : " but in " + found->second.file->path().filename().string());
  }
  return tensors;
}

}  // namespace

StoredTensors open_checkpoint(const fs::path& folder, const std::string& variant,
                              Checksums checksums) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    fail(Errc::kNotFound, folder.string(), ": no such folder");
  const std::string part = variant.empty() ? "" : "." + variant;
  std::string tried;
  for (const WeightFormat& format : kWeightFormats) {
    const std::string whole = format.whole(part), index = format.index(part);
    if (is_there(folder / whole)) return format.open(folder / whole, checksums);
    if (is_there(folder / index)) return open_shards(folder, folder / index, format, checksums);
    tried += (tried.empty() ? "" : ", ") + whole + ", " + index;
  }
  if (variant.empty()) reject_other_formats(folder);
  fail(Errc::kNotFound, folder.string(), ": no weights; tried ", tried);
}

bool has_checkpoint(const fs::path& folder, const std::string& variant) {
  const std::string part = variant.empty() ? "" : "." + variant;
  return std::ranges::any_of(kWeightFormats, [&](const WeightFormat& format) {
    return is_there(folder / format.whole(part)) || is_there(folder / format.index(part));
  });
}

}  // namespace hft
