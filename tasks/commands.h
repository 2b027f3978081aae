// The commands, each defined in the file of its name; cli/commands.cc lists them in help order.
#pragma once

#include "tasks/run/command.h"

namespace hft {

extern const Command generate_command, chat_command, classify_command, ner_command, qa_command,
    fill_mask_command, summarize_command, translate_command, embed_command, rerank_command,
    tokenize_command, env_command, models_command, inspect_command, bench_command, convert_command, hub_download_command,
    hub_ls_command, hub_info_command, hub_cache_ls_command, hub_cache_rm_command,
    hub_cache_prune_command, hub_cache_verify_command, hub_login_command, hub_logout_command,
    hub_whoami_command, hub_upload_command, push_command, image_classify_command, detect_command,
    segment_command, caption_command, vqa_command, doc_qa_command, audio_classify_command, transcribe_command,
    eval_command, eval_compare_command, merge_command, run_any_command, pipeline_command, doctor_command,
    loglikelihood_command, train_command;

}  // namespace hft
