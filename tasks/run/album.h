// What pictures became on their way to a model. Inputs that have one picture share it, as long as one
// of them is on its way.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/processors/image_processor.h"
#include "tasks/run/values.h"

namespace hft {

class Album {
 public:
  using Make = std::function<Pixels(const media::Image&)>;
  explicit Album(Make make) : make_(std::move(make)) {}

  // From any thread. Throws what image_of does.
  std::shared_ptr<const Pixels> pixels(const Media& media) {
    const bool named = !media.bytes;
    if (named)
      if (const std::scoped_lock lock(mutex_); auto known = shown_[media.source].lock())
        return known;
    auto made = std::make_shared<const Pixels>(make_(image_of(media)));
    const std::scoped_lock lock(mutex_);
    if (!named) return made;
    std::erase_if(shown_, [](const auto& one) { return one.second.expired(); });
    if (auto known = shown_[media.source].lock()) return known;  // another thread was faster
    shown_[media.source] = made;
    return made;
  }

 private:
  Make make_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const Pixels>> shown_;
};

}  // namespace hft
