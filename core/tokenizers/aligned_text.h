// A text on its way to the model: its normalised bytes, the original bytes each of them stands for,
// and the pieces it is cut into. The alignment rules are those of tokenizers' NormalizedString.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hft {

// Half-open range of bytes.
struct ByteRange {
  std::uint32_t begin = 0, end = 0;
};

// One stretch of text while normalizers work on it.
struct Text {
  std::string bytes;              // normalised so far
  std::vector<ByteRange> origin;  // per byte of `bytes`: the original bytes; empty unless tracked
  std::uint32_t start = 0;        // where the stretch begins in the original
  bool tracked = false;           // alignments are wanted
  std::size_t most = 0;           // bytes it may grow to

  // The original itself: each byte stands for its whole code point.
  static Text original(std::string_view bytes, std::uint32_t start, bool tracked);
};

// The bytes that may be made of a text of this size; kBadData above them.
std::size_t growth_limit(std::size_t bytes);
void check_growth(std::size_t bytes, std::size_t most);

// Writes the successor of a Text, code point by code point.
class Rewrite {
 public:
  explicit Rewrite(Text& text) : text_(text) { bytes_.reserve(text.bytes.size() + 8); }

  // change 0: c replaces the next code point; -n: and n more are dropped; 1: c is new and stands
  // where the one before it stood.
  void put(char32_t c, int change);
  void put(std::string_view one_code_point, int change);
  // The next n bytes (whole code points) stay as they are.
  void keep(std::size_t n);
  // The next n bytes are dropped; they belong to nothing.
  void skip(std::size_t n) { at_ += n; }
  std::size_t at() const { return at_; }  // in the old bytes
  void finish();

 private:
  void skip_code_points(std::int64_t n);
  Text& text_;
  std::string bytes_;
  std::vector<ByteRange> origin_;
  std::size_t at_ = 0;
};

// A piece of the text; `id` is set when it is an added token, which no later step touches.
struct Piece {
  std::uint32_t begin = 0, end = 0;  // in Pieces::bytes
  std::uint32_t start = 0;           // where it begins in the original
  std::int32_t id = -1;
};

// The pre-tokens of one text, all in one buffer.
struct Pieces {
  std::string bytes;
  std::vector<ByteRange> origin;  // as Text::origin
  std::vector<Piece> pieces;
  bool tracked = false;
  std::size_t most = 0;  // bytes they may grow to

  std::string_view view(const Piece& piece) const {
    return std::string_view(bytes).substr(piece.begin, piece.end - piece.begin);
  }
  // Appends a stretch of text as one piece.
  void add(std::string_view stretch, const std::vector<ByteRange>& stretch_origin,
           std::size_t begin, std::uint32_t start, std::int32_t id);

  // The same for all of a text that is not needed any more.
  void add(Text&& text);

  // Cuts each ordinary piece: cut(view, emit) calls emit(begin, end) for every part to keep, in
  // order, with offsets inside the view. Empty parts vanish.
  template <class Cut>
  void split(const Cut& cut);
  // Rewrites each ordinary piece: rewrite(Text&).
  template <class Edit>
  void edit(const Edit& rewrite);

 private:
  std::vector<Piece> next_;
};

template <class Cut>
void Pieces::split(const Cut& cut) {
  next_.clear();
  next_.reserve(pieces.size() * 2);
  for (const Piece& piece : pieces) {
    if (piece.id >= 0) {
      next_.push_back(piece);
      continue;
    }
    cut(view(piece), [&](std::size_t begin, std::size_t end) {
      if (begin >= end) return;
      Piece part;
      part.begin = piece.begin + static_cast<std::uint32_t>(begin);
      part.end = piece.begin + static_cast<std::uint32_t>(end);
      part.start =
          tracked ? origin[part.begin].begin : piece.start + static_cast<std::uint32_t>(begin);
      next_.push_back(part);
    });
  }
  pieces.swap(next_);
}

template <class Edit>
void Pieces::edit(const Edit& rewrite) {
  Pieces out;
  out.tracked = tracked;
  out.most = most;
  out.bytes.reserve(bytes.size() + bytes.size() / 4);
  for (const Piece& piece : pieces) {
    if (piece.id >= 0) {
      out.add(view(piece), origin, piece.begin, piece.start, piece.id);
      continue;
    }
    Text text{std::string(view(piece)), {}, piece.start, tracked, most};
    if (tracked) text.origin.assign(origin.begin() + piece.begin, origin.begin() + piece.end);
    rewrite(text);
    if (!text.bytes.empty()) out.add(text.bytes, text.origin, 0, text.start, -1);
  }
  *this = std::move(out);
}

}  // namespace hft
