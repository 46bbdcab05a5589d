#include <iostream>

#include "cli/options.h"
#include "cli/result_files.h"
#include "core/error.h"
#include "core/results/export.h"
#include "core/results/sandbox.h"
#include "core/text.h"

namespace frugal::cli {
namespace {

using results::RunData;

void print(const RunData& data, const std::string& file) {
  std::cout << "file        " << file << "\nrun         " << data.open.run_id << "\nstatus      " << name(data.state())
            << "\n";
  const auto& last = data.states.back();
  if (!last.message.empty()) std::cout << "reason      " << last.error_code << ": " << last.message << "\n";
  for (const auto& [group, option] : data.open.choices) std::cout << group << " = " << option << "\n";
  for (const auto& override_text : data.open.overrides) std::cout << "override    " << override_text << "\n";
  for (const char* key : {"code.commit", "code.dirty", "host.name", "cpu.model", "gpu.0.name", "command_line"})
    if (const auto found = data.provenance.find(key); found != data.provenance.end())
      std::cout << key << "  " << found->second << "\n";
  std::cout << "samples     " << data.samples.size() << " rows\n";
  for (const auto& [series, values] : data.series)
    std::cout << "series      " << series << ": " << values.steps.size() << " points\n";
  for (const auto& [array, record] : data.arrays)
    std::cout << "array       " << array << ": " << name(record.info.dtype) << "["
              << joined(record.info.shape, ", ", [](std::int64_t size) { return std::to_string(size); }) << "]\n";
  std::cout << "content     " << content_hash(data) << "\n\n"
            << to_text(metric_table(data), results::TextFormat::kMarkdown);
}

}  // namespace

int results_show(std::span<const std::string> args) {
  boost::program_options::options_description options("options");
  options.add_options()("config", "print the resolved config (YAML)")("log", "print the log")("provenance",
                                                                                              "print all provenance");
  const Parsed parsed =
      parse_options(args, "frugal results show FILE...", "Prints what a run is and what came out of it.", options, 1);
  if (parsed.help) return 0;
  for (const auto& file : result_files(parsed.words)) {
    const RunData data = results::read_run(file);
    print(data, file.string());
    if (parsed.values.contains("config")) std::cout << "\n" << data.open.config_yaml << "\n";
    if (parsed.values.contains("provenance"))
      for (const auto& [key, value] : data.provenance) std::cout << key << "  " << value << "\n";
    if (parsed.values.contains("log"))
      for (const auto& line : data.log) std::cout << line.line;
  }
  return 0;
}

}  // namespace frugal::cli
