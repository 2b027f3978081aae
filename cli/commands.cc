#include "cli/commands.h"

#include "tasks/commands.h"

namespace hft {

std::span<const Command> commands() {
  static const Command kCommands[] = {
      generate_command,
      chat_command,
      classify_command,
      ner_command,
      qa_command,
      fill_mask_command,
      summarize_command,
      translate_command,
      embed_command,
      rerank_command,
      loglikelihood_command,
      image_classify_command,
      detect_command,
      segment_command,
      caption_command,
      vqa_command,
      doc_qa_command,
      audio_classify_command,
      transcribe_command,
      run_any_command,
      pipeline_command,
      train_command,
      tokenize_command,
      convert_command,
      inspect_command,
      eval_command,
      eval_compare_command,
      merge_command,
      bench_command,
      push_command,
      hub_download_command,
      hub_upload_command,
      hub_ls_command,
      hub_info_command,
      hub_cache_ls_command,
      hub_cache_rm_command,
      hub_cache_prune_command,
      hub_cache_verify_command,
      hub_login_command,
      hub_logout_command,
      hub_whoami_command,
      models_command,
      doctor_command,
      env_command,
  };
  return kCommands;
}

}  // namespace hft
