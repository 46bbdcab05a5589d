// frugal doctor: what this machine has and what is missing, with the command that mends it.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/doctor.h"
#include "cli/options.h"
#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "core/text.h"

namespace frugal::cli {
namespace {

Findings examine(bool smoke) {
  Findings all;
  const auto add = [&](Findings some) {
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  };
  add(machine_findings());
  add(worker_findings());
  add(gpu_findings());
  add(data_findings());
  add(tool_findings());
  if (smoke) add(smoke_findings());
  return all;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream in(list);
  for (std::string name; std::getline(in, name, ',');)
    if (!name.empty()) names.push_back(name);
  return names;
}

void print(const Findings& findings) {
  for (const Finding& finding : findings) {
    std::cout << name(finding.health) << std::string(9 - name(finding.health).size(), ' ') << finding.name
              << std::string(13 - std::min<std::size_t>(12, finding.name.size()), ' ') << finding.detail << "\n";
    if (finding.health != Health::kOk && !finding.fix.empty())
      std::cout << std::string(22, ' ') << "-> " << finding.fix << "\n";
  }
}

void print_json(const Findings& findings) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Finding& finding : findings)
    all.push_back({{"name", finding.name},
                   {"status", name(finding.health)},
                   {"detail", finding.detail},
                   {"fix", finding.health == Health::kOk ? "" : finding.fix}});
  std::cout << all.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

// The names of --require that are missing here.
std::vector<std::string> unmet(const Findings& findings, const std::vector<std::string>& required) {
  std::vector<std::string> known, missing;
  for (const Finding& finding : findings) known.push_back(finding.name);
  for (const std::string& wanted : required) {
    const auto found =
        std::find_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.name == wanted; });
    if (found == findings.end())
      throw Error(ErrorKind::kUsage, "bad_value", cat("doctor knows no '", wanted, "'"), "--require",
                  did_you_mean(wanted, known, "the names in the second column"));
    if (found->health == Health::kMissing) missing.push_back(wanted);
  }
  return missing;
}

}  // namespace

int doctor_command(std::span<const std::string> args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()("json", "as JSON: name, status, detail, fix")(
      "require", po::value<std::string>()->default_value(""), "comma-separated names: exit with 1 if one is missing")(
      "smoke", "run some steps of experiment=smoke, too");
  const Parsed parsed =
      parse_options(args, "frugal doctor [--require gpu,data,...]",
                    "What this machine has and what is missing, with the command that mends it. A line is\n"
                    "ok, warning (works in part) or missing. Exits with 0 unless something required is missing.",
                    options, 0, 0);
  if (parsed.help) return 0;
  const Findings findings = examine(parsed.values.contains("smoke"));
  const std::vector<std::string> missing = unmet(findings, split(parsed.values["require"].as<std::string>()));
  if (parsed.values.contains("json"))
    print_json(findings);
  else
    print(findings);
  if (missing.empty()) return 0;
  throw Error(ErrorKind::kCheckFailed, "requirement_missing", "required, and missing here: " + joined(missing, ", "));
}

}  // namespace frugal::cli
