#include "core/nn/rope.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/checkpoint/config.h"
#include "core/kernels/rotate_kernel.h"
#include "core/nn/twins.h"
#include "core/nn/workers.h"

namespace hft {
namespace {

constexpr double kMost = 1e9;  // of any factor in a config

std::vector<float> list_of(const Fields& scaling, std::string_view key, std::size_t count) {
  const Json* list = scaling.find(key);
  if (!list || !list->is_array() || list->size() != count)
    fail(Errc::kBadData, scaling.where(), ": '", key, "' is ",
         list && list->is_array() ? "a list of " + std::to_string(list->size()) : "missing",
         ", wanted a list of ", count, " numbers");
  std::vector<float> values;
  for (const Json& value : *list) {
    if (!value.is_number() || value.get<double>() <= 0)
      fail(Errc::kBadData, scaling.where(), ": '", key, "' holds ", value.dump(),
           ", wanted numbers above 0");
    values.push_back(value.get<float>());
  }
  return values;
}

}  // namespace

Rope::Rope(const Fields& config, std::int64_t size, double share, double theta)
    : theta_(config.real("rope_theta", 1, 1e12, theta)),
      original_(config.integer("max_position_embeddings", 1, limits::kPositions, 2048)),
      reach_(original_) {
  share = config.real("partial_rotary_factor", 0, 1, share);
  size_ = static_cast<std::int64_t>(static_cast<double>(size) * share);
  if (size_ < 2 || size_ % 2 != 0)
    fail(Errc::kBadData, config.where(), ": rotary positions turn ", size_,
         " numbers of a head, wanted an even number of them");
  frequencies_ = plain(theta_);
  const Fields scaling = config.object("rope_scaling");
  if (!scaling.json().empty()) stretch(config, scaling);
  if (scaling.has("mrope_section")) read_axes(scaling);
}

// Sections of pairs for time, rows and columns: one after the other, or in turns (mrope_interleaved)
// as long as rows and columns have pairs left.
void Rope::read_axes(const Fields& scaling) {
  const auto sections = list_of(scaling, "mrope_section", 3);
  const auto pairs = static_cast<int>(size_ / 2);
  const std::array<int, 3> of{static_cast<int>(sections[0]), static_cast<int>(sections[1]),
                              static_cast<int>(sections[2])};
  const bool in_turns = scaling.boolean("mrope_interleaved", false);
  if (!in_turns && of[0] + of[1] + of[2] != pairs)
    fail(Errc::kBadData, scaling.where(), ": 'mrope_section' is [", of[0], ", ", of[1], ", ", of[2],
         "], but a head has ", pairs, " pairs of numbers to turn");
  for (int j = 0; j < pairs; ++j)
    axis_of_.push_back(in_turns ? (j / 3 < of[j % 3] ? j % 3 : 0)
                       : j < of[0] ? 0 : j < of[0] + of[1] ? 1 : 2);
}

// theta^(-2 i / size), in float32 as the checkpoints were trained with.
std::vector<float> Rope::plain(double theta) const {
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < size_; i += 2)
    frequencies.push_back(1.0f / std::pow(static_cast<float>(theta),
                                          static_cast<float>(i) / static_cast<float>(size_)));
  return frequencies;
}

void Rope::stretch(const Fields& config, const Fields& scaling) {
  std::string type = scaling.text("rope_type", scaling.text("type", "default"));
  const auto factor = [&] { return scaling.real("factor", 1e-6, kMost); };
  if (type == "default" || type == "mrope") return;
  if (type == "linear") {
    for (float& f : frequencies_) f /= static_cast<float>(factor());
    reach(factor(), original_);
  } else if (type == "dynamic") {
    dynamic_ = factor();
    reach(dynamic_, original_);
  } else if (type == "yarn") {
    yarn(scaling);
  } else if (type == "longrope" || type == "su") {
    longrope(config, scaling);
  } else if (type == "llama3") {
    const double by = factor(), low = scaling.real("low_freq_factor", 1e-6, kMost),
                 high = scaling.real("high_freq_factor", 1e-6, kMost);
    const auto context = static_cast<double>(
        scaling.integer("original_max_position_embeddings", 1, limits::kPositions, original_));
    reach(by, static_cast<std::int64_t>(context));
    for (float& f : frequencies_) {
      const double wave = 2 * M_PI / f, smooth = (context / wave - low) / (high - low);
      if (wave > context / low)
        f = static_cast<float>(f / by);
      else if (wave >= context / high)
        f = static_cast<float>((1 - smooth) * f / by + smooth * f);
    }
  } else {
    fail(Errc::kUnsupported, scaling.where(), ": rope type '", type,
         "' is not one of default, linear, dynamic, yarn, longrope, llama3");
  }
}

