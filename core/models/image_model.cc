#include "core/models/image_model.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/models/passes.h"
#include "core/nn/finite.h"

namespace hft {
namespace {

constexpr std::int64_t kTogether = 16;  // passes of one forward, shared out over the cores

using Views = std::span<const PictureView>;

class NetModel : public ImageModel {
 public:
  NetModel(ImageNet net, Runtime runtime, std::vector<std::string> warnings)
      : net_(std::move(net)), runtime_(std::move(runtime)), warnings_(std::move(warnings)) {}

  std::vector<Seen> forward(Views pictures) override {
    if (!net_.see) fail(Errc::kUnsupported, "the model sees pictures beside questions alone");
    const std::vector<std::int64_t> sizes = sizes_of(pictures);
    return translate_errors([&] {
      std::vector<Seen> seen(pictures.size());
      in_passes(sizes, net_.pixels, runtime_, [&](std::size_t first, std::size_t count) {
        std::ranges::move(see(pictures.subspan(first, count)), seen.begin() + static_cast<long>(first));
      });
      return seen;
    });
  }

  Matrix answer(Views pictures, const Questions& questions) override {
    if (!net_.answer) fail(Errc::kUnsupported, "the model answers no questions");
    const std::vector<std::int64_t> sizes = sizes_of(pictures);
    std::vector<std::int64_t> each;
    for (const auto picture : questions.of)
      each.push_back(sizes.at(static_cast<std::size_t>(picture)));
    std::vector<Matrix> rows(each.size());
    translate_errors([&] {
      in_passes(each, net_.pixels, runtime_, [&](std::size_t first, std::size_t count) {
        Matrix some = answer(pictures, questions, first, count);
        for (std::size_t i = 0; i < count; ++i) {
          const auto row = some.row(static_cast<std::int64_t>(i));
          rows[first + i] = {1, some.cols, {row.begin(), row.end()}};
        }
      });
    });
    Matrix all;
    for (Matrix& row : rows) {
      all.cols = row.cols;
      ++all.rows;
      all.data.insert(all.data.end(), row.data.begin(), row.data.end());
    }
    return all;
  }

  std::int64_t together() const override { return kTogether; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  Matrix read(const TokenBatch& texts) override { return read_texts(net_.texts, texts, runtime_); }
  std::int64_t max_positions() const override { return net_.texts.positions; }
  Likeness likeness() const override { return likeness_of(net_.texts); }

 private:
  std::vector<std::int64_t> sizes_of(Views pictures) const {
    std::vector<std::int64_t> sizes;
    for (const auto& p : pictures) {
      if (p.channels != net_.channels)
        fail(Errc::kBadData, "a picture has ", p.channels, " channels, but the model sees ",
             net_.channels);
      sizes.push_back(p.height * p.width);
    }
    return sizes;
  }

  Tensor pixels_of(const PictureView& p) const {
    return at::from_blob(const_cast<float*>(p.data), {p.channels, p.height, p.width}, at::kFloat)
        .to(runtime_.device);
  }

  // Of `count` of the questions.
  Matrix answer(Views views, const Questions& all, std::size_t first, std::size_t count) const {
    Pictures pictures;
    std::vector<std::int32_t> of;
    TokenBatch texts;
    for (std::size_t i = first; i < first + count; ++i) {
      of.push_back(static_cast<std::int32_t>(pictures.pixels.size()));
      pictures.pixels.push_back(pixels_of(views[static_cast<std::size_t>(all.of[i])]));
      texts.ids.insert(texts.ids.end(), all.texts.ids.begin() + all.texts.starts[i],
                       all.texts.ids.begin() + all.texts.starts[i + 1]);
      texts.starts.push_back(static_cast<std::int32_t>(texts.ids.size()));
    }
    Tokens questions = tokens_of(net_.texts, texts, runtime_.device);
    Matrix logits = matrix_of(net_.answer(pictures, questions, of));
    if (all_finite(logits.data)) return logits;
    pictures.watch = questions.watch = find_not_finite;
    net_.answer(pictures, questions, of);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the output of the head");
  }

  std::vector<Seen> see(Views views) const {
    Pictures pictures;
    for (const auto& p : views) pictures.pixels.push_back(pixels_of(p));
    std::vector<Seen> seen;
    bool finite = true;
    for (const SeenTensors& one : net_.see(pictures)) {
      seen.push_back({matrix_of(one.logits), matrix_of(one.boxes), matrix_of(one.masks)});
      if (one.masks.defined()) {
        seen.back().mask_height = one.masks.size(1);
        seen.back().mask_width = one.masks.size(2);
      }
      for (const Matrix* m : {&seen.back().logits, &seen.back().boxes, &seen.back().masks})
        finite = finite && all_finite(m->data);
    }
    if (!finite) fail_not_finite(std::move(pictures));
    return seen;
  }

  // Looks once more, at every layer's output.
  [[noreturn]] void fail_not_finite(Pictures pictures) const {
    pictures.watch = find_not_finite;
    net_.see(pictures);
    fail(Errc::kNotFinite, "NaN or infinity first shows in the output of the head");
  }

  ImageNet net_;
  Runtime runtime_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::unique_ptr<ImageModel> make_image_model(ImageNet net, Runtime runtime,
                                             std::vector<std::string> warnings) {
  return std::make_unique<NetModel>(std::move(net), std::move(runtime), std::move(warnings));
}

}  // namespace hft
