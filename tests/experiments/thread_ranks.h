// Ranks as threads of one process: the collectives' contract without a library, for tests.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <barrier>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "experiments/parallel/collectives.h"

namespace frugal::test {

struct SharedPlace {
  explicit SharedPlace(int ranks) : meet(ranks), tensors(static_cast<size_t>(ranks)) {}
  std::barrier<> meet;
  std::vector<at::Tensor> tensors;
  std::string text;
};

class ThreadRank final : public Collectives {
 public:
  ThreadRank(SharedPlace& place, int rank) : place_(place), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(place_.tensors.size()); }
  std::string backend() const override { return "threads"; }
  std::string share(const std::string& text) override {
    if (rank_ == 0) place_.text = text;
    place_.meet.arrive_and_wait();
    std::string shared = place_.text;
    place_.meet.arrive_and_wait();
    return shared;
  }
  void leave(bool /*well*/) override {}

  int calls = 0;
  int64_t largest_bytes = 0;

 protected:
  void sum_flat(const at::Tensor& flat) override {
    exchange(flat, [&] {
      at::Tensor sum = place_.tensors.front().clone();
      for (size_t i = 1; i < place_.tensors.size(); ++i) sum += place_.tensors[i];
      return sum;
    });
  }
  void broadcast_flat(const at::Tensor& bytes) override {
    exchange(bytes, [&] { return place_.tensors.front().clone(); });
  }

 private:
  void exchange(const at::Tensor& flat, const std::function<at::Tensor()>& compute) {
    ++calls;
    largest_bytes = std::max(largest_bytes, static_cast<int64_t>(flat.nbytes()));
    place_.tensors[static_cast<size_t>(rank_)] = flat;
    place_.meet.arrive_and_wait();
    const at::Tensor result = compute();
    place_.meet.arrive_and_wait();  // nobody reads any more
    flat.copy_(result);
    place_.meet.arrive_and_wait();
  }

  SharedPlace& place_;
  int rank_;
};

// Runs `body` once a rank, at the same time; throws what one of them threw.
inline void on_ranks(int ranks, const std::function<void(ThreadRank&)>& body) {
  SharedPlace place(ranks);
  std::exception_ptr failure;
  std::mutex guard;
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < ranks; ++rank)
      threads.emplace_back([&, rank] {
        ThreadRank one(place, rank);
        try {
          body(one);
        } catch (...) {
          const std::lock_guard lock(guard);
          failure = std::current_exception();
        }
      });
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace frugal::test
