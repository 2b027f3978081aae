#include "core/models/train/learning_nets.h"

#include "core/base/error.h"
#include "core/models/lookup.h"
#include "core/models/reading.h"
#include "core/models/sentence_modules.h"
#include "core/models/whole_pass.h"

namespace hft {
namespace {

Head head_for(Objective objective) {
  switch (objective) {
    case Objective::kTokens:
      return Head::kTokenClassify;
    case Objective::kAnswers:
      return Head::kAnswer;
    case Objective::kMasked:
      return Head::kMaskedLm;
    case Objective::kPairs:
      return Head::kEmbed;
    default:
      return Head::kClassify;
  }
}

Tensor long_tensor(const std::vector<std::int32_t>& from, at::Device device) {
  return at::from_blob(const_cast<std::int32_t*>(from.data()),
                       {static_cast<std::int64_t>(from.size())}, at::kInt)
      .to(device, at::kLong);
}

// types: token types the model has.
Tokens tokens_for(const TokenBatch& batch, std::int64_t vocab, std::int64_t types,
                  at::Device device) {
  for (const auto id : batch.ids)
    if (id < 0 || id >= vocab)
      fail(Errc::kBadData, "token id ", id, " is outside [0, ", vocab, ") of the model");
  Tokens tokens;
  tokens.seqs.device = device;
  tokens.seqs.starts.assign(batch.starts.begin(), batch.starts.end());
  tokens.ids = long_tensor(batch.ids, device);
  if (types > 0 && !batch.type_ids.empty()) tokens.type_ids = long_tensor(batch.type_ids, device);
  if (!batch.rows.empty()) tokens.rows = long_tensor(batch.rows, device);
  return tokens;
}

const Architecture& reader_for(const Fields& config, Objective objective) {
  return architecture_of(config, ModelClass::kText, head_for(objective));
}

std::int64_t positions_of(const auto& net) {
  return net.trained_positions > 0 ? net.trained_positions : net.positions;
}

LearningNet build_learning_reader(const Architecture& a, const TrainRequest& request,
                                  const Fields& config, const Weights& w) {
  const Head head = head_for(request.objective);
  const TextNet net = build_reader(a, config, w, head);
  return {.logits =
              [net, head, device = w.store().device()](const TrainBatch& batch) -> LearnedLogits {
                Tokens tokens = tokens_for(batch.tokens, net.vocab, net.types, device);
                if (head == Head::kClassify) tokens.rows = tokens.seqs.first_rows();
                return {net.head(net.encode(tokens)), {}};
              },
          .positions = positions_of(net)};
}

LearningNet build_embedder(const Architecture& a, const TrainRequest& request,
                           const Fields& config, const Weights& w) {
  const TextNet net = build_reader(a, config, w, Head::kEmbed);
  const auto modules = std::make_shared<SentenceModules>(request.model);
  modules->bind(config, net.hidden, w.store().device());
  return {.logits = [net, modules, device = w.store().device()](
                        const TrainBatch& batch) -> LearnedLogits {
            Tokens tokens = tokens_for(batch.tokens, net.vocab, net.types, device);
            tokens.rows = modules->rows(tokens);
            return {(*modules)(net.encode(tokens), tokens), {}};
          },
          .positions = positions_of(net)};
}

Tensor logits_of(const DecoderNet& net, const Tensor& hidden) {
  Tensor logits = net.logits.in_float(hidden);
  if (net.finish) net.finish(logits);
  return logits;
}

LearningNet build_learning_decoder(const Architecture& a, const TrainRequest&,
                                   const Fields& config, const Weights& w) {
  const DecoderNet net = a.decoder(config, w);
  return {.logits = [net, device = w.store().device()](const TrainBatch& batch) -> LearnedLogits {
            const Tokens tokens = tokens_for(batch.tokens, net.vocab, 0, device);
            return {logits_of(net, whole_pass(net, tokens, at::kFloat)), {}};
          },
          .positions = positions_of(net)};
}

LearningNet build_learning_writer(const Architecture& a, const TrainRequest&,
                                  const Fields& config, const Weights& w) {
  if (a.hears || a.sees)
    fail(Errc::kUnsupported, config.where(),
         ": the model reads no texts, wanted one that writes a text to another (T5, BART)");
  const Seq2SeqNet net = a.seq2seq(config, w);
  return {.logits = [net, device = w.store().device()](const TrainBatch& batch) -> LearnedLogits {
            const Tokens read = tokens_for(batch.sources, net.source_vocab, 0, device);
            const Tokens written = tokens_for(batch.tokens, net.decoder.vocab, 0, device);
            const Tensor encoded = net.encode(read);
            return {logits_of(net.decoder,
                              whole_pass(net, encoded, read.seqs, written, at::kFloat)),
                    {}};
          },
          .positions = positions_of(net.decoder),
          .source_positions = net.source_positions};
}

LearningNet build_learning_eye(const Architecture& a, const TrainRequest&, const Fields& config,
                               const Weights& w) {
  const ImageNet net = a.image(config, w, ImageHead::kClassify);
  return {.logits = [net, device = w.store().device()](const TrainBatch& batch) -> LearnedLogits {
    Pictures pictures;
    for (const PictureView& p : batch.pictures) {
      if (p.channels != net.channels)
        fail(Errc::kBadData, "a picture has ", p.channels, " channels, but the model sees ",
             net.channels);
      pictures.pixels.push_back(at::from_blob(const_cast<float*>(p.data),
                                              {p.channels, p.height, p.width}, at::kFloat)
                                    .to(device));
    }
    std::vector<Tensor> rows;
    for (const SeenTensors& seen : net.see(pictures)) rows.push_back(seen.logits);
    return {at::concat(rows), {}};
  }};
}

SoundHead sound_head(Objective objective) {
  return objective == Objective::kCtc ? SoundHead::kCtc : SoundHead::kClassify;
}

LearningNet build_learning_ear(const Architecture& a, const TrainRequest& request,
                               const Fields& config, const Weights& w) {
  const SoundNet net = a.sound(config, w, sound_head(request.objective));
  return {.logits =
              [net, device = w.store().device()](const TrainBatch& batch) {
                SoundBatch sounds;
                for (const SoundView& s : batch.sounds) {
                  if (s.bins != net.bins)
                    fail(Errc::kBadData, "a sound has ", s.bins,
                         " numbers a frame, but the model hears ", net.bins);
                  sounds.features.push_back(at::from_blob(const_cast<float*>(s.data),
                                                          {s.frames, s.bins}, at::kFloat)
                                                .to(device));
                }
                const std::vector<Tensor> heard = net.hear(sounds);
                LearnedLogits logits{at::concat(heard), {}};
                for (const Tensor& one : heard) logits.rows.push_back(one.size(0));
                return logits;
              },
          .stride = net.stride};
}

}  // namespace

const LearnerKind& kind_of(Learner learner) {
  static const LearnerKind kKinds[] = {
      {reader_for, build_learning_reader},
      {[](const Fields& config, Objective) -> const Architecture& {
         return architecture_of(config, ModelClass::kCausalLm);
       },
       build_learning_decoder},
      {[](const Fields& config, Objective) -> const Architecture& {
         return architecture_of(config, ModelClass::kSeq2SeqLm);
       },
       build_learning_writer},
      {[](const Fields& config, Objective) -> const Architecture& {
         return architecture_of(config, ImageHead::kClassify);
       },
       build_learning_eye},
      {[](const Fields& config, Objective objective) -> const Architecture& {
         return architecture_of(config, sound_head(objective));
       },
       build_learning_ear},
      {reader_for, build_embedder}};
  return kKinds[static_cast<int>(learner)];
}

}  // namespace hft
