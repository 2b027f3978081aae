// The one symbol of libhft_engine.so that the program looks up.
#include "core/models/heads/engine.h"
#include "core/models/load.h"
#include "core/models/load_parts.h"
#include "core/models/lookup.h"
#include "core/models/placing.h"
#include "core/models/random.h"
#include "core/models/train/trainee.h"
#include "core/ranks/gloo/gloo_ranks.h"

extern "C" const hft::Engine* hft_engine() {
  static const hft::Engine engine{hft::load_model, hft::make_random, hft::supported_models,
                                  hft::weights_in_codes, hft::merged_model,  hft::plan_model,
                                  hft::make_trainee, hft::meet_ranks};
  return &engine;
}
