#include "models/language/attention.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "models/nn/dropout.h"

namespace frugal {
namespace {

[[noreturn]] void bad_inputs(const std::string& message) {
  throw Error(ErrorKind::kUsage, "bad_inputs", message);
}

void check_lengths(const std::vector<int64_t>& lengths, int64_t batch, int64_t tokens) {
  if (lengths.empty()) return;
  if (static_cast<int64_t>(lengths.size()) != batch) bad_inputs(cat(lengths.size(), " lengths for ", batch, " rows"));
  for (const int64_t length : lengths)
    if (length < 0 || length > tokens) bad_inputs(cat("a row of ", length, " tokens in a batch of width ", tokens));
}

// Probabilities stored, as the definition says; where dropout needs them.
at::Tensor attend_plainly(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Visibility& visibility,
                          double scale, double dropout, uint64_t key) {
  const int64_t group = q.size(1) / k.size(1), queries = q.size(2), keys = k.size(2);
  at::Tensor scores = at::matmul(q, k.repeat_interleave(group, 1).transpose(2, 3)) * scale;
  if (visibility.causal)
    scores = scores.masked_fill(at::ones({queries, keys}, scores.options().dtype(at::kBool)).triu(1),
                                -std::numeric_limits<double>::infinity());
  if (visibility.additive.defined()) scores = scores + visibility.additive;
  const bool narrow = scores.scalar_type() == at::kHalf || scores.scalar_type() == at::kBFloat16;
  const at::Tensor p = at::softmax(scores, -1, narrow ? at::kFloat : scores.scalar_type()).to(v.scalar_type());
  return at::matmul(keyed_dropout(p, dropout, key), v.repeat_interleave(group, 1));
}

}  // namespace

TokenContext::TokenContext(const LanguageModelInputs& inputs, int64_t batch, int64_t tokens, at::Device device,
                           KvCache* cache, const Pass& pass, const Hooks& hooks)
    : batch_(batch),
      tokens_(tokens),
      device_(device),
      cache_(cache),
      pass_(pass),
      hooks_(hooks),
      positions_(inputs.positions),
      attention_mask_(inputs.attention_mask),
      positions_given_(inputs.positions.defined()) {
  if (inputs.stored.defined()) {
    begin_step(inputs);
    return;
  }
  check_lengths(inputs.lengths, batch, tokens);
  if (attention_mask_.defined() && cache != nullptr)
    bad_inputs("a call with a cache takes lengths (padding on the right), no attention mask");
  if (!inputs.rows.empty() && cache == nullptr) bad_inputs("rows are those of a cache, and there is none");
  for (const at::Tensor& given : {attention_mask_, positions_})
    if (given.defined() && given.sizes() != at::IntArrayRef({batch, tokens}))
      bad_inputs(cat("attention mask and positions have shape ", given.sizes(), ", expected ",
                     at::IntArrayRef({batch, tokens})));
  if (cache != nullptr) span_ = cache->plan(inputs.rows, inputs.lengths, batch, tokens);
  if (positions_given_) return;
  const at::Tensor steps = at::arange(tokens, at::TensorOptions(at::kLong).device(device)).unsqueeze(0);
  positions_ = cache == nullptr ? steps.expand({batch, tokens})
                                : steps + at::tensor(span_.starts, at::kLong).to(device).unsqueeze(1);
}

void TokenContext::begin_step(const LanguageModelInputs& inputs) {
  if (cache_ == nullptr || tokens_ != 1 || batch_ != cache_->sequences() || !inputs.rows.empty() ||
      !inputs.lengths.empty() || positions_given_ || attention_mask_.defined())
    bad_inputs("a step with lengths on the device takes one token of every sequence of a cache, and nothing else");
  const at::Tensor& stored = inputs.stored;
  if (stored.scalar_type() != at::kLong || stored.sizes() != at::IntArrayRef({batch_}) || stored.device() != device_)
    bad_inputs(cat("stored must be ", batch_, " int64 on ", device_.str(), ", found ", stored.sizes(), " ",
                   c10::toString(stored.scalar_type()), " on ", stored.device().str()));
  positions_ = stored.unsqueeze(1);
  const at::Tensor first = at::arange(batch_, stored.options()) * cache_->capacity();
  step_ = DeviceStep{.lengths = stored + 1, .places = first + stored, .longest = cache_->capacity()};
}

void TokenContext::refuse_step() const {
  if (step_)
    throw Error(ErrorKind::kUsage, "unsupported_decode",
                "a layer of this model cannot decode with lengths on the device (a sliding window, or another kind)",
                {}, "decode with lengths on the host");
}

bool TokenContext::from_start() const {
  return !step_ && std::all_of(span_.starts.begin(), span_.starts.end(), [](int64_t start) { return start == 0; });
}

at::Tensor TokenContext::visible_positions() const {
  if (positions_given_ || !attention_mask_.defined()) return positions_;
  const at::Tensor mask = attention_mask_.to(at::kLong);
  return mask.cumsum(1) * mask - 1;
}

void TokenContext::check_positions(int64_t most) const {
  // Given positions are read from the device; others are known here, of a device's step the most that they can become.
  // Padding may stand beyond the end of its row.
  const int64_t longest = step_                                        ? step_->longest
                          : positions_given_ && positions_.numel() > 0 ? positions_.max().item<int64_t>() + 1
                                                                       : keys();
  if (longest > most)
    throw Error(ErrorKind::kBadData, "sequence_too_long",
                cat("a sequence has ", longest, " tokens, this model takes ", most), "input_ids");
}

const RotaryTable& TokenContext::rotary(const Rotary& rotary, at::ScalarType type) {
  RotaryTable& table = rotary_[{&rotary, type}];
  if (!table.cos.defined()) table = rotary.table(positions_, type);
  return table;
}

// [1 or B,T,S]: key j stands at place j of its row, query t of row b at place start_b + t.
at::Tensor TokenContext::visible(std::optional<int64_t> window) const {
  const auto options = at::TensorOptions(at::kLong).device(device_);
  at::Tensor query = at::arange(tokens_, options).view({1, tokens_, 1});
  if (cache_ != nullptr) query = query + at::tensor(span_.starts, at::kLong).to(device_).view({-1, 1, 1});
  const at::Tensor key = at::arange(keys(), options).view({1, 1, -1});
  at::Tensor seen = key <= query;
  if (window) seen = seen.logical_and(key > query - *window);
  if (attention_mask_.defined()) seen = seen.logical_and((attention_mask_ != 0).unsqueeze(1));
  if (!attention_mask_.defined() && !window) return seen;  // the first key of a row is seen by all of it
  // Padding may see nothing; it looks at itself or at the last key, so that what nobody reads is finite.
  const at::Tensor nothing = seen.any(2, true).logical_not();
  return seen.logical_or(nothing.logical_and(key == query.clamp_max(keys() - 1)));
}

const Visibility& TokenContext::visibility(std::optional<int64_t> window, at::ScalarType type) {
  refuse_step();
  if (window && *window >= keys()) window.reset();
  const auto [entry, is_new] = visibility_.try_emplace({window, type});
  Visibility& made = entry->second;
  if (!is_new) return made;
  if (!window && !attention_mask_.defined() && from_start() && keys() == tokens_) {
    made.causal = tokens_ > 1;
    return made;
  }
  const bool ends =
      std::all_of(span_.starts.begin(), span_.starts.end(), [&](int64_t s) { return s + 1 == span_.end; });
  if (!window && cache_ != nullptr && tokens_ == 1 && ends) return made;
  const at::Tensor seen = visible(window).unsqueeze(1);
  made.additive = at::zeros(seen.sizes(), at::TensorOptions(type).device(device_))
                      .masked_fill_(seen.logical_not(), -std::numeric_limits<double>::infinity());
  return made;
}

at::Tensor TokenContext::extend(int64_t layer, int64_t slot, const at::Tensor& values) {
  refuse_step();
  return cache_ == nullptr ? values : cache_->extend(layer, slot, values, span_);
}

const at::Tensor& TokenContext::append(int64_t layer, int64_t slot, const at::Tensor& values) {
  return cache_->put(layer, slot, values, step_->places);
}

void TokenContext::commit() {
  if (cache_ != nullptr && !step_) cache_->commit(span_);
}

at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const Visibility& visibility,
                  double scale, double dropout, uint64_t dropout_key) {
  const at::Tensor q = query.transpose(1, 2), k = key.transpose(1, 2), v = value.transpose(1, 2);
  if (dropout > 0) return attend_plainly(q, k, v, visibility, scale, dropout, dropout_key).transpose(1, 2);
  const std::optional<at::Tensor> mask =
      visibility.additive.defined() ? std::optional(visibility.additive) : std::nullopt;
  const int64_t heads = q.size(1), kv_heads = k.size(1), tokens = q.size(2);
  if (tokens == 1) {  // decode: the queries of a group are rows of one product, and keys are read once
    const at::Tensor grouped = q.reshape({q.size(0), kv_heads, heads / kv_heads, q.size(3)});
    return at::scaled_dot_product_attention(grouped, k, v, mask, 0, false, scale)
        .reshape({q.size(0), 1, heads, v.size(3)});
  }
  // CUDA's fused kernels take either a mask or shared heads; with both they would fall back to storing the scores.
  const bool repeat = heads != kv_heads && mask && !q.is_cpu();
  const auto each = [&](const at::Tensor& x) { return repeat ? x.repeat_interleave(heads / kv_heads, 1) : x; };
  return at::scaled_dot_product_attention(q, each(k), each(v), mask, 0, visibility.causal, scale,
                                          heads != kv_heads && !repeat)
      .transpose(1, 2);
}

}  // namespace frugal
