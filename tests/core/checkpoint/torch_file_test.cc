// Files of torch.save: what torch wrote is read bit for bit, and everything else is
// refused by name. Hostile pickles and archives: hostile_torch_test.cc.
#include "core/checkpoint/torch_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "tests/core/checkpoint/build_torch.h"
#include "tests/support/test.h"

using namespace hft;
using namespace hft::test::pickled;
using test::torch_legacy;
using test::torch_zip;

namespace {

const std::string kSix(6 * sizeof(float), 'x');

fs::path golden_file(const std::string& name) { return test::golden("torch-files/" + name); }

std::string bytes_of_tensor(const StoredTensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()};
}

// "" when both hold the same tensors, bit for bit.
std::string unlike(const StoredTensors& got, const StoredTensors& wanted) {
  for (const auto& [name, tensor] : wanted) {
    auto found = got.find(name);
    if (found == got.end()) return name + " is missing";
    if (found->second.dtype != tensor.dtype) return name + " has another type";
    if (found->second.shape != tensor.shape) return name + " has another shape";
    if (bytes_of_tensor(found->second) != bytes_of_tensor(tensor)) return name + " has other bytes";
  }
  return got.size() == wanted.size() ? "" : "there are more tensors than wanted";
}

struct File {
  test::TempFolder folder;
  fs::path path = folder / "pytorch_model.bin";
  explicit File(std::string_view bytes) { test::spit(path, bytes); }
  StoredTensors open() const { return open_torch_file(path, Checksums::kAll); }
};

// Whether the bytes load, from a file in memory; every byte of every tensor is then read.
bool loads(const std::string& bytes) {
  const int fd = ::memfd_create("torch", 0);
  REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const std::shared_ptr<void> closed(nullptr, [&](void*) { ::close(fd); });
  try {
    unsigned sum = 0;
    for (const auto& [name, tensor] :
         open_torch_file("/proc/self/fd/" + std::to_string(fd), Checksums::kAll))
      for (std::byte b : tensor.bytes) sum += std::to_integer<unsigned>(b);
    return sum != 1u << 31;
  } catch (const Error& e) {
    CHECK((e.code == Errc::kBadData || e.code == Errc::kUnsupported));
    return false;
  }
}

}  // namespace

TEST_CASE("torch files: what torch.save wrote in each format is read bit for bit") {
  const StoredTensors wanted = open_safetensors(golden_file("full.safetensors")).tensors;
  REQUIRE(wanted.size() == 28);
  for (const char* name : {"zip.bin", "zip-protocol-4.bin", "legacy.bin"}) {
    CAPTURE(name);
    CHECK(unlike(open_torch_file(golden_file(name), Checksums::kAll), wanted) == "");
    CHECK(unlike(open_torch_file(golden_file(name), Checksums::kPickle), wanted) == "");
  }
}

TEST_CASE(
    "torch files: tensors lie in the mapped file; only views that are not contiguous are copied") {
  for (const char* name : {"zip.bin", "legacy.bin"}) {
    CAPTURE(name);
    const StoredTensors tensors = open_torch_file(golden_file(name), Checksums::kPickle);
    auto in_file = [&](const char* tensor) {
      const auto file = tensors.at(tensor).file->bytes(), bytes = tensors.at(tensor).bytes;
      return bytes.data() >= file.data() &&
             bytes.data() + bytes.size() <= file.data() + file.size();
    };
    for (const char* tensor :
         {"base", "tied", "row", "one.row", "scalar", "parameter", "type.bfloat16"})
      CHECK(in_file(tensor));
    for (const char* tensor : {"transposed", "stepped", "turned", "half.column", "expanded"})
      CHECK_FALSE(in_file(tensor));
    CHECK(tensors.at("base").bytes.data() == tensors.at("tied").bytes.data());
    CHECK(tensors.at("row").bytes.data() == tensors.at("base").bytes.data() + 6 * sizeof(float));
    CHECK(tensors.at("turned").file->path() == golden_file(name));
  }
}

