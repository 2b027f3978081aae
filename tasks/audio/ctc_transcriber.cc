// Reference: AutomaticSpeechRecognitionPipeline, type "ctc".
#include "tasks/audio/ctc_transcriber.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/engine.h"
#include "tasks/audio/ctc_worker.h"

namespace hft {
namespace {

class CtcTranscript : public CtcJob {
 public:
  using Tell = std::function<Transcript(const CtcJob&)>;
  CtcTranscript(SoundWindows windows, std::string name, Transcripts& out, Tell tell)
      : CtcJob(std::move(windows), std::move(name)), out_(out), tell_(std::move(tell)) {}
  void write(const Input& input, Sink&) override { out_.write(input, tell_(*this)); }

 private:
  Transcripts& out_;
  Tell tell_;
};

class CtcTranscriber : public Transcriber {
 public:
  CtcTranscriber(const TranscribeOptions& options, std::unique_ptr<SoundModel> model,
                 FeatureExtractor extractor, CtcDecoder decoder)
      : options_(options),
        model_(std::move(model)),
        extractor_(std::move(extractor)),
        decoder_(std::move(decoder)),
        windows_(ctc_windows(options.chunk_length_s.value_or(0), options.stride_length_s,
                             extractor_.settings().rate, model_->stride())),
        worker_(*model_, extractor_, batch_size(options.model)) {}

  std::unique_ptr<Job> prepare(const Input& input, Transcripts& out) override {
    const media::SoundSource source = source_of(input, options_.sound);
    SoundWindows windows(media::open_sound(source, extractor_.settings().rate), windows_);
    windows.read_ahead();
    return std::make_unique<CtcTranscript>(std::move(windows), source.name, out,
                                           [this](const CtcJob& job) { return transcript(job); });
  }
  Worker& worker() override { return worker_; }

 private:
  Transcript transcript(const CtcJob& job) const {
    const double rate = extractor_.settings().rate;
    Transcript t{.text = decoder_.text(job.ids()), .seconds = static_cast<double>(job.samples()) / rate};
    if (!options_.timed()) return t;
    auto& chunks = t.chunks.emplace();
    const auto seconds = [&](std::int64_t moment) {
      return static_cast<double>(moment * model_->stride()) / rate;
    };
    for (const HeardText& heard : options_.timestamps == "char" ? decoder_.characters(job.ids())
                                                                : decoder_.words(job.ids()))
      chunks.push_back({heard.text, seconds(heard.begin), seconds(heard.end)});
    return t;
  }

  const TranscribeOptions& options_;
  std::unique_ptr<SoundModel> model_;
  FeatureExtractor extractor_;
  CtcDecoder decoder_;
  CtcWindows windows_;
  CtcWorker worker_;
};

// MMS has the letters and a part of the layers of each language in files of their own.
std::shared_ptr<StoredTensors> of_language(const std::filesystem::path& folder,
                                           const std::string& variant, const std::string& language) {
  const auto file = folder / ("adapter." + language + ".safetensors");
  if (!std::filesystem::exists(file))
    fail_hint(Errc::kNotFound, "hft hub download ID --include 'adapter." + language + ".*'",
              "--language ", language, ": ", folder.string(), " has no ", file.filename().string());
  auto tensors = std::make_shared<StoredTensors>(open_checkpoint(folder, variant));
  for (auto& [name, tensor] : open_safetensors(file).tensors) (*tensors)[name] = std::move(tensor);
  return tensors;
}

void check_sound(const TranscribeOptions& o, bool languages) {
  if (o.timestamps == "true")
    fail(Errc::kUsage, "--return-timestamps true: the model tells when words or characters are said, "
                       "wanted word or char");
  const std::pair<const char*, bool> whispers[] = {
      {"--language", !o.language.empty() && !languages},
      {"--task", !o.task.empty()},
      {"--initial-prompt", !o.initial_prompt.empty()},
      {"--condition-on-prev-tokens", o.condition_on_prev_tokens.has_value()}};
  for (const auto& [flag, given] : whispers)
    if (given) fail(Errc::kUsage, flag, " is for Whisper; this model knows one language");
}

}  // namespace

std::unique_ptr<Transcriber> make_ctc_transcriber(const TranscribeOptions& o,
                                                  const std::filesystem::path& folder,
                                                  const Fields& config) {
  check_sound(o, config.has("adapter_attn_dim"));
  ModelRequest request = model_request(o.model, folder, Head::kFeatures);
  request.sound_head = SoundHead::kCtc;
  if (!o.language.empty())
    request.tensors = of_language(folder, request.variant, o.language);
  auto loading = load_in_background<SoundModel>(request);
  FeatureExtractor extractor =
      unless_unsupported(loading, [&] { return FeatureExtractor::from_folder(folder); });
  CtcDecoder decoder = unless_unsupported(loading, [&] { return CtcDecoder(folder, o.language); });
  std::unique_ptr<SoundModel> model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  if (std::filesystem::exists(folder / "language_model"))
    note("the folder's language model is not used: each moment's best letter counts");
  return std::make_unique<CtcTranscriber>(o, std::move(model), std::move(extractor),
                                          std::move(decoder));
}

}  // namespace hft
