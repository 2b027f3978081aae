// The commands, each defined in the file of its name; cli/commands.cc lists them in help order.
#pragma once

#include "tasks/command.h"

namespace hft {

extern const Command generate_command, chat_command, classify_command, ner_command, qa_command,
    fill_mask_command, summarize_command, translate_command, embed_command, tokenize_command,
    models_command, inspect_command, convert_command, bench_command;

}  // namespace hft
