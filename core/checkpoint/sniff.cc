#include "core/checkpoint/sniff.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/impostor.h"

namespace hft {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  std::string_view what;
  std::size_t at = 0;
};

// Sources: the GGUF, HDF5 and NumPy specifications, PKWARE APPNOTE 4.3.7, RFC 1952, RFC 8878.
constexpr std::array kMagics{
    Magic{"GGUF"sv, "a GGUF file (llama.cpp)"},
    Magic{"tjgg"sv, "a GGML file (llama.cpp)"},
    Magic{"lmgg"sv, "a GGML file (llama.cpp)"},
    Magic{"PK\x03\x04"sv, "a zip archive (PyTorch's torch.save, or Keras)"},
    Magic{"PK\x05\x06"sv, "an empty zip archive"},
    Magic{"\x89HDF\r\n\x1a\n"sv, "an HDF5 file (Keras, TensorFlow)"},
    Magic{"\x93NUMPY"sv, "a NumPy array"},
    Magic{"TFL3"sv, "a TensorFlow Lite file", 4},
    Magic{"\x1f\x8b"sv, "a gzip archive"},
    Magic{"\x28\xb5\x2f\xfd"sv, "a Zstandard archive"},
    Magic{"ustar"sv, "a tar archive (PyTorch before 0.2, among others)", 257},
};

constexpr std::string_view kHint =
    "hft reads safetensors; take the repository's model.safetensors, or save the model with "
    "save_pretrained";

// A protobuf message whose first field is a small varint and whose second is a length-delimited
// or nested one: ModelProto{ir_version, …} of ONNX, SavedModel{version, meta_graphs} of TensorFlow.
std::string_view protobuf_kind(std::string_view text) {
  if (text.size() < 8 || text[0] != 0x08 || text[1] < 1 || text[1] > 30) return "";
  if (text.substr(2, 6) == "\0\0\0\0\0\0"sv) return "";  // a length of 8 + 256 k, little-endian
  bool next_field = text[2] == 0x12 || text[2] == 0x1a || text[2] == 0x3a || text[2] == 0x42;
  return next_field ? "a protobuf file (ONNX, or TensorFlow's SavedModel)" : "";
}

// The length of a header, and its JSON.
bool is_safetensors(std::string_view text, std::size_t file_bytes) {
  std::uint64_t length = 0;
  if (text.size() <= sizeof length || text[sizeof length] != '{') return false;
  std::memcpy(&length, text.data(), sizeof length);
  return length <= file_bytes - sizeof length;
}

// Pickle protocols 2-5, and MessagePack maps whose first key is a string (Flax).
std::string_view binary_kind(std::string_view text, Wanted wanted) {
  if (text.size() < 3) return "";
  auto first = static_cast<unsigned char>(text[0]), second = static_cast<unsigned char>(text[1]);
  if (first == 0x80 && second >= 2 && second <= 5)
    return wanted == Wanted::kTorch ? "" : "a Python pickle (PyTorch's torch.save)";
  bool map = (first >= 0x81 && first <= 0x8f) || first == 0xde || first == 0xdf;
  auto key = static_cast<unsigned char>(text[first == 0xde ? 3 % text.size() : 1]);
  bool string = (key >= 0xa0 && key <= 0xbf) || key == 0xd9;
  return map && string ? "a MessagePack file (Flax)" : "";
}

[[noreturn]] void another(std::string_view what, Wanted wanted) {
  fail_hint(Errc::kUnsupported, std::string(kHint), "is ", what, ", not ",
            wanted == Wanted::kTorch ? "a file of torch.save" : "safetensors");
}

}  // namespace

void reject_other_format(std::span<const std::byte> bytes, Wanted wanted) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                        std::min<std::size_t>(bytes.size(), 512));
  refuse_impostor(text, "the weights themselves", "weights");
  for (const Magic& magic : kMagics)
    if (text.size() >= magic.at && text.substr(magic.at).starts_with(magic.bytes))
      another(magic.what, wanted);
  if (wanted == Wanted::kTorch && is_safetensors(text, bytes.size()))
    fail_hint(Errc::kUnsupported, "give it a name that ends in .safetensors",
              "is a safetensors file, not a file of torch.save");
  if (auto what = protobuf_kind(text); !what.empty()) another(what, wanted);
  if (auto what = binary_kind(text, wanted); !what.empty()) another(what, wanted);
}

}  // namespace hft