TEST_CASE("torch files: a copied view outlives everything else of its file") {
  StoredTensor kept;
  {
    const StoredTensors tensors = open_torch_file(golden_file("small-zip.bin"), Checksums::kAll);
    kept = tensors.at("c");
  }
  const std::vector<float> wanted{0, 3, 1, 4, 2, 5};
  REQUIRE(kept.bytes.size() == 24);
  CHECK(std::memcmp(kept.bytes.data(), wanted.data(), 24) == 0);
}

TEST_CASE("torch files: equal views that are not contiguous share one copy") {
  const Strided turned{.shape = {3, 2}, .strides = {1, 3}};
  File file(torch_zip(dict({{"a", tensor(turned)}, {"b", tensor(turned)}}), {kSix}));
  const StoredTensors tensors = file.open();
  CHECK(tensors.at("a").bytes.data() == tensors.at("b").bytes.data());
}

TEST_CASE("torch files: a storage that is a view of another, as PyTorch wrote before 1.0") {
  const std::string view =
      tuple({text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(6),
             tuple({text("1"), integer(2), integer(4)})}) +
      "Q";
  const std::string bytes = "aaaabbbbccccddddeeeeffff";
  auto dict_of = [&](std::int64_t offset) {
    return dict({{"v", tensor({.storage = view, .offset = offset, .shape = {3}, .strides = {1}})}});
  };
  CHECK(bytes_of_tensor(File(torch_legacy(dict_of(1), {{6, bytes}})).open().at("v")) ==
        "ddddeeeeffff");
  CHECK_FALSE(loads(torch_legacy(dict_of(2), {{6, bytes}})));
}

TEST_CASE("torch files: entries that are no tensors are left out; a dict with none is refused") {
  const std::string plain = tensor({});
  const StoredTensors tensors =
      File(
          torch_zip(dict({{"w", plain}, {"epoch", integer(3)}, {"name", text("x")}, {"list", "]"}}),
                    {kSix}))
          .open();
  CHECK(tensors.size() == 1);
  const Error error = test::caught([&] {
    File(torch_zip("\x80\x02}(" + text("model") + "}" + text("w") + plain + "s" + text("epoch") +
                       integer(1) + "u.",
                   {kSix}))
        .open();
  });
  CHECK(error.code == Errc::kBadData);
  CHECK(error.message.ends_with("pytorch_model.bin: the dict holds no tensor; 'model' is a dict"));
  CHECK(error.hint == "hft reads the state dict itself: torch.save(model.state_dict(), FILE)");
}

TEST_CASE("torch files: cut anywhere, they are refused") {
  for (const char* name : {"small-zip.bin", "small-legacy.bin"}) {
    const std::string whole = test::slurp(golden_file(name));
    REQUIRE(loads(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      CHECK_FALSE(loads(whole.substr(0, size)));
    }
  }
}

TEST_CASE("torch files: with any byte changed, they load or are refused, and never read outside") {
  for (const char* name : {"small-zip.bin", "small-legacy.bin"}) {
    const std::string whole = test::slurp(golden_file(name));
    int loaded = 0;
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (const unsigned change : {0x01u, 0x80u, 0xffu}) {
        std::string changed = whole;
        changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ change);
        loaded += loads(changed);
      }
    // Names of tensors, requires_grad, times of the archive: some changes are no breakage.
    CHECK(loaded > 0);
    CHECK(loaded < static_cast<int>(whole.size()));
  }
}

TEST_CASE(
    "torch files: a changed byte of a tensor is found by its checksum, when tensors are checked") {
  std::string bytes = test::slurp(golden_file("small-zip.bin"));
  const std::size_t at = bytes.find(std::string("\0\0\0\0\0\0\x80\x3f\0\0\0\x40", 12));
  REQUIRE(at != std::string::npos);
  bytes[at] = 1;
  File file(bytes);
  CHECK(open_torch_file(file.path, Checksums::kPickle).size() == 3);
  const Error error = test::caught([&] { file.open(); });
  CHECK(error.code == Errc::kBadData);
  CHECK(error.message.find(": entry 'archive/data/0': its CRC-32 is ") != std::string::npos);
}
