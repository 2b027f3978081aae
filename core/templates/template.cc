#include "core/templates/template.h"

#include "core/base/error.h"
#include "core/templates/interpreter.h"
#include "core/templates/parser.h"
#include "core/templates/print.h"

namespace hft {

struct Template::Impl {
  jinja::Tree tree;
};

namespace {

constexpr std::size_t kMessageBytes = 4096;

// One line of bounded length, whatever the template says.
std::string one_line(std::string text) {
  if (text.size() > kMessageBytes) {
    std::size_t end = kMessageBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    text += "...";
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

}  // namespace

Template Template::parse(std::string_view source) {
  jinja::Budget budget;
  auto impl = std::make_shared<Impl>();
  impl->tree = jinja::Parser(source).parse();
  return Template(std::move(impl));
}

Rendered Template::render(const Json& variables, const RenderOptions& options) const {
  jinja::Dict given;
  {
    jinja::Budget budget;
    if (!variables.is_object())
      fail(Errc::kBadData, "the variables of a chat template are ", variables.type_name(),
           ", wanted a JSON object");
    for (const auto& [name, value] : variables.items()) {
      given.set(jinja::Value(name), jinja::from_json(value));
      jinja::steps_used = 0;  // what the caller gives is not the template's to pay for
    }
  }
  jinja::Budget budget;
  jinja::Interpreter interpreter(impl_->tree, given);
  interpreter.now = options.now;
  try {
    Rendered rendered;
    rendered.text = interpreter.render();
    rendered.generated = interpreter.generated();
    return rendered;
  } catch (const jinja::Raised& raised) {
    throw Error(Errc::kBadData, one_line(raised.text));
  } catch (const Error& error) {
    throw Error(error.code, "chat template line " + std::to_string(interpreter.line()) + ": " +
                                one_line(error.message));
  }
}

std::string format_text(const std::string& format, const std::string& argument) {
  jinja::Budget budget;
  const jinja::Tree tree;
  const jinja::Dict none;
  jinja::Interpreter runtime(tree, none);
  return jinja::brace_format(runtime, format,
                             {.positional = {jinja::Value(argument)}, .named = {}});
}

}  // namespace hft
