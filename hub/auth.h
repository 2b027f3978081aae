// The user's token: where it is kept and how it is read. It is never part of a message.
#pragma once

#include <filesystem>
#include <string>

namespace hft::hub {

// HF_TOKEN, HUGGING_FACE_HUB_TOKEN, then the token file; "" when there is none. Throws kUsage when
// it holds bytes that no header may hold.
std::string find_token();

// HF_TOKEN_PATH, else HF_HOME/token.
std::filesystem::path token_path();

// Writes the token file and the list of tokens that huggingface_hub keeps beside it, both readable
// by the user alone. `name` is the token's name on the Hub.
void save_token(const std::string& token, const std::string& name);

// Removes both files; false when there was no token file.
bool remove_token();

}  // namespace hft::hub
