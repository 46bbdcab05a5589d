// The fine-tuning baselines: identity at the start, which parameters train, and the formulas of the papers.
#include "methods/common/peft.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "methods/meft/reversible_encoder.h"
#include "tests/models/tiny_bert.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using testing::relative_error;
using testing::tiny_bert;
using testing::tiny_inputs;
using testing::TinySpec;

PeftOptions kind(const std::string& name) {
  PeftOptions options;
  options.kind = name;
  options.adapter_dim = 8;
  return options;
}

std::shared_ptr<TextEncoder> adapted(const PeftOptions& options, std::shared_ptr<TextEncoder> model) {
  return PeftMethod(options).apply(std::move(model), {.init_seed = 11});
}

std::set<std::string> trainable_names(const TextEncoder& model) {
  std::set<std::string> names;
  for (const auto& parameter : model.parameters().trainable()) names.insert(parameter.name);
  return names;
}

int64_t trainable_elements(const TextEncoder& model, std::string_view part) {
  int64_t elements = 0;
  for (const auto& parameter : model.parameters().trainable())
    if (parameter.name.find(part) != std::string::npos) elements += parameter.value.numel();
  return elements;
}

// New parameters away from their start, so that formulas are told apart.
void perturb(TextEncoder& model, std::string_view part) {
  const at::NoGradGuard no_grad;
  at::Generator generator = at::detail::createCPUGenerator(21);
  for (const auto& parameter : model.parameters().all())
    if (parameter.name.find(part) != std::string::npos)
      parameter.value.copy_(at::empty_like(parameter.value).normal_(0, 0.3, generator));
}

at::Tensor logits(TextEncoder& model, const Pass& pass = Pass::evaluation()) {
  const at::NoGradGuard no_grad;
  return model.forward(tiny_inputs(), pass).logits;
}

// One post-LN layer written out, with what adapters add to the branches: attention_extra(a), mlp_extra(in, f).
at::Tensor written_out(const TextEncoder& model,
                       const std::function<at::Tensor(int64_t, const at::Tensor&)>& on_attention,
                       const std::function<at::Tensor(int64_t, const at::Tensor&, const at::Tensor&)>& on_mlp) {
  const TextInputs inputs = tiny_inputs();
  const auto get = [&](const std::string& name) { return model.parameters().get("bert." + name); };
  const auto dense = [&](const at::Tensor& x, const std::string& name) {
    return at::linear(x, get(name + ".weight"), get(name + ".bias"));
  };
  const auto norm = [&](const at::Tensor& x, const std::string& name) {
    return at::layer_norm(x, {x.size(-1)}, get(name + ".weight"), get(name + ".bias"), 1e-12);
  };
  at::Tensor h = at::embedding(get("embeddings.word_embeddings.weight"), inputs.input_ids) +
                 get("embeddings.position_embeddings.weight").slice(0, 0, inputs.input_ids.size(1)) +
                 get("embeddings.token_type_embeddings.weight")[0];
  h = norm(h, "embeddings.LayerNorm");
  const int64_t heads = model.config().heads, width = model.config().hidden_size / heads;
  const at::Tensor allowed = (inputs.attention_mask == 1).unsqueeze(1).unsqueeze(1);
  for (int64_t l = 0; l < model.config().layers; ++l) {
    const std::string p = cat("encoder.layer.", l, ".");
    const auto split = [&](const std::string& name) {
      return dense(h, p + "attention.self." + name).view({h.size(0), h.size(1), heads, width}).transpose(1, 2);
    };
    const at::Tensor scores = at::matmul(split("query"), split("key").transpose(2, 3)) / std::sqrt(double(width));
    const at::Tensor mixed = at::matmul(at::softmax(scores.masked_fill(~allowed, -1e300), -1), split("value"));
    const at::Tensor a = dense(mixed.transpose(1, 2).reshape(h.sizes()), p + "attention.output.dense");
    const at::Tensor u = norm(on_attention(l, a) + h, p + "attention.output.LayerNorm");
    const at::Tensor f = dense(at::gelu(dense(u, p + "intermediate.dense")), p + "output.dense");
    h = norm(on_mlp(l, u, f) + u, p + "output.LayerNorm");
  }
  return h;
}

at::Tensor adapter(const TextEncoder& model, const std::string& name, const at::Tensor& x) {
  const auto get = [&](const char* part) { return model.parameters().get(name + part); };
  return at::linear(at::gelu(at::linear(x, get(".dense1.weight"), get(".dense1.bias"))), get(".dense2.weight"),
                    get(".dense2.bias"));
}

