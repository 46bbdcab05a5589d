// What every model family shares: named parameters and named hook points.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/nn/hooks.h"
#include "models/nn/parameters.h"
#include "models/nn/pass.h"

namespace frugal {

// A method that wraps a model shares the wrapped model's parameters and hooks, and adds its own to them.
class Model {
 public:
  Model() : parameters_(std::make_shared<ParameterSet>()), hooks_(std::make_shared<Hooks>()) {}
  explicit Model(const Model& wrapped) = default;
  Model& operator=(const Model&) = delete;
  virtual ~Model() = default;

  virtual std::string_view architecture() const = 0;  // as config.json's model_type names it
  // Forgets whatever a sample, a stream or a conversation left behind. Models without such state do nothing.
  virtual void reset() {}
  // Figures of the last training step that a run records as curves (reconstruction error, share of skipped steps...).
  virtual std::vector<std::pair<std::string, double>> diagnostics() { return {}; }

  ParameterSet& parameters() { return *parameters_; }
  const ParameterSet& parameters() const { return *parameters_; }
  Hooks& hooks() { return *hooks_; }
  const Hooks& hooks() const { return *hooks_; }

 private:
  std::shared_ptr<ParameterSet> parameters_;
  std::shared_ptr<Hooks> hooks_;
};

}  // namespace frugal
