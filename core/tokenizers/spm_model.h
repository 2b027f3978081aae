// SentencePiece model files (.model, .spm): a protocol buffer of pieces and specs, read with every
// length checked. Format: github.com/google/sentencepiece, src/sentencepiece_model.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hft {

enum class PieceType {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

struct SpmPiece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::kNormal;
};

struct SpmModel {
  std::vector<SpmPiece> pieces;
  int model_type = 1;  // 1 unigram, 2 BPE, 3 word, 4 char
  std::int64_t unk_id = 0;
  std::string unk_piece = "<unk>";
  std::string charsmap;               // normalizer_spec.precompiled_charsmap
  std::string denormalizer_charsmap;  // denormalizer_spec's
};

// Throws kBadData naming the field: a length outside the file, a piece above 64 KiB or not UTF-8, a
// score that is no number, no pieces at all.
SpmModel read_spm(const std::filesystem::path& file);
SpmModel parse_spm(std::string_view bytes, const std::string& where);

}  // namespace hft