class EveryKind : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Peft, EveryKind,
                         ::testing::Values("full", "bitfit", "lora", "sequential_adapter", "parallel_adapter", "ia3",
                                           "head"),
                         [](const auto& info) { return info.param; });

// As published, the start is the unmodified model: LoRA's B = 0, (IA)3's vectors 1, the adapters' up matrix 0.
TEST_P(EveryKind, StartsAsTheUnmodifiedModelBitForBit) {
  for (const auto type : {at::kFloat, at::kDouble})
    for (const Pass& pass : {Pass::evaluation(), Pass::train(5, 3, 0)})
      for (const char* placement : {"houlsby", "pfeiffer"}) {
        PeftOptions options = kind(GetParam());
        options.adapter_placement = placement;
        options.targets = {"query", "key", "value"};
        const auto changed = adapted(options, tiny_bert({}, type));
        EXPECT_TRUE(logits(*changed, pass).equal(logits(*tiny_bert({}, type), pass))) << pass.training << placement;
      }
}

TEST_P(EveryKind, CheckpointingGivesTheSameGradientsBitForBit) {
  const auto gradients = [&](bool checkpointing, int64_t every, at::ScalarType type) {
    PeftOptions options = kind(GetParam());
    options.checkpointing = checkpointing;
    options.checkpoint_every = every;
    auto model = tiny_bert({.dropout = 0.1}, type);
    const auto changed = adapted(options, model);
    perturb(*changed, "lora_B");
    const at::Tensor out = changed->forward(tiny_inputs(), Pass::train(5, 3, 0)).logits;
    std::vector<at::Tensor> parameters;
    for (const auto& p : changed->parameters().trainable()) parameters.push_back(p.value);
    return torch::autograd::grad({(out * out).sum()}, parameters);
  };
  for (const auto type : {at::kFloat, at::kDouble}) {
    const auto plain = gradients(false, 1, type);
    for (const int64_t every : {1, 3, 9}) {
      const auto recomputed = gradients(true, every, type);
      ASSERT_EQ(recomputed.size(), plain.size());
      for (size_t i = 0; i < plain.size(); ++i)
        EXPECT_TRUE(recomputed[i].equal(plain[i])) << type << " " << every << " " << i;
    }
  }
}

std::set<std::string> with_head(std::set<std::string> names) {
  names.insert({"classifier.weight", "classifier.bias"});
  return names;
}

std::set<std::string> in_every_layer(const std::vector<std::string>& parts, int64_t layers = 4) {
  std::set<std::string> names;
  for (int64_t l = 0; l < layers; ++l)
    for (const auto& part : parts) names.insert(cat("bert.encoder.layer.", l, ".", part));
  return with_head(names);
}

std::vector<std::string> bottleneck(const std::string& name) {
  return {name + ".dense1.weight", name + ".dense1.bias", name + ".dense2.weight", name + ".dense2.bias"};
}

TEST(Peft, ExactlyTheRightParametersTrain) {
  const auto names = [](PeftOptions options) { return trainable_names(*adapted(options, tiny_bert())); };
  EXPECT_EQ(names(kind("head")), with_head({}));
  EXPECT_EQ(names(kind("lora")),
            in_every_layer({"attention.self.query.lora_A.weight", "attention.self.query.lora_B.weight",
                            "attention.self.value.lora_A.weight", "attention.self.value.lora_B.weight"}));
  EXPECT_EQ(names(kind("ia3")),
            in_every_layer({"attention.self.key.ia3_l", "attention.self.value.ia3_l", "intermediate.ia3_l"}));
  EXPECT_EQ(names(kind("parallel_adapter")), in_every_layer(bottleneck("parallel_adapter")));
  auto both = bottleneck("output.adapter");
  PeftOptions pfeiffer = kind("sequential_adapter");
  pfeiffer.adapter_placement = "pfeiffer";
  EXPECT_EQ(names(pfeiffer), in_every_layer(both));
  const auto attention = bottleneck("attention.output.adapter");
  both.insert(both.end(), attention.begin(), attention.end());
  EXPECT_EQ(names(kind("sequential_adapter")), in_every_layer(both));

  auto biases = in_every_layer({"attention.self.query.bias", "attention.self.key.bias", "attention.self.value.bias",
                                "attention.output.dense.bias", "attention.output.LayerNorm.bias",
                                "intermediate.dense.bias", "output.dense.bias", "output.LayerNorm.bias"});
  biases.insert("bert.embeddings.LayerNorm.bias");
  EXPECT_EQ(names(kind("bitfit")), biases);

  const auto everything = names(kind("full"));
  EXPECT_EQ(everything.size(), tiny_bert()->parameters().all().size());
  PeftOptions pooler = kind("head");
  pooler.train_pooler = true;
  EXPECT_EQ(names(pooler), with_head({"bert.pooler.dense.weight", "bert.pooler.dense.bias"}));
}

