// A TextNet behind the torch-free interface of heads.h.
#pragma once

#include <memory>
#include <optional>

#include "core/models/heads/text_model.h"
#include "core/models/sentence_modules.h"
#include "core/models/text_net.h"
#include "core/nn/workers.h"

namespace hft {

// How the engine runs, the same for every head.
struct Runtime {
  at::Device device = at::kCPU;
  std::shared_ptr<Pool> pool;  // what it computes on
};

// `sentences` is set for kEmbed.
std::unique_ptr<TextModel> make_text_model(TextNet net, Head head, Runtime runtime,
                                           std::optional<SentenceModules> sentences,
                                           std::vector<std::string> warnings);

[[noreturn]] void rethrow_translated(const c10::Error& error);
[[noreturn]] void fail_out_of_memory();

// Runs f; what LibTorch throws leaves it as an Error of one line.
template <class F>
auto translate_errors(F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const c10::Error& e) {
    rethrow_translated(e);
  } catch (const std::bad_alloc&) {
    fail_out_of_memory();
  }
}

}  // namespace hft
