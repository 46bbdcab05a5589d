// Where, how and by what code a run is made: facts for its result file, gathered once a process.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace frugal::run {

// Keys: code.{version,commit,dirty,diff_sha256,build_type,compiler,flags}, host.{name,system,kernel},
// cpu.{model,flags,threads,governor}, memory.bytes, gpu.driver, gpu.cuda_driver, gpu.<i>.{name,uuid,memory_bytes,
// clock_mhz,max_clock_mhz}, library.{hdf5,openssl,boost,nlohmann_json,glibc}, env.<NAME> for the variables that matter.
const std::map<std::string, std::string>& machine_provenance();

// The above with command_line and working_folder added.
std::map<std::string, std::string> run_provenance(const std::vector<std::string>& command_line);

// The fact of this key; "" where it is not known.
std::string fact(const std::map<std::string, std::string>& facts, const std::string& key);

}  // namespace frugal::run
