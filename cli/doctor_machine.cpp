#include <hdf5.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/doctor.h"
#include "core/error.h"
#include "core/run/nvml.h"
#include "core/run/provenance.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

std::string gib(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", bytes / kGiB);
  return text;
}

using run::fact;

Finding cpu() {
  const auto& facts = run::machine_provenance();
  const std::string flags = " " + fact(facts, "cpu.flags") + " ";
  std::string vectors;
  for (const char* flag : {"avx2", "fma", "avx512f", "avx512_bf16", "amx_tile"})
    if (flags.find(cat(" ", flag, " ")) != flags.npos) vectors += cat(vectors.empty() ? "" : " ", flag);
  Finding finding{.name = "cpu",
                  .detail = cat(fact(facts, "cpu.model"), ", ", std::thread::hardware_concurrency(), " threads, ",
                                vectors.empty() ? "no vector extensions that LibTorch uses" : vectors)};
  if (vectors.find("avx2") == vectors.npos) {
    finding.health = Health::kWarning;
    finding.fix = "a CPU with AVX2: LibTorch's kernels are several times slower without it";
  }
  return finding;
}

double available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  for (double kib = 0; file >> key >> kib; file.ignore(64, '\n'))
    if (key == "MemAvailable:") return kib * 1024;
  return 0;
}

Finding memory() {
  constexpr double kLeast = 4 * kGiB;
  const double available = available_memory();
  const double all = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  Finding finding{.name = "memory", .detail = cat(gib(available), " of ", gib(all), " available")};
  if (available < kLeast) {
    finding.health = Health::kWarning;
    finding.fix = "end other programs: models of 100 M parameters want 4 GiB";
  }
  return finding;
}

Finding disk() {
  constexpr double kLeast = 5 * kGiB;
  const fs::path folder = fs::is_directory("outputs") ? fs::absolute("outputs") : fs::current_path();
  struct statvfs state{};
  if (::statvfs(folder.c_str(), &state) != 0 || ::access(folder.c_str(), W_OK) != 0)
    return {.name = "disk",
            .health = Health::kMissing,
            .detail = cat(folder.string(), " cannot be written, and runs make outputs/ there"),
            .fix = "cd to a folder of yours, or hydra.run.dir=DIR"};
  const double free = static_cast<double>(state.f_bavail) * static_cast<double>(state.f_frsize);
  Finding finding{.name = "disk", .detail = cat(gib(free), " free in ", folder.string())};
  if (free < kLeast) {
    finding.health = Health::kWarning;
    finding.fix = "free some space, or hydra.run.dir=DIR on another disk";
  }
  return finding;
}

Finding hdf5() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  const std::string loaded = cat(major, ".", minor, ".", release);
  const std::string built = cat(H5_VERS_MAJOR, ".", H5_VERS_MINOR, ".", H5_VERS_RELEASE);
  if (loaded == built) return {.name = "hdf5", .detail = loaded};
  return {.name = "hdf5",
          .health = Health::kWarning,
          .detail = cat("built with ", built, ", runs with ", loaded),
          .fix = "scripts/build release"};
}

int major_version(const std::string& text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string_view name(Health health) {
  return health == Health::kOk ? "ok" : health == Health::kWarning ? "warning" : "missing";
}

Findings machine_findings() {
  return {cpu(), memory(), disk(), hdf5()};
}

Findings gpu_findings() {
  constexpr int kLeastDriver = 580;  // of CUDA 13, which LibTorch 2.11's wheel is built for
  const auto facts = run::gpu_facts();
  Finding finding{.name = "gpu"};
  const std::string driver = fact(facts, "gpu.driver");
  std::string devices;
  for (int i = 0; !fact(facts, cat("gpu.", i, ".name")).empty(); ++i)
    devices += cat(devices.empty() ? "" : "; ", fact(facts, cat("gpu.", i, ".name")));
  if (driver.empty() || devices.empty()) {
    finding.health = Health::kMissing;
    finding.detail = driver.empty() ? "no NVIDIA driver" : cat("driver ", driver, " sees no GPU");
    finding.fix = driver.empty() ? cat("a machine with an NVIDIA GPU and driver ", kLeastDriver, " or later")
                                 : "nvidia-smi says why; is CUDA_VISIBLE_DEVICES empty?";
    return {finding};
  }
  finding.detail = cat(devices, "; driver ", driver, ", CUDA ", fact(facts, "gpu.cuda_driver"));
  if (major_version(driver) < kLeastDriver) {
    finding.health = Health::kMissing;
    finding.detail += cat("; LibTorch's CUDA 13 needs driver ", kLeastDriver);
    finding.fix = cat("install NVIDIA driver ", kLeastDriver, " or later");
  }
  return {finding};
}

}  // namespace frugal::cli
