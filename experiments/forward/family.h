// What `frugal forward` needs to know of a family of models. families.cpp lists them: a new family is one file and one
// line there.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/options.h"
#include "core/results/tensor_file.h"
#include "core/run/worker_loop.h"
#include "experiments/forward/options.h"
#include "models/model.h"
#include "models/registry.h"

namespace frugal {

struct InputSpec {
  std::string_view name;   // as transformers or diffusers call the argument
  std::string_view shape;  // for messages: "[B,S]"
  bool required = false;
};

class ForwardInputs {
 public:
  // Error(kBadData, "unknown_input" | "missing_input") naming the data set and those there are.
  ForwardInputs(std::vector<results::HostTensor> tensors, std::span<const InputSpec> known);
  const results::HostTensor* find(std::string_view name) const;

 private:
  std::map<std::string, results::HostTensor, std::less<>> tensors_;
};

// Error(kBadData, "input_dtype" | "input_shape" | "input_value") naming the data set, index and value.
void check_integers(const results::HostTensor& tensor, int64_t low, int64_t high, std::string_view meaning);
void check_rank(const results::HostTensor& tensor, size_t rank, std::string_view shape);
void check_same_shape(const results::HostTensor& tensor, const results::HostTensor& as);
at::Tensor to_device(const results::HostTensor& tensor, const at::Device& device);

// A loaded model with its method applied.
class ForwardModel {
 public:
  virtual ~ForwardModel() = default;
  virtual Model& model() = 0;  // whose hooks captures attach to
  virtual int64_t layers() const = 0;
  virtual std::span<const InputSpec> inputs() const = 0;
  // The outputs that this model has, named as the reference names the fields of its result.
  virtual std::vector<NamedTensor> forward(const ForwardInputs& inputs) = 0;
};

struct ForwardRequest {
  const Json& model;   // nodes of the resolved config
  const Json& method;  // null: the plain model
  at::Device device;
  at::ScalarType type;
  const ForwardOptions& options;
  run::RunContext& run;
};

struct ForwardFamily {
  std::string_view name;
  ModelFamily family;
  std::unique_ptr<ForwardModel> (*open)(const ForwardRequest& request);
};

// The family of `model.architecture`, or of what the model's folder says. Error(kBadData, "unknown_architecture").
std::unique_ptr<ForwardModel> open_forward_model(const ForwardRequest& request);

}  // namespace frugal
