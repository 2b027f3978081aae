// Source: what torch.save writes and torch.load accepts (torch/serialization.py of PyTorch 2.13),
// looked at in files of both formats.
#include "core/checkpoint/torch_file.h"

#include <cstring>
#include <map>
#include <utility>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/in_quotes.h"
#include "core/checkpoint/sniff.h"
#include "core/checkpoint/torch_tensors.h"
#include "core/checkpoint/zip_archive.h"

namespace hft {
namespace {

using namespace std::string_view_literals;
using Kind = Pickle::Kind;
using Bytes = std::span<const std::byte>;

constexpr std::string_view kMagic =
    "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;  // 0x1950a86a20f9469cfc6c
constexpr char kPickleStart = '\x80';
constexpr std::int64_t kProtocol = 1001;
constexpr const char* kPickleHint =
    "hft runs no code of a file; take the repository's model.safetensors, or a copy from a source "
    "you trust";

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A pickle of the file; what it may not say gets the hint.
Pickle read_pickle(std::string_view bytes, std::size_t start) {
  try {
    return Pickle(bytes, start, torch_globals());
  } catch (const Error& e) {
    throw Error(e.code, e.message, kPickleHint);
  }
}

// The entries of a zip file under the one folder that torch.save puts them in.
struct Archive {
  std::vector<ZipEntry> entries;
  std::map<std::string_view, const ZipEntry*> by_name;  // without the folder

  explicit Archive(Bytes file) : entries(read_zip(file)) {
    const std::string_view folder =
        entries.empty() ? "" : entries[0].name.substr(0, entries[0].name.find('/') + 1);
    for (const ZipEntry& entry : entries) {
      if (folder.empty() || !entry.name.starts_with(folder))
        fail(Errc::kUnsupported, "is a zip archive, but not of torch.save: entry ",
             in_quotes(entry.name), " is not in the folder of the others");
      by_name.emplace(entry.name.substr(folder.size()), &entry);
    }
  }
  const ZipEntry* find(std::string_view name) const {
    auto entry = by_name.find(name);
    return entry == by_name.end() ? nullptr : entry->second;
  }
};

void check_kind(const Archive& archive) {
  for (const auto& [name, entry] : archive.by_name)
    if (name == "constants.pkl" || name.starts_with("code/"))
      fail_hint(Errc::kUnsupported, "save the model's state dict, or use safetensors",
                "is a TorchScript archive (torch.jit.save), which holds a program");
  if (archive.find("archive_format"))
    fail_hint(Errc::kUnsupported, "save the model's state dict, or use safetensors",
              "is a PT2 archive (torch.export), which holds a program");
  if (!archive.find("data.pkl"))
    fail(Errc::kUnsupported, "is a zip archive without data.pkl, so not one of torch.save");
  const ZipEntry* order = archive.find("byteorder");
  if (order && as_text(order->bytes) != "little")
    fail(Errc::kUnsupported, "its byte order is ", in_quotes(as_text(order->bytes)),
         ", wanted 'little'");
}

void check_sums(const Archive& archive, Checksums checksums) {
  if (checksums == Checksums::kAll) return check_zip_sums(archive.entries);
  std::vector<ZipEntry> small;
  for (const auto& [name, entry] : archive.by_name)
    if (!name.starts_with("data/")) small.push_back(*entry);
  check_zip_sums(small);
}

StoredTensors read_zip_format(const std::shared_ptr<const MappedFile>& file, Checksums checksums) {
  const Archive archive(file->bytes());
  check_kind(archive);
  check_sums(archive, checksums);
  const ZipEntry& data = *archive.find("data.pkl");
  const std::string where(data.name);
  if (data.bytes.size() > limits::kPickleBytes)
    fail(Errc::kBadData, where, ": is ", data.bytes.size(), " bytes, the limit is ",
         limits::kPickleBytes);
  const Pickle pickle = with_context(where, [&] { return read_pickle(as_text(data.bytes), 0); });
  auto find = [&](const StorageId& id) {
    const ZipEntry* entry = archive.find("data/" + std::string(id.key));
    if (!entry) fail(Errc::kBadData, "its storage ", in_quotes(id.key), " is not in the archive");
    const auto bytes = static_cast<std::uint64_t>(id.elements * id.element_bytes());
    if (bytes > entry->bytes.size())
      fail(Errc::kBadData, "its storage ", in_quotes(id.key), " holds ", entry->bytes.size(),
           " bytes, wanted ", bytes);
    return entry->bytes.first(bytes);
  };
  return torch_tensors(pickle, find, file);
}

// The storages of the older format, which follow its pickles in the order of a list of keys.
class LegacyStorages {
 public:
  // Every storage that the pickle mentions, with the type it has there.
  explicit LegacyStorages(const Pickle& pickle) {
    for (const Pickle::Value value : pickle.persistent_ids()) {
      const StorageId id = storage_id(pickle, value);
      auto [known, fresh] = ids_.try_emplace(id.key, id);
      if (!fresh && (known->second.elements != id.elements ||
                     known->second.element_bytes() != id.element_bytes()))
        fail(Errc::kBadData, "storage ", in_quotes(id.key), ": is described in two ways");
    }
  }

