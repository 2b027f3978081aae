// What scripts/compare pixels compares with the reference: for each line FOLDER<tab>IMAGE of
// standard input the processor's numbers, for <tab>IMAGE the pixels, as int32 channels, height,
// width and then float32 [C,H,W] or uint8 [H,W,3]; a failure as int32 -code, 0, length, and the
// message.
#include <array>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>

#include "core/base/error.h"
#include "core/base/given_file.h"
#include "core/base/limits.h"
#include "core/processors/image_processor.h"

namespace {

void put(std::int32_t a, std::int32_t b, std::int32_t c, const void* data, std::size_t bytes) {
  const std::array<std::int32_t, 3> head{a, b, c};
  std::cout.write(reinterpret_cast<const char*>(head.data()), sizeof head);
  std::cout.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  std::cout.flush();
}

}  // namespace

int main() {
  std::map<std::string, hft::ImageProcessor> processors;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto tab = line.find('\t');
    const std::string folder = line.substr(0, tab), name = line.substr(tab + 1);
    try {
      const std::string file = hft::read_given(name, hft::limits::kImageBytes);
      const hft::media::Image image = hft::media::read_image(hft::media::bytes_of(file), name);
      if (folder.empty()) {
        put(3, image.height, image.width, image.rgb.data(), image.rgb.size());
        continue;
      }
      if (!processors.contains(folder))
        processors.emplace(folder, hft::ImageProcessor::from_folder(folder));
      const hft::Pixels pixels = processors.at(folder)(image);
      put(3, pixels.height, pixels.width, pixels.data.data(), 4 * pixels.data.size());
    } catch (const hft::Error& e) {
      put(-static_cast<std::int32_t>(e.code), 0, static_cast<std::int32_t>(e.message.size()),
          e.message.data(), e.message.size());
    }
  }
  return 0;
}
