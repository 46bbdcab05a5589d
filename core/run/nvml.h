// What the NVIDIA driver says of its devices, if there is one; the library is loaded at run time.
#pragma once

#include <map>
#include <string>

namespace frugal::run {

// gpu.driver, gpu.cuda_driver, gpu.<i>.{name,uuid,memory_bytes,clock_mhz,max_clock_mhz}; empty without a driver.
std::map<std::string, std::string> gpu_facts();

}  // namespace frugal::run
