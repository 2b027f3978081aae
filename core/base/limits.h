// Every limit on what a file or an input may ask for, in one place.
#pragma once

#include <cstdint>

namespace hft::limits {

inline constexpr std::int64_t kKiB = 1024, kMiB = 1024 * kKiB;

// JSON files: config, index, tokenizer_config …
inline constexpr std::int64_t kJsonBytes = 64 * kMiB;
inline constexpr int kJsonDepth = 512;
inline constexpr std::int64_t kTokenizerBytes = 256 * kMiB;
inline constexpr std::int64_t kTokens = 4'000'000;
inline constexpr std::size_t kTokenizerParts = 256;      // of one Sequence, of one template
inline constexpr std::size_t kPatternBytes = 64 * kKiB;  // of one regular expression
// What normalizers and pre-tokenizers may make of a text: so many times its bytes, and some more.
inline constexpr std::size_t kGrowth = 64, kGrowthBytes = 4 * kMiB;
inline constexpr std::size_t kDecodedBytes = 64 * kMiB;  // above it a decoder may not add to a text

// Chat templates (Jinja). A step is one node evaluated, one item passed on, or 64 bytes copied.
inline constexpr std::int64_t kTemplateBytes = kMiB;
inline constexpr std::int64_t kTemplateSteps = 5'000'000;
inline constexpr std::int64_t kTemplateTextBytes = 16 * kMiB;  // the output, and any one string
inline constexpr std::int64_t kTemplateRange = 100'000;
inline constexpr int kTemplateNesting = 64;  // brackets and blocks; calls of macros

// safetensors
inline constexpr std::int64_t kSafetensorsHeaderBytes = 100'000'000;
inline constexpr std::int64_t kTensors = 1'000'000;
inline constexpr int kRank = 16;

// Pickles and zip archives of torch.save. What a pickle keeps is counted in bytes; views that are
// not contiguous are copied, all of one file within its size and some more.
inline constexpr std::size_t kPickleOpcodes = 16'000'000, kPickleStack = 1'000'000;
inline constexpr std::size_t kPickleMarks = 512, kPickleName = 512;
inline constexpr std::size_t kPickleBytes = 64 * kMiB, kPickleMemory = 64 * kMiB;
inline constexpr std::size_t kZipName = 1024;
inline constexpr std::uint64_t kViewBytes = 64 * kMiB;

// config.json numbers; each is cross-checked with the shapes of the weights before any allocation.
inline constexpr std::int64_t kHidden = 1 << 20;
inline constexpr std::int64_t kLayers = 4096;
inline constexpr std::int64_t kVocab = 16'000'000;
inline constexpr std::int64_t kPositions = 1 << 24;
inline constexpr std::int64_t kLabels = 1'000'000;

// What the Hub may answer, and what of a model card is read.
inline constexpr std::int64_t kHubAnswerBytes = 16 * kMiB;
inline constexpr std::size_t kHubFiles = 100'000;  // files of one repository
inline constexpr std::int64_t kCardBytes = 8 * kMiB, kFrontMatterBytes = kMiB;
inline constexpr int kRedirects = 10;
inline constexpr int kHubTries = 5;
inline constexpr long kRetryAfterSeconds = 300;  // a longer Retry-After is a failure

// Images: the pixels are Pillow's limit on them, the bytes those of the file. What of a file says how
// it is turned (EXIF, XMP) is read up to some size; a JPEG may come in so many scans.
inline constexpr std::int64_t kImagePixels = 178'956'970, kImageBytes = 256 * kMiB;
inline constexpr std::int64_t kImageNotes = kMiB;
inline constexpr int kImageScans = 500;

// Sounds: seconds, channels and samples a second of a file, and the bytes of one that is held in
// memory (a pipe, a URL, base64).
inline constexpr std::int64_t kSoundSeconds = 24 * 3600, kSoundBytes = 1024 * kMiB;
inline constexpr int kSoundChannels = 64, kSoundLeastRate = 1000, kSoundRate = 768'000;

// What reading a table of Parquet or Arrow may hold in memory, and one that comes through a pipe.
inline constexpr std::int64_t kTableBytes = 2048 * kMiB;

// One line of JSONL, CSV or text input.
inline constexpr std::int64_t kLineBytes = 1024 * kMiB;

}  // namespace hft::limits
