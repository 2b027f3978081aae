// The rows of each kind of training, out of a table; errors name the row.
#include <algorithm>
#include <filesystem>
#include <functional>

#include "core/base/error.h"
#include "tasks/run/conversation.h"
#include "tasks/train/kinds.h"

namespace hft {
namespace {

TrainRows each_row(const Table& table, std::function<TrainRow(const Input&)> make) {
  return [&table, make = std::move(make)](const TakeRow& take) {
    table.each([&](const Input& input) { take(make(input)); });
  };
}

}  // namespace

TrainRows texts_with_labels(const Table& table, const ColumnNames& names) {
  const std::string text = table.column("--text-column", names.text,
                                        {"text", "sentence", "review", "sentence1", "question"});
  const std::string label = table.column("--label-column", names.label, {"label", "labels"});
  const std::string pair =
      table.column_if("--text-pair-column", names.pair, {"text_pair", "sentence2"});
  return each_row(table, [&table, text, label, pair](const Input& input) {
    TrainRow row{
        .place = input.place, .text = table.text(input, text), .label = table.cell(input, label)};
    row.has_pair = !pair.empty() && input.row.contains(pair) && !input.row[pair].is_null();
    if (row.has_pair) row.pair = table.text(input, pair);
    return row;
  });
}

TrainRows tagged_words(const Table& table, const ColumnNames& names) {
  const std::string words = table.column("--text-column", names.text, {"tokens", "words"});
  const std::string tags =
      table.column("--label-column", names.label, {"ner_tags", "pos_tags", "tags", "labels"});
  return each_row(table, [&table, words, tags](const Input& input) {
    TrainRow row{.place = input.place, .label = table.cell(input, tags)};
    const Json& list = table.cell(input, words);
    if (!list.is_array() || !std::ranges::all_of(list, [](const Json& w) { return w.is_string(); }))
      fail(Errc::kBadData, input.place, ": column '", words, "' is no list of strings");
    row.words = list.get<std::vector<std::string>>();
    if (!row.label.is_array() || row.label.size() != row.words.size())
      fail(Errc::kBadData, input.place, ": column '", tags, "' has not one tag for each of its ",
           row.words.size(), " words");
    return row;
  });
}

TrainRows questions(const Table& table, const ColumnNames& names) {
  const std::string question = table.column("--text-column", names.text, {"question"});
  const std::string context = table.column("--text-pair-column", names.pair, {"context"});
  const std::string answers = table.column("--label-column", names.label, {"answers", "answer"});
  return each_row(table, [&table, question, context, answers](const Input& input) {
    TrainRow row{.place = input.place,
                 .text = table.text(input, question),
                 .pair = table.text(input, context),
                 .has_pair = true,
                 .label = table.cell(input, answers)};
    const auto list = [&](const char* key) {
      return row.label.is_object() && row.label.contains(key) && row.label[key].is_array();
    };
    if (!list("text") || !list("answer_start") ||
        row.label["text"].size() != row.label["answer_start"].size())
      fail(Errc::kBadData, input.place, ": column '", answers,
           R"(' is not {"text": […], "answer_start": […]})");
    return row;
  });
}

TrainRows texts(const Table& table, const ColumnNames& names) {
  const std::string text =
      table.bare() ? "" : table.column("--text-column", names.text, {"text", "sentence", "content"});
  return each_row(table, [&table, text](const Input& input) {
    return TrainRow{.place = input.place,
                    .text = table.bare() ? input.text() : table.text(input, text)};
  });
}

namespace {

// Of a folder of files the label is the name of the folder each is in.
TrainRows media_with_labels(const Table& table, const ColumnNames& names, Kind kind,
                                        const std::vector<std::string>& usual,
                                        const std::vector<std::string>& usual_labels) {
  if (table.bare())
    return each_row(table, [](const Input& input) {
      const Media media = std::get<Media>(*input.values[0]);
      const auto folder = std::filesystem::path(media.source).parent_path().filename();
      return TrainRow{.place = media.source, .media = media, .label = folder.string()};
    });
  const std::string column = table.column("--media-column", names.media, usual);
  const std::string label = table.column("--label-column", names.label, usual_labels);
  return each_row(table, [&table, column, label, kind](const Input& input) {
    return TrainRow{.place = input.place,
                    .media = table.media(input, column, kind),
                    .label = table.cell(input, label)};
  });
}

}  // namespace

TrainRows sounds(const Table& table, const ColumnNames& names) {
  return media_with_labels(table, names, Kind::kSound, {"audio", "file", "file_name", "path"},
                           {"label", "labels"});
}

TrainRows spoken_texts(const Table& table, const ColumnNames& names) {
  const std::string audio = table.column("--media-column", names.media,
                                         {"audio", "file", "file_name", "path"});
  const std::string text =
      table.column("--text-column", names.text, {"text", "sentence", "transcription"});
  return each_row(table, [&table, audio, text](const Input& input) {
    return TrainRow{.place = input.place,
                    .text = table.text(input, text),
                    .media = table.media(input, audio, Kind::kSound)};
  });
}

TrainRows sources_and_targets(const Table& table, const ColumnNames& names) {
  const std::string source = table.column("--text-column", names.text,
                                          {"source", "input", "document", "article", "text"});
  const std::string target = table.column("--label-column", names.label,
                                          {"target", "output", "summary", "highlights", "label"});
  return each_row(table, [&table, source, target](const Input& input) {
    return TrainRow{.place = input.place,
                    .text = table.text(input, source),
                    .pair = table.text(input, target)};
  });
}

TrainRows text_pairs(const Table& table, const ColumnNames& names) {
  const std::string first =
      table.column("--text-column", names.text,
                   {"anchor", "query", "question", "sentence1", "premise", "text"});
  const std::string second = table.column(
      "--text-pair-column", names.pair,
      {"positive", "answer", "sentence2", "hypothesis", "passage", "document", "text_pair"});
  const std::string negative = table.column_if("--label-column", names.label, {"negative"});
  return each_row(table, [&table, first, second, negative](const Input& input) {
    TrainRow row{.place = input.place,
                 .text = table.text(input, first),
                 .words = {table.text(input, second)}};
    if (!negative.empty()) row.words.push_back(table.text(input, negative));
    return row;
  });
}

TrainRows ranked_pairs(const Table& table, const ColumnNames& names) {
  const std::string query =
      table.column("--text-column", names.text, {"query", "question", "sentence1", "anchor"});
  const std::string text =
      table.column("--text-pair-column", names.pair,
                   {"text", "passage", "document", "answer", "sentence2", "response"});
  const std::string label =
      table.column("--label-column", names.label, {"label", "labels", "score"});
  return each_row(table, [&table, query, text, label](const Input& input) {
    return TrainRow{.place = input.place,
                    .text = table.text(input, query),
                    .pair = table.text(input, text),
                    .has_pair = true,
                    .label = table.cell(input, label)};
  });
}

namespace {

TrainRows completed_prompts(const Table& table) {
  return each_row(table, [&table](const Input& input) {
    return TrainRow{.place = input.place,
                    .text = table.text(input, "prompt"),
                    .pair = table.text(input, "completion"),
                    .has_pair = true};
  });
}

TrainRows conversations(const Table& table, const std::string& column) {
  return each_row(table, [&table, column](const Input& input) {
    return TrainRow{.place = input.place,
                    .messages = checked_messages(table.cell(input, column), input.place)};
  });
}

}  // namespace

TrainRows texts_or_chats(const Table& table, const ColumnNames& names) {
  if (names.text.empty() && table.has("prompt") && table.has("completion"))
    return completed_prompts(table);
  const std::string chat = table.column_if("--text-column", names.text, {"messages", "conversation"});
  return table.lists(chat) ? conversations(table, chat) : texts(table, names);
}

TrainRows pictures(const Table& table, const ColumnNames& names) {
  return media_with_labels(table, names, Kind::kImage, {"image", "img", "file_name", "path"},
                           {"label", "labels"});
}

}  // namespace hft
