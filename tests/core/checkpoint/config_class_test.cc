#include "core/checkpoint/config_class.h"

#include "core/checkpoint/config.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

Json completed(Json config) {
  apply_config_class(config);
  return config;
}

}  // namespace

TEST_CASE("config class: special tokens that are absent are the class's, null stays none") {
  CHECK(completed({{"model_type", "gemma"}}) == Json{{"model_type", "gemma"},
                                                     {"bos_token_id", 2},
                                                     {"eos_token_id", 1},
                                                     {"pad_token_id", 0}});
  CHECK(completed({{"model_type", "llama"}, {"bos_token_id", nullptr}, {"eos_token_id", 7}}) ==
        Json{{"model_type", "llama"}, {"bos_token_id", nullptr}, {"eos_token_id", 7}});
  CHECK(completed({{"model_type", "bert"}}) == Json{{"model_type", "bert"}});
}

TEST_CASE("config class: a field is found under both its names, and the other name wins") {
  const Json gpt2 = completed({{"model_type", "gpt2"}, {"n_embd", 12}, {"num_hidden_layers", 3}});
  CHECK(gpt2["hidden_size"] == 12);
  CHECK(gpt2["n_layer"] == 3);
  CHECK(completed({{"model_type", "t5"}, {"d_model", 8}, {"hidden_size", 9}})["d_model"] == 9);
}

TEST_CASE("config class: BART has three labels and its field of 2020, Phi-3 the old longrope") {
  const Json bart =
      completed({{"model_type", "bart"}, {"force_bos_token_to_be_generated", true}});
  CHECK(bart["num_labels"] == 3);
  CHECK(bart["forced_bos_token_id"] == 0);
  CHECK(completed({{"model_type", "phi3"}, {"rope_scaling", {{"type", "yarn"}}}})["rope_scaling"] ==
        Json{{"type", "longrope"}});
}
