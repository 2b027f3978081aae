#include "tasks/audio/transcript.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/base/text.h"

namespace hft {
namespace {

struct Clock {
  long long hours, minutes, seconds, millis;
  explicit Clock(double at) {
    const auto ms = static_cast<long long>(std::llround(std::max(at, 0.0) * 1000));
    hours = ms / 3'600'000, minutes = ms / 60'000 % 60, seconds = ms / 1000 % 60, millis = ms % 1000;
  }
  // "00:01:02,003"; the hours only where there are any, unless `always`.
  std::string text(char point, bool always) const {
    char out[64];
    if (always || hours > 0)
      std::snprintf(out, sizeof out, "%02lld:%02lld:%02lld%c%03lld", hours, minutes, seconds, point,
                    millis);
    else
      std::snprintf(out, sizeof out, "%02lld:%02lld%c%03lld", minutes, seconds, point, millis);
    return out;
  }
  std::string hundredths() const {  // of lyrics, whose minutes go on past an hour
    char out[64];
    std::snprintf(out, sizeof out, "%02lld:%02lld.%02lld", hours * 60 + minutes, seconds,
                  millis / 10);
    return out;
  }
};

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// One line, without what a form takes for its own marks.
std::string plain(const std::string& text) {
  std::string out = unicode_trimmed(text);
  std::ranges::replace_if(out, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return replaced(std::move(out), "-->", "->");
}

Json time(const std::optional<double>& at) { return at ? Json(*at) : Json(); }

}  // namespace

Json json_of(const Transcript& t) {
  Json out{{"text", t.text}};
  if (!t.chunks) return out;
  Json& chunks = out["chunks"] = Json::array();
  for (const TimedText& chunk : *t.chunks) {
    const Json times = Json::array({time(chunk.start), time(chunk.end)});
    chunks.push_back(t.times_first ? Json{{"timestamp", times}, {"text", chunk.text}}
                                   : Json{{"text", chunk.text}, {"timestamp", times}});
  }
  return out;
}

TimedForm::TimedForm(const std::string& form)
    : form_(form == "srt"     ? Form::kSrt
            : form == "vtt"   ? Form::kVtt
            : form == "tsv"   ? Form::kTsv
            : form == "lrc"   ? Form::kLrc
            : form == "lines" ? Form::kLines
                              : Form::kText) {}

std::string TimedForm::begin() const {
  if (form_ == Form::kVtt) return "WEBVTT\n\n";
  if (form_ == Form::kTsv) return "start\tend\ttext\n";
  return "";
}

std::string TimedForm::add(const TimedText& chunk) {
  if (form_ == Form::kText) return written(chunk, 0);
  std::string out;
  if (waiting_) out = written(*waiting_, chunk.start.value_or(*waiting_->start));
  waiting_.reset();
  if (chunk.end) return out + written(chunk, *chunk.end);
  waiting_ = chunk;
  waiting_->start = chunk.start.value_or(0);
  return out;
}

std::string TimedForm::end(double seconds) {
  std::string out;
  if (waiting_) out = written(*waiting_, std::max(seconds, *waiting_->start));
  waiting_.reset();
  return form_ == Form::kText ? "\n" : out;
}

std::string TimedForm::written(const TimedText& chunk, double end) {
  const std::string text = plain(chunk.text);
  const double start = chunk.start.value_or(0);
  const Clock from(start), to(std::max(end, start));
  switch (form_) {
    case Form::kText:  // without the space that begins it
      return count_++ == 0 && chunk.text.starts_with(' ') ? chunk.text.substr(1) : chunk.text;
    case Form::kLines:
      return "[" + from.text('.', false) + " --> " + to.text('.', false) + "] " + text + "\n";
    case Form::kSrt:
      return std::to_string(++count_) + "\n" + from.text(',', true) + " --> " +
             to.text(',', true) + "\n" + text + "\n\n";
    case Form::kVtt:
      return from.text('.', false) + " --> " + to.text('.', false) + "\n" + text + "\n\n";
    case Form::kTsv:
      return std::to_string(std::llround(std::max(start, 0.0) * 1000)) + "\t" +
             std::to_string(std::llround(std::max(end, start) * 1000)) + "\t" +
             replaced(text, "\t", " ") + "\n";
    case Form::kLrc:
      return "[" + from.hundredths() + "]" + text + "\n";
  }
  return "";
}

std::string written(const Transcript& t, const std::string& name) {
  TimedForm form(name);
  std::string out = form.begin();
  if (name == "text")
    out += form.add({t.text});
  else if (t.chunks)
    for (const TimedText& chunk : *t.chunks) out += form.add(chunk);
  else if (!t.text.empty())
    out += form.add({t.text, 0.0, {}});
  return out + form.end(t.seconds);
}

}  // namespace hft
