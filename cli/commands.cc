#include "cli/commands.h"

#include "tasks/commands.h"

namespace hft {

std::span<const Command> commands() {
  static const Command kCommands[] = {
      generate_command,  chat_command,      classify_command,  ner_command,    qa_command,
      fill_mask_command, summarize_command, translate_command, embed_command,  tokenize_command,
      convert_command,   inspect_command,   bench_command,     models_command,
  };
  return kCommands;
}

}  // namespace hft
