#include "core/tokenizers/decoders.h"

#include <algorithm>
#include <type_traits>

#include "core/tokenizers/byte_alphabet.h"
#include "core/tokenizers/component.h"
#include "core/tokenizers/regex.h"
#include "core/tokenizers/unicode.h"

namespace hft {

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  if (from.empty() || text.find(from) == std::string::npos) return text;
  std::string out;
  std::size_t at = 0;
  for (std::size_t found = text.find(from); found != std::string::npos;
       found = text.find(from, at)) {
    out.append(text, at, found - at);
    out += to;
    at = found + from.size();
  }
  return out.append(text, at);
}

namespace {

// The spaces WordPiece put before punctuation and English endings.
std::string cleaned(std::string text) {
  constexpr std::string_view kPairs[][2] = {{" .", "."},     {" ?", "?"},           {" !", "!"},
                                            {" ,", ","},     {" ' ", "'"},          {" n't", "n't"},
                                            {" 'm", "'m"},   {" do not", " don't"}, {" 's", "'s"},
                                            {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kPairs) text = replaced(std::move(text), from, to);
  return text;
}

struct ByteLevel : Decoder {
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += bytes_of_token(token).value_or(token);
    if (unicode::ill_formed(bytes) != std::string::npos) bytes = unicode::repaired(bytes);
    tokens.assign(1, std::move(bytes));
  }
};

class WordPiece : public Decoder {
 public:
  explicit WordPiece(const Fields& f)
      : prefix_(f.text("prefix", "##")), cleanup_(f.boolean("cleanup", true)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0)
        tokens[i] =
            tokens[i].starts_with(prefix_) ? tokens[i].substr(prefix_.size()) : " " + tokens[i];
      if (cleanup_) tokens[i] = cleaned(std::move(tokens[i]));
    }
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

class Metaspace : public Decoder {
 public:
  explicit Metaspace(const Fields& f) : mark_(one_code_point(f, "replacement")) {
    keep_first_ =
        f.text("prepend_scheme", "always") == "never" || !f.boolean("add_prefix_space", true);
  }
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = replaced(std::move(tokens[i]), mark_, i == 0 && !keep_first_ ? "" : " ");
  }

 private:
  std::string mark_;
  bool keep_first_;
};

class BpeDecoder : public Decoder {
 public:
  explicit BpeDecoder(const Fields& f) : suffix_(f.text("suffix", "</w>")) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = replaced(std::move(tokens[i]), suffix_, i + 1 == tokens.size() ? "" : " ");
  }

 private:
  std::string suffix_;
};

// <0x..> tokens become their bytes; a run of them that is not UTF-8 becomes one U+FFFD a byte.
struct ByteFallback : Decoder {
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string run;
    auto flush = [&] {
      if (unicode::ill_formed(run) == std::string::npos) {
        if (!run.empty()) out.push_back(run);
      } else {
        out.insert(out.end(), run.size(), "\xef\xbf\xbd");
      }
      run.clear();
    };
    for (std::string& token : tokens) {
      const int byte = byte_of(token);
      if (byte >= 0) {
        run.push_back(static_cast<char>(byte));
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }

 private:
  static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }
  static int byte_of(const std::string& token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    if (token[3] == '+') return digit(token[4]);  // the reference's number parser takes a sign
    const int high = digit(token[3]), low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }
};

struct Fuse : Decoder {
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, std::move(all));
  }
};

class Strip : public Decoder {
 public:
  explicit Strip(const Fields& f)
      : content_(one_code_point(f, "content")),
        start_(f.integer("start", 0, 1 << 30)),
        stop_(f.integer("stop", 0, 1 << 30)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (std::int64_t n = 0; n < start_ && rest.starts_with(content_); ++n)
        rest.remove_prefix(content_.size());
      for (std::int64_t n = 0; n < stop_ && rest.ends_with(content_); ++n)
        rest.remove_suffix(content_.size());
      token = std::string(rest);
    }
  }

 private:
  std::string content_;
  std::int64_t start_, stop_;
};

class Replace : public Decoder {
 public:
  explicit Replace(const Fields& f)
      : regex_(with_context(f.where(), [&] { return pattern_of(f); })),
        content_(f.text("content")) {}
  void apply(std::vector<std::string>& tokens) const override {
    std::size_t before = 0, after = 0;
    for (std::string& token : tokens) {
      before += token.size();
      std::string out;
      std::size_t at = 0;
      regex_.for_matches(token, [&](std::size_t begin, std::size_t end) {
        out.append(token, at, begin - at);
        out += content_;
        at = end;
        check(before, after + out.size());
      });
      token = out.append(token, at);
      after += token.size();
    }
  }

 private:
  static void check(std::size_t before, std::size_t after) {
    if (after > before && after > limits::kDecodedBytes)
      fail(Errc::kBadData, "a decoder makes ", after, " bytes of a text of ", before,
           ", the limit is ", limits::kDecodedBytes);
  }

  Regex regex_;
  std::string content_;
};

class Ctc : public Decoder {
 public:
  explicit Ctc(const Fields& f)
      : pad_(f.text("pad_token", "<pad>")),
        delimiter_(f.text("word_delimiter_token", "|")),
        cleanup_(f.boolean("cleanup", true)) {}
  void apply(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      token = replaced(std::move(token), pad_, "");
      if (cleanup_) token = replaced(cleaned(std::move(token)), delimiter_, " ");
    }
    std::erase(tokens, "");
  }

 private:
  std::string pad_, delimiter_;
  bool cleanup_;
};

class Sequence : public Decoder {
 public:
  Sequence(const Fields& f, int depth)
      : parts_(make_components<Decoder>(f, "decoders", &make_decoder, depth)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& part : parts_) part->apply(tokens);
  }

 private:
  std::vector<std::unique_ptr<Decoder>> parts_;
};

template <class T>
std::unique_ptr<Decoder> make(const Fields& fields, int) {
  if constexpr (std::is_constructible_v<T, const Fields&>) {
    return std::make_unique<T>(fields);
  } else {
    return std::make_unique<T>();
  }
}

constexpr ComponentRow<Decoder> kRows[] = {
    {"ByteLevel", make<ByteLevel>},
    {"WordPiece", make<WordPiece>},
    {"Metaspace", make<Metaspace>},
    {"BPEDecoder", make<BpeDecoder>},
    {"ByteFallback", make<ByteFallback>},
    {"Fuse", make<Fuse>},
    {"Strip", make<Strip>},
    {"Replace", make<Replace>},
    {"CTC", make<Ctc>},
    {"Sequence",
     [](const Fields& f, int depth) -> std::unique_ptr<Decoder> {
       return std::make_unique<Sequence>(f, depth);
     }},
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(const Fields& fields, int depth) {
  return make_component<Decoder>(fields, kRows, depth);
}

}  // namespace hft
