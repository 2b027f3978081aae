// How a command declares what it takes on its command line. CLI11 stays behind flags.cc: its
// templates cost every file that names an option some seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace hft {

// One declared flag or positional argument: how help shows it, and which values it allows.
class Flag {
 public:
  explicit Flag(CLI::Option* option) : option_(option) {}
  Flag& metavar(const std::string& name);   // what stands for its value: N, FILE, ID|DIR
  Flag& group(const std::string& heading);  // in help; else "Options"
  Flag& show_default();                     // the value the variable has now
  Flag& show_default(const std::string& value);
  Flag& one_of(const std::vector<std::string>& values);
  Flag& range(std::int64_t least, std::int64_t most);
  Flag& required();
  Flag& mark(bool& given);  // set to true when it is given

 private:
  CLI::Option* option_;
};

// The flags and arguments of one command; a handle, to be copied. `names` is "-i,--input", or
// "TEXT" for positional arguments. Variables, and what `take` refers to, outlive the parsing.
class Flags {
 public:
  using Names = const std::string&;
  using Help = const std::string&;

  explicit Flags(CLI::App& command) : command_(&command) {}

  Flag add(Names names, bool& to, Help help);  // takes no value
  Flag add(Names names, int& to, Help help);
  Flag add(Names names, std::int64_t& to, Help help);
  Flag add(Names names, std::optional<std::uint64_t>& to, Help help);
  Flag add(Names names, std::string& to, Help help);
  Flag add(Names names, std::optional<std::string>& to, Help help);
  // Each time it stands it takes all arguments up to the next flag.
  Flag add(Names names, std::vector<std::string>& to, Help help);

  // One of `modes`, of which the first is meant where none follows.
  Flag add_mode(Names names, std::string& to, const std::vector<std::string>& modes, Help help);

  // The same with a function in place of a variable.
  Flag add(Names names, std::function<void()> take, Help help);
  Flag add(Names names, std::function<void(const std::string&)> take, Help help);
  Flag add_integer(Names names, std::function<void(std::int64_t)> take, Help help);
  Flag add_number(Names names, std::function<void(double)> take, Help help);
  // Each time it stands it takes one argument.
  Flag add_each(Names names, std::function<void(const std::vector<std::string>&)> take, Help help);

  // What follows the arguments that are declared is not looked at but kept, for another command;
  // help shows it as `metavar`.
  void passes_on(const std::string& metavar, Help help);
  std::vector<std::string> rest() const;

  // Where it is asked for, `run` is what runs in place of the command.
  void instead(std::function<bool()> asked, std::function<int(const Flags&)> run);
  int run(const std::function<int()>& command) const;

  // Below the options in help: examples, and what else there is to say.
  void footer(const std::string& text);

  std::vector<std::string> declared() const;  // until now: "--output"

  // Once the command line is parsed.
  struct Given {
    std::string name;  // "--output"
    std::vector<std::string> values;
  };
  std::string command() const;  // "hub ls"
  bool given(const std::string& name) const;  // false where it is not declared
  std::vector<Given> all_given() const;  // positional arguments are not among them

 private:
  struct Instead {
    std::function<bool()> asked;
    std::function<int(const Flags&)> run;
  };
  CLI::App* command_;
  std::shared_ptr<Instead> instead_ = std::make_shared<Instead>();  // of all copies
};

}  // namespace hft