void Rope::reach(double factor, std::int64_t trained) {
  const double positions =
      std::min(factor * static_cast<double>(trained), static_cast<double>(limits::kPositions));
  reach_ = std::max(reach_, static_cast<std::int64_t>(positions));
}

void Rope::yarn(const Fields& scaling) {
  const double factor = scaling.real("factor", 1e-6, kMost);
  const auto context = static_cast<double>(
      scaling.integer("original_max_position_embeddings", 1, limits::kPositions, original_));
  reach(factor, static_cast<std::int64_t>(context));
  const auto magnitude = [&](double m) {
    return factor <= 1 ? 1.0 : 0.1 * m * std::log(factor) + 1;
  };
  const double m = scaling.real("mscale", 0, kMost, 0),
               all = scaling.real("mscale_all_dim", 0, kMost, 0);
  amplitude_ = scaling.real("attention_factor", 0, kMost,
                            m != 0 && all != 0 ? magnitude(m) / magnitude(all) : magnitude(1));
  // The pair of numbers that turns `rotations` times within the context.
  const auto pair_turning = [&](double rotations) {
    return static_cast<double>(size_) * std::log(context / (rotations * 2 * M_PI)) /
           (2 * std::log(theta_));
  };
  double low = pair_turning(scaling.real("beta_fast", 1e-6, kMost, 32)),
         high = pair_turning(scaling.real("beta_slow", 1e-6, kMost, 1));
  if (scaling.boolean("truncate", true)) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(size_ - 1));
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < frequencies_.size(); ++i) {
    const auto slow =
        static_cast<float>(std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0));
    frequencies_[i] =
        frequencies_[i] / static_cast<float>(factor) * slow + frequencies_[i] * (1 - slow);
  }
}

void Rope::longrope(const Fields& config, const Fields& scaling) {
  const auto positions = static_cast<double>(original_);
  double factor = scaling.real("factor", 1e-6, kMost, 1);
  const Fields& where = config.has("original_max_position_embeddings") ? config : scaling;
  if (where.has("original_max_position_embeddings")) {
    original_ = where.integer("original_max_position_embeddings", 1, limits::kPositions);
    if (!scaling.has("factor") || !is_version_5(config))
      factor = positions / static_cast<double>(original_);
  }
  amplitude_ = scaling.real(
      "attention_factor", 0, kMost,
      factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(static_cast<double>(original_))));
  const auto short_factor = list_of(scaling, "short_factor", frequencies_.size());
  const auto long_factor = list_of(scaling, "long_factor", frequencies_.size());
  long_ = frequencies_;
  for (std::size_t i = 0; i < frequencies_.size(); ++i) {
    frequencies_[i] /= short_factor[i];
    long_[i] /= long_factor[i];
  }
}

std::vector<float> Rope::frequencies(std::int64_t total) const {
  if (!long_.empty() && total > original_) return long_;
  if (dynamic_ > 0 && total > original_) {
    const double length = static_cast<double>(total), trained = static_cast<double>(original_),
                 size = static_cast<double>(size_);
    return plain(theta_ *
                 std::pow(dynamic_ * length / trained - (dynamic_ - 1), size / (size - 2)));
  }
  return frequencies_;
}

template <class Position>
float* Rope::fill(float* row, std::int64_t count, std::int64_t total,
                  const Position& position) const {
  const auto turns = frequencies(total);
  const auto half = size_ / 2;
  for (std::int64_t i = 0; i < count; ++i, row += size_)
    for (std::int64_t j = 0; j < half; ++j) {
      const float angle = static_cast<float>(position(i, j)) * turns[j];
      row[j] = static_cast<float>(std::cos(angle) * amplitude_);
      row[half + j] = static_cast<float>(std::sin(angle) * amplitude_);
    }
  return row;
}

Tensor Rope::angles(const Steps& steps) const {
  Tensor all = at::empty({steps.ids.size(0), size_}, at::kFloat);
  auto* row = all.data_ptr<float>();
  const auto* axes =
      steps.axes.defined() && !axis_of_.empty() ? steps.axes.const_data_ptr<std::int64_t>() : nullptr;
  for (const auto& step : steps.steps) {
    if (axes)
      row = fill(row, step.count, step.total, [&, own = axes + 3 * step.begin](auto i, auto j) {
        return own[3 * i + axis_of_[j]];
      });
    else
      row = fill(row, step.count, step.total,
                 [from = step.past + step.shift](auto i, auto) { return from + i; });
  }
  return all.to(steps.ids.device());
}

