#include "tasks/run/input_of.h"

#include <filesystem>

#include "core/base/text.h"
#include "hub/names.h"

namespace hft {
namespace {

// {"question": …, "context": …} as people write them, the first column last; a lone value itself.
Json shown_of(const InputOptions& o, const Input& input) {
  Json shown = Json::object();
  for (std::size_t i = o.columns.size(); i-- > 0;) {
    if (!input.has(i)) continue;
    Json& one = shown[o.columns[i].name];
    if (const auto* media = std::get_if<Media>(&*input.values[i]))
      one = media->source;
    else if (o.columns[i].kind == Kind::kText)
      one = input.text(i);
    else
      one = parse_exact_json(input.text(i), input.place);
  }
  return shown.size() == 1 ? Json(*shown.begin()) : shown;
}

void place_in(const std::string& folder, Media& media) {
  if (hub::leads_out(media.source))
    fail(Errc::kBadData, "is ", hub::shown(media.source), ", which leads out of the data's folder");
  media.source = (std::filesystem::path(folder) / media.source).string();
}

void take_cell(const InputOptions& o, Input& input, std::size_t i) {
  const Column& column = o.columns[i];
  const auto cell = input.row.find(column.source);
  const bool missing = cell == input.row.end() || cell->is_null();
  if (!missing) {
    try {
      input.values[i] = value_of(column.kind, *cell);
      auto* media = std::get_if<Media>(&*input.values[i]);
      if (media && !o.media_folder.empty() && !media->bytes) place_in(o.media_folder, *media);
      if (media && media->source.empty()) media->source = input.place;
    } catch (const Error& e) {
      input.error =
          Error(e.code, input.place + ": column '" + column.source + "' " + e.message, e.hint);
    }
  } else if (column.fixed) {
    input.values[i] = value_of_text(column.kind, *column.fixed);
  } else if (!column.optional) {
    input.error = Error(Errc::kBadData, input.place + ": has no column '" + column.source + "'");
  }
}

}  // namespace

Input failed_input(std::string shown, std::string place, Error error) {
  Input input;
  input.shown = std::move(shown);
  input.place = std::move(place);
  input.error = std::move(error);
  return input;
}

Input with_value(const InputOptions& o, Input input, Value value) {
  input.values[0] = std::move(value);
  input.shown = shown_of(o, input);
  return input;
}

Input input_of_text(const InputOptions& o, std::string text, std::string place,
                    std::int64_t start) {
  if (auto bad = utf8_error(text)) {
    const std::string byte = std::to_string(start + static_cast<std::int64_t>(*bad));
    const std::string where = place.empty() ? "" : place + ": ";
    return failed_input(std::move(text), std::move(place),
                        Error(Errc::kBadData, where + "not UTF-8 at byte " + byte));
  }
  return input_of_value(o, value_of_text(o.columns[0].kind, std::move(text)), std::move(place));
}

Input input_of_value(const InputOptions& o, Value value, std::string place) {
  Input input;
  input.place = std::move(place);
  input.values.resize(o.columns.size());
  input.values[0] = std::move(value);
  for (std::size_t i = 1; i < o.columns.size(); ++i) {
    if (o.columns[i].fixed) input.values[i] = value_of_text(o.columns[i].kind, *o.columns[i].fixed);
    if (!input.has(i) && !o.columns[i].optional)
      fail(Errc::kUsage, "no ", o.columns[i].name, " is given: use --", o.columns[i].name,
           ", or data with that column (-i FILE.jsonl)");
  }
  input.shown = shown_of(o, input);
  return input;
}

Input input_of_row(const InputOptions& o, Json row, std::string place) {
  if (row.is_string() && o.columns[0].source == o.columns[0].name)
    return input_of_text(o, row.get<std::string>(), std::move(place));
  if (!row.is_object()) {
    Input input = failed_input(
        "", place, Error(Errc::kBadData, place + ": is " + type_of(row) + ", wanted an object"));
    input.shown = std::move(row);
    return input;
  }
  Input input;
  input.place = std::move(place);
  input.row = std::move(row);
  input.values.resize(o.columns.size());
  if (const auto id = input.row.find(o.id_column); id != input.row.end()) input.id = *id;
  for (std::size_t i = o.columns.size(); i-- > 0;)
    if (!(o.columns[i].alternative && input.row.contains(o.columns[0].source)))
      take_cell(o, input, i);
  input.shown = shown_of(o, input);
  return input;
}

}  // namespace hft
