// How long a picture takes from its file to a tensor: bench_pixels PROCESSOR_FOLDER THREADS REPEATS
// FILE… prints the best of the repeats in milliseconds a file, of reading and of all.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "core/base/given_file.h"
#include "core/base/limits.h"
#include "core/processors/image_processor.h"

namespace {

// Of one pass over the files on so many threads.
template <class F>
double milliseconds(std::size_t files, int threads, F&& each) {
  std::atomic<std::size_t> next = 0;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::jthread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&] {
      for (std::size_t i = next++; i < files; i = next++) each(i);
    });
  all.clear();
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  return time.count() / static_cast<double>(files);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const auto processor = hft::ImageProcessor::from_folder(argv[1]);
  const int threads = std::atoi(argv[2]), repeats = std::atoi(argv[3]);
  const std::vector<std::string> files(argv + 4, argv + argc);
  const auto read = [&](std::size_t i) {
    const std::string file = hft::read_given(files[i], hft::limits::kImageBytes);
    return hft::media::read_image(hft::media::bytes_of(file), files[i]);
  };
  double reading = 1e9, all = 1e9;
  for (int r = 0; r < repeats; ++r) {
    reading =
        std::min(reading, milliseconds(files.size(), threads, [&](std::size_t i) { read(i); }));
    all = std::min(all,
                   milliseconds(files.size(), threads, [&](std::size_t i) { processor(read(i)); }));
  }
  std::printf("%.4f %.4f\n", reading, all);
  return 0;
}
