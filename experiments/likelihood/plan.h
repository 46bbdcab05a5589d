// In which order items are scored, and what is computed once for several of them. Links no LibTorch.
#pragma once

#include <cstddef>
#include <vector>

#include "experiments/likelihood/items.h"

namespace frugal {

struct PlanOptions {
  std::size_t batch_tokens = 4096;  // of the contexts of one batch, padding included; a longer item is a batch alone
  std::size_t batch_rows = 64;      // sequences of one batch
  // Begin of a group's contexts that is worth computing once: at least so many tokens. 0: nothing is shared, every
  // continuation is a sequence of its own, as in the harness.
  std::size_t least_prefix = 16;
};

struct ScoringGroup {
  std::size_t prefix = 0;                         // tokens that all contexts of the group begin with, computed once
  std::vector<std::vector<std::size_t>> batches;  // of items
};

struct ScoringPlan {
  std::vector<ScoringGroup> groups;
  std::size_t rows = 1, capacity = 1;  // of a cache that serves every batch
  std::size_t tokens = 0;              // that the model computes, without padding
  std::size_t tokens_alone = 0;        // that it would compute, were each continuation scored by itself
};

// Items of a group with a common begin are batched among themselves, all others together; longest first.
ScoringPlan make_plan(const std::vector<ScoringItem>& items, const PlanOptions& options);

// Continuations beyond the first of an item, or of several tokens, that take a row of their own behind the context's.
// One continuation alone runs with its context in one row.
std::size_t continuation_rows(const ScoringItem& item);

}  // namespace frugal
