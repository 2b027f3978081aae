#include "tasks/text/token_logs.h"

namespace hft {

Json log_record(const Tokenizer& tokenizer, const TokenLog& log) {
  Json top = Json::array();
  for (const Ranked& r : log.most_likely)
    top.push_back({{"id", r.index},
                   {"token", tokenizer.token(static_cast<std::int32_t>(r.index))},
                   {"logprob", number(r.score)}});
  return {{"id", log.id},
          {"token", tokenizer.token(log.id)},
          {"logprob", number(log.logprob)},
          {"top", top}};
}

Json log_records(const Tokenizer& tokenizer, const std::vector<TokenLog>& logs) {
  Json all = Json::array();
  for (const TokenLog& log : logs) all.push_back(log_record(tokenizer, log));
  return all;
}

}  // namespace hft
