// {"order": [...], "lengths": [...], "batch": n} a line on stdin -> the grouped order a line on stdout.
#include <iostream>
#include <nlohmann/json.hpp>

#include "datasets/samplers.h"

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto request = nlohmann::json::parse(line);
    const auto order = request["order"].get<std::vector<std::uint32_t>>();
    const auto lengths = request["lengths"].get<std::vector<std::uint32_t>>();
    const auto grouped = frugal::datasets::group_by_length(order, lengths, request["batch"].get<std::size_t>());
    std::cout << nlohmann::json(grouped).dump() << '\n';
  }
  return 0;
}
