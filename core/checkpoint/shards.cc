// The tensors of a model folder: one file, or the shards named by its index.
#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/checkpoint/in_quotes.h"
#include "core/checkpoint/safetensors.h"

namespace hft {
namespace {

constexpr std::string_view kSuffix = ".safetensors";

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(file, ignored));
}

// A shard's name must be a plain name in the index's own folder.
void check_shard_name(const std::string& name) {
  bool plain = name.size() > kSuffix.size() && name.ends_with(kSuffix) &&
               std::none_of(name.begin(), name.end(), [](unsigned char c) {
                 return c == '/' || c == '\\' || c < 0x20 || c == 0x7f;
               });
  if (!plain)
    fail(Errc::kBadData, "weight_map: ", in_quotes(name),
         " is not the plain name of a .safetensors file");
}

// The index as sorted JSON: a large one must not cost the square of its keys.
nlohmann::json parse_index(const std::string& text) {
  std::set<std::string> tensors;
  auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    if (depth >= limits::kJsonDepth)
      fail(Errc::kBadData, "nested deeper than ", limits::kJsonDepth);
    if (event == nlohmann::json::parse_event_t::key && depth == 2 &&
        !tensors.insert(value.get<std::string>()).second)
      fail(Errc::kBadData, "duplicate key ", in_quotes(value.get<std::string>()));
    return true;
  };
  try {
    return nlohmann::json::parse(text, watch);
  } catch (const nlohmann::json::parse_error& e) {
    fail(Errc::kBadData, "not valid JSON at byte ", e.byte);
  }
}

// Tensor -> shard, as the index says.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  const nlohmann::json json = parse_index(read_file(index, limits::kJsonBytes));
  auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (map == json.end() || !map->is_object())
    fail(Errc::kBadData, "'weight_map' is missing, wanted an object");
  std::map<std::string, std::string> entries;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string())
      fail(Errc::kBadData, "weight_map: the shard of ", in_quotes(tensor), " is not a string");
    check_shard_name(shard.get<std::string>());
    entries.emplace(tensor, shard.get<std::string>());
  }
  if (entries.empty()) fail(Errc::kBadData, "weight_map: names no tensor");
  return entries;
}

StoredTensors open_shards(const fs::path& folder, const fs::path& index) {
  auto entries = with_context(index.string(), [&] { return read_weight_map(index); });
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : entries) shards.insert(shard);
  for (const std::string& shard : shards)
    if (!is_there(folder / shard))
      fail(Errc::kNotFound, (folder / shard).string(), ": no such file, but ",
           index.filename().string(), " names it as a shard");
  StoredTensors tensors;
  for (const std::string& shard : shards) {
    for (auto& [name, tensor] : open_safetensors(folder / shard).tensors) {
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

// Weights of a kind that is not read, so that the message says what is there.
void reject_other_weights(const fs::path& folder) {
  for (std::string_view name : {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5",
                                "flax_model.msgpack", "model.onnx"})
    if (is_there(folder / name))
      fail_hint(Errc::kUnsupported,
                "save the model with save_pretrained, which writes model.safetensors",
                folder.string(), ": holds ", name, " but no model.safetensors; only safetensors ",
                "weights are read so far");
}

}  // namespace

StoredTensors open_checkpoint(const fs::path& folder, const std::string& variant) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored))
    fail(Errc::kNotFound, folder.string(), ": no such folder");
  const std::string part = variant.empty() ? "" : "." + variant;
  const fs::path whole = folder / ("model" + part + std::string(kSuffix));
  const fs::path index = folder / ("model.safetensors.index" + part + ".json");
  if (is_there(whole)) return open_safetensors(whole).tensors;
  if (is_there(index)) return open_shards(folder, index);
  if (variant.empty()) reject_other_weights(folder);
  fail(Errc::kNotFound, folder.string(), ": no weights; tried ", whole.filename().string(), ", ",
       index.filename().string(), variant.empty() ? ", pytorch_model.bin" : "");
}

}  // namespace hft
