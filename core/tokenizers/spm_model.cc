#include "core/tokenizers/spm_model.h"

#include <cmath>
#include <cstring>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/limits.h"
#include "core/tokenizers/unicode.h"

namespace hft {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

// One message of the wire format: fields of a number and a value.
class Message {
 public:
  Message(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  // Moves to the next field; false at the end.
  bool next() {
    if (bytes_.empty()) return false;
    number = 0;
    data = {};
    const std::uint64_t key = varint();
    field = static_cast<int>(key >> 3 & 0x1fffffff);
    switch (key & 7) {
      case 0:
        number = varint();
        break;
      case 1:
        take(8);
        break;
      case 2:
        data = take(varint());
        break;
      case 5:
        data = take(4);
        break;
      default:
        fail(Errc::kBadData, where_, ": field ", field, " has wire type ", key & 7);
    }
    return true;
  }
  float real() const {
    float value = 0;
    if (data.size() != sizeof value)
      fail(Errc::kBadData, where_, ": field ", field, " is no 4-byte number");
    std::memcpy(&value, data.data(), sizeof value);
    return value;
  }
  const std::string& where() const { return where_; }

  int field = 0;
  std::uint64_t number = 0;  // of a varint field
  std::string_view data;     // of a field with bytes

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail(Errc::kBadData, where_, ": a number does not end");
  }
  std::string_view take(std::uint64_t n) {
    if (n > bytes_.size())
      fail(Errc::kBadData, where_, ": field ", field, " has ", n, " bytes, but ", bytes_.size(),
           " are left");
    const std::string_view part = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return part;
  }
  std::string_view bytes_;
  std::string where_;
};

SpmPiece read_piece(Message message) {
  SpmPiece piece;
  while (message.next()) {
    if (message.field == 1) piece.text = std::string(message.data);
    if (message.field == 2) piece.score = message.real();
    if (message.field == 3) piece.type = static_cast<PieceType>(message.number);
  }
  if (piece.text.size() > kPieceBytes)
    fail(Errc::kBadData, message.where(), ".piece: ", piece.text.size(), " bytes, the limit is ",
         kPieceBytes);
  if (unicode::ill_formed(piece.text) != std::string::npos)
    fail(Errc::kBadData, message.where(), ".piece: not UTF-8");
  if (!std::isfinite(piece.score))
    fail(Errc::kBadData, message.where(), ".score: not a finite number");
  return piece;
}

}  // namespace

SpmModel parse_spm(std::string_view bytes, const std::string& where) {
  SpmModel model;
  Message message(bytes, where);
  while (message.next()) {
    if (message.field == 1) {
      if (model.pieces.size() >= static_cast<std::size_t>(limits::kTokens))
        fail(Errc::kBadData, where, ": above ", limits::kTokens, " pieces");
      model.pieces.push_back(read_piece(
          Message(message.data, where + ": pieces[" + std::to_string(model.pieces.size()) + "]")));
    } else if (message.field == 2) {
      Message trainer(message.data, where + ": trainer_spec");
      while (trainer.next()) {
        if (trainer.field == 3) model.model_type = static_cast<int>(trainer.number & 0xff);
        if (trainer.field == 40) model.unk_id = static_cast<std::int32_t>(trainer.number);
        if (trainer.field == 45) model.unk_piece = std::string(trainer.data);
      }
    } else if (message.field == 3 || message.field == 5) {
      const bool normal = message.field == 3;
      Message spec(message.data, where + (normal ? ": normalizer_spec" : ": denormalizer_spec"));
      while (spec.next())
        if (spec.field == 2)
          (normal ? model.charsmap : model.denormalizer_charsmap) = std::string(spec.data);
    }
  }
  if (model.pieces.empty()) fail(Errc::kBadData, where, ": no pieces, not a SentencePiece model");
  return model;
}

SpmModel read_spm(const std::filesystem::path& file) {
  const std::string bytes = read_file(file, limits::kTokenizerBytes);
  return parse_spm(bytes, file.filename().string());
}

}  // namespace hft
