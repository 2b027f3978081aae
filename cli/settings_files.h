// Options that are not on the command line but in a settings file or the environment: a flag wins
// over HFT_NAME, that over --config FILE or ./hft.toml, that over hft/config.toml of
// $XDG_CONFIG_HOME.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hft {

struct Setting {
  std::string option, origin;       // "--dtype", "HFT_DTYPE", "./hft.toml"
  std::vector<std::string> values;  // as on the command line
};

// For the options of the command that `given` (its arguments) lacks. kUsage for an option that no
// command, or not this section's, has; kNotFound for a --config FILE that is not there.
std::vector<Setting> settings_for(const CLI::App& command, const std::vector<std::string>& given);

}  // namespace hft
