#include "core/checkpoint/views.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "core/base/error.h"
#include "core/base/limits.h"

namespace hft {
namespace {

// The count of elements, after every index was held against the storage.
std::int64_t check_bounds(const View& v) {
  if (v.shape.size() != v.strides.size())
    fail(Errc::kBadData, "has ", v.shape.size(), " sizes but ", v.strides.size(), " strides");
  std::int64_t count = 1, last = v.offset;
  bool overflow = false;
  const bool empty = std::find(v.shape.begin(), v.shape.end(), 0) != v.shape.end();
  for (std::size_t i = 0; i < v.shape.size(); ++i) {
    overflow |= __builtin_mul_overflow(count, std::max<std::int64_t>(v.shape[i], 1), &count);
    std::int64_t reach = 0;
    if (empty) continue;
    overflow |= __builtin_mul_overflow(v.shape[i] - 1, v.strides[i], &reach);
    overflow |= __builtin_add_overflow(last, reach, &last);
  }
  if (overflow) fail(Errc::kBadData, "its sizes and strides are larger than any storage");
  // A view without elements may begin anywhere, as torch lets it.
  const std::int64_t elements = std::ssize(v.storage) / bytes_of(v.dtype);
  if (!empty && last >= elements)
    fail(Errc::kBadData, "reaches element ", last, " of a storage of ", elements);
  return empty ? 0 : count;
}

bool is_contiguous(const View& v) {
  std::int64_t expected = 1;
  for (std::size_t i = v.shape.size(); i-- > 0;) {
    if (v.shape[i] == 1) continue;
    if (v.strides[i] != expected) return false;
    expected *= v.shape[i];
  }
  return true;
}

// The elements of a view in row-major order, one after another.
template <std::size_t width>
void gather(const View& v, std::byte* out) {
  const std::size_t rank = v.shape.size();
  const std::int64_t row = v.shape[rank - 1], step = v.strides[rank - 1];
  std::vector<std::int64_t> index(rank, 0);
  for (bool more = true; more;) {
    std::int64_t at = v.offset;
    for (std::size_t i = 0; i + 1 < rank; ++i) at += index[i] * v.strides[i];
    for (std::int64_t i = 0; i < row; ++i, at += step, out += width)
      std::memcpy(out, v.storage.data() + static_cast<std::size_t>(at) * width, width);
    std::size_t i = rank - 1;
    while (i > 0 && ++index[i - 1] == v.shape[i - 1]) index[--i] = 0;
    more = i > 0;
  }
}

}  // namespace

bool View::operator<(const View& other) const {
  if (storage.data() != other.storage.data()) return storage.data() < other.storage.data();
  return std::tie(dtype, offset, shape, strides) <
         std::tie(other.dtype, other.offset, other.shape, other.strides);
}

Views::Views(std::shared_ptr<const MappedFile> file)
    : file_(std::move(file)), left_(file_->bytes().size() + limits::kViewBytes) {}

StoredTensor Views::tensor(const View& view) {
  const std::int64_t count = check_bounds(view);
  StoredTensor tensor{.dtype = view.dtype, .shape = view.shape, .file = file_};
  if (count == 0) return tensor;
  if (is_contiguous(view)) {
    const auto width = static_cast<std::size_t>(bytes_of(view.dtype));
    tensor.bytes = view.storage.subspan(static_cast<std::size_t>(view.offset) * width,
                                        static_cast<std::size_t>(count) * width);
    return tensor;
  }
  const auto& copy = copy_of(view, count);
  tensor.bytes = copy->bytes;
  tensor.file = {copy, file_.get()};  // keeps the copy alive, and names the file
  return tensor;
}

const std::shared_ptr<const Views::Copy>& Views::copy_of(const View& view, std::int64_t count) {
  auto [entry, fresh] = copies_.try_emplace(view);
  if (!fresh) return entry->second;
  const auto width = static_cast<std::uint64_t>(bytes_of(view.dtype));
  if (static_cast<std::uint64_t>(count) > left_ / width)
    fail(Errc::kBadData, "the file's views that are not contiguous take more than ",
         file_->bytes().size() + limits::kViewBytes, " bytes");
  const std::uint64_t bytes = static_cast<std::uint64_t>(count) * width;
  left_ -= bytes;
  Copy copy{std::vector<std::byte>(bytes), file_};
  switch (width) {
    case 1:
      gather<1>(view, copy.bytes.data());
      break;
    case 2:
      gather<2>(view, copy.bytes.data());
      break;
    case 4:
      gather<4>(view, copy.bytes.data());
      break;
    default:
      gather<8>(view, copy.bytes.data());
  }
  return entry->second = std::make_shared<const Copy>(std::move(copy));
}

}  // namespace hft
