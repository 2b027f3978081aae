// Rotary positions (RoFormer, arXiv:2104.09864), and how configs stretch them over longer texts:
// default, linear, dynamic (NTK), yarn (arXiv:2309.00071), longrope (arXiv:2402.13753), llama3; and
// the positions of pictures by time, row and column (Qwen2-VL, arXiv:2409.12191).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/nn/sequences.h"
#include "core/nn/steps.h"

namespace hft {

class Rope {
 public:
  Rope() = default;
  // Reads rope_theta and rope_scaling; `size` of a head's numbers turn, of which the first
  // partial_rotary_factor (`share` when the config has no such field) are taken.
  Rope(const Fields& config, std::int64_t size, double share = 1, double theta = 10000);

  // What the rotation of one pass needs: [N, size] cosines and sines of size / 2 angles each.
  Tensor angles(const Steps& steps) const;
  Tensor angles(const Sequences& seqs) const;

  // Turns queries and keys in qkv [N, (H + 2 K) * E], the first H + K heads of E numbers, in place.
  static void rotate(Tensor& qkv, const Tensor& angles, std::int64_t heads, std::int64_t size);

  // Numbers of a head that turn.
  std::int64_t turning() const { return size_; }
  // Positions the stretched frequencies are made for; at least max_position_embeddings. Texts may
  // go on past them.
  std::int64_t reach() const { return reach_; }
  // Past this many positions all keys turn by other angles (longrope); 0: never.
  std::int64_t turning_point() const { return long_.empty() ? 0 : original_; }

 private:
  void stretch(const Fields& config, const Fields& scaling);
  void reach(double factor, std::int64_t trained);
  void yarn(const Fields& scaling);
  void longrope(const Fields& config, const Fields& scaling);
  std::vector<float> plain(double theta) const;
  std::vector<float> frequencies(std::int64_t total) const;
  void read_axes(const Fields& scaling);
  // The rows of `count` tokens of a sequence of `total`, of which the i-th turns its j-th pair by
  // position(i, j); what comes after them.
  template <class Position>
  float* fill(float* row, std::int64_t count, std::int64_t total, const Position& position) const;

  std::int64_t size_ = 0;
  double theta_ = 10000;
  std::vector<float> frequencies_;  // [size / 2] radians a position
  std::vector<float> long_;         // longrope: past `original_` positions
  std::vector<int> axis_of_;        // [size / 2] time, row or column turns a pair; empty: one position
  double dynamic_ = 0;              // its factor; 0: none
  std::int64_t original_ = 0;       // positions the model was trained on
  std::int64_t reach_ = 0;
  double amplitude_ = 1;  // of cosines and sines
};

// The rotary positions of a stack's layers: one for all, or one for each kind of layer_types.
class LayerRopes {
 public:
  LayerRopes() = default;
  LayerRopes(const Fields& config, std::int64_t layers, std::int64_t size, double theta = 10000);

  // Rope::angles of every kind.
  std::vector<Tensor> angles(const Steps& steps) const;
  // The place of a layer's angles among them; -1: it has no rotary positions.
  std::int64_t kind_of(std::int64_t layer) const { return kind_of_[layer]; }

  std::int64_t reach() const;
  std::int64_t turning_point() const;

 private:
  std::vector<Rope> kinds_;
  std::vector<std::int64_t> kind_of_;  // of each layer; -1: none
};

}  // namespace hft
