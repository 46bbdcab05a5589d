#include "core/config/options.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace frugal {
namespace {

struct Sample {
  int64_t rank = 8;
  double alpha = 16;
  std::string kind = "svd";
  std::optional<int64_t> limit;
  std::vector<double> betas = {0.9, 0.98};
  bool merge = false;
};

const OptionTable<Sample>& table() {
  static const auto t = OptionTable<Sample>("sample")
                            .add("rank", &Sample::rank, {.help = "rank", .min = 1, .max = 64})
                            .add("alpha", &Sample::alpha, {.help = "scale"})
                            .add("init.kind", &Sample::kind, {.help = "how", .choices = {"svd", "random"}})
                            .add("limit", &Sample::limit, {.help = "rows"})
                            .add("betas", &Sample::betas, {.help = "moments"})
                            .add("merge", &Sample::merge, {.help = "merge"});
  return t;
}

std::string code_of(const char* json) {
  try {
    table().read(Json::parse(json), "method", [](std::string_view key) { return "f.yaml:" + std::string(key); });
  } catch (const Error& error) {
    return error.code() + " " + error.where();
  }
  return "ok";
}

TEST(Options, ReadsEveryType) {
  const Sample s = table().read(
      Json::parse(
          R"({"name":"x","rank":4,"alpha":2,"init":{"kind":"random"},"limit":null,"betas":[1,2.5],"merge":true})"),
      "method");
  EXPECT_EQ(s.rank, 4);
  EXPECT_EQ(s.alpha, 2.0);
  EXPECT_EQ(s.kind, "random");
  EXPECT_FALSE(s.limit);
  EXPECT_EQ(s.betas, (std::vector<double>{1, 2.5}));
  EXPECT_TRUE(s.merge);
}

TEST(Options, BadInputNamesThePlace) {
  EXPECT_EQ(code_of(R"({"rank":4.5})"), "bad_value f.yaml:method.rank");
  EXPECT_EQ(code_of(R"({"rank":0})"), "bad_value f.yaml:method.rank");
  EXPECT_EQ(code_of(R"({"rank":65})"), "bad_value f.yaml:method.rank");
  EXPECT_EQ(code_of(R"({"alpha":"7"})"), "bad_value f.yaml:method.alpha");
  EXPECT_EQ(code_of(R"({"init":{"kind":"svdd"}})"), "bad_value f.yaml:method.init.kind");
  EXPECT_EQ(code_of(R"({"init":{"kin":"svd"}})"), "unknown_key f.yaml:method.init.kin");
  EXPECT_EQ(code_of(R"({"betas":3})"), "bad_value f.yaml:method.betas");
  EXPECT_EQ(code_of(R"({"merge":1})"), "bad_value f.yaml:method.merge");
  EXPECT_EQ(code_of(R"({"rnak":3})"), "unknown_key f.yaml:method.rnak");
}

TEST(Options, NearestNameIsOffered) {
  try {
    table().read(Json::parse(R"({"rnak":3})"), "method");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.hint(), "did you mean 'method.rank'?");
  }
  EXPECT_EQ(nearest_name("qqqqqqqqqq", {"rank", "alpha"}), "");
}

TEST(Options, DescribesItself) {
  const auto& infos = table().infos();
  ASSERT_EQ(infos.size(), 6u);
  EXPECT_EQ(infos[3].type, "int or null");
  EXPECT_EQ(infos[4].type, "list of float");
  EXPECT_EQ(infos[4].default_value.dump(), "[0.9,0.98]");
}

}  // namespace
}  // namespace frugal
