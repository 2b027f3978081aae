// Checkpoints as save_pretrained writes them: bytes of the files, shards, types, tied names.
#include "core/checkpoint/save.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/checkpoint/cast.h"
#include "core/checkpoint/pretrained.h"
#include "core/checkpoint/tied.h"
#include "core/checkpoint/torch_file.h"
#include "tests/core/checkpoint/build_torch.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

const fs::path kGoldens = test::golden("torch-files");

std::vector<SavedTensor> as_they_are(const StoredTensors& tensors) {
  std::vector<SavedTensor> out;
  for (const auto& [name, tensor] : tensors) out.push_back({name, tensor, tensor.dtype});
  return out;
}
Saved save(const test::TempFolder& folder, const std::vector<SavedTensor>& tensors,
           std::int64_t max_shard_bytes = 1 << 30) {
  return save_checkpoint(folder.path, tensors, max_shard_bytes, [](std::int64_t) {});
}

template <class To, class From>
std::vector<To> cast_to(Dtype to, Dtype from, const std::vector<From>& values,
                        std::int64_t lost = 0) {
  std::vector<To> out(values.size());
  CHECK(cast(std::as_bytes(std::span(values)), from, reinterpret_cast<std::byte*>(out.data()),
             to) == lost);
  return out;
}
using Bits = std::vector<std::uint16_t>;

// A state dict whose names are one tensor, another tensor, or parts of the first.
StoredTensors tensors_of(const std::vector<std::pair<std::string, int>>& names) {
  static const std::string bytes(64, 'x');
  StoredTensors tensors;
  for (const auto& [name, place] : names) {
    StoredTensor t{.dtype = Dtype::kF32, .shape = {2}};
    t.bytes = std::as_bytes(std::span(bytes.data() + 8 * place, 8));
    tensors.emplace(name, t);
  }
  return tensors;
}
using Names = std::set<std::string>;

}  // namespace

TEST_CASE("save: a file has the bytes that the safetensors library writes") {
  for (const char* source : {"zip.bin", "legacy.bin"}) {
    test::TempFolder folder;
    const Saved saved =
        save(folder, as_they_are(open_torch_file(kGoldens / source, Checksums::kAll)));
    CHECK(test::slurp(folder / "model.safetensors") == test::slurp(kGoldens / "full.safetensors"));
    CHECK(saved.files == 1);
    CHECK(saved.overflowed.empty());
  }
}

TEST_CASE(
    "save: tensors are shared out in the order of their numbers; a large one has its own shard") {
  auto tensor = [](const std::string& name, std::int64_t floats) {
    static const std::vector<float> values(100, 1.5f);
    StoredTensor t{.dtype = Dtype::kF32, .shape = {floats}};
    t.bytes = std::as_bytes(std::span(values.data(), static_cast<std::size_t>(floats)));
    return SavedTensor{name, t, t.dtype};
  };
  test::TempFolder folder;
  const Saved saved = save(folder,
                           {tensor("h.10.w", 4), tensor("h.2.w", 4), tensor("a", 3),
                            tensor("z", 30), tensor("h.2.b", 2)},
                           40);
  CHECK(saved.files == 3);
  CHECK(saved.bytes == 172);
  const Json index = Json::parse(test::slurp(folder / "model.safetensors.index.json"));
  CHECK(index["metadata"].dump() == R"({"total_parameters":43,"total_size":172})");
  CHECK(index["weight_map"].dump() ==
        R"({"a":"model-00001-of-00003.safetensors","h.10.w":"model-00003-of-00003.safetensors",)"
        R"("h.2.b":"model-00001-of-00003.safetensors","h.2.w":"model-00001-of-00003.safetensors",)"
        R"("z":"model-00002-of-00003.safetensors"})");
  CHECK(open_checkpoint(folder.path).size() == 5);
}

TEST_CASE("save: no tensors make a file without tensors") {
  test::TempFolder folder;
  save(folder, {});
  CHECK(open_safetensors(folder / "model.safetensors").metadata.at("format") == "pt");
}

TEST_CASE("cast: every number of 16 bits survives the way to float32 and back") {
  Bits all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const Bits half = cast_to<std::uint16_t>(Dtype::kF16, Dtype::kF32,
                                           cast_to<float>(Dtype::kF32, Dtype::kF16, all));
  const Bits brain = cast_to<std::uint16_t>(Dtype::kBF16, Dtype::kF32,
                                            cast_to<float>(Dtype::kF32, Dtype::kBF16, all));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool half_nan = (i & 0x7c00) == 0x7c00 && (i & 0x3ff),
               brain_nan = (i & 0x7f80) == 0x7f80 && (i & 0x7f);
    if (half[i] != (half_nan ? (i & 0x8000) | 0x7e00 : i) || brain[i] != (brain_nan ? 0x7fc0 : i))
      FAIL(i);
  }
}

