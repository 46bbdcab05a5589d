// Override grammar: text -> what it says, or the kind of error.
#include <gtest/gtest.h>

#include "core/config/compose.h"
#include "core/config/override.h"
#include "core/config/sweep_space.h"
#include "core/error.h"

namespace frugal::config {
namespace {

struct ElementCase {
  const char* text;
  const char* json;  // of the value; "!kind" for an error
};

class ElementTest : public testing::TestWithParam<ElementCase> {};

TEST_P(ElementTest, HasTheValueThatHydraGives) {
  const std::string expected = GetParam().json;
  try {
    const auto item = parse_override(std::string("a=") + GetParam().text);
    EXPECT_EQ(json_text(*to_node(item.value, item.mark())), expected) << GetParam().text;
  } catch (const Error& error) {
    EXPECT_EQ("!" + error.code(), expected) << GetParam().text << ": " << error.what();
    EXPECT_FALSE(error.where().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Values, ElementTest,
    testing::Values(ElementCase{"", "\"\""}, ElementCase{"1", "1"}, ElementCase{"-10", "-10"},
                    ElementCase{"1_000", "1000"}, ElementCase{"1__0", "\"1__0\""}, ElementCase{"007", "\"007\""},
                    ElementCase{"0x10", "\"0x10\""}, ElementCase{"1.5", "1.5"}, ElementCase{"1e3", "1000.0"},
                    ElementCase{".5", "0.5"}, ElementCase{"5.", "5.0"}, ElementCase{"inf", "Infinity"},
                    ElementCase{"-inf", "-Infinity"}, ElementCase{"NaN", "NaN"}, ElementCase{"TrUe", "true"},
                    ElementCase{"null", "null"}, ElementCase{"None", "\"None\""}, ElementCase{"yes", "\"yes\""},
                    ElementCase{"123456789012345678901234567890", "123456789012345678901234567890"},
                    ElementCase{"'a b'", "\"a b\""}, ElementCase{"'it\\'s'", "\"it's\""},
                    ElementCase{R"('\\')", R"("\\")"}, ElementCase{R"(a\,b)", "\"a,b\""},
                    ElementCase{R"(a\ b)", "\"a b\""}, ElementCase{" x ", "\"x\""}, ElementCase{"a  b", "\"a  b\""},
                    ElementCase{"${a.b}", "\"${a.b}\""}, ElementCase{"x${a}y", "\"x${a}y\""},
                    ElementCase{"a:b", "\"a:b\""}, ElementCase{"/a/b", "\"/a/b\""}, ElementCase{"[]", "[]"},
                    ElementCase{"[1, [a, true]]", "[1, [\"a\", true]]"}, ElementCase{"{}", "{}"},
                    ElementCase{"{a: 1, b: {c: x}}", "{\"a\": 1, \"b\": {\"c\": \"x\"}}"},
                    ElementCase{"{1:2,true:4}", "{\"1\": 4}"}, ElementCase{"int(1.9)", "1"},
                    ElementCase{"str([1,true])", "[\"1\", \"true\"]"}, ElementCase{"float('2')", "2.0"},
                    ElementCase{"bool(true)", "true"}, ElementCase{"sort([3,1,2])", "[1, 2, 3]"}));

INSTANTIATE_TEST_SUITE_P(Errors, ElementTest,
                         testing::Values(ElementCase{"b=c", "!syntax_error"}, ElementCase{"[1,]", "!syntax_error"},
                                         ElementCase{"{a:1,}", "!syntax_error"}, ElementCase{"'a", "!syntax_error"},
                                         ElementCase{"a&b", "!syntax_error"}, ElementCase{"(1)", "!syntax_error"},
                                         ElementCase{"[a", "!syntax_error"}, ElementCase{"${a:${b}}", "!syntax_error"},
                                         ElementCase{"int(x) y", "!syntax_error"}, ElementCase{"int(x)", "!eval_error"},
                                         ElementCase{"foo(1)", "!eval_error"}, ElementCase{"range(a)", "!eval_error"},
                                         ElementCase{"choice()", "!eval_error"},
                                         ElementCase{"interval(1)", "!eval_error"},
                                         ElementCase{"sort(a,1)", "!eval_error"}, ElementCase{"bool(x)", "!eval_error"},
                                         ElementCase{"choice(null)", "!eval_error"},
                                         ElementCase{"str(interval(0,1))", "!eval_error"}));

struct SweepCase {
  const char* text;
  std::vector<std::string> values;
};

class SweepValuesTest : public testing::TestWithParam<SweepCase> {};

TEST_P(SweepValuesTest, AreTheTextsOfTheJobs) {
  const auto item = parse_override(std::string("a=") + GetParam().text);
  ASSERT_TRUE(item.is_sweep());
  EXPECT_EQ(sweep_texts(*item.value.sweep), GetParam().values);
}

INSTANTIATE_TEST_SUITE_P(
    Sweeps, SweepValuesTest,
    testing::Values(SweepCase{"1,2.0,x", {"1", "2.0", "x"}}, SweepCase{"'a b',[1,2]", {"'a b'", "[1,2]"}},
                    SweepCase{"choice('a b')", {"a\\ b"}}, SweepCase{"choice(a b,c)", {"a\\ b", "c"}},
                    SweepCase{"range(3)", {"0", "1", "2"}},
                    // binary floats: 0.1 * 3 > 0.3, decimals as Hydra sums them stop in time
                    SweepCase{"range(0,0.3,0.1)", {"0.0", "0.1", "0.2"}},
                    SweepCase{"range(1.0,0,-0.25)", {"1.0", "0.75", "0.5", "0.25"}},
                    SweepCase{"range(10,1,-3)", {"10", "7", "4"}}, SweepCase{"sort(range(10,1,-3))", {"4", "7", "10"}},
                    SweepCase{"sort(3,1,2,reverse=true)", {"3", "2", "1"}}, SweepCase{"int(1.9,2.1)", {"1", "2"}},
                    SweepCase{"float(range(0,2))", {"0.0", "1.0"}}, SweepCase{"true,null", {"True", "null"}}));

TEST(OverrideTest, TellsKeyPackageAndKind) {
  const auto item = parse_override("+db/engine@a.b=x");
  EXPECT_EQ(item.type, OverrideType::kAdd);
  EXPECT_EQ(item.key, "db/engine");
  EXPECT_EQ(item.package, "a.b");
  EXPECT_EQ(item.key_element(), "+db/engine@a.b");
  EXPECT_EQ(parse_override("~a").value_kind, ValueKind::kNone);
  EXPECT_EQ(parse_override("++a=1").type, OverrideType::kForceAdd);
  EXPECT_EQ(parse_override("a=interval(0,1)").value_kind, ValueKind::kInterval);
  EXPECT_EQ(parse_override("a=tag(x,y,choice(1,2))").value.sweep->tags, (std::set<std::string>{"x", "y"}));
}

TEST(OverrideTest, DeepNestingIsAnErrorAndNoCrash) {
  const std::string deep = "a=" + std::string(100'000, '[');
  EXPECT_THROW(parse_override(deep), Error);
}

TEST(OverrideTest, EndlessRangeIsAnError) {
  const auto item = parse_override("a=range(0,1e12,1)");
  EXPECT_THROW(sweep_texts(*item.value.sweep), Error);
}

TEST(PatternTest, MatchesAsShellPatternsDo) {
  EXPECT_TRUE(matches_pattern("resnet50", "res*50"));
  EXPECT_TRUE(matches_pattern("a-b", "a?b"));
  EXPECT_TRUE(matches_pattern("b", "[a-c]"));
  EXPECT_FALSE(matches_pattern("b", "[!a-c]"));
  EXPECT_TRUE(matches_pattern("[", "["));
  EXPECT_FALSE(matches_pattern("ab", "a"));
}

}  // namespace
}  // namespace frugal::config
