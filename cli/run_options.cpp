#include "cli/run_options.h"

#include <functional>
#include <map>

#include "cli/components.h"
#include "core/error.h"
#include "core/io/resources.h"

namespace frugal::cli {

RunOptions parse_run_options(std::span<const std::string> args) {
  RunOptions options;
  const std::map<std::string, std::function<void(const std::string&)>> with_value = {
      {"--cfg", [&](const auto& v) { options.cfg = v; }},
      {"-c", [&](const auto& v) { options.cfg = v; }},
      {"--info", [&](const auto& v) { options.info = v; }},
      {"-i", [&](const auto& v) { options.info = v; }},
      {"--package", [&](const auto& v) { options.package = v; }},
      {"-p", [&](const auto& v) { options.package = v; }},
      {"--config-dir", [&](const auto& v) { options.config_dirs.emplace_back(v); }},
      {"-cd", [&](const auto& v) { options.config_dirs.emplace_back(v); }},
      {"--config-path", [&](const auto& v) { options.config_dirs.insert(options.config_dirs.begin(), v); }},
      {"-cp", [&](const auto& v) { options.config_dirs.insert(options.config_dirs.begin(), v); }},
      {"--config-name", [&](const auto& v) { options.config_name = v; }},
      {"-cn", [&](const auto& v) { options.config_name = v; }}};
  const std::map<std::string, bool*> flags = {{"--help", &options.help}, {"-h", &options.help}, {"--multirun", &options.multirun},
                                              {"-m", &options.multirun}, {"--resolve", &options.resolve}, {"--dry-run", &options.dry_run}};
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (const auto flag = flags.find(arg); flag != flags.end()) {
      *flag->second = true;
      continue;
    }
    const size_t equals = arg.starts_with("--") ? arg.find('=') : std::string::npos;
    if (const auto option = with_value.find(arg.substr(0, equals)); option != with_value.end()) {
      if (equals == std::string::npos && i + 1 == args.size())
        throw Error(ErrorKind::kUsage, "missing_argument", cat(arg, " needs a value"), {}, "frugal run --help");
      option->second(equals == std::string::npos ? args[++i] : arg.substr(equals + 1));
      continue;
    }
    if (arg.starts_with("-"))
      throw Error(ErrorKind::kUsage, "unknown_option", cat("there is no option '", arg, "'"), {}, "frugal run --help");
    options.overrides.push_back(arg);
  }
  return options;
}

config::ComposeRequest RunOptions::request() const {
  config::ComposeRequest request{.config_dirs = config_dirs, .config_name = config_name, .overrides = overrides, .multirun = multirun};
  request.config_dirs.push_back(io::resource("configs"));
  request.more_sources = {options_source()};
  return request;
}

}  // namespace frugal::cli
