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
  std::vector<TrainRow> (*rows)(const Table&, const ColumnNames&);
  std::vector<TrainExample> (*examples)(const std::vector<TrainRow>&, const Encoder&);
};
const std::vector<TrainTask>& train_tasks();
const TrainTask& train_task(const std::string& name);  // either name; kUsage for another

// Rows; they throw kBadData naming the row that is not as it should be, kUsage for a column that is
// not there.
std::vector<TrainRow> texts_with_labels(const Table& table, const ColumnNames& names);
std::vector<TrainRow> tagged_words(const Table& table, const ColumnNames& names);
std::vector<TrainRow> questions(const Table& table, const ColumnNames& names);
std::vector<TrainRow> texts(const Table& table, const ColumnNames& names);
std::vector<TrainRow> pictures(const Table& table, const ColumnNames& names);
std::vector<TrainRow> sounds(const Table& table, const ColumnNames& names);
std::vector<TrainRow> spoken_texts(const Table& table, const ColumnNames& names);
std::vector<TrainRow> sources_and_targets(const Table& table, const ColumnNames& names);
std::vector<TrainRow> text_pairs(const Table& table, const ColumnNames& names);
std::vector<TrainRow> ranked_pairs(const Table& table, const ColumnNames& names);
// Texts, prompts with what completes them, or conversations.
std::vector<TrainRow> texts_or_chats(const Table& table, const ColumnNames& names);

// Examples of them.
std::vector<TrainExample> labelled_texts(const std::vector<TrainRow>& rows, const Encoder& e);
std::vector<TrainExample> labelled_words(const std::vector<TrainRow>& rows, const Encoder& e);
std::vector<TrainExample> answered_questions(const std::vector<TrainRow>& rows, const Encoder& e);
// All texts end to end, in blocks of one length; what is left over is left out, unless it is all.
std::vector<TrainExample> blocks_of(const std::vector<TrainRow>& rows, const Encoder& e);
// All are looked at once, so that a broken one ends the run before it begins.
std::vector<TrainExample> labelled_pictures(const std::vector<TrainRow>& rows, const Encoder& e);
std::vector<TrainExample> labelled_sounds(const std::vector<TrainRow>& rows, const Encoder& e);
std::vector<TrainExample> lettered_sounds(const std::vector<TrainRow>& rows, const Encoder& e);
std::vector<TrainExample> written_texts(const std::vector<TrainRow>& rows, const Encoder& e);
std::vector<TrainExample> paired_texts(const std::vector<TrainRow>& rows, const Encoder& e);
// Blocks of texts; of prompts and conversations each by itself, of which the answers are learned.
std::vector<TrainExample> blocks_or_chats(const std::vector<TrainRow>& rows, const Encoder& e);

}  // namespace hft
