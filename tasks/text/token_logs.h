// The "logprobs" of a record: what the model thought of each token.
#pragma once

#include "core/base/json.h"
#include "core/generation/method.h"

namespace hft {

// {"id", "token", "logprob", "top": [{"id", "token", "logprob"}]}
Json log_record(const Tokenizer& tokenizer, const TokenLog& log);
Json log_records(const Tokenizer& tokenizer, const std::vector<TokenLog>& logs);

}  // namespace hft
