// What a language model keeps of the tokens it has seen, for B sequences of unequal length: a preallocated table with
// one row a sequence, so that a step allocates nothing.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace frugal {

// One tensor that a layer stores of every token: {"key", [Hkv,dh]}, {"latent", [r_kv]}. Layers may differ.
struct CacheSlot {
  std::string name;
  std::vector<int64_t> shape;  // of one token
  at::ScalarType type;
};

// Which rows of the cache one call extends, and where: made once a call, used by every layer.
struct CacheSpan {
  std::vector<int64_t> rows;    // of the cache, one a row of the call
  std::vector<int64_t> starts;  // tokens stored before the call
  std::vector<int64_t> counts;  // tokens of the call that are valid, 0..T
  int64_t tokens = 0;           // T
  int64_t end = 0;              // longest row after the call, at least 1: what queries may look at
  bool adjacent = false;        // rows are r, r+1, ...: reading is a view
  bool aligned = false;         // adjacent, equal starts, room for all T: writing is one copy, padding included
  at::Tensor row_index;         // [B] int64, unless adjacent
  at::Tensor from, to;          // [n] int64, unless aligned: valid token of the call -> its place in the cache
};

class KvCache {
 public:
  // slots: of each layer. All memory is taken here: sequences * capacity tokens of every slot.
  KvCache(std::vector<std::vector<CacheSlot>> slots, int64_t sequences, int64_t capacity, at::Device device);

  int64_t sequences() const { return static_cast<int64_t>(lengths_.size()); }
  at::Device device() const { return device_; }
  int64_t capacity() const { return capacity_; }                            // tokens a sequence
  int64_t length(int64_t sequence) const { return lengths_.at(sequence); }  // tokens stored
  // Forgets what lies past `length`. Error(kRunFailed, "bad_cache_length") for more than is stored.
  void truncate(int64_t sequence, int64_t length);
  // Gives sequence to[i] the first lengths[i] tokens of from[i], instead of what it held: prompts with a common prefix
  // compute it once. All at once, whatever the number of rows, as the longest of `lengths`. Error as truncate's;
  // "bad_cache_rows" for a row of `to` twice.
  void fork(const std::vector<int64_t>& from, const std::vector<int64_t>& to, const std::vector<int64_t>& lengths);
  void clear();

  int64_t bytes_per_token() const;  // over all layers
  int64_t bytes() const;            // of the stored tokens, exact
  int64_t allocated_bytes() const;  // of the table

  // For models. plan: rows (empty: all) take the first counts[i] of `tokens` new tokens each (counts empty: all).
  // Error(kRunFailed, "cache_full") where a row does not fit, naming it; "bad_cache_rows" for a row twice or none such.
  CacheSpan plan(const std::vector<int64_t>& rows, const std::vector<int64_t>& counts, int64_t batch,
                 int64_t tokens) const;
  // Writes the call's values [B,T,...slot] behind what is stored, and returns all of it, [B,end,...slot]: of row i the
  // first starts[i] + counts[i] are valid, the others are finite. Not differentiable.
  at::Tensor extend(int64_t layer, int64_t slot, const at::Tensor& values, const CacheSpan& span);
  // Counts the tokens of `span` as stored, once every layer has them.
  void commit(const CacheSpan& span);
  // The same for one token a sequence whose count lies on the device: values [sequences,1,...slot] go to `places`
  // [sequences] int64 of the table seen as [sequences * capacity,...slot]. Returns the whole table.
  const at::Tensor& put(int64_t layer, int64_t slot, const at::Tensor& values, const at::Tensor& places);
  // Counts `tokens` more in every sequence, which `put` stored or is about to store. Error(kRunFailed, "cache_full").
  void advance(int64_t tokens);
  // Says how much of the tables is filled, one length a sequence: for whoever writes to them by `table`.
  // Error(kRunFailed, "bad_cache_length").
  void set_lengths(const std::vector<int64_t>& lengths);
  const std::vector<int64_t>& lengths() const { return lengths_; }
  int64_t layers() const { return static_cast<int64_t>(tables_.size()); }
  int64_t slots(int64_t layer) const { return static_cast<int64_t>(tables_.at(layer).size()); }
  // The whole table of one slot, [sequences, capacity, ...slot], for kernels that read it in place.
  const at::Tensor& table(int64_t layer, int64_t slot) const { return tables_.at(layer).at(slot); }

 private:
  void check_row(int64_t row) const;
  // Throws for a row that the cache has not, or that is named twice.
  void check_rows(const std::vector<int64_t>& rows) const;
  void add_places(CacheSpan& span) const;

  std::vector<std::vector<at::Tensor>> tables_;
  std::vector<int64_t> lengths_;
  int64_t capacity_;
  at::Device device_;
};

}  // namespace frugal
