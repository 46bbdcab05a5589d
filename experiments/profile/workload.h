// A model with a method, ready to be called at one size after the other. A family of models brings its own: it knows
// what inputs the model takes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "core/config/options.h"
#include "core/run/seeds.h"
#include "core/run/worker_loop.h"
#include "experiments/training/precision.h"

namespace frugal {

enum class Mode { kForward, kTrainStep };
Mode mode_named(const std::string& name);  // forward, train_step; Error(kUsage, "bad_value")

struct Size {
  int64_t batch = 1, length = 1;
};

class Workload {
 public:
  virtual ~Workload() = default;
  // Makes inputs of this size; the calls below use them. Equal sizes have equal inputs, in every workload of a run.
  // Error(kUsage, "bad_value") where the model cannot take them.
  virtual void prepare(const Size& size) = 0;
  virtual int64_t input_bytes() const = 0;
  // One call without gradients, dropout off.
  virtual void forward() = 0;
  // Loss and gradients, dropout on: what activation memory is measured over.
  virtual void forward_backward() = 0;
  // Gradient clipping and the optimiser's step at rate 0: all of its work, and the weights stay what they are, so that
  // the thousandth call does what the first one did. Clears the gradients.
  virtual void update() = 0;
  // Weights; for a training step, gradients and optimiser state, too.
  virtual int64_t static_bytes(Mode mode) const = 0;
};

struct WorkloadRequest {
  const Json& config;  // whole and resolved
  Json method;         // node of the method; null: the plain model, of which training trains all weights
  int64_t labels = 2;
  Precision precision = Precision::kFp32;
  bool trains = false;  // a train_step will be asked for
  at::Device device;
  run::RunContext& run;
};

// family: experiment.family. Error(kUsage, "bad_value") for one that has no workload.
std::unique_ptr<Workload> make_workload(const std::string& family, const WorkloadRequest& request);

// Families, each in a file of its own.
std::unique_ptr<Workload> make_text_encoder_workload(const WorkloadRequest& request);

}  // namespace frugal
