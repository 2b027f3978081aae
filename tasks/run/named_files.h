// What people name as inputs, a folder or a pattern for many files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "tasks/run/values.h"

namespace hft {

// A file that was named, or why a folder could not be listed.
struct NamedFile {
  std::string name;
  std::optional<Error> error{};
  std::string shown{};     // what it is called, where that is not `name`
  std::string label{};     // of a picture or sound: what its folder says it is
  bool metadata = false;   // a table that names the files of its folder
};

struct FileChoice {
  bool recurse = false;     // folders in folders too
  Kind kind = Kind::kText;  // of media: of a folder only files that look like them by name
  bool tables = false;      // and those that hold rows about them, or them themselves
};

// The files of a folder in the order of their names, or the file itself ("-" too).
void add_named(const FileChoice& choice, const std::string& name, std::vector<NamedFile>& files);
// The same of an argument of a task of media: also URLs, data, and patterns that a shell left
// alone.
void add_media(const FileChoice& choice, const std::string& name, std::vector<NamedFile>& files);

// metadata.jsonl, .csv or .parquet; or a table or archive that pictures and sounds may lie in.
bool is_metadata_name(const std::string& file);
bool is_table_name(const std::string& file);

// By its suffix, or by its first bytes.
bool is_media_name(Kind kind, const std::string& name);
bool is_media_head(Kind kind, std::string_view head);

}  // namespace hft
