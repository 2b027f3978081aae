// The way from the program to libhft_engine.so, which alone links LibTorch (0.2 s to start). It is
// opened when a command first needs a model, never before.
#pragma once

#include <future>
#include <memory>

#include "core/base/error.h"
#include "core/models/heads/decoder.h"
#include "core/models/heads/engine.h"

namespace hft {

// Opens the engine (once) and returns its functions; safe from any thread.
// Throws kFailure when the library is not beside the program or does not load.
const Engine& engine();

// A loaded model of the class asked for.
template <class M>
std::unique_ptr<M> load_model(const ModelRequest& request) {
  return std::unique_ptr<M>(static_cast<M*>(engine().load(M::kClass, request).release()));
}

// Opens the engine and loads a model on a thread of its own, while the caller reads inputs.
template <class M>
std::future<std::unique_ptr<M>> load_in_background(ModelRequest request) {
  return std::async(std::launch::async,
                    [request = std::move(request)] { return load_model<M>(request); });
}

// f(), whose failure counts less than that the model which is loading is not supported at all: a
// folder of another kind lacks a tokenizer too.
template <class Model, class F>
auto unless_unsupported(std::future<std::unique_ptr<Model>>& loading, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const Error& own) {
    try {
      loading.get();
    } catch (const Error& e) {
      if (e.code == Errc::kUnsupported) throw;
    }
    throw own;
  }
}

// Maps the pages of a checkpoint, all of which are read for the first token, until the model is
// loaded.
void map_pages_while_loading(const std::future<std::unique_ptr<CausalLm>>& loading,
                             const StoredTensors& tensors);

}  // namespace hft
