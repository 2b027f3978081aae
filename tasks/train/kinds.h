// The kinds of training, a row of a table each.
#pragma once

#include <string>
#include <vector>

#include "tasks/train/examples.h"
#include "tasks/train/table.h"

namespace hft {

struct TrainTask {
  std::string name;        // as --task names it, of the Hub: "text-classification"
  std::string short_name;  // "classify"
  Learner learner;
  Objective objective;
  std::string class_name;                   // what its classes are called after: "ForTokenClassification"
  std::string peft_type;                    // task_type of adapter_config.json
  std::vector<std::string> heads;           // what LoRA trains whole
  Kind lone;                                // what data is that has no rows
  TrainRows (*rows)(const Table&, const ColumnNames&);
  void (*examples)(const TrainRows&, const Encoder&, const TakeExample&);
};
const std::vector<TrainTask>& train_tasks();
const TrainTask& train_task(const std::string& name);  // either name; kUsage for another

// Rows of a table that outlives them; they throw kUsage for a column that is not there, and when they
// are taken kBadData naming the row that is not as it should be.
TrainRows texts_with_labels(const Table& table, const ColumnNames& names);
TrainRows tagged_words(const Table& table, const ColumnNames& names);
TrainRows questions(const Table& table, const ColumnNames& names);
TrainRows texts(const Table& table, const ColumnNames& names);
TrainRows pictures(const Table& table, const ColumnNames& names);
TrainRows sounds(const Table& table, const ColumnNames& names);
TrainRows spoken_texts(const Table& table, const ColumnNames& names);
TrainRows sources_and_targets(const Table& table, const ColumnNames& names);
TrainRows text_pairs(const Table& table, const ColumnNames& names);
TrainRows ranked_pairs(const Table& table, const ColumnNames& names);
// Texts, prompts with what completes them, or conversations.
TrainRows texts_or_chats(const Table& table, const ColumnNames& names);

// All texts end to end, in blocks of one length; what is left over is left out, unless it is all.
class Blocks {
 public:
  Blocks(const Encoder& encoder, const TakeExample& take) : e_(encoder), take_(take) {}
  void add(const std::string& text);
  void end();  // throws kBadData where there were no tokens

 private:
  const Encoder& e_;
  const TakeExample& take_;
  TrainExample rest_;
  bool any_ = false;
};

// Examples of them, as they are made.
void labelled_texts(const TrainRows& rows, const Encoder& e, const TakeExample& take);
void labelled_words(const TrainRows& rows, const Encoder& e, const TakeExample& take);
void answered_questions(const TrainRows& rows, const Encoder& e, const TakeExample& take);
void blocks_of(const TrainRows& rows, const Encoder& e, const TakeExample& take);
// All are looked at once, so that a broken one ends the run before it begins.
void labelled_pictures(const TrainRows& rows, const Encoder& e, const TakeExample& take);
void labelled_sounds(const TrainRows& rows, const Encoder& e, const TakeExample& take);
void lettered_sounds(const TrainRows& rows, const Encoder& e, const TakeExample& take);
void written_texts(const TrainRows& rows, const Encoder& e, const TakeExample& take);
void paired_texts(const TrainRows& rows, const Encoder& e, const TakeExample& take);
// Blocks of texts; of prompts and conversations each by itself, of which the answers are learned.
void blocks_or_chats(const TrainRows& rows, const Encoder& e, const TakeExample& take);

}  // namespace hft
