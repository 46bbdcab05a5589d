// How ranks agree, step by step, on what only some of them know: that a signal came, that a checkpoint is due.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <optional>

#include "experiments/parallel/collectives.h"

namespace frugal {

struct Wish {
  int stop_signal = 0;  // 0: none
  bool checkpoint = false;
};

class Vote {
 public:
  Vote(Collectives& group, const at::Device& device) : group_(group), device_(device) {}
  // Says what this rank wants and returns what any wants, on every rank the same. On a GPU that is what was said at the
  // step before, since this step's is still queued there: so a step never waits for the device to end it. One process
  // hears itself at once.
  Wish cast(const Wish& mine);
  // Forgets what was said and not yet heard. All ranks at the same step.
  void clear() { said_.reset(); }

 private:
  struct Said {
    at::Tensor host;  // [2], pinned
    std::optional<c10::Event> copied;
  };
  Said say(const Wish& mine);
  static Wish hear(Said& said);

  Collectives& group_;
  at::Device device_;
  std::optional<Said> said_;
};

}  // namespace frugal
