// Ranks on GPUs, through c10d's NCCL group, as torch.distributed has it.
#include <ATen/Context.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <charconv>
#include <cstdlib>

#include "core/error.h"
#include "experiments/parallel/join.h"
#include "models/nn/cuda_support.h"

namespace frugal {
namespace {

// What c10d throws, as an error of ours.
template <typename Call>
auto told(const char* doing, const Call& call) {
  try {
    return call();
  } catch (const c10::Error& error) {
    throw Error(ErrorKind::kRunFailed, "lost_rank", cat("NCCL failed to ", doing, ": ", error.what_without_backtrace()),
                {}, "the logs of the other ranks, ranks/*.log in the run's folder; NCCL_DEBUG=INFO says more");
  }
}

class NcclRanks final : public Collectives {
 public:
  NcclRanks(c10::intrusive_ptr<c10d::Store> store, int rank, int size, std::chrono::milliseconds timeout)
      : store_(std::move(store)), rank_(rank), size_(size) {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = timeout;
    group_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", store_), rank,
                                                         size, std::move(options));
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string backend() const override { return "nccl"; }

  std::string share(const std::string& text) override {
    return told("share text", [&] {
      const std::string key = cat("text/", shared_++);
      if (rank_ == 0) store_->set(key, std::vector<uint8_t>(text.begin(), text.end()));
      const std::vector<uint8_t> bytes = store_->get(key);
      return std::string(bytes.begin(), bytes.end());
    });
  }

  // The store lives in rank 0: it goes when the others have. A group whose ranks are not all there would wait for them
  // when it is taken down, so after a failure the process ends as it is.
  void leave(bool well) override {
    if (!well) std::_Exit(exit_code(ErrorKind::kRunFailed));
    told("end", [&] {
      group_->shutdown();
      store_->set(cat("left/", rank_), std::vector<uint8_t>{1});
      for (int rank = 0; rank < size_ && rank_ == 0; ++rank) store_->get(cat("left/", rank));
    });
  }

 protected:
  void sum_flat(const at::Tensor& flat) override {
    on_device(flat, "add up tensors", [this](std::vector<at::Tensor>& one) { group_->allreduce(one)->wait(); });
  }
  void broadcast_flat(const at::Tensor& bytes) override {
    on_device(bytes, "hand out tensors", [this](std::vector<at::Tensor>& one) { group_->broadcast(one)->wait(); });
  }

 private:
  // NCCL works in device memory only: what is not there goes there and back.
  template <typename Call>
  void on_device(const at::Tensor& flat, const char* doing, const Call& call) const {
    if (flat.numel() == 0) return;
    told(doing, [&] {
      std::vector<at::Tensor> one = {flat.is_cuda() ? flat : flat.to(at::Device(at::kCUDA))};
      call(one);
      if (!flat.is_cuda()) flat.copy_(one.front());
    });
  }

  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> group_;
  int rank_, size_;
  int64_t shared_ = 0;
};

std::string required(const char* variable, const std::string& launcher) {
  if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  throw Error(ErrorKind::kUsage, "no_rendezvous",
              cat(launcher, " has started the ranks, and ", variable, " does not say where they meet"), variable,
              "MASTER_ADDR=<host of rank 0> MASTER_PORT=<a free port there>, for every rank");
}

uint16_t port_of(const std::string& text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0)
    throw Error(ErrorKind::kUsage, "bad_rank", cat("'", text, "' is no port"), "MASTER_PORT", "MASTER_PORT=29500");
  return port;
}

bool has_value(const char* variable, std::string_view value) {
  const char* text = std::getenv(variable);
  return text != nullptr && value == text;
}

}  // namespace

std::unique_ptr<run::Ranks> join_ranks(const run::Job& job) {
  if (!at::hasCUDA() || cuda::device_count() == 0)
    throw Error(ErrorKind::kEnvironment, "no_cuda", "device.type is cuda, and there is no usable GPU here",
                "device.type", "device=cpu, or run where nvidia-smi shows a GPU");
  const auto place = run::place_in_environment();
  check_rank_count(place ? place->size : 1, job);
  const std::string address = required("MASTER_ADDR", place->launcher);
  c10d::TCPStoreOptions options;
  options.port = port_of(required("MASTER_PORT", place->launcher));
  // torchrun keeps a store there itself.
  options.isServer = place->rank == 0 && !has_value("TORCHELASTIC_USE_AGENT_STORE", "True");
  options.numWorkers = static_cast<std::size_t>(place->size);
  options.waitWorkers = !has_value("TORCHELASTIC_USE_AGENT_STORE", "True");
  options.timeout = rank_timeout(job);
  try {
    const char* attempt = std::getenv("TORCHELASTIC_RESTART_COUNT");
    auto store = c10::make_intrusive<c10d::PrefixStore>(cat("frugal/", attempt != nullptr ? attempt : "0"),
                                                        c10::make_intrusive<c10d::TCPStore>(address, options));
    return std::make_unique<NcclRanks>(std::move(store), place->rank, place->size, rank_timeout(job));
  } catch (const c10::Error& error) {
    throw Error(ErrorKind::kEnvironment, "no_rendezvous",
                cat("rank ", place->rank, " of ", place->size, " does not meet the others at ", address, ":",
                    options.port, ": ", error.what_without_backtrace()),
                "MASTER_ADDR", "are all ranks started, and can they reach that port?");
  }
}

}  // namespace frugal
