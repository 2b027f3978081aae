#include "core/checkpoint/torch_tensors.h"

#include <array>
#include <string>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/checkpoint/dtypes.h"
#include "core/checkpoint/in_quotes.h"
#include "core/checkpoint/views.h"

namespace hft {
namespace {

using Kind = Pickle::Kind;
using Value = Pickle::Value;
using Use = PickleGlobal::Use;

// What a name is to torch: its tag, at or above kStorage a storage of that dtype, at or above
// kDtype the dtype itself. kUnknown stands for dtypes that hft has not.
enum Tag : int {
  kNothing,
  kTensorV2,
  kTensorV3,
  kParameter,
  kUntyped,
  kStorage = 100,
  kDtype = 200,
  kUnknown = 99
};

constexpr PickleGlobal storage(std::string_view name, Dtype dtype) {
  return {name, Use::kName, kStorage + static_cast<int>(dtype)};
}
constexpr PickleGlobal dtype(std::string_view name, Dtype dtype) {
  return {name, Use::kName, kDtype + static_cast<int>(dtype)};
}
constexpr PickleGlobal unknown_storage(std::string_view name) {
  return {name, Use::kName, kStorage + kUnknown};
}
constexpr PickleGlobal unknown_dtype(std::string_view name) {
  return {name, Use::kName, kDtype + kUnknown};
}

constexpr std::array kGlobals{
    PickleGlobal{"collections.OrderedDict", Use::kDict},
    PickleGlobal{"torch.Size", Use::kTuple},
    PickleGlobal{"torch._utils._rebuild_tensor_v2", Use::kCall, kTensorV2},
    PickleGlobal{"torch._utils._rebuild_tensor_v3", Use::kCall, kTensorV3},
    PickleGlobal{"torch._utils._rebuild_parameter", Use::kCall, kParameter},
    PickleGlobal{"torch.storage.UntypedStorage", Use::kName, kUntyped},
    storage("torch.DoubleStorage", Dtype::kF64),
    storage("torch.FloatStorage", Dtype::kF32),
    storage("torch.HalfStorage", Dtype::kF16),
    storage("torch.BFloat16Storage", Dtype::kBF16),
    storage("torch.LongStorage", Dtype::kI64),
    storage("torch.IntStorage", Dtype::kI32),
    storage("torch.ShortStorage", Dtype::kI16),
    storage("torch.CharStorage", Dtype::kI8),
    storage("torch.ByteStorage", Dtype::kU8),
    storage("torch.BoolStorage", Dtype::kBool),
    storage("torch.ComplexFloatStorage", kC64),
    unknown_storage("torch.ComplexDoubleStorage"),
    dtype("torch.float64", Dtype::kF64),
    dtype("torch.float32", Dtype::kF32),
    dtype("torch.float16", Dtype::kF16),
    dtype("torch.bfloat16", Dtype::kBF16),
    dtype("torch.int64", Dtype::kI64),
    dtype("torch.int32", Dtype::kI32),
    dtype("torch.int16", Dtype::kI16),
    dtype("torch.int8", Dtype::kI8),
    dtype("torch.uint64", Dtype::kU64),
    dtype("torch.uint32", Dtype::kU32),
    dtype("torch.uint16", Dtype::kU16),
    dtype("torch.uint8", Dtype::kU8),
    dtype("torch.bool", Dtype::kBool),
    dtype("torch.complex64", kC64),
    dtype("torch.float8_e8m0fnu", kF8E8M0),
    dtype("torch.float8_e4m3fnuz", kF8E4M3Fnuz),
    dtype("torch.float8_e5m2fnuz", kF8E5M2Fnuz),
    dtype("torch.float8_e4m3fn", Dtype::kF8E4M3),
    dtype("torch.float8_e5m2", Dtype::kF8E5M2),
    unknown_dtype("torch.complex128")};

// The dtype of a row at or above `base`.
Dtype dtype_of(const PickleGlobal& global, int base) {
  if (global.tag == base + kUnknown) fail(Errc::kUnsupported, global.name, " is not supported");
  return static_cast<Dtype>(global.tag - base);
}

std::int64_t count_of(Value value, std::string_view what) {
  if (value.kind != Kind::kInteger)
    fail(Errc::kBadData, what, " is ", name_of(value.kind), ", wanted an integer");
  if (value.at < 0) fail(Errc::kBadData, what, " is ", value.at, ", wanted 0 or more");
  return value.at;
}

std::vector<std::int64_t> read_sizes(const Pickle& pickle, Value value, std::string_view what) {
  if (value.kind != Kind::kTuple)
    fail(Errc::kBadData, "its ", what, " are ", name_of(value.kind), ", wanted a tuple");
  const auto items = pickle.items(value);
  if (items.size() > limits::kRank)
    fail(Errc::kBadData, "has more than ", limits::kRank, " dimensions");
  std::vector<std::int64_t> sizes;
  for (const Value item : items)
    sizes.push_back(count_of(item, std::string("one of its ") + std::string(what)));
  return sizes;
}

// _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks[, flags]);
// _rebuild_tensor_v3 has the dtype before the flags.
View read_view(const Pickle& pickle, Value call, const FindStorage& find) {
  const bool v3 = pickle.global(call).tag == kTensorV3;
  const auto arguments = pickle.items(pickle.items(call)[0]);
  const std::size_t wanted = v3 ? 7 : 6;
  if (arguments.size() != wanted && arguments.size() != wanted + 1)
    fail(Errc::kBadData, "is made from ", arguments.size(), " arguments, wanted ", wanted, " or ",
         wanted + 1);
  const StorageId id = storage_id(pickle, arguments[0]);
  View view;
  if (v3) {
    const Value type = arguments[6];
    if (type.kind != Kind::kGlobal || pickle.global(type).tag < kDtype)
      fail(Errc::kBadData, "its dtype is ", name_of(type.kind), ", wanted one of torch's");
    view.dtype = dtype_of(pickle.global(type), kDtype);
  } else {
    if (!id.dtype) fail(Errc::kBadData, "its storage has no dtype");
    view.dtype = *id.dtype;
  }
  // Negated and conjugated views say so here, and their bytes are not their values.
  if (arguments.size() > wanted && !pickle.items(arguments[wanted]).empty())
    fail(Errc::kUnsupported, "is a view with flags (negated or conjugated)");
  const auto bytes = find(id);
  view.storage = bytes.subspan(static_cast<std::size_t>(id.view_offset * id.element_bytes()),
                               static_cast<std::size_t>(id.view_elements * id.element_bytes()));
  view.offset = count_of(arguments[1], "its offset");
  view.shape = read_sizes(pickle, arguments[2], "sizes");
  view.strides = read_sizes(pickle, arguments[3], "strides");
  return view;
}

// The call that makes the tensor a value stands for; none when it is no tensor.
std::optional<Value> tensor_call(const Pickle& pickle, Value value) {
  if (value.kind == Kind::kCall && pickle.global(value).tag == kParameter) {
    const auto arguments = pickle.items(pickle.items(value)[0]);
    if (arguments.empty()) fail(Errc::kBadData, "is a parameter without data");
    value = arguments[0];
    if (value.kind != Kind::kCall || pickle.global(value).tag == kParameter)
      fail(Errc::kBadData, "is a parameter of ", name_of(value.kind), ", wanted a tensor");
  }
  if (value.kind != Kind::kCall) return std::nullopt;
  return value;
}

std::string entry_name(const Pickle& pickle, Value key) {
  if (key.kind != Kind::kText)
    fail(Errc::kBadData, "the state dict has ", name_of(key.kind), " as a name, wanted strings");
  std::string name(pickle.text(key));
  if (utf8_error(name)) fail(Errc::kBadData, "the name ", in_quotes(name), " is not UTF-8");
  return name;
}

}  // namespace

std::span<const PickleGlobal> torch_globals() { return kGlobals; }

StorageId storage_id(const Pickle& pickle, Value persistent) {
  const auto fields = persistent.kind == Kind::kPersistent
                          ? pickle.items(pickle.items(persistent)[0])
                          : std::span<const Value>();
  const bool whole = fields.size() == 5 || (fields.size() == 6 && fields[5].kind == Kind::kNone);
  if ((!whole && fields.size() != 6) || fields[0].kind != Kind::kText ||
      pickle.text(fields[0]) != "storage" || fields[1].kind != Kind::kGlobal ||
      fields[2].kind != Kind::kText)
    fail(Errc::kBadData,
         "a persistent id is no storage: wanted ('storage', type, key, location, elements)");
  const PickleGlobal& type = pickle.global(fields[1]);
  StorageId id{.key = pickle.text(fields[2])};
  if (type.tag >= kStorage && type.tag < kDtype)
    id.dtype =
        with_context("storage " + in_quotes(id.key), [&] { return dtype_of(type, kStorage); });
  else if (type.tag != kUntyped)
    fail(Errc::kBadData, "storage ", in_quotes(id.key), ": ", type.name, " is no type of storage");
  id.elements = id.view_elements = count_of(fields[4], "the size of storage " + in_quotes(id.key));
  if (id.elements > INT64_MAX / 8)
    fail(Errc::kBadData, "storage ", in_quotes(id.key), ": ", id.elements, " elements fit no file");
  if (whole) return id;
  const auto view = pickle.items(fields[5]);
  if (fields[5].kind != Kind::kTuple || view.size() != 3)
    fail(Errc::kBadData, "storage ", in_quotes(id.key),
         ": its view is not (key, offset, elements)");
  id.view_offset = count_of(view[1], "the offset of a view of storage " + in_quotes(id.key));
  id.view_elements = count_of(view[2], "the size of a view of storage " + in_quotes(id.key));
  if (id.view_offset > id.elements || id.view_elements > id.elements - id.view_offset)
    fail(Errc::kBadData, "storage ", in_quotes(id.key), ": its view ends past its ", id.elements,
         " elements");
  return id;
}

StoredTensors torch_tensors(const Pickle& pickle, const FindStorage& find,
                            const std::shared_ptr<const MappedFile>& file) {
  const Value root = pickle.root();
  if (root.kind != Kind::kDict)
    fail(Errc::kBadData, "holds ", name_of(root.kind), ", wanted a state dict");
  const auto entries = pickle.items(root);
  StoredTensors tensors;
  Views views(file);
  std::string other;  // the first entry that is no tensor
  for (std::size_t i = 0; i < entries.size(); i += 2) {
    const std::string name = entry_name(pickle, entries[i]);
    with_context("tensor " + in_quotes(name), [&] {
      const auto call = tensor_call(pickle, entries[i + 1]);
      if (!call && other.empty())
        other = in_quotes(name) + " is " + std::string(name_of(entries[i + 1].kind));
      if (!call) return;
      if (!tensors.emplace(name, views.tensor(read_view(pickle, *call, find))).second)
        fail(Errc::kBadData, "the name is there twice");
    });
    if (std::ssize(tensors) > limits::kTensors)
      fail(Errc::kBadData, "more than ", limits::kTensors, " tensors");
  }
  if (tensors.empty())
    fail_hint(Errc::kBadData,
              "hft reads the state dict itself: torch.save(model.state_dict(), FILE)",
              "the dict holds no tensor", other.empty() ? "" : "; " + other);
  return tensors;
}

}  // namespace hft
