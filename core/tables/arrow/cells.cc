// Cells of Arrow's columns as JSON, each type in the form that Python's would have:
// https://arrow.apache.org/docs/format/Columnar.html
#include <arrow/util/float16.h>

#include <chrono>
#include <cmath>
#include <cstdio>

#include "core/base/exact_json.h"
#include "core/base/text.h"
#include "core/tables/arrow/arrow.h"

namespace hft {
namespace {

using arrow::Array;
using arrow::Type;

constexpr std::int64_t kMostDays = 2'932'896, kLeastDays = -719'162;  // 9999-12-31, 0001-01-01

Json real(double value) {
  if (std::isfinite(value)) return value;
  return written_number(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

Json text(std::string_view bytes) {
  if (const auto bad = utf8_error(bytes)) fail(Errc::kBadData, "is not UTF-8 at byte ", *bad);
  return std::string(bytes);
}

std::string date(std::int64_t days) {
  if (days < kLeastDays || days > kMostDays)
    fail(Errc::kBadData, "is a date outside the years 1 to 9999");
  const std::chrono::year_month_day d{std::chrono::sys_days(std::chrono::days(days))};
  char out[32];
  std::snprintf(out, sizeof out, "%04d-%02u-%02u", static_cast<int>(d.year()),
                static_cast<unsigned>(d.month()), static_cast<unsigned>(d.day()));
  return out;
}

// As isoformat() writes it: no fraction, microseconds, or nanoseconds where they are needed.
std::string clock(std::int64_t nanos) {
  char out[48];
  const auto seconds = nanos / 1'000'000'000, rest = nanos % 1'000'000'000;
  int n = std::snprintf(out, sizeof out, "%02lld:%02lld:%02lld",
                        static_cast<long long>(seconds / 3600),
                        static_cast<long long>(seconds / 60 % 60),
                        static_cast<long long>(seconds % 60));
  if (rest != 0 && rest % 1000 == 0)
    std::snprintf(out + n, sizeof out - n, ".%06lld", static_cast<long long>(rest / 1000));
  else if (rest != 0)
    std::snprintf(out + n, sizeof out - n, ".%09lld", static_cast<long long>(rest));
  return out;
}

std::int64_t units_a_second(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return 1;
    case arrow::TimeUnit::MILLI: return 1'000;
    case arrow::TimeUnit::MICRO: return 1'000'000;
    case arrow::TimeUnit::NANO: break;
  }
  return 1'000'000'000;
}

// {whole, rest} of a division that rounds down.
std::pair<std::int64_t, std::int64_t> parted(std::int64_t value, std::int64_t by) {
  const std::int64_t rest = (value % by + by) % by;
  return {value / by - (value % by < 0 ? 1 : 0), rest};
}

std::string moment(std::int64_t value, const arrow::TimestampType& type) {
  const std::int64_t second = units_a_second(type.unit());
  const auto [days, rest] = parted(value, 86'400 * second);
  return date(days) + "T" + clock(rest * (1'000'000'000 / second)) +
         (type.timezone().empty() ? "" : "+00:00");
}

Json list(const Array& values, std::int64_t from, std::int64_t count) {
  Json out = Json::array();
  for (std::int64_t i = from; i < from + count; ++i) out.push_back(json_of(values, i));
  return out;
}

template <class A>
Json list_of(const Array& array, std::int64_t row) {
  const auto& lists = static_cast<const A&>(array);
  return list(*lists.values(), lists.value_offset(row), lists.value_length(row));
}

Json object_of(const Array& array, std::int64_t row) {
  const auto& structs = static_cast<const arrow::StructArray&>(array);
  Json out = Json::object();
  for (int i = 0; i < structs.num_fields(); ++i)
    out[structs.type()->field(i)->name()] = json_of(*structs.field(i), row);
  return out;
}

Json pairs_of(const Array& array, std::int64_t row) {
  const auto& maps = static_cast<const arrow::MapArray&>(array);
  Json out = Json::array();
  for (auto i = maps.value_offset(row); i < maps.value_offset(row) + maps.value_length(row); ++i)
    out.push_back(Json::array({json_of(*maps.keys(), i), json_of(*maps.items(), i)}));
  return out;
}

Json one_of_union(const Array& array, std::int64_t row) {
  const auto& unions = static_cast<const arrow::UnionArray&>(array);
  const bool dense = array.type_id() == Type::DENSE_UNION;
  const int child = unions.child_id(row);
  return json_of(*unions.field(child),
                 dense ? static_cast<const arrow::DenseUnionArray&>(array).value_offset(row) : row);
}

template <class A>
auto value(const Array& array, std::int64_t row) {
  return static_cast<const A&>(array).Value(row);
}
template <class A>
std::string_view view(const Array& array, std::int64_t row) {
  return static_cast<const A&>(array).GetView(row);
}
template <class A>
Json decimal(const Array& array, std::int64_t row) {
  return written_number(static_cast<const A&>(array).FormatValue(row));
}
Json bytes(std::string_view view) { return bytes_value(std::string(view)); }

Json time_json(const Array& array, std::int64_t row) {
  switch (array.type_id()) {
    case Type::DATE32: return date(value<arrow::Date32Array>(array, row));
    case Type::DATE64: return date(parted(value<arrow::Date64Array>(array, row), 86'400'000).first);
    case Type::TIMESTAMP:
      return moment(value<arrow::TimestampArray>(array, row),
                    static_cast<const arrow::TimestampType&>(*array.type()));
    case Type::DURATION: {
      const auto& type = static_cast<const arrow::DurationType&>(*array.type());
      return real(static_cast<double>(value<arrow::DurationArray>(array, row)) /
                  static_cast<double>(units_a_second(type.unit())));
    }
    default: break;
  }
  const std::int64_t ticks = array.type_id() == Type::TIME32
                                 ? value<arrow::Time32Array>(array, row)
                                 : value<arrow::Time64Array>(array, row);
  const auto& type = static_cast<const arrow::TimeType&>(*array.type());
  const std::int64_t second = units_a_second(type.unit());
  if (ticks < 0 || ticks >= 86'400 * second) fail(Errc::kBadData, "is no time of a day");
  return clock(ticks * (1'000'000'000 / second));
}

}  // namespace

Json json_of(const Array& array, std::int64_t row) {
  switch (array.type_id()) {  // these tell by themselves where they are null
    case Type::DENSE_UNION:
    case Type::SPARSE_UNION: return one_of_union(array, row);
    default: break;
  }
  if (array.IsNull(row)) return nullptr;
  switch (array.type_id()) {
    case Type::NA: return nullptr;
    case Type::BOOL: return value<arrow::BooleanArray>(array, row);
    case Type::UINT8: return value<arrow::UInt8Array>(array, row);
    case Type::INT8: return value<arrow::Int8Array>(array, row);
    case Type::UINT16: return value<arrow::UInt16Array>(array, row);
    case Type::INT16: return value<arrow::Int16Array>(array, row);
    case Type::UINT32: return value<arrow::UInt32Array>(array, row);
    case Type::INT32: return value<arrow::Int32Array>(array, row);
    case Type::UINT64: return value<arrow::UInt64Array>(array, row);
    case Type::INT64: return value<arrow::Int64Array>(array, row);
    case Type::HALF_FLOAT:
      return real(arrow::util::Float16::FromBits(value<arrow::HalfFloatArray>(array, row)).ToFloat());
    case Type::FLOAT: return real(value<arrow::FloatArray>(array, row));
    case Type::DOUBLE: return real(value<arrow::DoubleArray>(array, row));
    case Type::DECIMAL32: return decimal<arrow::Decimal32Array>(array, row);
    case Type::DECIMAL64: return decimal<arrow::Decimal64Array>(array, row);
    case Type::DECIMAL128: return decimal<arrow::Decimal128Array>(array, row);
    case Type::DECIMAL256: return decimal<arrow::Decimal256Array>(array, row);
    case Type::STRING: return text(view<arrow::StringArray>(array, row));
    case Type::LARGE_STRING: return text(view<arrow::LargeStringArray>(array, row));
    case Type::STRING_VIEW: return text(view<arrow::StringViewArray>(array, row));
    case Type::BINARY: return bytes(view<arrow::BinaryArray>(array, row));
    case Type::LARGE_BINARY: return bytes(view<arrow::LargeBinaryArray>(array, row));
    case Type::BINARY_VIEW: return bytes(view<arrow::BinaryViewArray>(array, row));
    case Type::FIXED_SIZE_BINARY: return bytes(view<arrow::FixedSizeBinaryArray>(array, row));
    case Type::DATE32:
    case Type::DATE64:
    case Type::TIMESTAMP:
    case Type::TIME32:
    case Type::TIME64:
    case Type::DURATION: return time_json(array, row);
    case Type::LIST: return list_of<arrow::ListArray>(array, row);
    case Type::LARGE_LIST: return list_of<arrow::LargeListArray>(array, row);
    case Type::LIST_VIEW: return list_of<arrow::ListViewArray>(array, row);
    case Type::LARGE_LIST_VIEW: return list_of<arrow::LargeListViewArray>(array, row);
    case Type::FIXED_SIZE_LIST: return list_of<arrow::FixedSizeListArray>(array, row);
    case Type::MAP: return pairs_of(array, row);
    case Type::STRUCT: return object_of(array, row);
    case Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return json_of(*coded.dictionary(), coded.GetValueIndex(row));
    }
    case Type::EXTENSION:
      return json_of(*static_cast<const arrow::ExtensionArray&>(array).storage(), row);
    default:
      fail(Errc::kUnsupported, "is of the type ", array.type()->ToString(), ", which is not read");
  }
}

}  // namespace hft
