// hft hub login, logout, whoami. A token is read from the terminal without showing it, or from
// stdin; never from the command line, which other users of the machine can read.
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "hub/auth.h"
#include "hub/client.h"
#include "tasks/commands.h"

namespace hft {
namespace {

// One line from the terminal, with the echo off.
std::string read_hidden(const std::string& prompt) {
  std::fputs(prompt.c_str(), stderr);
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  termios hidden = before;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::string line;
  std::getline(std::cin, line);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::fputs("\n", stderr);
  return line;
}

void need_network(const char* command) {
  if (hub::offline())
    fail(Errc::kNotFound, command,
         ": HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids the network");
}

int run_login() {
  need_network("hub login");
  hub::Settings settings = hub::settings();
  std::string token;
  if (::isatty(STDIN_FILENO))
    token = read_hidden("Token (" + settings.endpoint + "/settings/tokens), not shown: ");
  else
    std::getline(std::cin, token);
  token = trimmed(token);
  if (token.empty())
    fail(
        Errc::kUsage,
        "hub login: no token was given; on a terminal it is asked for, else it is read from stdin");
  if (token.find_first_of(" \t") != token.npos)
    fail(Errc::kUsage, "hub login: what was given is not a token (it has spaces)");
  settings.token = token;
  hub::Http http(settings);
  const hub::Account who = hub::who_am_i(http);
  hub::save_token(token, who.token_name.empty() ? "hft" : who.token_name);
  note("logged in as " + who.name + "; the token is in " + hub::token_path().string());
  if (!hub::environment("HF_TOKEN").empty()) note("HF_TOKEN is set and goes before it");
  return 0;
}

int run_logout() {
  if (hub::remove_token())
    note("logged out");
  else
    note("there was no token at " + hub::token_path().string());
  if (!hub::environment("HF_TOKEN").empty()) note("HF_TOKEN is still set");
  return 0;
}

int run_whoami(bool json) {
  need_network("hub whoami");
  const hub::Settings settings = hub::settings(false);
  if (settings.token.empty())
    fail_hint(Errc::kNotAuthorised, "set HF_TOKEN or run hft hub login",
              "hub whoami: not logged in");
  hub::Http http(settings);
  const hub::Account who = hub::who_am_i(http);
  if (json) {
    std::printf(
        "%s\n",
        to_line({{"name", who.name}, {"orgs", who.orgs}, {"endpoint", settings.endpoint}}).c_str());
    return 0;
  }
  std::printf("%s\n", escape_controls(who.name).c_str());
  if (!who.orgs.empty()) std::printf("orgs: %s\n", escape_controls(joined(who.orgs, ", ")).c_str());
  return 0;
}

std::function<int()> declare_login(Flags& flags) {
  flags.footer(
      "Examples:\n  hft hub login\n  hft hub login < token.txt\nThe token is checked, then kept "
      "where huggingface_hub keeps it, readable by you alone.");
  return run_login;
}

std::function<int()> declare_logout(Flags&) { return run_logout; }

std::function<int()> declare_whoami(Flags& flags) {
  auto json = std::make_shared<bool>(false);
  flags.add("--json", *json, "As JSON");
  return [json] { return run_whoami(*json); };
}

}  // namespace

extern const Command hub_login_command{"hub login", "Hub", "Keep a token for the Hub",
                                       declare_login};
extern const Command hub_logout_command{"hub logout", "Hub", "Remove the token", declare_logout};
extern const Command hub_whoami_command{"hub whoami", "Hub", "Show whose token is in use",
                                        declare_whoami};

}  // namespace hft
