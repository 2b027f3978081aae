#include "core/tokenizers/tokenizer.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/tokenizers/clean_up.h"
#include "core/tokenizers/tokenizer_impl.h"
#include "core/tokenizers/unicode.h"
#include "core/tokenizers/windows.h"

namespace hft {
namespace {

// Byte offsets to code-point offsets, by tokenizers' rules for ends inside a code point or beyond
// the text.
class CodePoints {
 public:
  explicit CodePoints(std::string_view text) : size_(text.size()) {
    if (std::all_of(text.begin(), text.end(),
                    [](char c) { return static_cast<signed char>(c) >= 0; }))
      return;
    index_.reserve(text.size());
    std::int32_t n = -1;
    for (char c : text) index_.push_back((static_cast<unsigned char>(c) & 0xc0) == 0x80 ? n : ++n);
  }
  Span convert(ByteRange range) const {
    if (range.begin >= size_)
      return {static_cast<std::int32_t>(range.begin), static_cast<std::int32_t>(range.end)};
    const std::int32_t begin = at(range.begin);
    if (range.end < size_) return {begin, at(range.end)};
    return {begin, range.end > 0 && range.end <= size_ ? at(range.end - 1) + 1 : begin + 2};
  }

 private:
  std::int32_t at(std::uint32_t byte) const {
    return index_.empty() ? static_cast<std::int32_t>(byte) : index_[byte];
  }
  std::size_t size_;
  std::vector<std::int32_t> index_;  // per byte; empty for ASCII
};

// ByteLevel's letter for the space, or a space of the text itself.
Spaces spaces_of(std::string_view token) {
  const auto is_space = [](char32_t c) { return c == 0x120 || unicode::is(c, unicode::kSpace); };
  Spaces spaces;
  for (std::size_t at = 0; at < token.size() && is_space(unicode::next(token, at));) ++spaces.lead;
  for (std::size_t at = token.size(); at > 0 && is_space(unicode::previous(token, at));)
    ++spaces.trail;
  return spaces;
}

void check_text(std::string_view text) {
  if (text.size() > static_cast<std::size_t>(limits::kLineBytes))
    fail(Errc::kBadData, "a text has ", text.size(), " bytes, the limit is ", limits::kLineBytes);
  if (const std::size_t bad = unicode::ill_formed(text); bad != std::string_view::npos)
    fail(Errc::kBadData, "byte ", bad, " of the text is not UTF-8");
}

template <class T>
std::vector<T> part(const std::vector<T>& all, TokenRange range) {
  if (all.empty()) return {};
  return {all.begin() + static_cast<std::ptrdiff_t>(range.begin),
          all.begin() + static_cast<std::ptrdiff_t>(range.end)};
}

Segment part(const Segment& segment, TokenRange range) {
  const Encoding& e = segment.encoding;
  if (range.begin == 0 && range.end == e.size()) return segment;
  return {{part(e.ids, range), part(e.type_ids, range), part(e.sequence_ids, range),
           part(e.offsets, range), part(e.word_ids, range)},
          part(segment.spaces, range),
          false};
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void append(Encoding& to, const Encoding& from) {
  append(to.ids, from.ids);
  append(to.type_ids, from.type_ids);
  append(to.sequence_ids, from.sequence_ids);
  append(to.offsets, from.offsets);
  append(to.word_ids, from.word_ids);
}

// Without Whisper's timestamps, "<|12.34|>".
std::string without_timestamps(std::string text) {
  const auto digits = [&](std::size_t at) {
    const std::size_t end = text.find_first_not_of("0123456789", at);
    return end == std::string::npos || end == at ? 0 : end;
  };
  for (std::size_t at = 0; (at = text.find("<|", at)) != std::string::npos;) {
    const std::size_t point = digits(at + 2);
    const std::size_t end = point > 0 && text[point] == '.' ? digits(point + 1) : 0;
    if (end > 0 && text.compare(end, 2, "|>") == 0) {
      text.erase(at, end + 2 - at);
    } else {
      at += 2;
    }
  }
  return text;
}

}  // namespace

Segment Tokenizer::Impl::encode_text(std::string_view text, const EncodeOptions& options,
                                     int sequence, const Normalizer* with) const {
  check_text(text);
  // Without offsets, alignments matter only to a pre-tokenizer that asks where a piece began.
  const bool tracked =
      options.offsets || (with && pre_tokenizer && pre_tokenizer->needs_start());
  Pieces pieces =
      added.extract(text, with, tracked, options.split_special || split_special);
  if (pre_tokenizer) pre_tokenizer->apply(pieces);
  Segment out;
  if (options.offsets) {
    place(pieces, text, options, out);
  } else {
    WordCache& cache = model->cache();
    out.encoding.ids.reserve(pieces.pieces.size() + pieces.pieces.size() / 2);
    for (const Piece& piece : pieces.pieces) {
      if (piece.id >= 0) {
        out.encoding.ids.push_back(piece.id);
      } else {
        model->tokenize_ids(pieces.view(piece), cache, out.encoding.ids);
      }
    }
  }
  out.encoding.type_ids.assign(out.encoding.size(), sequence);
  out.encoding.sequence_ids.assign(out.encoding.size(), static_cast<std::int8_t>(sequence));
  return out;
}

// Tokens with their offsets in the text and the index of their piece.
void Tokenizer::Impl::place(const Pieces& pieces, std::string_view text, const EncodeOptions&,
                            Segment& out) const {
  const CodePoints points(text);
  const bool trims = post_processor && post_processor->trims();
  std::vector<Token> tokens;
  for (std::size_t p = 0; p < pieces.pieces.size(); ++p) {
    const Piece& piece = pieces.pieces[p];
    tokens.clear();
    if (piece.id >= 0) {
      tokens.push_back({piece.id, 0, piece.end - piece.begin});
    } else {
      model->tokenize(pieces.view(piece), tokens);
    }
    if (pieces.pieces.size() == 1) {
      out.encoding.ids.reserve(tokens.size());
      out.encoding.offsets.reserve(tokens.size());
      out.encoding.word_ids.reserve(tokens.size());
    }
    for (const Token& token : tokens) {
      // Byte tokens of a continuing_subword_prefix may reach beyond the piece; the reference then
      // takes their place in it for one in the text.
      ByteRange range{token.begin, token.end};
      if (token.begin == token.end) {
        range = {piece.start + token.begin, piece.start + token.end};
      } else if (token.end <= piece.end - piece.begin) {
        range = {pieces.origin[piece.begin + token.begin].begin,
                 pieces.origin[piece.begin + token.end - 1].end};
      }
      out.encoding.ids.push_back(token.id);
      out.encoding.offsets.push_back(points.convert(range));
      out.encoding.word_ids.push_back(static_cast<std::int32_t>(p));
      if (trims)
        out.spaces.push_back(spaces_of(piece.id >= 0 ? pieces.view(piece)
                                                     : model->spelling(token, pieces.view(piece))));
    }
  }
}

Encoding Tokenizer::Impl::assemble(Segment first, std::optional<Segment> second,
                                   const Finish& how) const {
  std::vector<Segment> segments;
  segments.push_back(std::move(first));
  if (second) segments.push_back(std::move(*second));
  if (how.post)
    how.post->apply(segments, {.add_special_tokens = how.options.add_special_tokens,
                               .offsets = how.options.offsets});
  Encoding all = std::move(segments[0].encoding);
  for (std::size_t i = 1; i < segments.size(); ++i) append(all, segments[i].encoding);
  return all;
}

std::vector<Encoding> Tokenizer::Impl::finish(Segment first, std::optional<Segment> second,
                                              const Finish& how) const {
  const auto& [options, all_windows, post] = how;
  const std::size_t size = first.encoding.size(), pair_size = second ? second->encoding.size() : 0;
  Lengths lengths{size, pair_size};
  if (options.truncation != Truncation::kNone) {
    const std::int64_t extra = options.add_special_tokens && post
                                   ? post->added(second.has_value())
                                   : 0;
    const std::int64_t single = post ? post->added(false) : 0;
    if (options.max_length < extra || options.stride < 0 ||
        options.max_length - single < options.stride)
      fail(Errc::kUsage, "a max_length of ", options.max_length, " with a stride of ",
           options.stride, " leaves no room beside ", std::max(extra, single), " special tokens");
    lengths =
        truncated_lengths(size, second ? static_cast<std::ptrdiff_t>(pair_size) : -1,
                          static_cast<std::size_t>(options.max_length - extra), options.truncation);
  }
  const auto stride = static_cast<std::size_t>(options.stride);
  auto firsts = windows_of(size, lengths.first, stride, truncation_side);
  auto seconds = windows_of(pair_size, lengths.second, stride, truncation_side);
  std::vector<Encoding> all;
  const auto window = [](const Segment& segment, const std::vector<TokenRange>& ranges,
                         std::size_t i) {
    Segment cut = part(segment, ranges[i]);
    cut.overflow = i > 0;
    return cut;
  };
  const auto add = [&](std::size_t a, std::size_t b) {
    all.push_back(assemble(window(first, firsts, a),
                           second ? std::optional(window(*second, seconds, b)) : std::nullopt,
                           how));
  };
  add(0, 0);
  if (!all_windows) return all;
  // The order in which the reference merges overflowing parts: every further window of the text
  // that comes first with all of the other, then the first one with the others' further ones.
  const bool swapped = second && post && post->second_first();
  const std::size_t outer = swapped ? seconds.size() : firsts.size(),
                    inner = swapped ? firsts.size() : seconds.size();
  const auto add_ordered = [&](std::size_t a, std::size_t b) { swapped ? add(b, a) : add(a, b); };
  for (std::size_t a = 1; a < outer; ++a)
    for (std::size_t b = 0; b < inner; ++b) add_ordered(a, b);
  for (std::size_t b = 1; b < inner; ++b) add_ordered(0, b);
  return all;
}

std::vector<Encoding> Tokenizer::Impl::encode(std::string_view text,
                                              std::optional<std::string_view> pair,
                                              const EncodeOptions& options,
                                              bool all_windows) const {
  if (infill && !pair && !infill->fill.empty()) {
    const std::size_t gap = text.find(infill->fill);
    if (gap != std::string_view::npos) {
      pair = text.substr(gap + infill->fill.size());
      text = text.substr(0, gap);
      if (pair->find(infill->fill) != std::string_view::npos)
        fail(Errc::kBadData, "a text has '", infill->fill, "' more than once");
    }
  }
  // A fast class that is called with one text takes an empty second one for none.
  if (pair && pair->empty() && !slow && !options.listed) pair.reset();
  if (infill && pair && !pair->empty()) return encode_infill(text, *pair, options, all_windows);
  std::optional<Segment> second;
  if (pair) second = encode_text(*pair, options, 1);
  return finish(encode_text(text, options, 0), std::move(second),
                {options, all_windows, post_processor.get()});
}

std::vector<Encoding> Tokenizer::Impl::encode_infill(std::string_view prefix,
                                                     std::string_view suffix,
                                                     const EncodeOptions& options,
                                                     bool all_windows) const {
  EncodeOptions with = options;
  with.add_special_tokens = true;  // those of the gap are never left out
  const auto* post = options.add_special_tokens ? infill->post.get() : infill->bare_post.get();
  return finish(encode_text(" " + std::string(prefix), with, 0, infill->normalizer.get()),
                encode_text(suffix, with, 1, infill->normalizer.get()), {with, all_windows, post});
}

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return std::move(impl_->encode(text, {}, options, false)[0]);
}

Encoding Tokenizer::encode_pair(std::string_view text, std::string_view pair,
                                const EncodeOptions& options) const {
  return std::move(impl_->encode(text, pair, options, false)[0]);
}

std::vector<Encoding> Tokenizer::encode_windows(std::string_view text,
                                                const EncodeOptions& options) const {
  return impl_->encode(text, {}, options, true);
}

std::vector<Encoding> Tokenizer::encode_pair_windows(std::string_view text, std::string_view pair,
                                                     const EncodeOptions& options) const {
  return impl_->encode(text, pair, options, true);
}

Segment Tokenizer::Impl::encode_words(const std::vector<std::string>& words,
                                      const EncodeOptions& options, int sequence) const {
  Segment all;
  for (std::size_t i = 0; i < words.size(); ++i) {
    Segment word = encode_text(words[i], options, sequence);
    std::fill(word.encoding.word_ids.begin(), word.encoding.word_ids.end(),
              static_cast<std::int32_t>(i));
    append(all.encoding, word.encoding);
    append(all.spaces, word.spaces);
  }
  return all;
}

Encoding Tokenizer::encode_words(const std::vector<std::string>& words,
                                 const EncodeOptions& options) const {
  return std::move(impl_->finish(impl_->encode_words(words, options, 0), {},
                                 {options, false, impl_->post_processor.get()})[0]);
}

std::vector<Encoding> Tokenizer::encode_pair_windows(const std::vector<std::string>& words,
                                                     const std::vector<std::string>& pair,
                                                     const EncodeOptions& options) const {
  return impl_->finish(impl_->encode_words(words, options, 0),
                       impl_->encode_words(pair, options, 1),
                       {options, true, impl_->post_processor.get()});
}

std::string Tokenizer::decode(const std::vector<std::int32_t>& ids, bool skip_special_tokens,
                              std::optional<bool> clean) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (std::int32_t id : (impl_->whisper && skip_special_tokens) ? without_prompt(ids) : ids) {
    const Vocabulary& vocabulary = impl_->target ? *impl_->target : impl_->model->vocabulary();
    const AddedToken* added = impl_->added.token(id);
    const bool known = added || vocabulary.has(id);
    if (!known && !impl_->slow) continue;
    std::string token = added   ? added->content
                        : known ? std::string(vocabulary.token(id))
                                : impl_->unk_token;
    if (!skip_special_tokens || !impl_->added.is_special(token))
      tokens.push_back(std::move(token));
  }
  std::string text = join(tokens);
  if (!impl_->word_suffix.empty())
    text = unicode_trimmed(replaced(std::move(text), impl_->word_suffix, " "));
  if (clean.value_or(impl_->clean_up)) text = clean_up_spaces(std::move(text));
  return impl_->whisper ? without_timestamps(std::move(text)) : text;
}

