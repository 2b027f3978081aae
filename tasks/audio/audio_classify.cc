// hft audio-classify: sounds in, labels with scores out; with --candidate-labels any labels at all,
// by a model of sounds and texts. Reference: AudioClassificationPipeline,
// ZeroShotAudioClassificationPipeline.
#include "core/base/log.h"
#include "core/checkpoint/config.h"
#include "core/engine.h"
#include "core/processors/scores.h"
#include "tasks/run/sound_options.h"
#include "tasks/commands.h"
#include "tasks/run/drawing.h"
#include "tasks/run/media_worker.h"
#include "tasks/run/model_options.h"
#include "tasks/run/scored_labels.h"
#include "tasks/run/text_space.h"

namespace hft {
namespace {

struct AudioClassifyOptions {
  LabelOptions labels{
      .top_k = "5", .function = "softmax", .hypothesis = "This is a sound of {}."};
  SoundOptions sound;
  ModelOptions model;
  InputOptions input;
  OutputOptions output;
};

using Answer = std::function<Json(const Heard&)>;

Answer label(const AudioClassifyOptions& o, const Fields& config) {
  return [labels = labels_of(config), function = score_function(o.labels.function),
          k = top_k_of(o.labels.top_k)](const Heard& heard) {
    return scored(labels, apply(function, heard.logits.row(0)), k);
  };
}

Answer label_with_candidates(const AudioClassifyOptions& o, const fs::path& folder,
                             const Fields& config, SoundModel& model) {
  const TextSpace texts(folder, config, model);
  const Matrix vectors = texts.read(hypotheses_of(o.labels.hypothesis, o.labels.candidates));
  const std::vector<Json> labels(o.labels.candidates.begin(), o.labels.candidates.end());
  return [=, likeness = model.likeness()](const Heard& heard) {
    return scored(labels, softmax_of(likenesses(heard.logits.row(0), vectors, likeness)), -1);
  };
}

std::string draw(const Input& input, const Json& output) {
  return draw_bars(input, output, "label");
}

void check_audio_classify(const Flags& flags, const AudioClassifyOptions& o, bool zero_shot) {
  top_k_of(o.labels.top_k);
  for (const char* flag : {"--top-k", "--function-to-apply"})
    if (zero_shot && flags.given(flag))
      fail(Errc::kUsage, flag, " and --candidate-labels contradict each other");
  if (!zero_shot && flags.given("--hypothesis-template"))
    fail(Errc::kUsage, "--hypothesis-template is for --candidate-labels");
}

int audio_classify(const Flags& flags, const AudioClassifyOptions& o) {
  const bool zero_shot = !o.labels.candidates.empty();
  check_audio_classify(flags, o, zero_shot);
  const fs::path folder = model_folder(
      o.model, zero_shot ? "laion/clap-htsat-unfused" : "superb/wav2vec2-base-superb-ks");
  const std::int64_t most = batch_size(o.model);
  ModelRequest request = model_request(o.model, folder, Head::kFeatures);
  request.sound_head = zero_shot ? SoundHead::kEmbed : SoundHead::kClassify;
  const Fields config = read_config(folder);
  const Rendering rendering{.text = draw};
  RecordWriter writer(o.output, rendering, fingerprint(flags, folder));
  const InputOptions input = with_raw(o.input, o.sound);
  InputReader reader(input, o.output.keep_columns);
  auto loading = load_in_background<SoundModel>(request);
  const FeatureExtractor extractor =
      unless_unsupported(loading, [&] { return FeatureExtractor::from_folder(folder); });
  const std::unique_ptr<SoundModel> model = loading.get();
  for (const auto& warning : model->warnings()) note(warning);
  const Answer answer =
      zero_shot ? label_with_candidates(o, folder, config, *model) : label(o, config);
  SoundWorker worker(*model, most);
  return run({.reader = reader,
              .sink = writer,
              .prepare = [&](const Input& input) -> std::unique_ptr<Job> {
                const media::SoundSource source = source_of(input, o.sound);
                return std::make_unique<SoundJob>(
                    extractor(samples_of(source, extractor.settings().rate)), answer, source.name);
              },
              .worker = &worker,
              .verb = "classifying",
              .unit = "sound",
              .threads = reader_threads()});
}

std::function<int()> declare_audio_classify(Flags& flags) {
  auto o = std::make_shared<AudioClassifyOptions>();
  flags.footer(
      "Examples:\n"
      "  hft audio-classify go.wav\n"
      "  hft audio-classify -m DIR --top-k all --json recordings/ -o labels.jsonl\n"
      "  hft audio-classify -m laion/clap-htsat-unfused --candidate-labels \"a dog,rain\" yard.flac\n"
      "  arecord -d 3 -f S16_LE -r 16000 -t raw | hft audio-classify --raw 16000");
  add_label_options(flags, o->labels, "sound", "of sounds and texts (CLAP)");
  add_sound_options(flags, o->sound);
  add_input_options(flags, o->input, {{.name = "audio", .kind = Kind::kSound}});
  add_output_options(flags, o->output);
  add_model_options(flags, o->model);
  return [o, flags] { return audio_classify(flags, *o); };
}

}  // namespace

extern const Command audio_classify_command{"audio-classify", "Audio",
                                            "Label sounds, with the model's labels or your own",
                                            declare_audio_classify};

}  // namespace hft
