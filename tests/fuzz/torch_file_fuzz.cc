// Any bytes as pytorch_model.bin, and as the pickle of one whose storages are sound: reading them
// ends with tensors inside those bytes or with one hft::Error.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/base/error.h"
#include "core/checkpoint/torch_file.h"
#include "core/checkpoint/torch_tensors.h"

namespace {

// Every byte of every tensor, so that one outside its memory is found.
void touch(const hft::StoredTensors& tensors) {
  unsigned sum = 0;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.count() < 0) std::abort();
    for (std::byte b : tensor.bytes) sum += std::to_integer<unsigned>(b);
  }
  volatile unsigned kept = sum;
  (void)kept;
}

void as_file(const std::uint8_t* data, std::size_t size) {
  static const int fd = ::memfd_create("fuzz", 0);
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, data, size, 0) != static_cast<ssize_t>(size))
    std::abort();
  touch(hft::open_torch_file("/proc/self/fd/" + std::to_string(fd), hft::Checksums::kAll));
}

// Storages of 64 bytes on the heap, where a step outside is seen.
void as_pickle(const std::uint8_t* data, std::size_t size) {
  static const auto file = std::make_shared<const hft::MappedFile>("/proc/self/exe");
  static const std::vector<std::byte> storage(64);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const hft::Pickle pickle(bytes, 0, hft::torch_globals());
  auto find = [&](const hft::StorageId& id) {
    const auto wanted = static_cast<std::uint64_t>(id.elements * id.element_bytes());
    if (wanted > storage.size()) hft::fail(hft::Errc::kBadData, "too large");
    return std::span(storage).first(wanted);
  };
  touch(hft::torch_tensors(pickle, find, file));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (auto read : {as_file, as_pickle}) try {
      read(data, size);
    } catch (const hft::Error&) {
    }
  return 0;
}
