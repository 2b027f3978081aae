// hft transcribe: sounds in, what was said in them out. Reference: AutomaticSpeechRecognitionPipeline.
#include <tuple>

#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/checkpoint/config.h"
#include "tasks/audio/ctc_transcriber.h"
#include "tasks/audio/transcriber.h"
#include "tasks/audio/transcript_sinks.h"
#include "tasks/audio/whisper_transcriber.h"
#include "tasks/commands.h"

namespace hft {
namespace {

constexpr double kMostSeconds = limits::kSoundSeconds;
constexpr const char* kDefaultModel = "facebook/wav2vec2-base-960h";

// By the model's class: Whisper writes, others label every piece of the sound (CTC).
std::unique_ptr<Transcriber> make_transcriber(TranscribeOptions& o, const fs::path& folder,
                                              const Fields& config) {
  const std::string type = config.text("model_type", "");
  const std::string& form = o.output.format;
  const bool needs_times = form == "srt" || form == "vtt" || form == "tsv" || form == "lrc";
  if (needs_times && o.timestamps.empty()) o.timestamps = type == "whisper" ? "true" : "word";
  if (type == "whisper") return make_whisper_transcriber(o, folder, config);
  return make_ctc_transcriber(o, folder, config);
}

// "4,2": numbers from 0 to `high`, at most so many.
std::vector<double> numbers_of(const char* flag, const std::string& text, double high,
                               std::size_t most) {
  std::vector<double> numbers;
  for (const std::string& part : split(text, ',')) {
    char* end = nullptr;
    const double value = std::strtod(part.c_str(), &end);
    if (part.empty() || *end || !(value >= 0 && value <= high))
      fail(Errc::kUsage, flag, ": '", part, "' is no number from 0 to ", high);
    numbers.push_back(value);
  }
  if (numbers.size() > most)
    fail(Errc::kUsage, flag, ": has ", numbers.size(), " numbers, wanted at most ", most);
  return numbers;
}

int transcribe(const Flags& flags, TranscribeOptions& o) {
  o.input = with_raw(std::move(o.input), o.sound);
  if (!o.stride_length_s.empty() && !o.chunk_length_s)
    fail(Errc::kUsage, "--stride-length-s is for --chunk-length-s");
  InputReader reader(o.input, o.output.keep_columns);
  const fs::path folder = model_folder(o.model, kDefaultModel);
  const std::unique_ptr<Transcripts> out =
      make_transcripts(o, fingerprint(flags, folder), reader.total());
  const auto transcriber = make_transcriber(o, folder, read_config(folder));
  return run({.reader = reader,
              .sink = *out,
              .prepare = [&](const Input& input) { return transcriber->prepare(input, *out); },
              .worker = &transcriber->worker(),
              .verb = "transcribing",
              .unit = "sound",
              .threads = 2,
              .slow = true,
              .partial = writes_parts(o)});
}

void add_whisper_options(Flags& flags, TranscribeOptions& o) {
  constexpr const char* kGroup = "Whisper";
  flags.add("--language", o.language, "What is spoken, by name or code; else it is detected")
      .metavar("LANG")
      .group(kGroup);
  flags.add("--task", o.task, "Write what is said, or translate it into English")
      .one_of({"transcribe", "translate"})
      .group(kGroup);
  flags.add("--initial-prompt", o.initial_prompt, "Text that comes before: names, words, style")
      .metavar("TEXT")
      .group(kGroup);
  flags
      .add(
          "--condition-on-prev-tokens", [&o] { o.condition_on_prev_tokens = true; },
          "Each window of a long sound goes on from the text of those before it")
      .group(kGroup);
  flags
      .add(
          "--no-condition-on-prev-tokens", [&o] { o.condition_on_prev_tokens = false; },
          "Each window stands alone, whatever the model's settings say")
      .group(kGroup);
  flags
      .add(
          "--temperatures",
          [&o](const std::string& text) { o.temperatures = numbers_of("--temperatures", text, 100, 16); },
          "Tried in turn while the text of a window repeats itself or is unlikely: 0,0.2,0.4,0.6,0.8,1")
      .metavar("T,…")
      .group(kGroup);
  for (const auto& [name, to, help] :
       {std::tuple{"--compression-ratio-threshold", &o.compression_ratio_threshold,
                   "Text that compresses better repeats itself (1.35)"},
        {"--logprob-threshold", &o.logprob_threshold,
         "Text of a lower mean log-probability is unlikely (-1)"},
        {"--no-speech-threshold", &o.no_speech_threshold,
         "Unlikely text is silence where the model says so with more than this (0.6)"}})
    flags.add_number(name, [to = to](double value) { *to = value; }, help).metavar("X").group(kGroup);
}

std::function<int()> declare_transcribe(Flags& flags) {
  auto o = std::make_shared<TranscribeOptions>();
  flags.footer(
      "Examples:\n"
      "  hft transcribe -m openai/whisper-small speech.mp3\n"
      "  hft transcribe -m openai/whisper-large-v3-turbo --return-timestamps true --format srt "
      "film.mkv -o film.srt\n"
      "  hft transcribe -m openai/whisper-small --language german --task translate interview.ogg\n"
      "  hft transcribe --json --return-timestamps word calls/ -o calls.jsonl\n"
      "  hft transcribe -m facebook/mms-1b-all --language fra --chunk-length-s 30 lecture.flac\n"
      "  arecord -f S16_LE -r 16000 -t raw | hft transcribe -m openai/whisper-base --raw "
      "16000,1,s16le\n\n"
      "Without other settings of the model: 5 beams, as by the pipeline. A sound of more than 30\n"
      "seconds is heard window by window; with --chunk-length-s in chunks that overlap.");
  flags.add("--return-timestamps", o->timestamps, "Times of segments (true), words or characters")
      .one_of({"true", "word", "char", "false"});
  flags
      .add_number(
          "--chunk-length-s",
          [o](double seconds) {
            if (!(seconds >= 0 && seconds <= kMostSeconds))
              fail(Errc::kUsage, "--chunk-length-s: ", seconds, " is outside [0, ", kMostSeconds, "]");
            o->chunk_length_s = seconds;
          },
          "Hear pieces of so many seconds by themselves, and join what they say")
      .metavar("N");
  flags
      .add(
          "--stride-length-s",
          [o](const std::string& text) { 
            o->stride_length_s = numbers_of("--stride-length-s", text, kMostSeconds, 2);
          },
          "How far a chunk reaches over its neighbours: both sides, or left,right; a sixth of it")
      .metavar("N[,N]");
  add_sound_options(flags, o->sound);
  add_whisper_options(flags, *o);
  add_generation_options(flags, o->generation);
  add_input_options(flags, o->input, {{.name = "audio", .kind = Kind::kSound}});
  add_output_options(flags, o->output, {"srt", "vtt", "lrc"});
  add_model_options(flags, o->model);
  return [o, flags] { return transcribe(flags, *o); };
}

}  // namespace

extern const Command transcribe_command{"transcribe", "Audio", "Write what is said in sounds",
                                        declare_transcribe};

}  // namespace hft
