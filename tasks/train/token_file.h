// The examples of a data file in a file of their own, mapped: memory holds what is being learned,
// however large the data is. Layout: 32-bit words of one example after another, where each begins,
// a JSON object about them, and how long that is; all of it is checked by digests.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/files.h"
#include "tasks/train/examples.h"

namespace hft {

class TokenFileWriter {
 public:
  // Throws kResources where nothing can be written.
  explicit TokenFileWriter(const std::filesystem::path& target) : file_(target) {}
  void add(const TrainExample& example);
  // The file appears under its name. `about` goes along, for whoever reads it.
  void finish(const Json& about);

 private:
  void put(const void* bytes, std::size_t size);
  void end_block();
  AtomicFile file_;
  std::string block_;
  Json digests_ = Json::array();          // of all blocks
  std::vector<std::uint64_t> begins_{0};  // of each example, in words, and the end of the last
};

// Examples in their order, as a file has them.
class Examples {
 public:
  Examples() = default;  // none
  // Throws kBadData for a file that is not as it was written.
  explicit Examples(const std::filesystem::path& file);
  // What pictures and sounds become stays in memory, or is made again when it is asked for.
  void show(std::vector<std::function<Shown()>> shown) { shown_ = std::move(shown); }

  std::size_t size() const { return begins_.empty() ? 0 : begins_.size() - 1; }
  bool empty() const { return size() == 0; }
  TrainExample operator[](std::size_t i) const;
  std::size_t length(std::size_t i) const;  // TrainExample::size()
  const Json& about() const { return about_; }
  std::string digest() const;  // of all that is learned

 private:
  std::span<const std::int32_t> words(std::size_t i) const;
  std::shared_ptr<const MappedFile> file_;
  std::span<const std::uint64_t> begins_;
  std::vector<std::function<Shown()>> shown_;
  Json about_;
};

}  // namespace hft
