// Draws as torch.multinomial and torch.rand make them on the CPU's generator.
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>

#include "core/models/random.h"
#include "core/models/text_model.h"

namespace hft {
namespace {

class CpuRandom : public Random {
 public:
  explicit CpuRandom(std::uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}

  std::vector<std::int32_t> draw(const Matrix& probabilities, std::int64_t count) override {
    return translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const Tensor p = at::from_blob(const_cast<float*>(probabilities.data.data()),
                                     {probabilities.rows, probabilities.cols}, at::kFloat);
      const Tensor drawn = at::multinomial(p, count, false, generator_).to(at::kInt).contiguous();
      const auto* ids = drawn.const_data_ptr<std::int32_t>();
      return std::vector<std::int32_t>(ids, ids + drawn.numel());
    });
  }

  std::vector<float> uniform(std::int64_t n) override {
    return translate_errors([&] {
      const c10::InferenceMode no_gradients;
      const Tensor drawn = at::rand({n}, generator_, at::TensorOptions(at::kFloat));
      const auto* values = drawn.const_data_ptr<float>();
      return std::vector<float>(values, values + n);
    });
  }

 private:
  at::Generator generator_;
};

}  // namespace

std::unique_ptr<Random> make_random(std::uint64_t seed) {
  return std::make_unique<CpuRandom>(seed);
}

}  // namespace hft