TEST_CASE(
    "cast: numbers between two of the shorter type go to the nearer, from the middle to the even "
    "one") {
  const std::vector<float> values{1.f,        1.00048828125f, 0x1.002002p0f, 1.00146484375f,
                                  65504.f,    65519.996f,     0x1p-24f,      0x1p-25f,
                                  0x1.1p-25f, 0x1.8p-24f,     0x1.ffcp-15f,  -0.f,
                                  0x1.01p0f,  0x1.02p0f,      0x1.03p0f,     -INFINITY};
  CHECK(cast_to<std::uint16_t>(Dtype::kF16, Dtype::kF32, values) ==
        Bits{0x3c00, 0x3c00, 0x3c01, 0x3c02, 0x7bff, 0x7bff, 0x0001, 0x0000, 0x0001, 0x0002, 0x0400,
             0x8000, 0x3c04, 0x3c08, 0x3c0c, 0xfc00});
  CHECK(cast_to<std::uint16_t>(Dtype::kBF16, Dtype::kF32, values) ==
        Bits{0x3f80, 0x3f80, 0x3f80, 0x3f80, 0x4780, 0x4780, 0x3380, 0x3300, 0x3308, 0x33c0, 0x3880,
             0x8000, 0x3f80, 0x3f81, 0x3f82, 0xff80});
}

TEST_CASE("cast: finite numbers that become infinite are counted") {
  CHECK(cast_to<std::uint16_t>(Dtype::kF16, Dtype::kF32,
                               std::vector<float>{65520.f, -1e9f, INFINITY, NAN, 1.f},
                               2) == Bits{0x7c00, 0xfc00, 0x7c00, 0x7e00, 0x3c00});
  CHECK(cast_to<float>(Dtype::kF32, Dtype::kF64, std::vector<double>{1e300, 0.1, HUGE_VAL}, 1) ==
        std::vector<float>{INFINITY, 0.1f, INFINITY});
  CHECK(cast_to<std::uint16_t>(Dtype::kBF16, Dtype::kF64, std::vector<double>{3.4e38, 1e39}, 2) ==
        Bits{0x7f80, 0x7f80});
}

TEST_CASE("tied names: the ones that loading makes from others are left out") {
  const StoredTensors bart = tensors_of({{"model.shared.weight", 0},
                                         {"model.encoder.embed_tokens.weight", 0},
                                         {"model.decoder.embed_tokens.weight", 0},
                                         {"lm_head.weight", 0},
                                         {"other.weight", 1}});
  const Names copies{"model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"};
  CHECK(tied_names(bart, true, true) == Names{"lm_head.weight", "model.decoder.embed_tokens.weight",
                                              "model.encoder.embed_tokens.weight"});
  CHECK(tied_names(bart, false, true) == copies);
  CHECK(tied_names(bart, false, false).empty());
  CHECK(tied_names(tensors_of({{"model.decoder.embed_tokens.weight", 0}, {"proj_out.weight", 0}}),
                   true, true) == Names{"proj_out.weight"});
  CHECK(tied_names(tensors_of({{"cls.predictions.bias", 0},
                               {"cls.predictions.decoder.bias", 0},
                               {"cls.predictions.decoder.weight", 1},
                               {"bert.embeddings.word_embeddings.weight", 1}}),
                   true, true) ==
        Names{"cls.predictions.decoder.bias", "cls.predictions.decoder.weight"});
}

TEST_CASE("tied names: tensors alike for another reason, alone, or empty all stay") {
  CHECK(tied_names(tensors_of({{"h.0.attn.bias", 0}, {"h.1.attn.bias", 0}}), true, true).empty());
  CHECK(tied_names(tensors_of({{"lm_head.weight", 0}, {"wte.weight", 1}}), true, true).empty());
  StoredTensors empty = tensors_of({{"lm_head.weight", 0}, {"wte.weight", 0}});
  for (auto& [name, tensor] : empty) {
    tensor.shape = {0};
    tensor.bytes = {};
  }
  CHECK(tied_names(empty, true, true).empty());
}

TEST_CASE("pretrained: config.json tells the type and the tie; old names become the present ones") {
  using namespace test::pickled;
  test::TempFolder folder;
  const std::string plain = tensor({});
  test::spit(folder / "config.json", R"({"model_type":"t5","torch_dtype":"float32","b":1,"a":2})");
  test::spit(folder / "pytorch_model.bin",
             test::torch_zip(
                 dict({{"shared.weight", plain},
                       {"lm_head.weight", plain},
                       {"x.LayerNorm.gamma", tensor({.offset = 1, .shape = {5}, .strides = {1}})},
                       {"b.0.wo.weight", tensor({.shape = {3}, .strides = {1}})}}),
                 {std::string(24, 'x')}));
  const Pretrained model = read_pretrained(folder.path, "", Dtype::kF16);
  CHECK(model.config.dump() ==
        R"({"a":2,"b":1,"dtype":"float16","model_type":"t5","tie_word_embeddings":true})");
  CHECK(model.left_out == std::vector<std::string>{"lm_head.weight"});
  std::map<std::string, std::string_view> types;
  for (const auto& t : model.tensors) types[t.name] = name_of(t.dtype);
  CHECK(types == std::map<std::string, std::string_view>{{"b.0.wo.weight", "F32"},
                                                         {"shared.weight", "F16"},
                                                         {"x.LayerNorm.weight", "F16"}});
  CHECK(read_pretrained(folder.path, "", std::nullopt).config["dtype"] == "float32");
}