// Whisper: what comes before <|startoftranscript|> when the ids begin with <|startofprev|>.
std::vector<std::int32_t> Tokenizer::without_prompt(const std::vector<std::int32_t>& ids) const {
  const auto id_of = [&](const char* token) {
    return id(token).value_or(special_id("unk").value_or(-1));
  };
  if (ids.empty() || ids[0] != id_of("<|startofprev|>")) return ids;
  return {std::find(ids.begin(), ids.end(), id_of("<|startoftranscript|>")), ids.end()};
}

std::string Tokenizer::join(const std::vector<std::string>& tokens) const {
  std::vector<std::string> parts = tokens;
  if (impl_->decoder) impl_->decoder->apply(parts);
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!impl_->decoder && i > 0) text += ' ';
    text += parts[i];
  }
  return text;
}

std::int64_t Tokenizer::vocab_size() const {
  const Vocabulary& vocabulary = impl_->model->vocabulary();
  return static_cast<std::int64_t>(vocabulary.size() + impl_->added.outside(vocabulary));
}

std::int32_t Tokenizer::id_end() const {
  const std::int32_t target = impl_->target ? impl_->target->end() : 0;
  return std::max({impl_->model->vocabulary().end(), impl_->added.end(), target});
}

std::string Tokenizer::token(std::int32_t id) const { return impl_->token(id); }

