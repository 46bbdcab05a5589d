// Memory of this process as the kernel counts it.
#pragma once

#include <cstdint>
#include <string>

namespace frugal::profile {

// Highest resident set since the process began, bytes: VmHWM of /proc/self/status, or getrusage where there is no
// /proc.
std::int64_t process_peak_bytes();

// VmHWM in the text of a /proc/<pid>/status; 0 where it has none.
std::int64_t peak_in_status(const std::string& status);

}  // namespace frugal::profile
