#include "experiments/training/snapshot.h"

#include "models/nn/tensor_io.h"

namespace frugal {
namespace {

std::vector<std::string> names_of(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> names;
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  return names;
}

}  // namespace

void save_training_tensors(const std::filesystem::path& folder, const AdamW& optimizer, const LossScaler& scaler,
                           const std::vector<NamedTensor>& best) {
  save_tensors(folder / "parameters.safetensors", optimizer.parameters());
  std::vector<NamedTensor> state = optimizer.state();
  const auto scaling = scaler.state();
  state.insert(state.end(), scaling.begin(), scaling.end());
  save_tensors(folder / "optimizer.safetensors", state);
  if (!best.empty()) save_tensors(folder / "best.safetensors", best);
}

std::vector<NamedTensor> load_training_tensors(const std::filesystem::path& folder, AdamW& optimizer,
                                               LossScaler& scaler, int64_t steps_done, bool has_best) {
  const auto names = names_of(optimizer.parameters());
  copy_into(load_tensors(folder / "parameters.safetensors", names), optimizer.parameters());
  optimizer.restore(load_tensors(folder / "optimizer.safetensors", names_of(optimizer.state())), steps_done);
  if (const auto scaling = names_of(scaler.state()); !scaling.empty())
    scaler.restore(load_tensors(folder / "optimizer.safetensors", scaling));
  return has_best ? load_tensors(folder / "best.safetensors", names) : std::vector<NamedTensor>{};
}

bool checkpoint_due(int64_t step, std::optional<int64_t> steps, std::optional<double> minutes,
                    std::chrono::steady_clock::time_point last) {
  if (steps) return step % *steps == 0;
  if (!minutes) return false;
  const std::chrono::duration<double, std::ratio<60>> since = std::chrono::steady_clock::now() - last;
  return since.count() >= *minutes;
}

std::vector<NamedTensor> host_copies(const std::vector<NamedTensor>& tensors) {
  std::vector<NamedTensor> copies;
  for (const auto& [name, value] : tensors)
    copies.push_back({name, value.detach().to(at::kCPU, /*non_blocking=*/false, /*copy=*/true)});
  return copies;
}

void copy_into(const std::vector<NamedTensor>& from, const std::vector<NamedTensor>& to) {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < from.size(); ++i) to[i].value.copy_(from[i].value);
}

}  // namespace frugal
