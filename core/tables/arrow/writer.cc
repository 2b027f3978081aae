// Rows of JSON as a Parquet file. A column's type is the narrowest that holds all its cells; where
// cells are of several kinds, each is text.
#include <arrow/io/interfaces.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <cstdlib>

#include "core/base/exact_json.h"
#include "core/tables/arrow/arrow.h"

namespace hft {
namespace {

constexpr std::int64_t kGroupRows = 64 << 10, kGroupBytes = 32 << 20;

// What the cells of a column are, seen so far.
struct CellType {
  enum class Kind { kNull, kBool, kInteger, kReal, kText, kList, kObject };
  Kind kind = Kind::kNull;
  std::vector<std::pair<std::string, CellType>> parts;  // of an object; of a list its only one

  void widen(const Json& cell);
  std::shared_ptr<arrow::DataType> arrow_type() const;

 private:
  CellType& part(const std::string& name);
};

using Kind = CellType::Kind;

Kind kind_of(const Json& cell) {
  if (cell.is_null()) return Kind::kNull;
  if (cell.is_boolean()) return Kind::kBool;
  if (cell.is_number_unsigned())
    return cell.get<std::uint64_t>() > INT64_MAX ? Kind::kReal : Kind::kInteger;
  if (cell.is_number_integer()) return Kind::kInteger;
  if (is_number(cell)) return Kind::kReal;
  if (cell.is_array()) return Kind::kList;
  return cell.is_object() ? Kind::kObject : Kind::kText;
}

bool is_numeric(Kind kind) { return kind == Kind::kInteger || kind == Kind::kReal; }

CellType& CellType::part(const std::string& name) {
  const auto found = std::ranges::find(parts, name, &std::pair<std::string, CellType>::first);
  return found != parts.end() ? found->second : parts.emplace_back(name, CellType()).second;
}

void CellType::widen(const Json& cell) {
  const Kind other = kind_of(cell);
  if (other == Kind::kNull || kind == Kind::kText) return;
  if (kind == Kind::kNull)
    kind = other;
  else if (is_numeric(kind) && is_numeric(other))
    kind = std::max(kind, other);
  else if (kind != other)
    kind = Kind::kText;
  if (kind == Kind::kList)
    for (const Json& one : cell) part("").widen(one);
  if (kind == Kind::kObject)
    for (const auto& [name, one] : cell.items()) part(name).widen(one);
}

std::shared_ptr<arrow::DataType> CellType::arrow_type() const {
  switch (kind) {
    case Kind::kNull: return arrow::null();
    case Kind::kBool: return arrow::boolean();
    case Kind::kInteger: return arrow::int64();
    case Kind::kReal: return arrow::float64();
    case Kind::kText: break;
    case Kind::kList: return arrow::list(parts.empty() ? arrow::null() : parts[0].second.arrow_type());
    case Kind::kObject:
      if (parts.empty()) break;  // a struct without fields cannot be written
      arrow::FieldVector fields;
      for (const auto& [name, type] : parts) fields.push_back(arrow::field(name, type.arrow_type()));
      return arrow::struct_(fields);
  }
  return arrow::utf8();
}

double real_of(const Json& cell) {
  return cell.is_number() ? cell.get<double>() : std::strtod(exact_line(cell).c_str(), nullptr);
}

void append(arrow::ArrayBuilder& to, const Json& cell) {
  if (cell.is_null()) return check_arrow(to.AppendNull());
  switch (to.type()->id()) {
    case arrow::Type::BOOL:
      return check_arrow(static_cast<arrow::BooleanBuilder&>(to).Append(cell.get<bool>()));
    case arrow::Type::INT64:
      return check_arrow(static_cast<arrow::Int64Builder&>(to).Append(cell.get<std::int64_t>()));
    case arrow::Type::DOUBLE:
      return check_arrow(static_cast<arrow::DoubleBuilder&>(to).Append(real_of(cell)));
    case arrow::Type::LIST: {
      auto& list = static_cast<arrow::ListBuilder&>(to);
      check_arrow(list.Append());
      for (const Json& one : cell) append(*list.value_builder(), one);
      return;
    }
    case arrow::Type::STRUCT: {
      auto& object = static_cast<arrow::StructBuilder&>(to);
      check_arrow(object.Append());
      for (int i = 0; i < object.num_fields(); ++i)
        append(*object.field_builder(i), cell.value(to.type()->field(i)->name(), Json()));
      return;
    }
    default:
      return check_arrow(static_cast<arrow::StringBuilder&>(to).Append(
          cell.is_string() ? cell.get_ref<const std::string&>() : exact_line(cell)));
  }
}

class Sink : public arrow::io::OutputStream {
 public:
  explicit Sink(const std::function<void(std::string_view)>& out) : out_(out) {}
  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return closed_; }
  arrow::Result<std::int64_t> Tell() const override { return at_; }
  using OutputStream::Write;
  arrow::Status Write(const void* data, std::int64_t bytes) override {
    out_({static_cast<const char*>(data), static_cast<std::size_t>(bytes)});
    at_ += bytes;
    return arrow::Status::OK();
  }

 private:
  const std::function<void(std::string_view)>& out_;
  std::int64_t at_ = 0;
  bool closed_ = false;
};

}  // namespace

void write_parquet_rows(const std::function<TableRows()>& rows,
                        const std::function<void(std::string_view)>& out) {
  CellType whole{.kind = Kind::kObject};
  const TableRows first = rows();
  while (const auto row = first()) whole.widen(*row);
  arrow::FieldVector fields;
  for (const auto& [name, type] : whole.parts) fields.push_back(arrow::field(name, type.arrow_type()));
  const auto schema = arrow::schema(fields);
  auto writer = taken(parquet::arrow::FileWriter::Open(
      *schema, arrow::default_memory_pool(), std::make_shared<Sink>(out),
      parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build()));
  auto group = taken(arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()));
  std::int64_t count = 0, bytes = 0;
  const auto flush = [&] {
    const auto batch = taken(group->Flush());
    check_arrow(writer->WriteTable(*taken(arrow::Table::FromRecordBatches({batch})),
                                   std::max<std::int64_t>(count, 1)));
    count = bytes = 0;
  };
  const TableRows second = rows();
  while (const auto row = second()) {
    for (int i = 0; i < group->num_fields(); ++i) {
      const auto found = row->find(schema->field(i)->name());
      append(*group->GetField(i), found == row->end() ? Json() : *found);
    }
    bytes += static_cast<std::int64_t>(exact_line(*row).size());
    if (++count == kGroupRows || bytes >= kGroupBytes) flush();
  }
  if (count > 0) flush();
  check_arrow(writer->Close());
}

}  // namespace hft
