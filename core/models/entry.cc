// The one symbol of libhft_engine.so that the program looks up.
#include "core/models/heads.h"

namespace hft {
std::unique_ptr<TextModel> load_text_model(const ModelRequest& request);
std::unique_ptr<CausalLm> load_causal_lm(const ModelRequest& request);
std::unique_ptr<Seq2SeqLm> load_seq2seq_lm(const ModelRequest& request);
std::unique_ptr<Random> make_random(std::uint64_t seed);
std::vector<Support> supported_models();
}  // namespace hft

extern "C" const hft::Engine* hft_engine() {
  static const hft::Engine engine{hft::load_text_model, hft::load_causal_lm,
                                  hft::load_seq2seq_lm, hft::make_random, hft::supported_models};
  return &engine;
}