// BERT-base: width 768, 12 layers (the vocabulary and the MLP's width do not matter here).
TEST(Peft, CountsOfBertBase) {
  BertConfig config;
  config.vocab_size = 8;
  config.intermediate_size = 16;
  const auto base = [&] {
    Weights weights = Weights::random(1, 0.02);
    return std::make_shared<Bert>(config, 2, weights);
  };
  EXPECT_EQ(trainable_elements(*adapted(kind("lora"), base()), "lora_"), 294'912);
  PeftOptions houlsby = kind("sequential_adapter");
  houlsby.adapter_dim = 64;
  EXPECT_EQ(trainable_elements(*adapted(houlsby, base()), "adapter"), 24 * (2 * 768 * 64 + 64 + 768));
  for (const char* variant : {"meft1", "meft2", "meft3"}) {
    meft::MeftOptions options;
    options.variant = variant;
    const meft::ReversibleEncoder model(base(), options, 1);
    EXPECT_EQ(trainable_elements(model, "adapter"), 313'536) << variant;
    EXPECT_EQ(trainable_elements(model, ""), 313'536 + 2 * 768 + 2) << "and the classifier, nothing else";
  }
}

// W + alpha / r B A, merged by hand.
TEST(Peft, LoraEqualsMergedWeights) {
  PeftOptions options = kind("lora");
  options.targets = {"query", "key", "value"};
  options.alpha = 12;
  const auto changed = adapted(options, tiny_bert());
  perturb(*changed, "lora_B");
  const auto merged = tiny_bert();
  for (int64_t l = 0; l < 4; ++l)
    for (const auto& target : options.targets) {
      const std::string name = cat("bert.encoder.layer.", l, ".attention.self.", target, ".");
      const auto get = [&](const char* part) { return changed->parameters().get(name + part).detach(); };
      at::Tensor weight = merged->parameters().get(name + "weight").detach();
      weight.add_(at::matmul(get("lora_B.weight"), get("lora_A.weight")), 12.0 / 8);
    }
  EXPECT_LT(relative_error(logits(*changed), logits(*merged)), 1e-12);
  EXPECT_GT(relative_error(logits(*changed), logits(*tiny_bert())), 1e-3);
}

TEST(Peft, LoraStartsAsPublished) {
  const auto model = adapted(kind("lora"), tiny_bert());
  const auto& a = model->parameters().get("bert.encoder.layer.2.attention.self.query.lora_A.weight");
  const auto& other = model->parameters().get("bert.encoder.layer.3.attention.self.query.lora_A.weight");
  const double bound = 1 / std::sqrt(32.0);
  EXPECT_LE(a.abs().max().item<double>(), bound);
  EXPECT_GT(a.abs().max().item<double>(), 0.9 * bound);
  EXPECT_FALSE(a.equal(other));
  EXPECT_TRUE(a.equal(
      adapted(kind("lora"), tiny_bert())->parameters().get("bert.encoder.layer.2.attention.self.query.lora_A.weight")));
  PeftOptions constant = kind("lora");
  constant.init_constant = 0.01;
  EXPECT_GT(relative_error(logits(*adapted(constant, tiny_bert())), logits(*tiny_bert())), 1e-6) << "the ablation";
}

// l_k K, l_v V, l_ff act(W1 x): rows of W_k and W_v and columns of W2, scaled by hand.
TEST(Peft, Ia3EqualsScaledWeights) {
  const auto changed = adapted(kind("ia3"), tiny_bert());
  perturb(*changed, "ia3_l");
  const auto scaled = tiny_bert();
  for (int64_t l = 0; l < 4; ++l) {
    const std::string p = cat("bert.encoder.layer.", l, ".");
    const auto vector = [&](const std::string& name) {
      return changed->parameters().get(p + name + ".ia3_l").detach();
    };
    const auto weight = [&](const std::string& name) { return scaled->parameters().get(p + name).detach(); };
    for (const char* name : {"attention.self.key", "attention.self.value"}) {
      weight(name + std::string(".weight")).mul_(vector(name).unsqueeze(1));
      weight(name + std::string(".bias")).mul_(vector(name));
    }
    weight("output.dense.weight").mul_(vector("intermediate").unsqueeze(0));
  }
  EXPECT_LT(relative_error(logits(*changed), logits(*scaled)), 1e-12);
}

// Houlsby et al., figure 2: h + A(h) in the sub-layer's branch, before residual and norm. Pfeiffer: after the MLP only.
TEST(Peft, SequentialAdaptersEqualTheFormula) {
  for (const std::string placement : {"houlsby", "pfeiffer"}) {
    PeftOptions options = kind("sequential_adapter");
    options.adapter_placement = placement;
    const auto model = adapted(options, tiny_bert());
    perturb(*model, "adapter");
    const auto name = [](int64_t l, const char* part) { return cat("bert.encoder.layer.", l, ".", part); };
    const at::NoGradGuard no_grad;
    const at::Tensor expected = written_out(
        *model,
        [&](int64_t l, const at::Tensor& a) {
          return placement == "houlsby" ? a + adapter(*model, name(l, "attention.output.adapter"), a) : a;
        },
        [&](int64_t l, const at::Tensor&, const at::Tensor& f) {
          return f + adapter(*model, name(l, "output.adapter"), f);
        });
    const at::Tensor got = model->forward(tiny_inputs(), Pass::evaluation()).last_hidden_state;
    EXPECT_LT(relative_error(got, expected), 1e-12) << placement;
  }
}

// He et al. 2022: s A(x) beside the MLP, x the MLP's input.
TEST(Peft, ParallelAdapterEqualsTheFormula) {
  PeftOptions options = kind("parallel_adapter");
  options.adapter_scale = 2.5;
  const auto model = adapted(options, tiny_bert());
  perturb(*model, "adapter");
  const at::NoGradGuard no_grad;
  const at::Tensor expected = written_out(
      *model, [](int64_t, const at::Tensor& a) { return a; },
      [&](int64_t l, const at::Tensor& in, const at::Tensor& f) {
        return f + 2.5 * adapter(*model, cat("bert.encoder.layer.", l, ".parallel_adapter"), in);
      });
  const at::Tensor got = model->forward(tiny_inputs(), Pass::evaluation()).last_hidden_state;
  EXPECT_LT(relative_error(got, expected), 1e-12);
}

TEST(Peft, DropoutOfLoraAndAdaptersIsOnInTrainingOnly) {
  for (const char* name : {"lora", "parallel_adapter"}) {
    PeftOptions options = kind(name);
    options.dropout = 0.5;
    const auto model = adapted(options, tiny_bert({.dropout = 0}));
    perturb(*model, std::string_view(name) == "lora" ? "lora_B" : "adapter");
    const at::Tensor first = logits(*model, Pass::train(5, 3, 0));
    EXPECT_TRUE(first.equal(logits(*model, Pass::train(5, 3, 0))));
    EXPECT_FALSE(first.equal(logits(*model, Pass::train(5, 4, 0))));
    EXPECT_FALSE(first.equal(logits(*model)));
    EXPECT_TRUE(logits(*model).equal(logits(*model)));
  }
}

TEST(Peft, BadTargetsAreNamed) {
  PeftOptions options = kind("lora");
  options.targets = {"query", "dense"};
  EXPECT_ERROR_AT(adapted(options, tiny_bert()), ErrorKind::kUsage, "bad_value", "method.targets");
}

// Hooks that anyone attaches are passed by the wrapped encoders, too.
TEST(Peft, CheckpointedEncoderPassesBlockAndOutputHooks) {
  PeftOptions options = kind("lora");
  options.checkpointing = true;
  const auto model = adapted(options, tiny_bert());
  int blocks = 0, outputs = 0;
  for (int64_t l = 0; l < 4; ++l)
    model->hooks().attach(HookPoint::kBlock, l, [&](const at::Tensor&, const at::Tensor& out, const Pass&) {
      ++blocks;
      return out;
    });
  model->hooks().attach(HookPoint::kOutput, -1, [&](const at::Tensor&, const at::Tensor& out, const Pass&) {
    ++outputs;
    return out;
  });
  logits(*model);
  EXPECT_EQ(blocks, 4);
  EXPECT_EQ(outputs, 1);
}

}  // namespace
}  // namespace frugal
