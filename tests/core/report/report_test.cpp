#include "core/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <regex>
#include <set>

#include "core/io/file.h"
#include "core/report/html.h"
#include "core/report/svg.h"
#include "core/results/recorder.h"
#include "core/results/run_file.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::report {
namespace {

namespace fs = std::filesystem;
using results::Direction;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kHostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&";

// The page may hold the elements that we write and no others, and no attribute that runs or loads anything.
void expect_harmless(const std::string& page) {
  const std::set<std::string> ours = {"!DOCTYPE", "html",    "head",  "meta", "title", "style",  "body",
                                      "h1",       "h2",      "p",     "div",  "table", "tr",     "th",
                                      "td",       "br",      "small", "span", "pre",   "figure", "figcaption",
                                      "details",  "summary", "svg",   "path", "text",  "circle"};
  const std::regex tag("<(/?)([A-Za-z!][A-Za-z0-9]*)([^>]*)>");
  for (std::sregex_iterator it(page.begin(), page.end(), tag), end; it != end; ++it) {
    EXPECT_TRUE(ours.contains((*it)[2])) << it->str();
    const std::string attributes = (*it)[3];
    EXPECT_FALSE(std::regex_search(attributes, std::regex("\\bon[a-z]+\\s*=|\\bsrc\\s*=|\\bhref\\s*="))) << it->str();
  }
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
}

results::RunEntry entry(const std::string& path, const std::string& config, double accuracy, double time) {
  results::RunData data;
  data.open.run_id = path;
  data.open.config_json = data.open.config_yaml = config;
  data.metrics = {{.name = "accuracy",
                   .value = accuracy,
                   .direction = Direction::kHigherIsBetter,
                   .ci_low = accuracy - 0.01,
                   .ci_high = accuracy + 0.01},
                  {.name = "time", .value = time, .unit = "ms", .direction = Direction::kLowerIsBetter},
                  {.name = "steps", .value = 7}};
  data.series["loss"] = {.unit = "nat", .steps = {0, 1, 2}, .times_ns = {0, 0, 0}, .values = {3, NAN, 1}};
  data.states = {{.state = results::RunState::kDone}};
  return {.path = path, .data = std::move(data)};
}

TEST(Html, EscapesWhateverItIsGiven) {
  EXPECT_EQ(escape("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
  EXPECT_EQ(escape(std::string("x\0y\x1b[2J", 7)), "x\xEF\xBF\xBDy\xEF\xBF\xBD[2J");
  EXPECT_EQ(escape("\xff<\xc3"), "\xEF\xBF\xBD&lt;\xEF\xBF\xBD") << "broken UTF-8 hides nothing";
  EXPECT_EQ(escape("ä\n"), "ä\n");
}

TEST(Pareto, HoldsThePointsThatNoneBeats) {
  const std::vector<Point> points = {{"a", 3, 9}, {"b", 1, 5}, {"c", 2, 5}, {"d", 2, 8}, {"e", 4, 9}, {"f", 3, 9}};
  EXPECT_THAT(pareto_front(points, Better::kLower, Better::kHigher), ElementsAre(1, 3, 0, 5));
  EXPECT_THAT(pareto_front(points, Better::kLower, Better::kLower), ElementsAre(1));
  EXPECT_THAT(pareto_front(points, Better::kHigher, Better::kHigher), ElementsAre(4));
  EXPECT_TRUE(pareto_front(points, Better::kUnknown, Better::kLower).empty());
  EXPECT_TRUE(pareto_front({}, Better::kLower, Better::kLower).empty());
}

TEST(Plot, OddValuesBreakNothing) {
  const double inf = std::numeric_limits<double>::infinity(), huge = std::numeric_limits<double>::max();
  for (const std::vector<double>& y : {std::vector<double>{},
                                       {NAN, NAN, NAN},
                                       {5, 5, 5},
                                       {0, 0, 0},
                                       {-huge, huge, 0},
                                       {inf, -inf, 1},
                                       {1e-320, 0, 1}}) {
    const std::vector<double> x(y.size(), 1.0);
    const std::string svg = curve_plot("t", {"x", "y"}, {{"one", x, y}});
    EXPECT_THAT(svg, HasSubstr("</svg>"));
    EXPECT_FALSE(std::regex_search(svg, std::regex("(d|cx|cy|x|y)=\"[^\"]*(nan|inf)"))) << svg;
  }
}

TEST(Plot, LongCurvesAreThinnedAndItIsSaid) {
  std::vector<double> many(100'000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<double>(i);
  const std::string svg = curve_plot("t", {"x", "y"}, {{"one", many, many}});
  EXPECT_LT(svg.size(), 20'000U);
  EXPECT_THAT(svg, HasSubstr("at most 500 points"));
  const std::vector<Curve> crowd(25, {"run", {1, 2}, {1, 2}});
  EXPECT_THAT(curve_plot("t", {"x", "y"}, crowd), HasSubstr("the first 20 of 25 runs"));
}

TEST(Report, ShowsMetricsSettingsCurvesAndOrigin) {
  auto first = entry("b/run.h5", R"({"seed":10,"method":{"rank":4},"model":{"width":8}})", 0.9, 12);
  auto second = entry("a/run.h5", R"({"seed":9,"method":{"rank":8},"model":{"width":8}})", 0.8, 5);
  first.data->provenance["code.commit"] = "abc123";
  first.data->inputs = {{.role = "dataset", .path = "cola/dev.tsv", .bytes = 77, .sha256 = "feed"}};
  const std::string page = html_report({first, second}, {.title = "Ranks", .x = "time", .y = "accuracy"});
  expect_harmless(page);
  for (const char* part : {"<h1>Ranks</h1>", "<th>rank</th>", "<th>seed</th>", "<th>time [ms]</th>", "[0.89, 0.91]",
                           "abc123", "cola/dev.tsv", "feed", "accuracy over time", "loss [nat]"})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_THAT(page, Not(HasSubstr("<th>width</th>"))) << "what is the same everywhere is no column";
  EXPECT_GT(page.find("<td>a/run.h5"), page.find("<td>b/run.h5")) << "rank 4 comes before rank 8";
  EXPECT_THAT(html_report({first, second}, {}), Not(HasSubstr("Pareto")));
}

TEST(Report, NumbersSortAsNumbers) {
  const std::string page =
      html_report({entry("ten", R"({"seed":10})", 0, 0), entry("nine", R"({"seed":9})", 0, 0)}, {});
  EXPECT_LT(page.find("<td>nine"), page.find("<td>ten"));
}

TEST(Report, SaysWhichMetricThereIsNot) {
  const std::vector<results::RunEntry> runs = {entry("a", "{}", 1, 2)};
  EXPECT_ERROR(html_report(runs, {.x = "tim", .y = "accuracy"}), ErrorKind::kUsage, "unknown_metric");
  EXPECT_ERROR(html_report(runs, {.x = "time"}), ErrorKind::kUsage, "bad_call");
  EXPECT_THAT(html_report(runs, {.x = "time", .y = "steps"}), HasSubstr("does not say which way is better"));
}

TEST(Report, HostileNamesAreText) {
  auto run = entry(kHostile, R"({"seed":1,"user":{}})", 0.5, 1);
  auto other = entry("other", R"({"seed":2})", 0.6, 2);
  run.data->open.config_yaml = run.data->open.run_id = kHostile;
  run.data->open.choices = {{"method", kHostile}, {kHostile, kHostile}};
  run.data->open.config_json = R"({"seed":1,"<script>x</script>":"<script>y</script>"})";
  run.data->provenance[kHostile] = kHostile;
  run.data->inputs = {{.role = kHostile, .path = kHostile, .sha256 = kHostile}};
  run.data->metrics[0].name = kHostile;
  run.data->metrics[0].unit = kHostile;
  run.data->series[kHostile] = {.unit = kHostile, .steps = {1}, .times_ns = {0}, .values = {1}};
  run.data->states = {{.state = results::RunState::kFailed, .message = kHostile}};
  const results::RunEntry damaged{.path = kHostile, .data = std::nullopt, .error = kHostile};
  const std::string page = html_report({run, other, damaged}, {.title = kHostile, .x = "time", .y = kHostile});
  expect_harmless(page);
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&lt;img"));
}

class ReportCli : public testing::Test {
 protected:
  int call(const std::string& arguments) const {
    const int status = std::system(
        cat("cd ", folder_.path().string(), " && ", FRUGAL_BINARY_DIR, "/frugal report ", arguments, " >out 2>err")
            .c_str());
    return WEXITSTATUS(status);
  }
  std::string read(const char* name) const { return io::read_file(folder_.path() / name); }
  void make_run(const std::string& name, int seed) const {
    const fs::path folder = folder_.path() / "runs" / name;
    fs::create_directories(folder);
    {
      auto recorder = results::Recorder::create(folder, {.config_json = cat(R"({"seed":)", seed, R"(})"),
                                                         .config_yaml = kHostile,
                                                         .choices = {{"method", kHostile}}});
      recorder.provenance("command_line", kHostile);
      recorder.declare_series("loss", kHostile, kHostile);
      for (int step = 0; step < 5; ++step) recorder.series("loss", step, 1.0 / (step + seed));
      recorder.metric({.name = "accuracy", .value = 0.5 + seed, .unit = kHostile});
      recorder.state(results::RunState::kDone);
    }
    results::finish_run(folder, std::nullopt, false);
  }
  test::TempFolder folder_;
};

TEST_F(ReportCli, MakesAPageOfHostileFilesAndTellsTheDamagedOne) {
  make_run("one", 1);
  make_run("<b>two", 2);
  ASSERT_EQ(call("runs -o page.html --title 'A & B'"), 0) << read("err");
  const std::string page = read("page.html");
  expect_harmless(page);
  EXPECT_THAT(page, HasSubstr("<h1>A &amp; B</h1>"));
  EXPECT_THAT(page, HasSubstr("2 runs</p>"));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;two/run.h5"));
  fs::create_directories(folder_.path() / "runs/three");
  io::write_atomic(folder_.path() / "runs/three/run.h5", "no HDF5 at all");
  EXPECT_EQ(call("runs -o page.html"), 3);
  EXPECT_THAT(read("page.html"), HasSubstr("1 of them cannot be read"));
  expect_harmless(read("page.html"));
}

TEST_F(ReportCli, SaysWhatIsMissing) {
  EXPECT_EQ(call("--help"), 0);
  EXPECT_THAT(read("out"), HasSubstr("usage: frugal report"));
  EXPECT_EQ(call(""), 2);
  EXPECT_EQ(call("nowhere -o x.html"), 2);
  fs::create_directories(folder_.path() / "empty");
  EXPECT_EQ(call("empty -o x.html"), 2);
  EXPECT_EQ(call("empty"), 2);
  make_run("one", 1);
  EXPECT_EQ(call("runs -o x.html --x accuracy"), 2);
  EXPECT_EQ(call("runs -o x.html --x accuracy --y accurate"), 2);
  EXPECT_THAT(read("err"), HasSubstr("did you mean 'accuracy'"));
  EXPECT_EQ(call("runs -o nowhere/x.html"), 2);
}

}  // namespace
}  // namespace frugal::report
