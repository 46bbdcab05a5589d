// A short-lived child that reads what strangers made: our own program with a hidden verb, under limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace frugal::io {

struct ChildLimits {
  std::uint64_t memory_bytes = std::uint64_t{4} << 30U;     // address space; not enforced in address-sanitizer builds
  std::chrono::seconds silence = std::chrono::seconds(30);  // wall time without output, after which it is killed
  std::uint64_t output_bytes = std::uint64_t{2} << 30U;
};

struct ChildResult {
  std::string output;  // its stdout
  std::string
      failure;  // "" if it exited with 0; else what ended it: "signal 11 (Segmentation fault)", "time limit", ...
};

// Runs `program arguments...` with stdin from /dev/null and our stderr, and waits. Throws Error(environment) if it
// cannot be started at all.
ChildResult run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                      const ChildLimits& limits = {});

// For the child itself, first thing: limits on memory and core files, and an end when its parent ends.
void limit_this_process(const ChildLimits& limits);

}  // namespace frugal::io
