// The safetensors reader. Source: the format's description in the README of
// github.com/huggingface/safetensors; what it leaves open is decided as its Rust reader decides.
#include "core/checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/json_reader.h"
#include "core/base/limits.h"
#include "core/checkpoint/dtypes.h"
#include "core/checkpoint/in_quotes.h"
#include "core/checkpoint/sniff.h"

namespace hft {
namespace {

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  std::int64_t bits;
};
// In the order of layout_order.
constexpr std::array kDtypes{DtypeRow{Dtype::kU64, "U64", 64},
                             DtypeRow{Dtype::kI64, "I64", 64},
                             DtypeRow{Dtype::kF64, "F64", 64},
                             DtypeRow{kC64, "C64", 64},
                             DtypeRow{Dtype::kF32, "F32", 32},
                             DtypeRow{Dtype::kU32, "U32", 32},
                             DtypeRow{Dtype::kI32, "I32", 32},
                             DtypeRow{Dtype::kBF16, "BF16", 16},
                             DtypeRow{Dtype::kF16, "F16", 16},
                             DtypeRow{Dtype::kU16, "U16", 16},
                             DtypeRow{Dtype::kI16, "I16", 16},
                             DtypeRow{kF8E5M2Fnuz, "F8_E5M2FNUZ", 8},
                             DtypeRow{kF8E4M3Fnuz, "F8_E4M3FNUZ", 8},
                             DtypeRow{kF8E8M0, "F8_E8M0", 8},
                             DtypeRow{Dtype::kF8E4M3, "F8_E4M3", 8},
                             DtypeRow{Dtype::kF8E5M2, "F8_E5M2", 8},
                             DtypeRow{Dtype::kI8, "I8", 8},
                             DtypeRow{Dtype::kU8, "U8", 8},
                             DtypeRow{kF6E3M2, "F6_E3M2", 6},
                             DtypeRow{kF6E2M3, "F6_E2M3", 6},
                             DtypeRow{kF4, "F4", 4},
                             DtypeRow{Dtype::kBool, "BOOL", 8}};

const DtypeRow& row_of(Dtype dtype) {
  return *std::find_if(kDtypes.begin(), kDtypes.end(),
                       [&](const DtypeRow& row) { return row.dtype == dtype; });
}

std::string shown(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

// A tensor's bytes as offsets into the data that follow the header: [begin, end).
struct Range {
  std::uint64_t begin = 0, end = 0;
  StoredTensors::iterator tensor;
  std::string shown() const {
    return "[" + std::to_string(begin) + ", " + std::to_string(end) + ")";
  }
  std::string name() const { return "tensor " + in_quotes(tensor->first); }
};

// Receives the header's JSON piece by piece, so that a header of any size is read in one pass and
// nothing is kept but the tensors. The functions named as nlohmann's SAX interface wants them.
class Header {
 public:
  explicit Header(SafetensorsFile& file) : file_(file) {}
  std::vector<Range> ranges;

  bool null() {
    if (place() == Place::kTop && key_ == "__metadata__") return true;
    return other("null");
  }
  bool boolean(bool) { return other("true or false"); }
  bool number_integer(std::int64_t value) { return other(std::to_string(value)); }
  bool number_float(double, const std::string& text) { return other(text); }

  bool number_unsigned(std::uint64_t value) {
    if (place() != Place::kShape && place() != Place::kOffsets) return other(std::to_string(value));
    auto& list = place() == Place::kShape ? shape_ : offsets_;
    std::size_t most = place() == Place::kShape ? limits::kRank : 2;
    if (list.size() == most && place() == Place::kShape)
      wrong("has more than ", limits::kRank, " dimensions");
    if (list.size() == most) wrong("'data_offsets' has more than 2 numbers");
    if (value > INT64_MAX) wrong("'", key_, "' holds ", value, ", the limit is ", INT64_MAX);
    list.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(std::string& value) {
    if (place() == Place::kMetadata) {
      file_.metadata[key_] = std::move(value);
      return true;
    }
    if (place() != Place::kTensor || key_ != "dtype") return other("a string");
    auto row = std::find_if(kDtypes.begin(), kDtypes.end(),
                            [&](const DtypeRow& r) { return r.name == value; });
    if (row == kDtypes.end())
      fail(Errc::kUnsupported, "tensor ", in_quotes(name_), ": dtype ", in_quotes(value),
           " is not supported");
    dtype_ = row->dtype;
    return true;
  }

  bool start_object(std::size_t) {
    if (places_.empty()) return enter(Place::kTop);
    if (place() == Place::kTop) {
      if (key_ == "__metadata__") return enter(Place::kMetadata);
      name_ = key_;
      seen_ = {};
      shape_.clear();
      offsets_.clear();
      return enter(Place::kTensor);
    }
    other("an object");
    others_.emplace_back();
    return enter(Place::kIgnored);
  }

  bool key(std::string& value) {
    bool fresh = true;
    switch (place()) {
      case Place::kTop:
        fresh = value == "__metadata__" ? !std::exchange(metadata_seen_, true)
                                        : !file_.tensors.contains(value);
        break;
      case Place::kMetadata:
        fresh = file_.metadata.emplace(value, "").second;
        break;
      case Place::kTensor:
        fresh = seen_.insert(value);
        break;
      default:
        fresh = others_.back().insert(value).second;
    }
    if (!fresh) fail(Errc::kBadData, "header: duplicate key ", in_quotes(value));
    key_ = std::move(value);
    return true;
  }

  bool end_object() {
    if (place() == Place::kTensor) add_tensor();
    if (place() == Place::kIgnored) others_.pop_back();
    places_.pop_back();
    return true;
  }

  bool start_array(std::size_t) {
    if (place() == Place::kTensor && key_ == "shape") return enter(Place::kShape);
    if (place() == Place::kTensor && key_ == "data_offsets") return enter(Place::kOffsets);
    other("a list");
    others_.emplace_back();
    return enter(Place::kIgnored);
  }
  bool end_array() {
    if (place() == Place::kIgnored) others_.pop_back();
    places_.pop_back();
    return true;
  }

 private:
  enum class Place { kNone, kTop, kMetadata, kTensor, kShape, kOffsets, kIgnored };

  // The keys met in a tensor's object; the three of the format cost nothing.
  struct Keys {
    bool dtype = false, shape = false, data_offsets = false;
    std::set<std::string> others;
    bool insert(const std::string& key) {
      bool* flag = key == "dtype"          ? &dtype
                   : key == "shape"        ? &shape
                   : key == "data_offsets" ? &data_offsets
                                           : nullptr;
      return flag ? !std::exchange(*flag, true) : others.insert(key).second;
    }
  };

  Place place() const { return places_.empty() ? Place::kNone : places_.back(); }
  bool enter(Place place) {
    places_.push_back(place);
    return true;
  }

  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    fail(Errc::kBadData, "tensor ", in_quotes(name_), ": ", parts...);
  }

  // A value of a kind that only fields which the format does not know may have.
  bool other(const std::string& got) {
    switch (place()) {
      case Place::kIgnored:
        return true;
      case Place::kNone:
        fail(Errc::kBadData, "header: is ", got, ", wanted an object");
      case Place::kTop:
        fail(Errc::kBadData, "header: ", in_quotes(key_), " is ", got, ", wanted an object");
      case Place::kMetadata:
        fail(Errc::kBadData, "header: __metadata__: ", in_quotes(key_), " is ", got,
             ", wanted a string");
      case Place::kShape:
      case Place::kOffsets:
        wrong("'", place() == Place::kShape ? "shape" : "data_offsets", "' holds ", got,
              ", wanted an integer from 0");
      case Place::kTensor:
        break;
    }
    if (key_ == "dtype") wrong("'dtype' is ", got, ", wanted a string");
    if (key_ == "shape" || key_ == "data_offsets")
      wrong("'", key_, "' is ", got, ", wanted a list");
    return true;
  }

  void add_tensor() {
    for (auto [there, field] : {std::pair{seen_.dtype, "dtype"},
                                {seen_.shape, "shape"},
                                {seen_.data_offsets, "data_offsets"}})
      if (!there) wrong("'", field, "' is missing");
    if (offsets_.size() != 2) wrong("'data_offsets' has ", offsets_.size(), " numbers, wanted 2");
    auto [begin, end] = std::pair{offsets_[0], offsets_[1]};
    if (begin > end) wrong("its range [", begin, ", ", end, ") runs backwards");
    std::int64_t bits = bits_of(dtype_);
    for (std::int64_t size : shape_)
      if (__builtin_mul_overflow(bits, size, &bits))
        wrong("shape ", shown(shape_), " is larger than any file");
    if (bits % 8 != 0)
      wrong(name_of(dtype_), " of shape ", shown(shape_), " is ", bits, " bits, no whole bytes");
    const std::int64_t bytes = bits / 8;
    if (bytes != end - begin)
      wrong(name_of(dtype_), " of shape ", shown(shape_), " is ", bytes, " bytes, its range [",
            begin, ", ", end, ") holds ", end - begin);
    if (std::ssize(ranges) >= limits::kTensors)
      fail(Errc::kBadData, "header: more than ", limits::kTensors, " tensors");
    auto tensor = file_.tensors.try_emplace(name_).first;
    tensor->second.dtype = dtype_;
    tensor->second.shape = shape_;
    ranges.push_back({static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end), tensor});
  }

  SafetensorsFile& file_;
  std::vector<Place> places_;
  std::string key_, name_;
  bool metadata_seen_ = false;
  Keys seen_;
  std::vector<std::set<std::string>> others_;  // one for each open object that is ignored
  Dtype dtype_ = Dtype::kF32;
  std::vector<std::int64_t> shape_, offsets_;
};

// The header's text: its length and first byte are checked, its content is not.
std::string_view header_of(std::span<const std::byte> bytes) {
  if (bytes.empty()) fail(Errc::kBadData, "is empty, wanted a safetensors file");
  std::uint64_t length = 0;
  if (bytes.size() >= sizeof length) std::memcpy(&length, bytes.data(), sizeof length);
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof length;
  // A writer may put blanks before the object, to align it.
  const auto begins = [&] {
    const auto first = std::string_view(text, length).find_first_not_of(" \n\r\t");
    return first != std::string_view::npos && text[first] == '{';
  };
  bool fits = bytes.size() >= sizeof length && length <= bytes.size() - sizeof length;
  if (!fits || !begins()) reject_other_format(bytes, Wanted::kSafetensors);
  if (bytes.size() < sizeof length)
    fail(Errc::kBadData, "is ", bytes.size(),
         " bytes, but a safetensors file begins with the 8 bytes of its header's length");
  if (length > static_cast<std::uint64_t>(limits::kSafetensorsHeaderBytes))
    fail(Errc::kBadData, "header: its length is ", length, " bytes, the limit is ",
         limits::kSafetensorsHeaderBytes, "; the file is damaged or not safetensors");
  if (!fits)
    fail(Errc::kBadData, "header: its length is ", length, " bytes, but the file has ",
         bytes.size(), "; the file was cut short or is not safetensors");
  if (length == 0) fail(Errc::kBadData, "header: is empty, wanted JSON");
  if (!begins()) fail(Errc::kBadData, "header: does not begin with '{'");
  return {text, length};
}

// Points every tensor at its bytes: the ranges, in order, must cover the data without overlap,
// hole or tail.
void place_tensors(std::vector<Range>& ranges, std::span<const std::byte> data,
                   const std::shared_ptr<const MappedFile>& file) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  const Range* last = nullptr;
  std::uint64_t done = 0;
  for (const Range& range : ranges) {
    if (range.begin < done)
      fail(Errc::kBadData, range.name(), ": its range ", range.shown(), " overlaps ", last->shown(),
           " of ", last->name());
    if (range.begin > done)
      fail(Errc::kBadData, range.name(), ": its range ", range.shown(),
           " leaves a hole after byte ", done);
    if (range.end > data.size())
      fail(Errc::kBadData, range.name(), ": its range ", range.shown(), " ends past the ",
           data.size(), " bytes of data; the file was cut short");
    range.tensor->second.bytes = data.subspan(range.begin, range.end - range.begin);
    range.tensor->second.file = file;
    done = range.end;
    last = &range;
  }
  if (done != data.size())
    fail(Errc::kBadData, data.size() - done, " bytes follow the last tensor");
}

