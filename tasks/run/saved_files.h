// Pictures that a command writes beside its records, into a folder of their own.
#pragma once

#include <string>
#include <string_view>

#include "tasks/run/rows.h"

namespace hft {

class SavedFiles {
 public:
  // `flag` names the folder in errors; "": nothing is saved. Makes the folder. kUsage for one that
  // holds something already, unless `into_full`; kResources when it cannot be made.
  SavedFiles(std::string flag, std::string folder, bool into_full);
  bool wanted() const { return !folder_.empty(); }
  void save(const std::string& name, std::string_view bytes) const;

 private:
  std::string folder_;
};

// As a part of a file's name.
std::string in_file_name(std::string_view text);
// The name of an input's file without folder and suffix, with the page of a document; "" where it
// is none.
std::string stem_of(const Input& input);
// "0007-cat": what files made of an input are called.
std::string saved_name(const Input& input);

}  // namespace hft