  void place(const Pickle& keys, Bytes file) {
    std::size_t at = keys.end();
    if (keys.root().kind != Kind::kList)
      fail(Errc::kBadData, "the storage keys are ", name_of(keys.root().kind), ", wanted a list");
    for (const Pickle::Value value : keys.items(keys.root())) {
      const std::string_view key = value.kind == Kind::kText ? keys.text(value) : "";
      const auto id = ids_.find(key);
      if (id == ids_.end()) fail(Errc::kBadData, "storage ", in_quotes(key), ": no tensor uses it");
      with_context("storage " + in_quotes(key), [&] { at = place(id->second, at, file); });
    }
    if (at != file.size()) fail(Errc::kBadData, file.size() - at, " bytes follow the last storage");
  }

  Bytes find(const StorageId& id) const {
    const auto bytes = placed_.find(id.key);
    if (bytes == placed_.end())
      fail(Errc::kBadData, "its storage ", in_quotes(id.key), " is not in the file");
    return bytes->second;
  }

 private:
  // A storage: the count of its elements in 8 bytes, then the elements.
  std::size_t place(const StorageId& id, std::size_t at, Bytes file) {
    std::uint64_t elements = 0;
    if (file.size() - at < sizeof elements) fail(Errc::kBadData, "the file was cut short");
    std::memcpy(&elements, file.data() + at, sizeof elements);
    at += sizeof elements;
    if (elements != static_cast<std::uint64_t>(id.elements))
      fail(Errc::kBadData, "has ", elements, " elements, but the pickle says ", id.elements);
    const auto bytes = static_cast<std::uint64_t>(id.elements * id.element_bytes());
    if (bytes > file.size() - at)
      fail(Errc::kBadData, "is ", bytes, " bytes, but ", file.size() - at,
           " follow; the file was cut short");
    if (!placed_.emplace(id.key, file.subspan(at, bytes)).second)
      fail(Errc::kBadData, "is listed twice");
    return at + bytes;
  }

  std::map<std::string_view, StorageId> ids_;
  std::map<std::string_view, Bytes> placed_;
};

// Five pickles: a magic number, the protocol, what the writer's machine was, the state dict, the
// keys of the storages that follow.
StoredTensors read_legacy_format(const std::shared_ptr<const MappedFile>& file) {
  const std::string_view bytes = as_text(file->bytes());
  const Pickle magic = read_pickle(bytes, 0);
  if (magic.root().kind != Kind::kBigInteger || magic.text(magic.root()) != kMagic)
    fail(Errc::kBadData,
         "is a Python pickle, but not one of torch.save: it lacks the magic number");
  const Pickle protocol = read_pickle(bytes, magic.end());
  if (protocol.root().kind != Kind::kInteger || Pickle::integer(protocol.root()) != kProtocol)
    fail(Errc::kBadData, "its protocol is not ", kProtocol);
  const Pickle machine = read_pickle(bytes, protocol.end());
  const auto fields = machine.items(machine.root());
  if (machine.root().kind != Kind::kDict)
    fail(Errc::kBadData, "does not say what machine wrote it");
  for (std::size_t i = 0; i < fields.size(); i += 2)
    if (fields[i].kind == Kind::kText && machine.text(fields[i]) == "little_endian" &&
        Pickle::integer(fields[i + 1]) != 1)
      fail(Errc::kUnsupported, "was written big-endian");
  const Pickle dict = read_pickle(bytes, machine.end());
  const Pickle keys = read_pickle(bytes, dict.end());
  LegacyStorages storages(dict);
  storages.place(keys, file->bytes());
  return torch_tensors(
      dict, [&](const StorageId& id) { return storages.find(id); }, file);
}

StoredTensors read_either(const std::shared_ptr<const MappedFile>& file, Checksums checksums) {
  const std::string_view bytes = as_text(file->bytes());
  if (bytes.empty()) fail(Errc::kBadData, "is empty, wanted a file of torch.save");
  if (bytes.starts_with("PK\x03\x04"sv)) return read_zip_format(file, checksums);
  reject_other_format(file->bytes(), Wanted::kTorch);
  if (bytes[0] == kPickleStart) return read_legacy_format(file);
  return with_context("is not a file of torch.save", [&] { return read_legacy_format(file); });
}

}  // namespace

StoredTensors open_torch_file(const std::filesystem::path& file, Checksums checksums) {
  auto mapped = std::make_shared<const MappedFile>(file);
  return with_context(file.string(), [&] { return read_either(mapped, checksums); });
}

}  // namespace hft
