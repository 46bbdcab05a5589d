// Every metric that scores predictions, for `frugal list metrics`.
#pragma once

#include <span>
#include <string_view>

namespace frugal::metrics {

struct MetricInfo {
  std::string_view name;  // as results store it
  std::string_view title;
};
std::span<const MetricInfo> metric_infos();

}  // namespace frugal::metrics
