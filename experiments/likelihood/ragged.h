// Rows of unequal length as a call takes them, padded on the right.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <vector>

#include "experiments/likelihood/items.h"

namespace frugal {

struct Ragged {
  std::vector<TokenIds> rows;

  std::vector<int64_t> lengths() const {
    std::vector<int64_t> all;
    all.reserve(rows.size());
    for (const TokenIds& row : rows) all.push_back(static_cast<int64_t>(row.size()));
    return all;
  }
  at::Tensor padded(int64_t padding, std::size_t least_width = 0) const {
    std::size_t width = least_width;
    for (const TokenIds& row : rows) width = std::max(width, row.size());
    at::Tensor all = at::full({static_cast<int64_t>(rows.size()), static_cast<int64_t>(width)}, padding, at::kLong);
    auto* data = all.mutable_data_ptr<int64_t>();
    for (std::size_t r = 0; r < rows.size(); ++r) std::copy(rows[r].begin(), rows[r].end(), data + r * width);
    return all;
  }
};

}  // namespace frugal
