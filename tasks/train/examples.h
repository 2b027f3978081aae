// From rows of data to what a model learns from: labels, tokens, batches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/models/heads/trainee.h"
#include "core/processors/feature_extractor.h"
#include "core/processors/image_processor.h"
#include "core/templates/chat_template.h"
#include "core/tokenizers/tokenizer.h"
#include "tasks/run/values.h"

namespace hft {

struct TrainTask;

// Which columns hold what; "": those that such data usually have.
struct ColumnNames {
  std::string text, pair, label, media;
};

struct TrainExample;

// One text of the data, whatever the task, with its labels as they were written.
struct TrainRow {
  std::string place;  // "line 3 of x.jsonl"
  std::string text, pair;
  bool has_pair = false;
  std::vector<std::string> words;  // or further texts
  Media media;
  Json label;
  Json messages;  // a conversation
};

// Rows one after another, as often as they are asked for.
using TakeRow = std::function<void(TrainRow&&)>;
using TrainRows = std::function<void(const TakeRow&)>;

// The labels of a task, and how they are written.
struct Labels {
  Objective objective = Objective::kClasses;
  std::vector<std::string> names;
  bool flags = false;  // several labels are written as a list of 0 and 1

  // Of one row; throws kBadData naming its place.
  std::vector<std::int32_t> classes(const TrainRow& row) const;
  std::vector<float> targets(const TrainRow& row) const;
  // Whichever of them the objective has.
  void give(const TrainRow& row, TrainExample& to) const;

 private:
  std::int32_t id(const Json& cell, const TrainRow& row) const;
};
// As `config` has them where they cover the rows, else what the rows name. `problem`:
// --problem-type.
Labels labels_of_rows(const TrainTask& task, const TrainRows& rows, const Fields& config,
                      const std::string& problem);

// config.json of the model that is made: its class, labels and type.
void describe(Json& config, const TrainTask& task, const Labels& labels);

// What a picture or a sound is to the model.
struct Shown {
  std::shared_ptr<const Pixels> picture;
  std::shared_ptr<const Features> sound;
};

// What one text, picture or sound becomes.
struct TrainExample {
  std::vector<std::int32_t> ids, type_ids, classes;
  std::vector<std::int32_t> source;               // what is read, where `ids` are written
  std::vector<std::vector<std::int32_t>> others;  // further texts of kPairs
  std::vector<float> targets;
  std::function<Shown()> shown;  // from any thread; empty: there is none

  std::size_t size() const { return std::max(ids.size(), source.size()); }  // --group-by-length
};

// What examples are made with; null: the task needs none.
struct Encoder {
  const Labels* labels = nullptr;
  const Tokenizer* tokenizer = nullptr;
  const ImageProcessor* images = nullptr;
  const FeatureExtractor* sounds = nullptr;
  const ChatTemplates* chats = nullptr;
  Json special_tokens = Json::object();  // for chats
  bool assistant_marks = true;  // what the template marks is learned; else an assistant's turns
  Fields config{Json::object(), ""};
  std::string source_prefix;
  std::int64_t max_length = 0, block_size = 0, max_target_length = 0;
};
using TakeExample = std::function<void(TrainExample&&)>;

// How tokens are masked.
struct Masking {
  double probability = 0.15;
  std::int32_t mask = 0, vocab = 0;
  std::uint64_t seed = 0;
};
TrainBatch batch_of(const std::vector<TrainExample>& examples, Objective objective,
                    const Masking& masking);

}  // namespace hft
