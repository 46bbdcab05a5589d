// A worker's ends of the protocol: jobs come as JSON lines on descriptor 3, answers go out on descriptor 4.
#pragma once

#include <sys/un.h>

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace frugal::run {

constexpr int kJobsFd = 3;
constexpr int kRepliesFd = 4;

// Names the socket of a front end whose workers a launcher starts (mpirun hands no descriptors on).
constexpr const char* kRankSocketVariable = "FRUGAL_RANK_SOCKET";
// Error(kEnvironment, "no_channel") for a path that is too long for a socket's.
sockaddr_un socket_address(const std::filesystem::path& path);
// Makes it both descriptors, where the environment names one. Error(kEnvironment).
void connect_channel();

// Lines from the jobs descriptor; a signal that comes while waiting ends the waiting.
class JobReader {
 public:
  // Nothing: the other end closed, or a signal came.
  std::optional<std::string> next();

 private:
  std::string buffer_;
};

void reply(const nlohmann::json& answer);

}  // namespace frugal::run
