#include "core/models/registry.h"

namespace hft {

// Encoders, decoders, encoder-decoders, models of pictures, of sounds.
extern const Architecture
    albert, bert, deberta, deberta_v2, distilbert, electra, modernbert, mpnet, nomic_bert,
    roberta, gemma, gemma2, gemma3, gpt2, gpt_neox, llama, mistral, mixtral, opt, phi, phi3, qwen2,
    qwen3, qwen3_moe, smollm3, gpt_oss, bart, m2m_100, marian, mbart, mt5, pegasus, t5, umt5, whisper, beit, blip, clip,
    convnext, convnextv2, deit, detr, dinov2, mask2former, maskformer, resnet, segformer, siglip, swin,
    conditional_detr, deformable_detr, efficientnet, mobilenet_v1, mobilenet_v2, rt_detr, rt_detr_v2,
    table_transformer, timm_wrapper, vit, llava, llava_onevision, qwen2_vl, qwen2_5_vl, qwen3_vl, idefics3,
    audio_spectrogram_transformer, clap, hubert, layoutlm, layoutlmv3, donut_swin, trocr, vilt,
    vision_encoder_decoder, wav2vec2, wavlm;

std::span<const Architecture* const> architectures() {
  static constexpr const Architecture* kAll[] = {
      &albert, &bert, &deberta, &deberta_v2, &distilbert, &electra, &modernbert, &mpnet,
      &nomic_bert, &roberta, &gemma, &gemma2, &gemma3, &gpt2, &gpt_neox, &llama, &mistral, &mixtral,
      &opt, &phi, &phi3, &qwen2, &qwen3, &qwen3_moe, &smollm3, &gpt_oss, &bart, &m2m_100, &marian, &mbart, &mt5,
      &pegasus, &t5, &umt5, &whisper, &beit, &blip, &clip, &convnext, &convnextv2, &deit, &detr, &dinov2,
      &mask2former, &maskformer, &resnet, &segformer, &siglip, &swin, &table_transformer, &timm_wrapper, &vit,
      &conditional_detr, &deformable_detr, &efficientnet, &mobilenet_v1, &mobilenet_v2, &rt_detr, &rt_detr_v2,
      &llava, &llava_onevision, &qwen2_vl, &qwen2_5_vl, &qwen3_vl, &idefics3,
      &audio_spectrogram_transformer, &clap, &hubert, &layoutlm, &layoutlmv3, &donut_swin, &trocr, &vilt,
      &vision_encoder_decoder, &wav2vec2,
      &wavlm,
  };
  return kAll;
}

}  // namespace hft
