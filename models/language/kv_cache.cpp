#include "models/language/kv_cache.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "models/nn/unordered_copy.h"

namespace frugal {
namespace {

[[noreturn]] void fail(const char* code, const std::string& message) {
  throw Error(ErrorKind::kRunFailed, code, message);
}

void check_constant(const at::Tensor& values) {
  if (at::GradMode::is_enabled() && values.requires_grad())
    fail("cache_in_training", "a cache stores no gradients: train without one, or decode under no_grad");
}

}  // namespace

KvCache::KvCache(std::vector<std::vector<CacheSlot>> slots, int64_t sequences, int64_t capacity, at::Device device)
    : lengths_(static_cast<size_t>(sequences), 0), capacity_(capacity), device_(device) {
  for (const auto& layer : slots) {
    auto& tables = tables_.emplace_back();
    for (const CacheSlot& slot : layer) {
      std::vector<int64_t> shape = {sequences, capacity};
      shape.insert(shape.end(), slot.shape.begin(), slot.shape.end());
      // Zeros: what is masked must still be finite, since 0 * NaN is NaN.
      tables.push_back(at::zeros(shape, at::TensorOptions(slot.type).device(device)));
    }
  }
}

void KvCache::check_row(int64_t row) const {
  if (row < 0 || row >= sequences())
    fail("bad_cache_rows", cat("there is no sequence ", row, "; the cache holds ", sequences()));
}

void KvCache::check_rows(const std::vector<int64_t>& rows) const {
  std::vector<bool> seen(lengths_.size());
  for (const int64_t row : rows) {
    check_row(row);
    if (seen[static_cast<size_t>(row)]) fail("bad_cache_rows", cat("sequence ", row, " is named twice"));
    seen[static_cast<size_t>(row)] = true;
  }
}

void KvCache::truncate(int64_t sequence, int64_t length) {
  check_row(sequence);
  int64_t& stored = lengths_[static_cast<size_t>(sequence)];
  if (length < 0 || length > stored)
    fail("bad_cache_length", cat("sequence ", sequence, " holds ", stored, " tokens; cannot keep ", length));
  stored = length;
}

void KvCache::fork(const std::vector<int64_t>& from, const std::vector<int64_t>& to,
                   const std::vector<int64_t>& lengths) {
  if (from.size() != to.size() || lengths.size() != to.size())
    fail("bad_cache_rows", cat(from.size(), " rows and ", lengths.size(), " lengths for ", to.size(), " rows"));
  check_rows(to);
  for (size_t i = 0; i < from.size(); ++i) {
    check_row(from[i]);
    if (lengths[i] < 0 || lengths[i] > length(from[i]))
      fail("bad_cache_length",
           cat("sequence ", from[i], " holds ", length(from[i]), " tokens; cannot fork ", lengths[i]));
  }
  if (to.empty()) return;
  const at::NoGradGuard no_grad;
  const at::Tensor sources = at::tensor(from, at::kLong).to(device_), targets = at::tensor(to, at::kLong).to(device_);
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  for (const auto& layer : tables_)
    for (const at::Tensor& table : layer) {
      const at::Tensor begin = table.narrow(1, 0, longest);
      copy_to_places(begin, targets, begin.index_select(0, sources));
    }
  for (size_t i = 0; i < to.size(); ++i) lengths_[static_cast<size_t>(to[i])] = lengths[i];
}

void KvCache::clear() {
  std::fill(lengths_.begin(), lengths_.end(), 0);
}

int64_t KvCache::bytes_per_token() const {
  return sequences() * capacity_ == 0 ? 0 : allocated_bytes() / (sequences() * capacity_);
}

int64_t KvCache::bytes() const {
  return std::accumulate(lengths_.begin(), lengths_.end(), int64_t{0}) * bytes_per_token();
}

int64_t KvCache::allocated_bytes() const {
  int64_t bytes = 0;
  for (const auto& layer : tables_)
    for (const at::Tensor& table : layer) bytes += static_cast<int64_t>(table.nbytes());
  return bytes;
}

CacheSpan KvCache::plan(const std::vector<int64_t>& rows, const std::vector<int64_t>& counts, int64_t batch,
                        int64_t tokens) const {
  CacheSpan span{.rows = rows, .counts = counts, .tokens = tokens};
  if (rows.empty()) {
    span.rows.resize(static_cast<size_t>(batch));
    std::iota(span.rows.begin(), span.rows.end(), 0);
    if (batch != sequences())
      fail("bad_cache_rows", cat("a batch of ", batch, " for a cache of ", sequences(), " sequences; name its rows"));
  }
  if (counts.empty()) span.counts.assign(static_cast<size_t>(batch), tokens);
  if (static_cast<int64_t>(span.rows.size()) != batch || static_cast<int64_t>(span.counts.size()) != batch)
    fail("bad_cache_rows", cat(span.rows.size(), " rows and ", span.counts.size(), " lengths for a batch of ", batch));
  check_rows(span.rows);
  span.adjacent = span.aligned = true;
  span.end = 1;  // a softmax over nothing is no number
  for (size_t i = 0; i < span.rows.size(); ++i) {
    const int64_t row = span.rows[i], count = span.counts[i];
    const int64_t start = length(row);
    if (start + count > capacity_)
      fail("cache_full",
           cat("sequence ", row, " holds ", start, " tokens and gets ", count, "; the cache takes ", capacity_));
    span.starts.push_back(start);
    span.end = std::max(span.end, start + count);
    span.adjacent = span.adjacent && row == span.rows[0] + static_cast<int64_t>(i);
    span.aligned = span.aligned && start == span.starts[0] && start + tokens <= capacity_;
  }
  span.aligned = span.aligned && span.adjacent;
  if (!span.adjacent) span.row_index = at::tensor(span.rows, at::kLong).to(device_);
  if (!span.aligned) add_places(span);
  return span;
}

void KvCache::add_places(CacheSpan& span) const {
  std::vector<int64_t> from, to;
  for (size_t i = 0; i < span.rows.size(); ++i)
    for (int64_t t = 0; t < span.counts[i]; ++t) {
      from.push_back(static_cast<int64_t>(i) * span.tokens + t);
      to.push_back(span.rows[i] * capacity_ + span.starts[i] + t);
    }
  span.from = at::tensor(from, at::kLong).to(device_);
  span.to = at::tensor(to, at::kLong).to(device_);
}

at::Tensor KvCache::extend(int64_t layer, int64_t slot, const at::Tensor& values, const CacheSpan& span) {
  check_constant(values);
  at::Tensor& table = tables_.at(static_cast<size_t>(layer)).at(static_cast<size_t>(slot));
  const auto batch = static_cast<int64_t>(span.rows.size());
  if (span.aligned) {
    table.narrow(0, span.rows[0], batch).narrow(1, span.starts[0], span.tokens).copy_(values);
  } else {
    const at::Tensor valid = values.flatten(0, 1).index_select(0, span.from);
    copy_to_places(table.flatten(0, 1), span.to, valid.to(table.scalar_type()));
  }
  const at::Tensor upto = table.narrow(1, 0, span.end);
  return span.adjacent ? upto.narrow(0, span.rows[0], batch) : upto.index_select(0, span.row_index);
}

void KvCache::commit(const CacheSpan& span) {
  for (size_t i = 0; i < span.rows.size(); ++i)
    lengths_[static_cast<size_t>(span.rows[i])] = span.starts[i] + span.counts[i];
}

const at::Tensor& KvCache::put(int64_t layer, int64_t slot, const at::Tensor& values, const at::Tensor& places) {
  check_constant(values);
  at::Tensor& table = tables_.at(static_cast<size_t>(layer)).at(static_cast<size_t>(slot));
  copy_to_places(table.flatten(0, 1), places, values.flatten(0, 1).to(table.scalar_type()));
  return table;
}

void KvCache::advance(int64_t tokens) {
  for (size_t row = 0; row < lengths_.size(); ++row)
    if (lengths_[row] + tokens > capacity_)
      fail("cache_full", cat("sequence ", row, " holds ", lengths_[row], " tokens and gets ", tokens,
                             "; the cache takes ", capacity_));
  for (int64_t& length : lengths_) length += tokens;
}

void KvCache::set_lengths(const std::vector<int64_t>& lengths) {
  if (lengths.size() != lengths_.size())
    fail("bad_cache_length", cat(lengths.size(), " lengths for a cache of ", sequences(), " sequences"));
  for (const int64_t length : lengths)
    if (length < 0 || length > capacity_)
      fail("bad_cache_length", cat("a sequence of ", length, " tokens; the cache takes ", capacity_));
  lengths_ = lengths;
}

}  // namespace frugal