void check_metadata(const std::map<std::string, std::string>& metadata) {
  auto format = metadata.find("format");
  if (format == metadata.end()) return;
  for (std::string_view known : {"pt", "tf", "flax", "mlx"})
    if (format->second == known) return;
  fail(Errc::kUnsupported, "__metadata__: format ", in_quotes(format->second),
       " is not supported, wanted pt, tf, flax or mlx");
}

SafetensorsFile open_mapped(const std::shared_ptr<const MappedFile>& mapped) {
  SafetensorsFile file;
  std::span<const std::byte> bytes = mapped->bytes();
  std::string_view text = header_of(bytes);
  Header header(file);
  try {
    JsonReader(text, header, JsonDialect::kRfc).read();
  } catch (const JsonFault& fault) {
    fail(Errc::kBadData, "header: not valid ", fault.encoding ? "UTF-8" : "JSON", " at byte ",
         fault.at + 1);
  }
  check_metadata(file.metadata);
  place_tensors(header.ranges, bytes.subspan(sizeof(std::uint64_t) + text.size()), mapped);
  return file;
}

}  // namespace

int layout_order(Dtype dtype) { return static_cast<int>(&row_of(dtype) - kDtypes.data()); }
std::int64_t bits_of(Dtype dtype) { return row_of(dtype).bits; }
std::int64_t bytes_of(Dtype dtype) { return bits_of(dtype) / 8; }
std::string_view name_of(Dtype dtype) { return row_of(dtype).name; }

std::int64_t StoredTensor::count() const {
  return static_cast<std::int64_t>(bytes.size()) * 8 / bits_of(dtype);
}

std::string in_quotes(std::string_view name) {
  std::string text(name.substr(0, 100));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  return "'" + text + (name.size() > 100 ? "...'" : "'");
}

SafetensorsFile open_safetensors(const std::filesystem::path& file) {
  auto mapped = std::make_shared<const MappedFile>(file);
  return with_context(file.string(), [&] { return open_mapped(mapped); });
}

}  // namespace hft
