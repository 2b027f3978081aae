// The tensors that a pickle of torch.save describes, found in storages and checked against them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/checkpoint/pickle.h"
#include "core/checkpoint/safetensors.h"

namespace hft {

// The globals that a file of weights may name.
std::span<const PickleGlobal> torch_globals();

// A persistent id: ('storage', type, key, location, elements[, view of it]).
struct StorageId {
  std::string_view key;
  std::optional<Dtype> dtype;  // none: bytes of any type (UntypedStorage)
  std::int64_t elements = 0;
  std::int64_t view_offset = 0, view_elements = 0;  // the part meant; all of it as a rule
  std::int64_t element_bytes() const { return dtype ? bytes_of(*dtype) : 1; }
};
// Throws kBadData when it is none, kUnsupported for a storage of a type that hft has not.
StorageId storage_id(const Pickle& pickle, Pickle::Value persistent);

// The bytes of a storage; throws when there are none or too few.
using FindStorage = std::function<std::span<const std::byte>(const StorageId&)>;

// The entries of the state dict at the pickle's root.
StoredTensors torch_tensors(const Pickle& pickle, const FindStorage& find,
                            const std::shared_ptr<const MappedFile>& file);

}  // namespace hft
