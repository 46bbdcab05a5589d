#include "core/profile/process_memory.h"

#include <sys/resource.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace frugal::profile {

std::int64_t peak_in_status(const std::string& status) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string key, unit;
    std::int64_t value = 0;
    if (fields >> key >> value >> unit && key == "VmHWM:" && unit == "kB") return value * 1024;
  }
  return 0;
}

std::int64_t process_peak_bytes() {
  std::ifstream file("/proc/self/status");
  const std::string status{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (const std::int64_t peak = peak_in_status(status); peak > 0) return peak;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;  // Linux counts KiB
}

}  // namespace frugal::profile
