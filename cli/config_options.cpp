#include "cli/config_options.h"

#include <algorithm>
#include <boost/program_options.hpp>

#include "core/error.h"

namespace frugal::cli {

namespace {

namespace po = boost::program_options;

[[noreturn]] void usage(const std::string& message) {
  throw Error(ErrorKind::kUsage, "bad_call", message, {}, "frugal config --help");
}

po::options_description described_options() {
  po::options_description options;
  const auto text = [] { return po::value<std::string>(); };
  const auto texts = [] { return po::value<std::vector<std::string>>(); };
  auto add = options.add_options();
  add("help,h", "")("json", "")("resolve", "")("hydra", "");
  add("package", text(), "")("file", text(), "")("query", text(), "")("config-name", text(), "");
  add("config-dir", texts(), "")("config-path", texts(), "")("argument", texts(), "");
  add("max-batch-size", po::value<std::int64_t>(), "");
  return options;
}

template <typename T>
std::optional<T> optional_value(const po::variables_map& values, const char* name) {
  return values.contains(name) ? std::optional<T>(values[name].as<T>()) : std::nullopt;
}

po::variables_map parse(const std::vector<std::string>& args) {
  namespace style = po::command_line_style;
  const auto options = described_options();
  po::positional_options_description positional;
  positional.add("argument", -1);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(args)
                  .options(options)
                  .positional(positional)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              values);
  } catch (const po::error& error) {
    usage(error.what());
  }
  return values;
}

}  // namespace

ConfigOptions parse_config_options(std::span<const std::string> args) {
  // Overrides may look like options, so what follows `--` never reaches the option parser.
  const auto separator = std::find(args.begin(), args.end(), "--");
  const auto values = parse({args.begin(), separator});
  ConfigOptions out;
  out.help = values.contains("help");
  out.json = values.contains("json");
  out.resolve = values.contains("resolve");
  out.keep_hydra = values.contains("hydra");
  out.package = optional_value<std::string>(values, "package");
  out.file = optional_value<std::string>(values, "file");
  out.query = optional_value<std::string>(values, "query");
  out.max_batch_size = optional_value<std::int64_t>(values, "max-batch-size");
  out.config_name = optional_value<std::string>(values, "config-name").value_or(out.config_name);
  for (const auto* name : {"config-dir", "config-path"})
    if (values.contains(name))
      for (const auto& directory : values[name].as<std::vector<std::string>>()) out.config_dirs.emplace_back(directory);
  if (values.contains("argument")) out.arguments = values["argument"].as<std::vector<std::string>>();
  if (separator != args.end()) out.arguments.insert(out.arguments.end(), separator + 1, args.end());
  return out;
}

const std::string& ConfigOptions::one_argument(std::string_view what) const {
  if (arguments.size() != 1) usage(cat("expected one ", what, ", found ", arguments.size(), " arguments"));
  return arguments[0];
}

const std::string& ConfigOptions::require_file() const {
  if (!file) usage("--file FILE is missing");
  return *file;
}

config::ComposeRequest ConfigOptions::request() const {
  if (config_dirs.empty()) usage("--config-dir DIR is missing");
  return {.config_dirs = config_dirs, .config_name = config_name, .overrides = arguments};
}

}  // namespace frugal::cli
