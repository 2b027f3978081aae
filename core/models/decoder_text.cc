// Reference: transformers 4.57.6, GenericForSequenceClassification and
// GPT2ForSequenceClassification.
#include "core/models/decoder_text.h"

#include "core/base/limits.h"
#include "core/models/whole_pass.h"

namespace hft {
namespace {

// Row of each sequence's last token that is not `pad`; of its first where all are.
Tensor last_rows_before(const Tokens& tokens, std::int64_t pad) {  // [B]
  const Tensor ids = tokens.ids.cpu();
  const auto* id = ids.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> rows;
  for (std::int64_t b = 0; b < tokens.seqs.count(); ++b) {
    const auto first = tokens.seqs.starts[b];
    auto row = tokens.seqs.starts[b + 1] - 1;
    while (row > first && id[row] == pad) --row;
    rows.push_back(id[row] == pad ? first : row);
  }
  return at::tensor(rows, tokens.ids.options());
}

}  // namespace

TextNet text_net_of(DecoderNet net, const Fields& config, const Weights& w, Head head) {
  TextNet text;
  text.vocab = net.vocab;
  text.positions = net.positions;
  text.trained_positions = net.trained_positions;
  text.hidden = net.size;
  const auto pad = config.has("pad_token_id") ? config.integer("pad_token_id", -1, limits::kVocab)
                                              : std::int64_t{-1};
  const bool classifies = head == Head::kClassify;
  if (classifies)
    text.head = [score = Linear(w / "score", {label_count(config), net.size}, false)](
                    const Tensor& x) { return score(x); };
  text.encode = [net = std::move(net), pad, classifies,
                 dtype = w.store().dtype()](const Tokens& tokens) {
    Tokens wanted = tokens;
    if (classifies) wanted.rows = last_rows_before(tokens, pad);
    return whole_pass(net, wanted, dtype);
  };
  return text;
}

}  // namespace hft
