// Intermediate-layer distillation (Zebra-Llama, arXiv 2505.17272): every layer of the student by itself, on what the
// teacher's layer reads.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "models/language_model.h"

namespace frugal {

class LayerLoss {
 public:
  // Attaches to both models' hooks, for good; they do nothing outside of the calls below.
  // Error(kUsage, "layers_differ") unless both have as many layers, equally wide.
  LayerLoss(LanguageModel& student, LanguageModel& teacher);
  // The teacher's pass over ids [B,T], without gradients; its states are kept for loss().
  void observe_teacher(const at::Tensor& ids);
  // sum over layers of mean over tokens of |h_s - h_t|_2 + |a_s - a_t|_2: a layer's output and its attention's, the
  // student's layer given the teacher's input. Scalar.
  at::Tensor loss(const at::Tensor& ids, const Pass& pass);

 private:
  // What the layers of one model gave in the pass that is recorded.
  struct Record {
    bool active = false;
    at::Tensor embedding;
    std::vector<at::Tensor> blocks, attentions;
  };
  void attach(LanguageModel& model, const std::shared_ptr<Record>& record, const std::shared_ptr<Record>& instead);

  LanguageModel &student_, &teacher_;
  std::shared_ptr<Record> ours_ = std::make_shared<Record>(), theirs_ = std::make_shared<Record>();
};

}  // namespace frugal
