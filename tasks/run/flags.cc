#include "tasks/run/flags.h"

#include <CLI/CLI.hpp>

namespace hft {

Flag& Flag::metavar(const std::string& name) { return option_->type_name(name), *this; }
Flag& Flag::group(const std::string& heading) { return option_->group(heading), *this; }
Flag& Flag::show_default() { return option_->capture_default_str(), *this; }
Flag& Flag::show_default(const std::string& value) { return option_->default_str(value), *this; }
Flag& Flag::required() { return option_->required(), *this; }

Flag& Flag::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

Flag& Flag::range(std::int64_t least, std::int64_t most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Flag& Flag::mark(bool& given) {
  option_->each([&given](const std::string&) { given = true; });
  return *this;
}

Flag Flags::add(Names names, bool& to, Help help) {
  return Flag(command_->add_flag(names, to, help));
}
Flag Flags::add(Names names, int& to, Help help) {
  return Flag(command_->add_option(names, to, help));
}
Flag Flags::add(Names names, std::int64_t& to, Help help) {
  return Flag(command_->add_option(names, to, help));
}
Flag Flags::add(Names names, std::optional<std::uint64_t>& to, Help help) {
  return Flag(command_->add_option(names, to, help));
}
Flag Flags::add(Names names, std::string& to, Help help) {
  return Flag(command_->add_option(names, to, help));
}
Flag Flags::add(Names names, std::optional<std::string>& to, Help help) {
  return Flag(command_->add_option(names, to, help));
}
Flag Flags::add(Names names, std::vector<std::string>& to, Help help) {
  return Flag(command_->add_option(names, to, help));
}

Flag Flags::add_mode(Names names, std::string& to, const std::vector<std::string>& modes,
                     Help help) {
  CLI::Option* option = command_->add_flag(names + "{" + modes[0] + "}", to, help);
  return Flag(option->check(CLI::IsMember(modes)));
}

Flag Flags::add(Names names, std::function<void()> take, Help help) {
  return Flag(command_->add_flag_callback(names, std::move(take), help));
}
Flag Flags::add(Names names, std::function<void(const std::string&)> take, Help help) {
  return Flag(command_->add_option_function<std::string>(names, take, help));
}
Flag Flags::add_integer(Names names, std::function<void(std::int64_t)> take, Help help) {
  return Flag(command_->add_option_function<std::int64_t>(names, take, help));
}
Flag Flags::add_number(Names names, std::function<void(double)> take, Help help) {
  return Flag(command_->add_option_function<double>(names, take, help));
}
Flag Flags::add_each(Names names, std::function<void(const std::vector<std::string>&)> take,
                     Help help) {
  return Flag(command_->add_option_function<std::vector<std::string>>(names, take, help)
                  ->allow_extra_args(false));
}

void Flags::passes_on(const std::string& metavar, Help help) {
  command_->prefix_command();
  const std::string footer = command_->get_footer();
  command_->footer(metavar + ": " + help + "\n\n" + footer);
}

std::vector<std::string> Flags::rest() const {
  std::vector<std::string> all = command_->remaining();
  for (std::string& one : all) std::erase(one, '\0');
  return all;
}

std::vector<std::string> Flags::declared() const {
  std::vector<std::string> names;
  for (const CLI::Option* option : command_->get_options())
    if (!option->get_lnames().empty()) names.push_back("--" + option->get_lnames()[0]);
  return names;
}

void Flags::footer(const std::string& text) { command_->footer(text); }

std::string Flags::command() const { return command_->get_name(); }

bool Flags::given(const std::string& name) const {
  const CLI::Option* option = command_->get_option_no_throw(name);
  return option && option->count() > 0;
}

void Flags::instead(std::function<bool()> asked, std::function<int(const Flags&)> run) {
  *instead_ = {std::move(asked), std::move(run)};
}

int Flags::run(const std::function<int()>& command) const {
  return instead_->asked && instead_->asked() ? instead_->run(*this) : command();
}

std::vector<Flags::Given> Flags::all_given() const {
  std::vector<Given> all;
  for (const CLI::Option* option : command_->get_options())
    if (option->count() > 0 && option->nonpositional())
      all.push_back({"--" + option->get_lnames()[0], option->results()});
  return all;
}

}  // namespace hft
