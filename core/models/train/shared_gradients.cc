#include "core/models/train/shared_gradients.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

namespace hft {

class SharedGradients::Hook : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(SharedGradients& all, std::size_t bucket) : all_(all), bucket_(bucket) {}
  void operator()(const Tensor&) override {
    if (all_.expected_) all_.completed(all_.buckets_[bucket_]);
  }

 private:
  SharedGradients& all_;
  std::size_t bucket_;
};

SharedGradients::SharedGradients(Ranks& ranks, std::vector<Trained*> order,
                                 std::int64_t bucket_bytes, bool meanwhile)
    : ranks_(ranks), meanwhile_(meanwhile) {
  std::ranges::reverse(order);
  std::int64_t count = 0;
  for (Trained* one : order) {
    if (buckets_.empty() || count * 4 >= bucket_bytes) {
      buckets_.emplace_back();
      count = 0;
    }
    buckets_.back().parts.push_back(one);
    count += one->value.numel();
    torch::autograd::impl::set_post_acc_grad_hooks(
        one->value, std::make_unique<Hook>(*this, buckets_.size() - 1));
  }
  for (Bucket& bucket : buckets_) {
    std::int64_t size = std::ssize(bucket.parts);
    for (const Trained* one : bucket.parts) size += one->value.numel();
    bucket.numbers = at::empty({size}, at::kFloat);
    bucket.waits_for = bucket.parts.size();
  }
}

SharedGradients::~SharedGradients() {
  for (const Bucket& bucket : buckets_)
    for (const Trained* one : bucket.parts)
      torch::autograd::impl::set_post_acc_grad_hooks(one->value, nullptr);
}

void SharedGradients::completed(Bucket& bucket) {
  if (bucket.waits_for == 0)
    fail(Errc::kFailure, "a gradient was added to after ranks were told it is complete");
  --bucket.waits_for;
  send_full_ones();
}

// In the same order everywhere, whatever is complete first.
void SharedGradients::send_full_ones() {
  while (sent_ < buckets_.size() && buckets_[sent_].waits_for == 0) send(buckets_[sent_++]);
}

float* SharedGradients::flags_of(Bucket& bucket) {
  return bucket.numbers.mutable_data_ptr<float>() + bucket.numbers.size(0) -
         std::ssize(bucket.parts);
}

void SharedGradients::send(Bucket& bucket) {
  const c10::AutoGradMode no_gradients(false);
  std::int64_t at = 0;
  float* flag = flags_of(bucket);
  for (Trained* one : bucket.parts) {
    const auto count = one->value.numel();
    Tensor& gradient = one->value.mutable_grad();
    Tensor part = bucket.numbers.narrow(0, at, count).view(one->value.sizes());
    if (gradient.defined())
      part.copy_(gradient);
    else
      part.zero_();
    *flag++ = gradient.defined() ? 1 : 0;
    gradient = Tensor();
    at += count;
  }
  bucket.sum = ranks_.start_sum(
      {bucket.numbers.mutable_data_ptr<float>(), static_cast<std::size_t>(bucket.numbers.size(0))});
}

void SharedGradients::unpack(Bucket& bucket) {
  bucket.sum->wait();
  bucket.sum = nullptr;
  bucket.waits_for = bucket.parts.size();
  std::int64_t at = 0;
  const float* flag = flags_of(bucket);
  for (Trained* one : bucket.parts) {
    const auto count = one->value.numel();
    one->gradient = *flag++ > 0
                        ? bucket.numbers.narrow(0, at, count).view(one->value.sizes())
                        : Tensor();
    at += count;
  }
}

void SharedGradients::take() {
  while (sent_ < buckets_.size()) send(buckets_[sent_++]);
  for (Bucket& bucket : buckets_) unpack(bucket);
  sent_ = 0;
  expected_ = false;
}

}  // namespace hft
