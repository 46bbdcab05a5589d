// YAML text -> config value, or yaml_error / grammar_error with a place.
#include <gtest/gtest.h>

#include <chrono>

#include "core/config/compose.h"
#include "core/config/yaml.h"
#include "core/error.h"

namespace frugal::config {
namespace {

struct YamlCase {
  const char* text;
  const char* json;  // "!kind" for an error
};

std::string loaded(const std::string& text) {
  try {
    return json_text(*load_yaml(text, "test.yaml"));
  } catch (const Error& error) {
    EXPECT_TRUE(error.where().starts_with("test.yaml")) << error.what();
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return "!" + error.code();
  }
}

class YamlTest : public testing::TestWithParam<YamlCase> {};

TEST_P(YamlTest, LoadsAsOmegaConfLoadsIt) {
  EXPECT_EQ(loaded(GetParam().text), GetParam().json) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Scalars, YamlTest,
    testing::Values(YamlCase{"[1, 0x1F, 0b11, 017, 1_000, 08, 0o17]", "[1, 31, 3, 15, 1000, \"08\", \"0o17\"]"},
                    YamlCase{"[1.5, 1e3, 1E5, .5, -.5, 1., 1.5e-3]",
                             "[1.5, 1000.0, 100000.0, 0.5, \"-.5\", 1.0, 0.0015]"},
                    YamlCase{"[.inf, -.Inf, .nan, nan, inf]", "[Infinity, -Infinity, NaN, \"nan\", \"inf\"]"},
                    YamlCase{"[yes, No, on, OFF, true, y, n]", "[true, false, true, false, true, \"y\", \"n\"]"},
                    YamlCase{"[~, null, Null, nUll]", "[null, null, null, \"nUll\"]"},
                    YamlCase{"['1', \"true\", 'null']", "[\"1\", \"true\", \"null\"]"},
                    YamlCase{"[1:30, 1:30.5, 2001-01-01]", "[90, 90.5, \"2001-01-01\"]"},
                    YamlCase{"[!!str 1, !!int \"3\", !!float 1]", "[\"1\", 3, 1.0]"},
                    YamlCase{"a: 123456789012345678901234567890", "{\"a\": 123456789012345678901234567890}"}));

INSTANTIATE_TEST_SUITE_P(Structure, YamlTest,
                         testing::Values(YamlCase{"", "{}"}, YamlCase{"# only a comment\n", "{}"},
                                         YamlCase{"a:", "{\"a\": null}"}, YamlCase{"text", "{\"text\": null}"},
                                         YamlCase{"\xEF\xBB\xBF"
                                                  "a: 1",
                                                  "{\"a\": 1}"},
                                         YamlCase{"a: 1\r\nb: |\r\n  x\r\n", "{\"a\": 1, \"b\": \"x\\n\"}"},
                                         YamlCase{"b: &b {p: 1, q: 2}\nc: {<<: *b, q: 3}",
                                                  "{\"b\": {\"p\": 1, \"q\": 2}, \"c\": {\"p\": 1, \"q\": 3}}"},
                                         YamlCase{"c: {<<: [{a: 1}, {a: 2, b: 3}]}", "{\"c\": {\"a\": 1, \"b\": 3}}"},
                                         YamlCase{"1: a\n'1': b", "{\"1\": \"a\", \"1\": \"b\"}"}));

INSTANTIATE_TEST_SUITE_P(Bad, YamlTest,
                         testing::Values(YamlCase{"a: 1\na: 2", "!yaml_error"},
                                         YamlCase{"a: 1\n---\nb: 2", "!yaml_error"},
                                         YamlCase{"a: &x [*x]", "!yaml_error"}, YamlCase{"\ta: 1", "!yaml_error"},
                                         YamlCase{"a:\tb", "!yaml_error"}, YamlCase{"a: b\t", "!yaml_error"},
                                         YamlCase{"a: \xff", "!yaml_error"}, YamlCase{"a: \xed\xa0\x80", "!yaml_error"},
                                         YamlCase{"a: \x01", "!yaml_error"},
                                         YamlCase{"a: !!python/object/apply:os.system [ls]", "!yaml_error"},
                                         YamlCase{"a: !foo x", "!yaml_error"}, YamlCase{"a: !!int 1:x", "!yaml_error"},
                                         YamlCase{"a: 1\nb", "!yaml_error"}, YamlCase{"a: [1, 2", "!yaml_error"},
                                         YamlCase{"a: 'x", "!yaml_error"}, YamlCase{"a: [1,,2]", "!yaml_error"},
                                         YamlCase{"? [a]\n: 1", "!yaml_error"}, YamlCase{"null: 1", "!yaml_error"},
                                         YamlCase{"5", "!yaml_error"}, YamlCase{"a: &x 1\nb: &x 2", "!yaml_error"},
                                         YamlCase{"<<: 1", "!yaml_error"}, YamlCase{"a: ${b", "!grammar_error"},
                                         YamlCase{"a: ${b c}", "!grammar_error"},
                                         YamlCase{"o: {b: &b {<<: {x: 1}, x: 2}}\nc: {<<: *b}", "!yaml_error"}));

TEST(YamlMarkTest, EveryValueKnowsItsPlace) {
  const auto root = load_yaml("a:\n  b: 1\n  c: [x, y]\n", "f.yaml");
  EXPECT_EQ(root->find("a")->find("b")->mark.text(), "f.yaml:2:6");
  EXPECT_EQ(root->find("a")->find("c")->items[1]->mark.text(), "f.yaml:3:10");
}

// harness.md: each bad file is a clear error within a second.
class HostileYamlTest : public testing::TestWithParam<std::pair<const char*, std::string>> {};

TEST_P(HostileYamlTest, IsRefusedQuickly) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(loaded(GetParam().second), "!yaml_error");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

std::string repeated(const std::string& part, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += part;
  return out;
}

std::string alias_bomb(bool merge) {
  std::string out = merge ? "a0: &a0 {x: 1}\n" : "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const auto above = "*a" + std::to_string(i - 1);
    const auto name = "a" + std::to_string(i);
    out += name + ": &" + name;
    out += merge ? " {<<: [" + above + ", " + above + "]}\n" : " [" + repeated(above + ", ", 8) + above + "]\n";
  }
  return out;
}

std::string block_nesting(int depth) {
  std::string out;
  for (int i = 0; i < depth; ++i) out += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  return out;
}

INSTANTIATE_TEST_SUITE_P(Hostile, HostileYamlTest,
                         testing::Values(std::pair("flow depth", "a: " + repeated("[", 100'000)),
                                         std::pair("mapping depth", repeated("{a: ", 100'000)),
                                         std::pair("list depth", repeated("- ", 100'000)),
                                         std::pair("block depth", block_nesting(1000)),
                                         std::pair("alias bomb", alias_bomb(false)),
                                         std::pair("merge bomb", alias_bomb(true)),
                                         std::pair("many values", "a: [" + repeated("1,", 100'000) + "1]")),
                         [](const auto& info) {
                           std::string name = info.param.first;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace frugal::config
