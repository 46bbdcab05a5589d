#include "core/run/provenance.h"

#include <gnu/libc-version.h>
#include <hdf5.h>
#include <openssl/crypto.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <boost/version.hpp>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "core/error.h"
#include "core/io/file.h"
#include "core/log.h"
#include "core/run/code_version.h"
#include "core/run/nvml.h"
#include "core/text.h"

extern char** environ;

namespace frugal::run {
namespace {

using Facts = std::map<std::string, std::string>;

// A file that a machine may lack; "" then.
std::string read_if_there(const char* path) {
  try {
    return io::read_file(path);
  } catch (const Error& error) {
    log::debug("not recorded: ", error.what());
    return {};
  }
}

// The value of the first line "name <separator> value".
std::string field(const std::string& text, std::string_view name, char separator) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    const auto at = line.find(separator);
    if (at == line.npos) continue;
    const auto begin = line.find_first_not_of(" \t\"", at + 1);
    const auto end = line.find_last_not_of(" \t\"");
    return begin == line.npos ? std::string() : line.substr(begin, end - begin + 1);
  }
  return {};
}

void add_code(Facts& facts) {
  facts["code.version"] = kCodeVersion.version;
  facts["code.commit"] = kCodeVersion.commit;
  facts["code.dirty"] = kCodeVersion.dirty;
  facts["code.diff_sha256"] = kCodeVersion.diff_sha256;
  facts["code.build_type"] = kCodeVersion.build_type;
  facts["code.compiler"] = kCodeVersion.compiler;
  facts["code.flags"] = kCodeVersion.flags;
}

void add_machine(Facts& facts) {
  utsname system{};
  if (::uname(&system) == 0) {
    facts["host.name"] = system.nodename;
    facts["host.kernel"] = cat(system.sysname, " ", system.release, " ", system.machine);
  }
  facts["host.system"] = field(read_if_there("/etc/os-release"), "PRETTY_NAME", '=');
  const std::string cpu = read_if_there("/proc/cpuinfo");
  facts["cpu.model"] = field(cpu, "model name", ':');
  facts["cpu.flags"] = field(cpu, "flags", ':');
  facts["cpu.threads"] = std::to_string(std::thread::hardware_concurrency());
  const std::string governor = read_if_there("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (!governor.empty()) facts["cpu.governor"] = governor.substr(0, governor.find('\n'));
  facts["memory.bytes"] = std::to_string(static_cast<long long>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE));
}

void add_libraries(Facts& facts) {
  facts["library.hdf5"] = cat(H5_VERS_MAJOR, ".", H5_VERS_MINOR, ".", H5_VERS_RELEASE);
  facts["library.openssl"] = ::OpenSSL_version(OPENSSL_VERSION);
  facts["library.boost"] = BOOST_LIB_VERSION;
  facts["library.nlohmann_json"] =
      cat(NLOHMANN_JSON_VERSION_MAJOR, ".", NLOHMANN_JSON_VERSION_MINOR, ".", NLOHMANN_JSON_VERSION_PATCH);
  facts["library.glibc"] = ::gnu_get_libc_version();
}

// Variables that change what a run computes, how fast, or where it looks. Never all of them: tokens live there too.
void add_environment(Facts& facts) {
  constexpr std::string_view kPrefixes[] = {
      "CUDA_",   "CUBLAS_",   "CUDNN_",      "NVIDIA_",   "NCCL_",           "OMP_",
      "MKL_",    "KMP_",      "GOMP_",       "OPENBLAS_", "TORCH_",          "PYTORCH_",
      "FRUGAL_", "SLURM_JOB", "SLURM_ARRAY", "HF_HOME",   "LD_LIBRARY_PATH", "LD_PRELOAD"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == text.npos) continue;
    for (const auto prefix : kPrefixes)
      if (text.starts_with(prefix)) facts[cat("env.", text.substr(0, equals))] = text.substr(equals + 1);
  }
}

}  // namespace

const Facts& machine_provenance() {
  static const Facts facts = [] {
    Facts all = gpu_facts();
    add_code(all);
    add_machine(all);
    add_libraries(all);
    add_environment(all);
    return all;
  }();
  return facts;
}

std::string fact(const Facts& facts, const std::string& key) {
  const auto found = facts.find(key);
  return found == facts.end() ? "" : found->second;
}

Facts run_provenance(const std::vector<std::string>& command_line) {
  Facts facts = machine_provenance();
  facts["command_line"] = joined(command_line, " ");
  facts["working_folder"] = std::filesystem::current_path().string();
  return facts;
}

}  // namespace frugal::run
