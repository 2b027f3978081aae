// An encoder's answer does not depend on its company: the same bits alone, in a batch of others and
// on any number of threads, for every architecture, head and type.
#include <algorithm>

#include "core/models/registry.h"
#include "core/nn/twins.h"
#include "tests/core/models/tiny.h"

namespace hft::test {
namespace {

TokenBatch batch_of(const std::vector<int>& lengths) {
  TokenBatch batch;
  for (int length : lengths) {
    for (int i = 0; i < length; ++i)
      batch.ids.push_back(5 + (static_cast<int>(batch.ids.size()) * 17 + length) % 45);
    batch.ids.back() = 6;  // eos_token_id, which some heads read
    batch.starts.push_back(static_cast<std::int32_t>(batch.ids.size()));
  }
  return batch;
}

bool serves(const Support& row, std::string_view command) {
  return std::ranges::count(row.tasks, command) > 0;
}

// Models of pictures or sounds read some too, for themselves.
bool reads_texts(const Support& row) {
  for (const Architecture* a : architectures())
    for (const auto type : a->types)
      if (type == row.model_type) return !a->image && !a->sound;
  return false;
}

std::vector<Head> heads_of(const Support& row) {
  std::vector<Head> heads;
  for (Head head : kHeads)
    if (serves(row, command_of(head))) heads.push_back(head);
  return heads;
}

Json config_of(const Support& row) {
  Json config = serves(row, "translate")  ? tiny_seq2seq_config(row.model_type)
                : serves(row, "generate") ? tiny_decoder_config(row.model_type)
                                          : tiny_config(row.model_type);
  config["max_position_embeddings"] = 128;
  config["eos_token_id"] = 6;
  config["num_labels"] = 2;
  return config;
}

std::vector<float> one_by_one(TextModel& model, const TokenBatch& batch) {
  std::vector<float> values;
  for (std::int64_t b = 0; b < batch.size(); ++b) {
    const Matrix one = model.forward(only(batch, b));
    values.insert(values.end(), one.data.begin(), one.data.end());
  }
  return values;
}

}  // namespace

TEST_CASE("exact: one text has the same bits alone, in a batch and on any number of threads") {
  if (twins_forced()) {
    MESSAGE("not run here: the twins' sums depend on what is computed together");
    return;
  }
  const TokenBatch batch = batch_of({7, 1, 90, 3, 33, 18, 2});
  for (const auto& row : supported_models())
    for (const Head head : reads_texts(row) ? heads_of(row) : std::vector<Head>{}) {
      const Json config = config_of(row);
      const TempFolder folder;
      write_model(folder.path, config, tiny_tensors(config, head));
      for (const char* dtype : {"float32", "bfloat16", "float16"}) {
        if (head != Head::kClassify && dtype != std::string("float32")) continue;
        const auto on = [&](int threads) {
          return load_model<TextModel>({.folder = folder.path,
                                  .head = head,
                                  .dtype = dtype,
                                  .device = "cpu",
                                  .threads = threads});
        };
        CAPTURE(row.model_type);
        CAPTURE(static_cast<int>(head));
        CAPTURE(dtype);
        const auto one = on(1), two = on(2);
        const auto together = two->forward(batch).data;
        CHECK(one->forward(batch).data == together);
        CHECK(one_by_one(*one, batch) == together);
        CHECK(one_by_one(*two, batch) == together);
      }
    }
}

}  // namespace hft::test
