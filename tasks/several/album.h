// Pictures as a model sees them: questions to one picture share what its file became, as long as
// one of them is on its way.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/processors/image_processor.h"
#include "tasks/run/rows.h"

namespace hft {

class Album {
 public:
  explicit Album(const ImageProcessor& processor) : processor_(processor) {}
  // The picture in the first column; from any thread.
  std::shared_ptr<const Pixels> pixels(const Input& input) {
    const Media& media = std::get<Media>(*input.values[0]);
    const bool named = !media.bytes;
    if (named)
      if (const std::scoped_lock lock(mutex_); auto known = shown_[media.source].lock())
        return known;
    auto made = std::make_shared<const Pixels>(processor_(input.image()));
    const std::scoped_lock lock(mutex_);
    if (!named) return made;
    std::erase_if(shown_, [](const auto& one) { return one.second.expired(); });
    shown_[media.source] = made;
    return made;
  }

 private:
  const ImageProcessor& processor_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const Pixels>> shown_;
};

}  // namespace hft
