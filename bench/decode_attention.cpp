// Attention of one decode step on a GPU: our kernels for grouped and latent caches beside LibTorch's own operations and
// beside the bandwidth of plain reading, all in one run. Every step goes through several layers whose caches together
// are many times the second-level cache; all contestants run as CUDA graphs, in turns.
// usage: decode_attention OUT.json [ROUNDS [ONLY]]   on a machine with a GPU; ONLY: a regular expression of cells, as
// they are printed: latent 8B 128+64 32x8192, grouped 1B 8x64 1x131072
#include <ATen/Context.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <c10/core/InferenceMode.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <regex>

#include "bench/read_roof.h"
#include "core/error.h"
#include "models/nn/cuda_support.h"
#include "models/nn/kernels/grouped_decode.h"
#include "models/nn/kernels/latent_decode.h"

namespace frugal::bench {
namespace {

using nlohmann::json;

struct Load {
  int64_t batch, context;
};
// The first has more than four times an H100's second-level cache in a layer of most shapes.
constexpr Load kLoads[] = {{128, 8192}, {32, 8192}, {8, 32768}, {1, 131072}};

struct GroupedShape {
  const char* model;
  int64_t heads, kv_heads, size;
};
constexpr GroupedShape kGrouped[] = {{"8B", 32, 8, 128}, {"1B", 32, 8, 64}};

struct LatentShape {
  const char* model;
  int64_t heads, rank, rope;
};
constexpr LatentShape kLatent[] = {{"8B", 32, 128, 64}, {"8B", 32, 160, 64}, {"8B", 32, 256, 64}, {"1B", 32, 512, 32},
                                   {"1B", 32, 256, 32}, {"1B", 32, 128, 32}, {"1B", 32, 64, 32},  {"1B", 32, 48, 32}};

constexpr int kReplays = 5;  // a sample: the first launch, with the device idle, weighs little

at::TensorOptions on_gpu() {
  return at::TensorOptions(at::kBFloat16).device(at::kCUDA);
}

// Enough layers to pass the second-level cache (50 MB on an H100) twenty times over, within 16 GiB.
int64_t layers_of(int64_t bytes_a_layer) {
  const int64_t wanted = (int64_t{1} << 30) / bytes_a_layer + 1, most = (int64_t{16} << 30) / bytes_a_layer;
  return std::clamp<int64_t>(wanted, 3, std::max<int64_t>(3, most));
}

// One way of doing the work: `layer` attends in layer i.
struct Contestant {
  std::string name;
  std::function<at::Tensor(int64_t i)> layer;
  std::unique_ptr<cuda::Graph> graph;
  std::vector<double> us;   // of one layer, one a round
  bool same_result = true;  // as the first contestant's
  double error = 0;         // largest difference from it, relative to its largest value
};

json summary(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double q) {
    return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {{"median", quantile(0.5)}, {"p10", quantile(0.1)}, {"p90", quantile(0.9)}, {"samples", values.size()}};
}

// Times of one step over all layers, in turns.
json race(std::vector<Contestant> contestants, int64_t layers, int64_t bytes_a_layer, int rounds) {
  at::Tensor first;
  for (Contestant& one : contestants) {
    const at::Tensor output = one.layer(0).to(at::kFloat).flatten();
    if (!first.defined()) first = output;
    if (one.same_result) one.error = ((output - first).abs().max() / first.abs().max()).item<double>();
    const auto step = [&] {
      for (int64_t i = 0; i < layers; ++i) one.layer(i);
    };
    step();
    one.graph = cuda::capture_graph(step);
    for (int i = 0; i < 3; ++i) one.graph->replay();
    cuda::synchronize();
  }
  for (int round = 0; round < rounds; ++round)
    for (Contestant& one : contestants) {
      const int64_t ns = cuda::time_with_events_ns([&] {
        for (int i = 0; i < kReplays; ++i) one.graph->replay();
      });
      one.us.push_back(static_cast<double>(ns) / 1000 / static_cast<double>(layers * kReplays));
    }
  json out = json::object();
  for (const Contestant& one : contestants) {
    json entry = {{"us_a_layer", summary(one.us)}};
    if (one.same_result) entry["difference"] = one.error;
    entry["tb_s"] = static_cast<double>(bytes_a_layer) / entry["us_a_layer"]["median"].get<double>() / 1e6;
    out[one.name] = entry;
  }
  return out;
}

Contestant reading(const std::vector<at::Tensor>& tables) {
  const at::Tensor sink = at::empty({1}, on_gpu().dtype(at::kInt));
  const int blocks = cuda::device_limits().multiprocessors * 4;
  return {
      .name = "read_roof", .layer = [=](int64_t i) {
        const auto& table = tables[static_cast<size_t>(i)];
        C10_CUDA_CHECK(static_cast<cudaError_t>(launch_read(
            table.const_data_ptr(), static_cast<int64_t>(table.nbytes()),
            reinterpret_cast<uint32_t*>(sink.mutable_data_ptr()), blocks, c10::cuda::getCurrentCUDAStream().stream())));
        return sink;
      }};
}

json grouped(const GroupedShape& shape, const Load& load, int rounds) {
  const int64_t bytes = load.batch * load.context * shape.kv_heads * shape.size * 2 * 2, layers = layers_of(bytes);
  // Keys, then values, of a layer in one piece, so that reading it all is one pass.
  std::vector<at::Tensor> tables, keys, values;
  for (int64_t i = 0; i < layers; ++i) {
    tables.push_back(at::randn({2, load.batch, load.context, shape.kv_heads, shape.size}, on_gpu()));
    keys.push_back(tables.back()[0]);
    values.push_back(tables.back()[1]);
  }
  const at::Tensor q = at::randn({load.batch, shape.heads, shape.size}, on_gpu());
  const at::Tensor lengths = at::full({load.batch}, load.context, on_gpu().dtype(at::kLong));
  const double scale = 1 / std::sqrt(static_cast<double>(shape.size));
  const auto at_layer = [](const std::vector<at::Tensor>& x, int64_t i) { return x[static_cast<size_t>(i)]; };
  std::vector<Contestant> contestants;
  contestants.push_back({.name = "grouped_decode", .layer = [&](int64_t i) {
                           return grouped_decode(q, at_layer(keys, i), at_layer(values, i), lengths, {}, scale);
                         }});
  const auto sdpa = [&](const at::Tensor& k, const at::Tensor& v) {
    return at::scaled_dot_product_attention(q.unsqueeze(2), k, v, {}, 0, false, scale, true);
  };
  contestants.push_back({.name = "sdpa_enable_gqa", .layer = [&](int64_t i) {
                           return sdpa(at_layer(keys, i).transpose(1, 2), at_layer(values, i).transpose(1, 2));
                         }});
  // The layout that suits it best: heads before tokens, over the same memory.
  contestants.push_back({.name = "sdpa_enable_gqa_heads_first", .layer = [&](int64_t i) {
                           const std::vector<int64_t> sizes = {load.batch, shape.kv_heads, load.context, shape.size};
                           return sdpa(at_layer(keys, i).view(sizes), at_layer(values, i).view(sizes));
                         }});
  contestants.back().same_result = false;  // the memory means something else to it
  // A group's queries as rows of one product: what our layers do without the kernel.
  contestants.push_back({.name = "sdpa_grouped_rows", .layer = [&](int64_t i) {
                           return at::scaled_dot_product_attention(
                                      q.view({load.batch, shape.kv_heads, shape.heads / shape.kv_heads, shape.size}),
                                      at_layer(keys, i).transpose(1, 2), at_layer(values, i).transpose(1, 2), {}, 0,
                                      false, scale)
                               .reshape({load.batch, shape.heads, shape.size});
                         }});
  contestants.push_back(reading(tables));
  return {{"kind", "grouped"},       {"model", shape.model},
          {"heads", shape.heads},    {"kv_heads", shape.kv_heads},
          {"head_size", shape.size}, {"batch", load.batch},
          {"context", load.context}, {"layers", layers},
          {"bytes_a_layer", bytes},  {"contestants", race(std::move(contestants), layers, bytes, rounds)}};
}

json latent(const LatentShape& shape, const Load& load, int rounds) {
  const int64_t width = shape.rank + shape.rope, bytes = load.batch * load.context * width * 2,
                layers = layers_of(bytes);
  std::vector<at::Tensor> tables;
  for (int64_t i = 0; i < layers; ++i) tables.push_back(at::randn({load.batch, load.context, width}, on_gpu()));
  const at::Tensor q = at::randn({load.batch, shape.heads, width}, on_gpu());
  const at::Tensor q_latent = q.narrow(2, 0, shape.rank), q_rope = q.narrow(2, shape.rank, shape.rope);
  const at::Tensor lengths = at::full({load.batch}, load.context, on_gpu().dtype(at::kLong));
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  const auto at_layer = [&](int64_t i) { return tables[static_cast<size_t>(i)]; };
  std::vector<Contestant> contestants;
  contestants.push_back({.name = "latent_decode", .layer = [&](int64_t i) {
                           return latent_decode(q_latent, q_rope, at_layer(i), lengths, {}, scale);
                         }});
  // The official code's operations: two products of scores, a softmax in fp32, a product with the latents.
  contestants.push_back({.name = "eager_absorbed", .layer = [&](int64_t i) {
                           const at::Tensor c = at_layer(i).narrow(2, 0, shape.rank);
                           const at::Tensor k = at_layer(i).narrow(2, shape.rank, shape.rope);
                           const at::Tensor scores =
                               (at::matmul(q_latent, c.transpose(1, 2)) + at::matmul(q_rope, k.transpose(1, 2))) *
                               scale;
                           return at::matmul(at::softmax(scores, -1, at::kFloat).to(at::kBFloat16), c);
                         }});
  // Fewer passes: one product of scores, a softmax in bf16.
  contestants.push_back({.name = "eager_absorbed_joint", .layer = [&](int64_t i) {
                           const at::Tensor scores = at::matmul(q * scale, at_layer(i).transpose(1, 2));
                           return at::matmul(at::softmax(scores, -1), at_layer(i).narrow(2, 0, shape.rank));
                         }});
  contestants.push_back(reading(tables));
  return {{"kind", "latent"},        {"model", shape.model},
          {"heads", shape.heads},    {"r_kv", shape.rank},
          {"d_r", shape.rope},       {"batch", load.batch},
          {"context", load.context}, {"layers", layers},
          {"bytes_a_layer", bytes},  {"contestants", race(std::move(contestants), layers, bytes, rounds)}};
}

std::string name_of(const LatentShape& shape, const Load& load) {
  return cat("latent ", shape.model, " ", shape.rank, "+", shape.rope, " ", load.batch, "x", load.context);
}
std::string name_of(const GroupedShape& shape, const Load& load) {
  return cat("grouped ", shape.model, " ", shape.kv_heads, "x", shape.size, " ", load.batch, "x", load.context);
}

void print(const std::string& name, const json& row) {
  std::cout << name << ", " << row["bytes_a_layer"].get<double>() / 1e6 << " MB a layer, " << row["layers"]
            << " layers\n";
  for (const auto& [who, one] : row["contestants"].items())
    std::cout << "  " << who << ": " << one["us_a_layer"]["median"].get<double>() << " us ("
              << one["us_a_layer"]["p10"].get<double>() << ".." << one["us_a_layer"]["p90"].get<double>() << "), "
              << one["tb_s"].get<double>() << " TB/s"
              << (one.contains("difference") ? cat(", difference ", one["difference"].get<double>()) : "") << '\n';
  std::cout << std::flush;
}

// Plain reading of 8 GiB in one launch.
json large_roof(int rounds) {
  std::vector<at::Tensor> tables = {at::empty({int64_t{8} << 30}, on_gpu().dtype(at::kByte)).zero_()};
  std::vector<Contestant> contestants;
  contestants.push_back(reading(tables));
  return race(std::move(contestants), 1, int64_t{8} << 30, rounds);
}

int run(const char* file, int rounds, const std::string& only) {
  if (!at::hasCUDA() || cuda::device_count() == 0)
    throw Error(ErrorKind::kEnvironment, "no_device", "no usable GPU on this machine");
  at::globalContext().lazyInitDevice(at::kCUDA);
  cuda::set_device(0);
  const c10::InferenceMode inference;
  char date[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  json out = {{"device", cuda::device_line()}, {"date", date}, {"rounds", rounds}, {"rows", json::array()}};
  out["roof_8_gib"] = large_roof(rounds)["read_roof"];
  std::cout << out["device"].get<std::string>() << "\nreading 8 GiB: " << out["roof_8_gib"]["tb_s"] << " TB/s\n";
  const auto take = [&](const auto& shape, const Load& load, auto measure) {
    const std::string name = name_of(shape, load);
    if (!std::regex_search(name, std::regex(only))) return;
    json row = measure(shape, load, rounds);
    print(name, row);
    out["rows"].push_back(std::move(row));
    std::ofstream(file) << out.dump(1) << '\n';  // as soon as it is there
    c10::cuda::CUDACachingAllocator::emptyCache();
  };
  for (const Load& load : kLoads) {
    for (const LatentShape& shape : kLatent) take(shape, load, latent);
    for (const GroupedShape& shape : kGrouped) take(shape, load, grouped);
  }
  return 0;
}

}  // namespace
}  // namespace frugal::bench

int main(int count, char** arguments) {
  if (count < 2 || count > 4) {
    std::cerr << "usage: decode_attention OUT.json [ROUNDS [ONLY]]\n";
    return 2;
  }
  try {
    return frugal::bench::run(arguments[1], count > 2 ? std::max(1, std::atoi(arguments[2])) : 30,
                              count > 3 ? arguments[3] : "");
  } catch (const frugal::Error& error) {
    std::cerr << error.what() << '\n';
    return frugal::exit_code(error.kind());
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 5;
  }
}
