// A template's source as tokens, one at a time, with trim_blocks and lstrip_blocks on and one
// newline at the end dropped. Checked against jinja2 3.1 (lexer.py).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/templates/value.h"

namespace hft::jinja {

enum class Tok : std::uint8_t {
  kEnd,
  kData,
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kMod,
  kPow,
  kTilde,
  kLParen,
  kRParen,
  kLBracket,
  kRBracket,
  kLBrace,
  kRBrace,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kAssign,
  kDot,
  kColon,
  kPipe,
  kComma,
  kSemicolon,
};

struct Token {
  Tok type = Tok::kEnd;
  int line = 1;
  std::string text;  // kData, kName, kString (unescaped); operators as written
  Value integer;     // kInteger
  double real = 0;   // kFloat
};

class Lexer {
 public:
  // Throws kBadData when the source is above limits::kTemplateBytes or not UTF-8.
  explicit Lexer(std::string_view source);
  // The next token; kEnd for ever once the source is at its end. Throws SyntaxError.
  Token next();

 private:
  enum class State { kData, kBlock, kVariable };
  bool lex_data(Token& out);
  Token lex_tag();
  bool lex_end(Token& out);
  Token lex_name();
  Token lex_number();
  Token lex_string();
  Token lex_operator();
  void lex_comment();
  void lex_raw(std::string& text);
  bool match_raw_begin();
  std::string data_before_tag(std::size_t end, char sign, bool variable);
  bool looking_at(std::string_view text) const;
  void advance(std::size_t to);
  void skip_space();
  std::size_t space_end(std::size_t at) const;
  Token token(Tok type) const;

  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  State state_ = State::kData;
  bool line_starting_ = true;  // what was matched last ended with a newline
  std::string open_;           // brackets still to be closed
};

// An error in the source, with the line it is on.
[[noreturn]] void syntax_error(int line, const std::string& message);

}  // namespace hft::jinja
