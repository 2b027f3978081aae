// Which device each part of a model goes to: a first binding tells what there is, the request which
// devices, and the weights go there before they are bound for good.
#pragma once

#include <functional>
#include <memory>

#include "core/models/heads/model.h"
#include "core/placement/plan.h"
#include "core/nn/weights.h"

namespace hft {

// Binds everything a model has, as its architecture does.
using BindAll = std::function<void(const Weights&)>;

// Where the request names devices. `needs_cpu`: what computes through a cache. Throws kUsage for a map
// that gives some weights no device, kResources where they do not fit, kUnsupported for devices that
// are not at hand.
void place_weights(const ModelRequest& request, const std::shared_ptr<WeightStore>& store,
                   const BindAll& bind, bool needs_cpu);

// See Engine::plan. Throws as loading does.
DevicePlan plan_model(const ModelRequest& request);

// The GPUs, or what stands for them.
int gpu_count();

}  // namespace hft
