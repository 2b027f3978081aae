// preprocessor_config.json and processor_config.json to what a FeatureExtractor does.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/checkpoint/sentence_folder.h"
#include "core/processors/feature_extractor.h"
#include "core/processors/processor_files.h"

namespace hft {
namespace {

constexpr std::int64_t kMostBins = 1024, kMostFft = 1 << 15;

int whole(const Fields& fields, std::string_view key, std::int64_t most, int fallback) {
  return static_cast<int>(fields.integer(key, 1, most, fallback));
}

FeatureSettings wav2vec2(const Fields& fields) {
  FeatureSettings s;
  s.kind = FeatureKind::kWaveform;
  s.rate = whole(fields, "sampling_rate", limits::kSoundRate, 16000);
  s.normalises = fields.boolean("do_normalize", true);
  return s;
}

void read_frames(const Fields& fields, const std::string& fft, FeatureSettings& s) {
  s.mel.rate = s.rate;
  s.mel.fft = s.mel.frame = static_cast<int>(fields.integer(fft, 2, kMostFft, s.mel.fft));
  s.mel.hop = whole(fields, "hop_length", kMostFft, s.mel.hop);
  s.mel.bins = whole(fields, "feature_size", kMostBins, s.mel.bins);
}

FeatureSettings whisper(const Fields& fields) {
  FeatureSettings s;
  s.kind = FeatureKind::kWhisper;
  s.rate = whole(fields, "sampling_rate", limits::kSoundRate, 16000);
  read_frames(fields, "n_fft", s);
  s.mel.drops_last = true;
  s.samples = std::int64_t{s.rate} * whole(fields, "chunk_length", 600, 30);
  return s;
}

// Kaldi's windows are 25 ms every 10 ms, whatever the file says; the transform has the next power
// of two.
FeatureSettings ast(const Fields& fields) {
  FeatureSettings s;
  s.kind = FeatureKind::kFbank;
  s.rate = whole(fields, "sampling_rate", limits::kSoundRate, 16000);
  s.normalises = fields.boolean("do_normalize", true);
  s.frames = whole(fields, "max_length", 1 << 16, 1024);
  s.mean = fields.real("mean", -1e6, 1e6, -4.2677393);
  s.std = fields.real("std", 1e-12, 1e6, 4.5689974);
  s.mel = {.rate = s.rate,
           .bins = whole(fields, "num_mel_bins", kMostBins, 128),
           .lowest = 20.0,
           .highest = s.rate / 2.0,
           .scale = MelScale::kKaldi,
           .equal_area = false,
           .triangles_in_mels = true,
           .frame = std::max(s.rate / 40, 2),
           .hop = std::max(s.rate / 100, 1),
           .centred = false,
           .periodic = false,
           .removes_mean = true,
           .preemphasis = 0.97,
           .floor = 1.1920928955078125e-07,
           .log = MelLog::kNatural};
  for (s.mel.fft = 2; s.mel.fft < s.mel.frame;) s.mel.fft *= 2;
  return s;
}

FeatureSettings clap(const Fields& fields) {
  FeatureSettings s;
  s.kind = FeatureKind::kClap;
  s.rate = whole(fields, "sampling_rate", limits::kSoundRate, 48000);
  s.mel = {.bins = 64, .hop = 480, .fft = 1024, .log = MelLog::kDecibel};
  read_frames(fields, "fft_window_size", s);
  s.mel.lowest = fields.real("frequency_min", 0.0, s.rate / 2.0, 0.0);
  s.mel.highest = fields.real("frequency_max", s.mel.lowest, 1e6, 14000.0);
  if (fields.text("truncation", "fusion") == "fusion") {
    s.fuses = true;
    s.mel.scale = MelScale::kHtk;
    s.mel.equal_area = false;
  }
  s.samples = std::int64_t{s.rate} * whole(fields, "max_length_s", 600, 10);
  const std::string padding = fields.text("padding", "repeatpad");
  s.repeats = padding.starts_with("repeat");
  s.cut_repeats = padding == "repeat";
  return s;
}

struct Class {
  std::string_view name;
  FeatureSettings (*read)(const Fields&);
  std::vector<std::string_view> model_types;  // whose files may not name their class
};
const Class kFeatureClasses[] = {{"Wav2Vec2FeatureExtractor",
                           wav2vec2,
                           {"wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat",
                            "data2vec-audio", "sew", "sew-d", "wav2vec2-conformer"}},
                          {"WhisperFeatureExtractor", whisper, {"whisper"}},
                          {"ASTFeatureExtractor", ast, {"audio-spectrogram-transformer"}},
                          {"ClapFeatureExtractor", clap, {"clap"}}};

FeatureSettings settings_of(const Fields& fields, const std::string& name,
                            const std::string& model_type) {
  const auto* row =
      name.empty() ? std::ranges::find_if(kFeatureClasses,
                                          [&](const Class& c) {
                                            return std::ranges::find(c.model_types, model_type) !=
                                                   c.model_types.end();
                                          })
                   : std::ranges::find(kFeatureClasses, name, &Class::name);
  if (row != std::end(kFeatureClasses)) return row->read(fields);
  if (name.empty()) fail(Errc::kUnsupported, fields.where(), ": names no feature_extractor_type");
  std::vector<std::string> known;
  for (const Class& c : kFeatureClasses) known.emplace_back(c.name);
  fail(Errc::kUnsupported, fields.where(), ": the feature extractor '", name,
       "' is not supported, wanted ", joined(known, ", "));
}

}  // namespace

FeatureExtractor FeatureExtractor::from_folder(const std::filesystem::path& folder) {
  const auto found = find_processor(folder, "feature_extractor");
  if (!found)
    fail(Errc::kNotFound, folder.string(),
         ": has no preprocessor_config.json, which says what a sound is made into");
  const Fields config = optional_fields(folder / "config.json");
  return FeatureExtractor(settings_of(found->fields,
                                      found->fields.text("feature_extractor_type", ""),
                                      config.text("model_type", "")));
}

}  // namespace hft
