// Reference: transformers 4.57.6, BartForSequenceClassification, MBartForQuestionAnswering,
// T5ForSequenceClassification, T5ForTokenClassification and their kin.
// Shapes: N tokens of all sequences together, B sequences, R wanted rows, D hidden.
#include "core/models/seq2seq_text.h"

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/models/encoders/roberta.h"
#include "core/models/whole_pass.h"

namespace hft {
namespace {

struct Reader {
  Seq2SeqNet net;
  at::ScalarType dtype;
  std::int64_t start;  // what the decoder's text begins with; -1: with the text's own last token
  std::int64_t eos;    // whose last state a text is classified by; -1: all states are wanted

  // The text moved on by one token, which the start makes room for.
  Tensor decoder_ids(const Tokens& tokens) const {
    const Tensor ids = tokens.ids.cpu(), moved = ids.roll(1);
    for (std::int64_t b = 0; b < tokens.seqs.count(); ++b)
      moved[tokens.seqs.starts[b]] =
          start >= 0 ? at::scalar_tensor(start, at::kLong) : ids[tokens.seqs.starts[b + 1] - 1];
    return moved;
  }

  Tensor last_eos(const Tokens& tokens) const {  // [B]
    const Tensor ids = tokens.ids.cpu();
    const auto* id = ids.const_data_ptr<std::int64_t>();
    std::vector<std::int64_t> rows;
    for (std::int64_t b = 0; b < tokens.seqs.count(); ++b) {
      auto row = tokens.seqs.starts[b + 1] - 1;
      while (row >= tokens.seqs.starts[b] && id[row] != eos) --row;
      if (row < tokens.seqs.starts[b])
        fail(Errc::kBadData, "the text has no token ", eos,
             " (eos_token_id), which the head reads");
      rows.push_back(row);
    }
    return at::tensor(rows, tokens.ids.options());
  }

  Tensor operator()(const Tokens& tokens) const {
    Tokens read = tokens;
    read.ids = decoder_ids(tokens);
    read.rows = eos >= 0 ? last_eos(tokens) : Tensor();
    return whole_pass(net, net.encode(tokens), tokens.seqs, read, dtype);  // [R,D]
  }
};

// Rows that pooling wants of an encoder, which gives all.
Tensor encoded(const Seq2SeqNet& net, const Tokens& tokens) {
  return wanted(net.encode(tokens), tokens, true);
}

}  // namespace

TextNet text_net_of(Seq2SeqNet net, const Fields& config, const Weights& w, Head head,
                    bool starts_with_last) {
  TextNet text;
  text.vocab = net.source_vocab;
  text.positions = net.source_positions;
  text.hidden = net.decoder.size;
  if (head == Head::kTokenClassify)
    text.head = linear_head(w / "classifier", label_count(config), text.hidden);
  if (head == Head::kAnswer) text.head = linear_head(w / "qa_outputs", 2, text.hidden);
  if (head == Head::kClassify)
    text.head = roberta_classifier(config, text.hidden, w / "classification_head");
  if (head != Head::kClassify && head != Head::kAnswer) {
    text.encode = [net = std::move(net)](const Tokens& tokens) { return encoded(net, tokens); };
    return text;
  }
  const auto id = [&](std::string_view key) { return config.integer(key, 0, limits::kVocab); };
  const auto start = id(config.has("decoder_start_token_id") ? "decoder_start_token_id"
                                                             : "pad_token_id");
  text.encode =
      Reader{.net = std::move(net),
             .dtype = w.store().dtype(),
             .start = starts_with_last ? -1 : start,
             .eos = head == Head::kClassify ? id("eos_token_id") : -1};
  return text;
}

}  // namespace hft
