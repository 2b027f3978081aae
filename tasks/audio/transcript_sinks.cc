#include "tasks/audio/transcript_sinks.h"

#include <unistd.h>


#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/progress.h"
#include "tasks/run/drawing.h"
#include "tasks/run/output_file.h"
#include "tasks/run/saved_files.h"

namespace hft {
namespace {

bool is_records(const OutputOptions& o) {
  return o.json || o.resume || o.format == "json" || o.format == "csv" || writes_parquet(o);
}

// "lines": with times, where they were asked for.
std::string form_of(const TranscribeOptions& o) {
  const std::string& form = o.output.format;
  return form.empty() || form == "text" ? (o.timed() ? "lines" : "text") : form;
}

class Records : public Transcripts {
 public:
  Records(const OutputOptions& options, Fingerprint fingerprint)
      : writer_(options, {.text_by_default = true}, std::move(fingerprint)) {}
  std::optional<Kept> reuse(const Input& input) override { return writer_.reuse(input); }
  void write(const Input& input, const Transcript& t) override { write(input, json_of(t)); }
  void write(const Input& input, Json output) override { writer_.write(input, std::move(output)); }
  void write_error(const Input& input, const Error& e) override { writer_.write_error(input, e); }
  void write_kept(const Kept& kept) override { writer_.write_kept(kept); }
  void flush() override { writer_.flush(); }
  int finish() override { return writer_.finish(); }
  void interrupted() override { writer_.interrupted(); }

 private:
  RecordWriter writer_;
};

// All transcripts one after another; what is shown of the one in turn is written at once where
// somebody waits for it.
class OneText : public Transcripts {
 public:
  OneText(const TranscribeOptions& o)
      : name_(form_of(o)),
        file_(o.output.file),
        live_(!o.sound.raw.empty() || !file_.empty() || ::isatty(STDOUT_FILENO)),
        form_(name_),
        out_(o.output.file) {
    // A bar would stand in the middle of the text.
    if (file_.empty() && ::isatty(STDOUT_FILENO)) set_progress_style(ProgressStyle::kNone);
  }

  void show(const TimedText& chunk) override {
    if (!live_) return;
    put(begun() + form_.add(chunk));
    text_ += chunk.text.size();
    ++chunks_;
    out_.flush();
  }
  void write(const Input&, const Transcript& t) override {
    std::string rest = begun();
    if (name_ == "text") {
      if (t.text.size() > text_) rest += form_.add({t.text.substr(text_)});
    } else if (t.chunks) {
      for (; chunks_ < t.chunks->size(); ++chunks_) rest += form_.add((*t.chunks)[chunks_]);
    } else if (!t.text.empty()) {
      rest += form_.add({t.text, 0.0});
    }
    put(rest + form_.end(t.seconds));
    failures_.succeeded();
    next();
  }
  void write(const Input&, Json) override {}
  void write_error(const Input& input, const Error& error) override {
    if (begun_) put(form_.end(0));
    failures_.add(input, error);
    next();
  }
  void flush() override { out_.flush(); }
  void interrupted() override {
    out_.flush();
    note("interrupted; the results so far are in " + OutputFile::partial(file_).string());
  }
  int finish() override {
    out_.close();
    return failures_.exit_code();
  }

 private:
  void put(const std::string& text) { out_.write(file_.empty() ? for_stdout(text) : text); }
  std::string begun() { return std::exchange(begun_, true) ? "" : form_.begin(); }
  void next() {
    form_ = TimedForm(name_);
    begun_ = false;
    text_ = chunks_ = 0;
  }

  std::string name_;
  std::string file_;
  bool live_, begun_ = false;
  std::size_t text_ = 0, chunks_ = 0;  // shown of the transcript in turn
  TimedForm form_;
  OutputFile out_;
  Failures failures_;
};

// --output-dir: NAME.txt, NAME.srt … in a folder.
class FileEach : public Transcripts {
 public:
  explicit FileEach(const TranscribeOptions& o)
      : options_(o), folder_(o.output.folder, o.output.force, suffix()) {}

  // A file that is there already: passed over, or that input's error before it is heard.
  std::optional<Kept> reuse(const Input& input) override { return folder_.reuse(input); }
  void write(const Input& input, const Transcript& t) override {
    folder_.write(input, is_json() ? to_line(json_of(t)) + "\n" : written(t, form_of(options_)));
    failures_.succeeded();
  }
  void write(const Input&, Json) override {}
  void write_error(const Input& input, const Error& error) override { failures_.add(input, error); }
  void write_kept(const Kept&) override { failures_.succeeded(); }
  int finish() override { return failures_.exit_code(); }
  void interrupted() override { folder_.interrupted(); }

 private:
  bool is_json() const { return options_.output.json || options_.output.format == "json"; }
  std::string suffix() const {
    const std::string form = is_json() ? "json" : form_of(options_);
    return form == "text" || form == "lines" ? "txt" : form;
  }

  const TranscribeOptions& options_;
  OutputFolder folder_;
  Failures failures_;
};

void check_sink(const TranscribeOptions& o, std::int64_t inputs) {
  const std::string& form = o.output.format;
  if (o.output.json && !form.empty() && form != "json")
    fail(Errc::kUsage, "--json and --format ", form, " contradict each other");
  check_output_folder(o.output);
  if (!o.output.folder.folder.empty() && form == "csv")
    fail(Errc::kUsage, "--output-dir and --format csv contradict each other");
  if (o.output.folder.folder.empty() && inputs > 1 && (form == "srt" || form == "vtt" || form == "lrc"))
    fail_hint(Errc::kUsage, "--output-dir DIR writes a file for each", "--format ", form,
              ": one file holds one sound, not ", inputs);
}

}  // namespace

std::unique_ptr<Transcripts> make_transcripts(const TranscribeOptions& o, Fingerprint fingerprint,
                                              std::int64_t inputs) {
  check_sink(o, inputs);
  if (!o.output.folder.folder.empty()) return std::make_unique<FileEach>(o);
  if (is_records(o.output)) return std::make_unique<Records>(o.output, std::move(fingerprint));
  check_output_file(o.output.file, o.output.force);
  return std::make_unique<OneText>(o);
}

bool writes_parts(const TranscribeOptions& o) {
  return o.output.folder.folder.empty() && o.output.file.empty() && !is_records(o.output);
}

}  // namespace hft
