#include "experiments/forward/capture.h"

#include <algorithm>

#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "core/text.h"

namespace frugal {
namespace {

std::string capture_name(HookPoint point, int64_t layer) {
  return layer < 0 ? std::string(name(point)) : cat(name(point), ".", layer);
}

bool matches(const std::string& pattern, const std::string& found) {
  if (!pattern.ends_with(".*")) return pattern == found;
  return found.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
}

[[noreturn]] void unknown(const std::string& wanted, const std::vector<std::string>& known, const char* why) {
  throw Error(ErrorKind::kUsage, "unknown_capture", cat(why, " '", wanted, "'; there are: ", joined(known, " ")),
              "--capture", did_you_mean(wanted, known));
}

}  // namespace

Captures::Captures(Model& model, int64_t layers, const std::vector<std::string>& names) : wanted_(names) {
  std::vector<std::string> known;
  for (const auto point : hook_point_names()) {
    known.emplace_back(point);
    known.push_back(cat(point, ".*"));
    for (int64_t l = 0; l < layers; ++l) known.push_back(cat(point, ".", l));
  }
  for (const auto& wanted : names)
    if (std::find(known.begin(), known.end(), wanted) == known.end()) {
      std::vector<std::string> short_list(hook_point_names().begin(), hook_point_names().end());
      for (auto& point : short_list) point += cat("[.0-", layers - 1, "]");
      unknown(wanted, short_list, "there is no hook point");
    }
  if (names.empty()) return;
  for (size_t p = 0; p < hook_point_names().size(); ++p)
    for (int64_t l = -1; l < layers; ++l) {
      const auto point = static_cast<HookPoint>(p);
      const std::string here = capture_name(point, l);
      const bool asked =
          std::any_of(names.begin(), names.end(), [&](const auto& pattern) { return matches(pattern, here); });
      model.hooks().attach(point, l,
                           [seen = seen_, here, asked](const at::Tensor&, const at::Tensor& out, const Pass&) {
                             seen->all.push_back({here, asked ? out : at::Tensor()});
                             return out;
                           });
    }
}

std::vector<NamedTensor> Captures::take() const {
  std::vector<std::string> reached;
  std::vector<NamedTensor> taken;
  for (const auto& [name, value] : seen_->all) {
    reached.push_back(name);
    if (value.defined()) taken.push_back({name, value});
  }
  for (const auto& wanted : wanted_)
    if (std::none_of(reached.begin(), reached.end(), [&](const auto& name) { return matches(wanted, name); }))
      unknown(wanted, reached, "this model does not pass the hook point");
  return taken;
}

}  // namespace frugal
