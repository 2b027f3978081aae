// What one cell of the input holds.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/base/exact_json.h"
#include "media/image.h"
#include "media/sound.h"

namespace hft {

// What a column is read as; kPage: pictures, and PDF documents as pictures of their pages. Numbers,
// lists and objects are kept as the JSON text they were given as, so that not a digit is lost; kImages is
// one picture or a list of them, kept so too.
enum class Kind { kText, kNumber, kImage, kPage, kSound, kList, kObject, kImages };
// What a column of the kind is usually called in data.
inline const char* usual_column(Kind kind) {
  return kind == Kind::kImage ? "image" : kind == Kind::kSound ? "audio" : "text";
}
inline bool is_media(Kind kind) {
  return kind == Kind::kImage || kind == Kind::kPage || kind == Kind::kSound;
}

// A picture or a sound: as it was given (a path, a URL, "data:…;base64,…", bare base64), and its
// bytes where they came with it ("-", standard input; the cell of a table, whose source may be "").
struct Media {
  std::string source;
  std::shared_ptr<const std::string> bytes{};
};
using Value = std::variant<std::string, Media>;

// A bare text as a value of that kind: the text, or where the media is.
Value value_of_text(Kind kind, std::string text);

// The pictures of a kImages column.
std::vector<Media> images_in(const std::string& value);

// The file itself, wherever it is; at most max_bytes of it (kBadData). Throws kNotFound for a path
// or URL with nothing there, and what read_url throws.
std::string bytes_of(const Media& media, std::int64_t max_bytes);
// The picture; throws what read_image throws.
media::Image image_of(const Media& media);
// Where open_sound finds the sound: a file is not read yet, what came otherwise is in memory.
media::SoundSource sound_of(const Media& media);
// Of a picture or a sound in memory.
std::int64_t most_bytes(Kind kind);

// The cell of a data row; throws kBadData ("is number, wanted a string") when it is of another
// kind.
Value value_of(Kind kind, const Json& cell);

// "string", "number", … as errors name them.
std::string type_of(const Json& cell);

}  // namespace hft
