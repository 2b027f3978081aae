// One file from the Hub: resumed where a dead process stopped, every byte hashed before it counts.
#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>

#include "hub/cache.h"
#include "hub/http.h"
#include "hub/partial.h"

namespace hft::hub {

// What all downloads of a run have done, read by the progress display.
struct Meter {
  std::atomic<std::int64_t> bytes{0}, total{0};
  std::atomic<int> files_done{0};
  int files = 0;
  void show(const std::string& name, std::int64_t done,
            std::int64_t size);  // the file last written to
  std::string current() const;   // "model.safetensors 45 %"

 private:
  mutable std::mutex mutex_;
  std::string name_;
  std::int64_t done_ = 0, size_ = 0;
};

struct Source {
  std::string repo_id, commit;
};

// Downloads `wanted` (whose digest is known) into `partial`, until its digest is right. Bytes of
// another length or digest are thrown away and fetched once more from the start; then kNetwork,
// with both digests, and the partial is removed.
void fetch(Http& http, const Source& source, const RepoFile& wanted, Partial& partial,
           Meter& meter);

}  // namespace hft::hub
