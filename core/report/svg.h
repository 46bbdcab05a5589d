// Plots as inline SVG: no script, no outside file.
#pragma once

#include <string>
#include <vector>

namespace frugal::report {

struct Curve {
  std::string label;  // plain text
  std::vector<double> x, y;
};
struct Axes {
  std::string x, y;  // plain text, units included
};

// Curves over a common frame; points that are not finite break a curve. At most kMostCurves are drawn, each thinned to
// every k-th of its points where there are more than kMostPoints, and the caption says so.
constexpr std::size_t kMostCurves = 20, kMostPoints = 500;
std::string curve_plot(const std::string& title, const Axes& axes, const std::vector<Curve>& curves);

enum class Better { kHigher, kLower, kUnknown };
struct Point {
  std::string label;
  double x = 0, y = 0;
};
// Indices of the points that no other one beats: at least as good in both, better in one. By rising x. Empty where a
// direction is unknown.
std::vector<std::size_t> pareto_front(const std::vector<Point>& points, Better x, Better y);
// The points with their front.
std::string pareto_plot(const std::string& title, const Axes& axes, const std::vector<Point>& points, Better x,
                        Better y);

}  // namespace frugal::report
