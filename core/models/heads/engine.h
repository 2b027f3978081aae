// The functions that libhft_engine.so gives the program.
#pragma once

#include <chrono>

#include "core/models/heads/model.h"
#include "core/placement/plan.h"

namespace hft {

class Ranks;
struct Launch;

// LibTorch's random numbers, so that a seed draws what it draws in Python.
class Random {
 public:
  virtual ~Random() = default;
  // For each row of probabilities [R, V] `count` different columns, in order of drawing:
  // torch.multinomial(probabilities, count). [R * count]
  virtual std::vector<std::int32_t> draw(const Matrix& probabilities, std::int64_t count) = 0;
  // torch.rand(n)
  virtual std::vector<float> uniform(std::int64_t n) = 0;
};

class Trainee;
struct TrainRequest;

// One row of the support table (`hft models`).
struct Support {
  std::string model_type;
  std::vector<std::string> tasks;  // command names
};

// A checkpoint with adapters merged into it.
struct Merged {
  StoredTensors tensors;
  Json config;  // config.json of them
};

// The functions of the engine, reached through core/engine.h.
struct Engine {
  // A model of this class, as its header declares it.
  std::unique_ptr<Model> (*load)(ModelClass wanted, const ModelRequest&);
  std::unique_ptr<Random> (*make_random)(std::uint64_t seed);
  std::vector<Support> (*supported_models)();
  // The tensors that stand in a quantised checkpoint for weights of this one, as `request` quantises
  // them, by their names; "….weight" holds the codes.
  StoredTensors (*in_codes)(const ModelRequest& request);
  // The folder's checkpoint with the request's adapters in it, which take its type or --dtype's.
  Merged (*merged)(const ModelRequest& request);
  // Where the weights of the folder's model would lie; reads config.json and headers alone.
  DevicePlan (*plan)(const ModelRequest& request);
  std::unique_ptr<Trainee> (*make_trainee)(const TrainRequest&);
  // Meets the other processes of the launch; each must answer within the timeout, always.
  std::unique_ptr<Ranks> (*meet_ranks)(const Launch&, std::chrono::seconds timeout);
};

}  // namespace hft
