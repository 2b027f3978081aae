#include "core/checkpoint/other_formats.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/json.h"

namespace hft {
namespace {

namespace fs = std::filesystem;

struct Format {
  const char *pattern, *what;  // of a file's name, without its folder
};

// In the order in which they are named. Sources: the libraries' own save functions.
constexpr std::array kFormats{
    Format{"*.gguf", "GGUF weights (llama.cpp)"},
    Format{"ggml-*.bin", "GGML weights (llama.cpp, whisper.cpp)"},
    Format{"*.onnx", "an ONNX model"},
    Format{"tf_model*.h5", "TensorFlow weights"},
    Format{"*.h5", "Keras weights"},
    Format{"*.keras", "a Keras model"},
    Format{"saved_model.pb", "a TensorFlow SavedModel"},
    Format{"*.ckpt.index", "a TensorFlow checkpoint"},
    Format{"*.tflite", "a TensorFlow Lite model"},
    Format{"*.msgpack", "Flax weights"},
    Format{"rust_model.ot", "rust-bert's weights"},
    Format{"openvino_model.xml", "an OpenVINO model"},
    Format{"*.mlmodel", "a Core ML model"},
    Format{"*.nemo", "a NeMo model"},
    Format{"model_index.json", "a pipeline of diffusers"},
    Format{"consolidated*", "weights in their authors' own form"},
    Format{"*.ckpt", "a checkpoint of another program"},
};

std::string_view base_of(std::string_view name) {
  const auto slash = name.rfind('/');
  return slash == name.npos ? name : name.substr(slash + 1);
}

bool is_weights(const std::string& name) {
  return ::fnmatch("model*.safetensors*", name.c_str(), 0) == 0 ||
         ::fnmatch("pytorch_model*.bin*", name.c_str(), 0) == 0;
}

// Names of the files of a folder and of the folders in it.
std::vector<std::string> names_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at.depth() == 1) at.disable_recursion_pending();
    if (!at->is_directory(error))
      names.push_back(at->path().lexically_relative(folder).generic_string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

void reject_other_formats(std::span<const std::string> names) {
  if (std::any_of(names.begin(), names.end(), is_weights)) return;
  for (const Format& format : kFormats)
    for (const std::string& name : names)
      if (::fnmatch(format.pattern, std::string(base_of(name)).c_str(), FNM_CASEFOLD) == 0)
        fail_hint(Errc::kUnsupported,
                  "save the model with save_pretrained, which writes model.safetensors", "holds ",
                  name, " (", format.what, ") but no model.safetensors and no ",
                  "pytorch_model.bin; only these are read");
}

void reject_other_formats(const fs::path& folder) {
  std::error_code ignored;
  if (const fs::path file = folder / "adapter_config.json"; fs::exists(file, ignored)) {
    const Json json = read_json(file);
    const auto base = json.is_object() ? json.find("base_model_name_or_path") : json.end();
    const bool named = json.is_object() && base != json.end() && base->is_string();
    fail_hint(Errc::kUnsupported, "merge it into its model with PEFT's merge_and_unload, then save",
              folder.string(),
              ": holds adapter_config.json but no model of its own: it is an adapter",
              named ? " of " + base->get<std::string>() : "");
  }
  with_context(folder.string(), [&] { reject_other_formats(names_below(folder)); });
}

}  // namespace hft
