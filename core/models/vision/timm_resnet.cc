// What timm's names of ResNets say: resnet50, resnet50d, wide_resnet50_2, resnext50_32x4d …
// Reference: timm's models/resnet.py.
#include <array>
#include <cstdlib>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/vision/resnet.h"

namespace hft {
namespace {

std::optional<ResNetShape> named(const std::string& name) {
  struct Depth {
    int layers;
    std::array<std::int64_t, 4> depths;
    bool bottleneck;
  };
  static constexpr Depth kDepths[] = {{10, {1, 1, 1, 1}, false}, {14, {1, 1, 1, 1}, true},
                                      {18, {2, 2, 2, 2}, false}, {26, {2, 2, 2, 2}, true},
                                      {34, {3, 4, 6, 3}, false}, {50, {3, 4, 6, 3}, true},
                                      {101, {3, 4, 23, 3}, true}, {152, {3, 8, 36, 3}, true},
                                      {200, {3, 24, 36, 3}, true}};
  const bool wide = name.starts_with("wide_resnet"), next = name.starts_with("resnext");
  const auto digits = name.find_first_of("0123456789");
  if (!(name.starts_with("resnet") || wide || next) || digits > 11) return std::nullopt;
  const int layers = std::atoi(name.c_str() + digits);
  const std::string rest = name.substr(digits + std::to_string(layers).size());
  for (const Depth& depth : kDepths) {
    if (depth.layers != layers) continue;
    ResNetShape r;
    r.depths.assign(depth.depths.begin(), depth.depths.end());
    r.bottleneck = depth.bottleneck;
    if (!r.bottleneck) r.widths = {64, 128, 256, 512};
    const char kind = rest.empty() ? ' ' : rest[0];
    if (wide && rest == "_2") {
      r.inner = 0.5;
    } else if (next && rest == "_32x4d") {
      r.inner = 0.5;
      r.groups = 32;
    } else if (rest.size() == 1 && std::string_view("cdst").find(kind) != std::string_view::npos) {
      const std::int64_t width = kind == 's' ? 64 : 32;
      r.deep_stem = {kind == 't' ? width / 4 * 3 : width, width};
      r.stem = 2 * width;
      r.average_down = kind == 'd' || kind == 't';
    } else if (!rest.empty()) {
      return std::nullopt;
    }
    return r;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ResNetShape> timm_resnet_shape(const std::string& name, const Fields& args) {
  auto r = named(name);
  if (!r) return r;
  r->depths = integers(args, "layers", r->depths, 1, limits::kLayers);
  if (const auto own = integers(args, "channels", {}, 1, limits::kHidden); !own.empty()) {
    r->widths = own;
    if (r->bottleneck)
      for (auto& width : r->widths) width *= 4;
  }
  if (r->widths.size() != r->depths.size() || r->widths.empty())
    fail(Errc::kBadData, args.where(), ": 'layers' is of ", r->depths.size(),
         " stages and 'channels' of ", r->widths.size(), ", wanted as many of both");
  return r;
}

}  // namespace hft
