// A folder of pictures or sounds as the datasets library's ImageFolder and AudioFolder read it: rows
// of metadata.jsonl, .csv or .parquet that name files beside it, else files with the name of the
// folder they lie in as their label.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tasks/run/named_files.h"
#include "tasks/run/rows.h"

namespace hft {

// What is read of a folder: with those in it where it has no file of its own to read.
std::vector<NamedFile> files_of_media_folder(const FileChoice& choice, const std::string& folder);
// The same of the files that were found in it: tables of metadata where there are any, else the
// media, labelled where they lie equally deep in several folders, else other tables and archives.
std::vector<NamedFile> choose_media_files(Kind kind, const std::string& folder,
                                          std::vector<NamedFile> found);

// A file with its label: one row of two columns.
std::unique_ptr<RowSource> labelled_source(const InputOptions& options, const NamedFile& file);

// A table whose column "file_name" names files in the folder it lies in.
std::unique_ptr<RowSource> metadata_source(const InputOptions& options, const NamedFile& table,
                                           const std::atomic<bool>& cancelled);

}  // namespace hft
