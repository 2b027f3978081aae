#include "core/models/registry.h"

namespace hft {

extern const Architecture bert, distilbert, electra, modernbert, mpnet, nomic_bert, roberta, gemma, gemma2, gpt2, gpt_neox, llama, mistral, mixtral, opt, phi, phi3, qwen2, qwen3, smollm3, bart, m2m_100, marian, mbart, mt5, pegasus, t5, umt5;

std::span<const Architecture* const> architectures() {
  static constexpr const Architecture* kAll[] = {
      &bert, &distilbert, &electra, &modernbert, &mpnet, &nomic_bert, &roberta, &gemma, &gemma2, &gpt2, &gpt_neox, &llama, &mistral, &mixtral, &opt, &phi, &phi3, &qwen2, &qwen3, &smollm3, &bart, &m2m_100, &marian, &mbart, &mt5, &pegasus, &t5, &umt5,
  };
  return kAll;
}

}  // namespace hft
