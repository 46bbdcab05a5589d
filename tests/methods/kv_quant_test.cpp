// Caches of integers: the codec by its definition, and models with such a cache.
#include "methods/x_ecomla/kv_quant.h"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "models/language/kv_codec.h"
#include "tests/methods/tiny_x_ecomla.h"
#include "tests/support/expect_error.h"

namespace frugal::x_ecomla {
namespace {

using namespace frugal::x_ecomla::testing;
using frugal::testing::largest_difference;
using frugal::testing::tiny_ids;

std::shared_ptr<LanguageModel> quantized(const std::shared_ptr<Decoder>& model, int64_t bits, int64_t group = 16,
                                         Json layers = "all") {
  KvQuantOptions options;
  options.bits = bits;
  options.group = group;
  options.layers = std::move(layers);
  return KvQuantMethod(options).apply(std::static_pointer_cast<LanguageModel>(model), {});
}

class Codecs : public ::testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(Bits, Codecs, ::testing::Values(4, 8));

TEST_P(Codecs, ErrorsAreAtMostHalfAStepAndEndsAreExact) {
  const int64_t bits = GetParam(), group = 8;
  const IntegerCodec codec(bits, group);
  const at::Tensor x = at::randn({2, 3, 2, 16}, at::kDouble);
  const std::vector<at::Tensor> codes = codec.encode(x);
  EXPECT_EQ(codes[0].sizes(), at::IntArrayRef({2, 3, 2, 16 * bits / 8}));
  const at::Tensor back = codec.decode(codes);
  const at::Tensor steps = codes[1].repeat_interleave(group, -1);
  EXPECT_LE(((back - x).abs() / steps).max().item<double>(), 0.5 + 1e-9);
  const auto grouped = [&](const at::Tensor& t) { return t.unflatten(-1, {2, group}); };
  EXPECT_LT(largest_difference(grouped(back).amax({-1}), grouped(x).amax({-1})), 1e-12);
  EXPECT_TRUE(grouped(back).amin({-1}).equal(grouped(x).amin({-1})));
  // Every level is reached by numbers that lie on it.
  const auto levels = static_cast<int64_t>(1) << bits;
  const at::Tensor all = at::arange(levels, at::kDouble).view({1, 1, 1, levels});
  EXPECT_TRUE(IntegerCodec(bits, levels).decode(IntegerCodec(bits, levels).encode(all)).equal(all));
  const at::Tensor flat = at::full({1, 1, 1, 8}, 0.7, at::kDouble);
  EXPECT_TRUE(codec.decode(codec.encode(flat)).equal(flat));
}

TEST_P(Codecs, NarrowTypesStoreTheirOwnSteps) {
  const at::Tensor x = at::randn({1, 4, 2, 16}).to(at::kBFloat16);
  const IntegerCodec codec(GetParam(), 16);
  const std::vector<at::Tensor> codes = codec.encode(x);
  EXPECT_EQ(codes[1].scalar_type(), at::kBFloat16);
  const at::Tensor error = (codec.decode(codes).to(at::kFloat) - x.to(at::kFloat)).abs();
  EXPECT_LT((error / codes[1].to(at::kFloat).repeat_interleave(16, -1)).max().item<double>(), 1.5);
}

TEST_P(Codecs, DecodingEqualsTheWholeSequenceAndTheCacheIsSmaller) {
  const int64_t bits = GetParam();
  const auto model = base_model();
  const at::Tensor ids = tiny_ids(2, 10);
  const at::Tensor exact = states(*model, {.input_ids = ids});
  quantized(model, bits);
  const at::Tensor whole = states(*model, {.input_ids = ids});
  const auto cache = model->make_cache(2, 10);
  std::vector<at::Tensor> pieces = {states(*model, {.input_ids = ids.narrow(1, 0, 6)}, cache.get())};
  for (int64_t t = 6; t < 10; ++t) pieces.push_back(states(*model, {.input_ids = ids.narrow(1, t, 1)}, cache.get()));
  EXPECT_LT(largest_difference(at::cat(pieces, 1), whole), 1e-11);
  // Two layers, keys and values of two heads: 16 codes, a step and a least number of 8 bytes each.
  EXPECT_EQ(cache->bytes_per_token(), 2 * 2 * 2 * (16 * bits / 8 + 2 * 8));
  const double error = largest_difference(whole, exact) / exact.abs().max().item<double>();
  EXPECT_GT(error, 1e-6);
  EXPECT_LT(error, bits == 8 ? 0.02 : 0.4);
}

TEST(KvQuant, OtherLayersStayAndWithoutLayersNothingChanges) {
  const auto model = base_model();
  const at::Tensor ids = tiny_ids(1, 5), before = states(*model, {.input_ids = ids});
  quantized(model, 8, 16, Json::array());
  EXPECT_TRUE(states(*model, {.input_ids = ids}).equal(before));
  quantized(model, 8, 16, {1});
  EXPECT_EQ(model->make_cache(1, 1)->bytes_per_token(), 2 * 2 * 16 * 8 + 2 * 2 * (16 + 16));
}

TEST(KvQuant, WhatDoesNotFitIsRefused) {
  EXPECT_ERROR_AT(quantized(base_model(), 6), ErrorKind::kUsage, "bad_value", "method.bits");
  EXPECT_ERROR_AT(quantized(base_model(), 8, 5), ErrorKind::kUsage, "bad_value", "method.group");
  const auto model = base_model();
  converted(model, XEcomlaOptions());
  EXPECT_ERROR(quantized(model, 8), ErrorKind::kUsage, "method_does_not_fit");
}

}  // namespace
}  // namespace frugal::x_ecomla