std::optional<std::int32_t> Tokenizer::id(std::string_view token) const {
  std::int32_t id = impl_->added.find(token);
  if (id < 0) id = impl_->model->vocabulary().find(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

bool Tokenizer::is_special(std::int32_t id) const {
  return impl_->added.is_special(impl_->token(id));
}

std::optional<std::int32_t> Tokenizer::special_id(std::string_view name) const {
  auto found = impl_->special_ids.find(std::string(name));
  return found == impl_->special_ids.end() ? std::nullopt : std::optional(found->second);
}

const std::vector<std::string>& Tokenizer::languages() const { return impl_->languages; }

std::optional<std::int32_t> Tokenizer::language_id(std::string_view language) const {
  if (std::ranges::find(impl_->languages, language) == impl_->languages.end()) return std::nullopt;
  return id(impl_->m2m100 ? "__" + std::string(language) + "__" : std::string(language));
}

std::optional<std::int64_t> Tokenizer::model_max_length() const { return impl_->model_max_length; }

bool Tokenizer::has_input(std::string_view name) const {
  const auto& names = impl_->input_names;
  if (names.empty()) return name != "token_type_ids" || impl_->type_ids;
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::int64_t Tokenizer::added_specials(bool pair) const {
  return impl_->post_processor ? impl_->post_processor->added(pair) : 0;
}

bool Tokenizer::cleans_up() const { return impl_->clean_up; }
bool Tokenizer::marks_subwords() const { return !impl_->model->subword_mark().empty(); }
Side Tokenizer::truncation_side() const { return impl_->truncation_side; }

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

}  // namespace hft