Tensor Rope::angles(const Sequences& seqs) const {
  Tensor all = at::empty({seqs.tokens(), size_}, at::kFloat);
  auto* row = all.data_ptr<float>();
  for (std::int64_t b = 0; b < seqs.count(); ++b)
    row = fill(row, seqs.length(b), seqs.length(b), [](auto i, auto) { return i; });
  return all.to(seqs.device);
}

namespace {

// The twin: columns [0, heads * size) of qkv turned, in a tensor of their own.
Tensor turned(const Tensor& qkv, const Tensor& angles, std::int64_t heads, std::int64_t size) {
  const auto rows = qkv.size(0), turning = angles.size(1), half = turning / 2;
  const Tensor own = qkv.narrow(1, 0, heads * size).to(at::kFloat);
  const Tensor x = own.reshape({rows, heads, size});  // [N,H,E]
  const Tensor cosines = angles.narrow(1, 0, half).unsqueeze(1);  // [N,1,turning/2]
  const Tensor sines = angles.narrow(1, half, half).unsqueeze(1);
  const Tensor low = x.narrow(2, 0, half), high = x.narrow(2, half, half);  // [N,H,turning/2]
  const Tensor rest = x.narrow(2, turning, size - turning);
  const Tensor all =
      at::concat({low * cosines - high * sines, high * cosines + low * sines, rest}, 2);
  return all.view({rows, heads * size}).to(qkv.scalar_type());  // [N,H*E]
}

}  // namespace

void Rope::rotate(Tensor& qkv, const Tensor& angles, std::int64_t heads, std::int64_t size) {
  if (!kernel_computes(qkv)) {
    const auto columns = heads * size;
    qkv = at::concat({turned(qkv, angles, heads, size),
                   qkv.narrow(1, columns, qkv.size(1) - columns)},
                  1);
    return;
  }
  if (qkv.scalar_type() == at::kHalf) qkv = qkv.to(at::kFloat);
  const auto rows = qkv.size(0);
  const RotateRows work{.rows = qkv.data_ptr(),
                        .stride = qkv.stride(0),
                        .angles = angles.const_data_ptr<float>(),
                        .heads = heads,
                        .size = size,
                        .turning = angles.size(1),
                        .bfloat16 = qkv.scalar_type() == at::kBFloat16};
  const int count = rows < 16 ? 1 : cores();
  on_each_core(
      count, [&](int core) { rotate_rows(work, rows * core / count, rows * (core + 1) / count); });
}

LayerRopes::LayerRopes(const Fields& config, std::int64_t layers, std::int64_t size, double theta) {
  std::map<std::string, std::int64_t> known;
  const Json *types = config.find("layer_types"), *own = config.find("rope_parameters");
  for (std::int64_t i = 0; i < layers; ++i) {
    const bool named = types && types->is_array() && i < static_cast<std::int64_t>(types->size()) &&
                       (*types)[i].is_string();
    std::string type = named ? (*types)[i].get<std::string>() : "full_attention";
    if (!own || !own->is_object() || !own->contains(type)) type.clear();  // as all others
    const auto [kind, fresh] = known.try_emplace(type, -1);
    if (const auto fields = fresh ? config_of_layers(config, type) : std::nullopt) {
      kind->second = static_cast<std::int64_t>(kinds_.size());
      kinds_.emplace_back(*fields, size, 1, theta);
    }
    kind_of_.push_back(kind->second);
  }
}

std::vector<Tensor> LayerRopes::angles(const Steps& steps) const {
  std::vector<Tensor> all;
  for (const Rope& rope : kinds_) all.push_back(rope.angles(steps));
  return all;
}

std::int64_t LayerRopes::reach() const {
  std::int64_t most = 0;
  for (const Rope& rope : kinds_) most = std::max(most, rope.reach());
  return most;
}

std::int64_t LayerRopes::turning_point() const {
  std::int64_t first = 0;
  for (const Rope& rope : kinds_)
    if (rope.turning_point() > 0 && (first == 0 || rope.turning_point() < first))
      first = rope.turning_point();
  return first;
}

}  // namespace hft
