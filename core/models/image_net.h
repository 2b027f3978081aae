// What an architecture file gives the engine: what it sees in pictures, with the head asked for.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/image.h"
#include "core/models/text_side.h"
#include "core/nn/cells.h"

namespace hft {

// What a model of pictures looks at.
struct Pictures {
  std::vector<Tensor> pixels;  // [C,H,W] float32 each
  // As in Tokens: set only to find where a NaN or infinity first shows.
  std::function<void(const std::string& layer, const Tensor& output)> watch;
  void note(const std::string& layer, const Tensor& output) const {
    if (watch) watch(layer, output);
  }
};

struct SeenTensors {
  Tensor logits, boxes;  // [·,L], [Q,4], as in Seen; may be undefined
  Tensor masks;          // [Q,h,w]
};

struct ImageNet {
  std::function<std::vector<SeenTensors>(const Pictures&)> see;
  // kAnswer: the logits [B,L] of questions, question b to picture of[b].
  std::function<Tensor(const Pictures&, const Tokens& questions, std::span<const std::int32_t> of)>
      answer;
  std::int64_t channels = 3;
  // Pictures of so many pixels in all go through one pass: enough rows for a core; 0: each alone.
  std::int64_t pixels = 0;
  TextSide texts;  // where it reads some; of kAnswer the sizes of questions alone
};

// ImageNet::see of a model that looks at each picture by itself: see(Pictures of one) -> SeenTensors.
template <class F>
auto one_by_one(F see) {
  return [see = std::move(see)](const Pictures& pictures) {
    std::vector<SeenTensors> seen;
    for (const Tensor& picture : pictures.pixels) seen.push_back(see(Pictures{{picture}, pictures.watch}));
    return seen;
  };
}

// Rows [B,L], one for each picture.
std::vector<SeenTensors> each_row(const Tensor& logits);

// A size of config.json: one number for both sides, or [height, width].
Grid grid_field(const Fields& config, const std::string& key, std::int64_t fallback);
// A list of integers, as depths and widths of stages.
std::vector<std::int64_t> integers(const Fields& config, const std::string& key,
                                   std::vector<std::int64_t> fallback, std::int64_t low,
                                   std::int64_t high);

}  // namespace hft
