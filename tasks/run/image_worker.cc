#include "tasks/run/image_worker.h"

#include <algorithm>

namespace hft {
namespace {
constexpr std::int64_t kBatchPixels = 8 << 20;
}

ImageWorker::ImageWorker(ImageModel& model, std::int64_t most)
    : model_(model), most_(most > 0 ? most : model.together()) {}

bool ImageWorker::has_room() const {
  return std::ssize(waiting_) < most_ && pixels_ < kBatchPixels;
}

void ImageWorker::admit(Job& job) {
  waiting_.push_back(&static_cast<ImageJob&>(job));
  pixels_ += std::int64_t{waiting_.back()->pixels_.height} * waiting_.back()->pixels_.width;
}

std::vector<Finished> ImageWorker::step() {
  std::vector<Finished> finished;
  auto jobs = std::exchange(waiting_, {});
  pixels_ = 0;
  std::erase_if(jobs, [&](ImageJob* job) {
    if (!job->pixels_.data.empty()) return false;
    finished.push_back({job, {}});
    return true;
  });
  compute(jobs, finished);
  return finished;
}

// A batch that cannot be computed is halved, until the picture at fault stands alone: it fails, the
// others get what they get without it.
void ImageWorker::compute(std::span<ImageJob* const> jobs, std::vector<Finished>& finished) {
  if (jobs.empty()) return;
  std::vector<PictureView> views;
  for (const ImageJob* job : jobs)
    views.push_back({job->pixels_.channels, job->pixels_.height, job->pixels_.width,
                     job->pixels_.data.data()});
  try {
    std::vector<Seen> seen = model_.forward(views);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i]->seen_ = std::move(seen[i]);
      jobs[i]->pixels_ = {};
      finished.push_back({jobs[i], {}});
    }
  } catch (const Error& e) {
    if (e.code == Errc::kResources) throw;
    if (jobs.size() == 1) return finished.push_back({jobs[0], e});
    compute(jobs.first(jobs.size() / 2), finished);
    compute(jobs.subspan(jobs.size() / 2), finished);
  }
}

bool ImageWorker::cancel(Job& job) {
  std::erase(waiting_, &static_cast<ImageJob&>(job));
  return false;
}

}  // namespace hft
