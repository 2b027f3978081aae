#include "core/models/illustrations.h"

#include <algorithm>

#include "core/base/error.h"

namespace hft {
namespace {

Tensor rows_tensor(const std::vector<std::int64_t>& rows) { return at::tensor(rows, at::kLong); }

}  // namespace

Illustration::Illustration(const PictureSide& side, std::span<const std::int32_t> ids,
                           const std::vector<PictureTokens>& pictures) {
  std::vector<Tensor> parts;
  std::int64_t tokens = 0;
  for (const auto& picture : pictures) {
    parts.push_back(picture.x);
    tokens += picture.x.size(0);
  }
  const std::int64_t places = std::ranges::count(ids, side.token);
  if (places != tokens)
    fail(Errc::kBadData, "the text has places for ", places, " tokens of pictures, but its ",
         pictures.size(), pictures.size() == 1 ? " picture has " : " pictures have ", tokens);
  if (parts.empty()) return;
  all_.embeddings = at::concat(parts);
  for (std::size_t i = 0; i < pictures[0].deeper.size(); ++i) {
    parts.clear();
    for (const auto& picture : pictures) parts.push_back(picture.deeper[i]);
    all_.deeper.push_back(at::concat(parts));
  }
  place(ids, side, pictures);
}

void Illustration::place(std::span<const std::int32_t> ids, const PictureSide& side,
                         const std::vector<PictureTokens>& pictures) {
  std::int64_t next = 0, row = 0, left = 0;  // position; row of the embeddings, left of a picture
  auto picture = pictures.begin();
  for (std::size_t i = 0; row < all_.embeddings.size(0); ++i) {
    const bool seen = ids[i] == side.token;
    rows_.push_back(seen ? static_cast<std::int32_t>(row++) : -1);
    if (!side.by_axes) continue;
    if (!seen) {
      axes_.insert(axes_.end(), 3, next++);
      continue;
    }
    if (left == 0) left = picture->x.size(0);
    const auto cell = picture->x.size(0) - left, width = picture->grid.width;
    for (const auto offset : {std::int64_t{0}, cell / width, cell % width})
      axes_.push_back(next + offset);
    if (--left > 0) continue;
    next += std::max(picture->grid.height, width);
    ++picture;
  }
  if (side.by_axes) shift_ = next - end();
}

void Illustration::add(const Step& step, std::vector<std::int64_t>& rows,
                       std::vector<SeenRows>& seen) const {
  std::vector<std::int64_t> own;
  for (auto i = step.past; i < std::min(step.past + step.count, end()); ++i) {
    if (rows_[static_cast<std::size_t>(i)] < 0) continue;
    own.push_back(rows_[static_cast<std::size_t>(i)]);
    rows.push_back(step.begin + i - step.past);
  }
  if (own.empty()) return;
  const Tensor wanted = rows_tensor(own);
  SeenRows& part = seen.emplace_back();
  part.embeddings = all_.embeddings.index_select(0, wanted);
  for (const Tensor& deeper : all_.deeper) part.deeper.push_back(deeper.index_select(0, wanted));
}

void Illustration::axes(std::int64_t position, std::int64_t* out) const {
  if (position < end() && !axes_.empty())
    std::copy_n(axes_.begin() + 3 * position, 3, out);
  else
    std::fill_n(out, 3, position + shift_);
}

void Illustrations::add_to(Steps& steps) const {
  if (known_.empty()) return;
  std::vector<std::int64_t> rows;
  std::vector<SeenRows> seen;
  for (Step& step : steps.steps) {
    const auto found = known_.find(step.sequence);
    if (found == known_.end()) continue;
    step.shift = found->second->shift();
    found->second->add(step, rows, seen);
  }
  set_axes(steps);
  if (rows.empty()) return;
  SeenRows& all = steps.pictures;
  all.rows = rows_tensor(rows);
  std::vector<Tensor> parts;
  for (const SeenRows& part : seen) parts.push_back(part.embeddings);
  all.embeddings = at::concat(parts);
  for (std::size_t i = 0; i < seen[0].deeper.size(); ++i) {
    parts.clear();
    for (const SeenRows& part : seen) parts.push_back(part.deeper[i]);
    all.deeper.push_back(at::concat(parts));
  }
}

// Needed only where a pass has rows before the end of the pictures.
void Illustrations::set_axes(Steps& steps) const {
  const auto of = [&](const Step& step) {
    const auto found = known_.find(step.sequence);
    return found == known_.end() ? nullptr : found->second.get();
  };
  const bool needed = std::ranges::any_of(steps.steps, [&](const Step& step) {
    const Illustration* known = of(step);
    return known && known->by_axes() && step.past < known->end();
  });
  if (!needed) return;
  steps.axes = at::empty({steps.ids.size(0), 3}, at::kLong);
  auto* out = steps.axes.data_ptr<std::int64_t>();
  for (const Step& step : steps.steps) {
    const Illustration* known = of(step);
    for (std::int64_t i = 0; i < step.count; ++i, out += 3)
      known ? known->axes(step.past + i, out) : void(std::fill_n(out, 3, step.past + i));
  }
}

}  // namespace hft
