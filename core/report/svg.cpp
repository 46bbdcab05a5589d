#include "core/report/svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/error.h"
#include "core/report/html.h"

namespace frugal::report {
namespace {

constexpr double kWidth = 520, kHeight = 300, kLeft = 70, kRight = 12, kTop = 10, kBottom = 40;
constexpr const char* kColours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e",
                                    "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22"};

std::string number(double value, const char* format = "%.4g") {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
  // A single value gets room on both sides.
  void widen() {
    if (empty()) *this = {0, 1};
    if (low == high) {
      const double room = low == 0 ? 1 : std::abs(low) * 0.05;
      low -= room;
      high += room;
    }
  }
  // Halves first: the difference of two huge numbers may overflow.
  double share(double value) const { return (value / 2 - low / 2) / (high / 2 - low / 2); }
};

// 1, 2 or 5 times a power of ten, about four of them in the range.
std::vector<double> ticks(const Range& range) {
  const double rough = (range.high / 4 - range.low / 4);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double digit = rough / power;
  const double step = power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
  std::vector<double> places;
  if (!(step > 0) || !std::isfinite(step)) return places;
  for (double i = std::ceil(range.low / step); i * step <= range.high && places.size() < 12; ++i)
    places.push_back(i * step);
  return places;
}

class Frame {
 public:
  Frame(const Axes& axes, Range x, Range y) : x_(x), y_(y) {
    x_.widen();
    y_.widen();
    svg_ = "<svg viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) + "\" width=\"" + number(kWidth) +
           "\" role=\"img\">\n<path d=\"M" + number(kLeft) + " " + number(kTop) + "V" + number(kHeight - kBottom) +
           "H" + number(kWidth - kRight) + "\" fill=\"none\" stroke=\"#888\"/>\n";
    for (const double at : ticks(x_)) text(place_x(at), kHeight - kBottom + 14, "middle", number(at));
    for (const double at : ticks(y_)) {
      text(kLeft - 5, place_y(at) + 4, "end", number(at));
      svg_ += "<path d=\"M" + number(kLeft) + " " + number(place_y(at), "%.2f") + "H" + number(kWidth - kRight) +
              "\" stroke=\"#eee\"/>\n";
    }
    text((kLeft + kWidth) / 2, kHeight - 6, "middle", axes.x);
    svg_ += "<text text-anchor=\"middle\" transform=\"translate(12 " + number((kHeight - kBottom) / 2) +
            ") rotate(-90)\">" + escape(axes.y) + "</text>\n";
  }
  std::string place(double x, double y) const { return number(place_x(x), "%.2f") + " " + number(place_y(y), "%.2f"); }
  double place_x(double x) const { return kLeft + x_.share(x) * (kWidth - kLeft - kRight); }
  double place_y(double y) const { return kHeight - kBottom - y_.share(y) * (kHeight - kTop - kBottom); }
  void text(double x, double y, const char* anchor, const std::string& plain) {
    svg_ += "<text x=\"" + number(x, "%.2f") + "\" y=\"" + number(y, "%.2f") + "\" text-anchor=\"" + anchor + "\">" +
            escape(plain) + "</text>\n";
  }
  void add(const std::string& element) { svg_ += element + "\n"; }
  std::string finish(const std::string& title, const std::string& note) const {
    return "<figure>" + svg_ + "</svg>\n<figcaption>" + escape(title) + note + "</figcaption></figure>\n";
  }

 private:
  Range x_, y_;
  std::string svg_;
};

std::string path_of(const Frame& frame, const Curve& curve, std::size_t stride) {
  std::string path;
  bool pen_down = false;
  for (std::size_t i = 0; i < curve.x.size(); i += stride) {
    if (!std::isfinite(curve.x[i]) || !std::isfinite(curve.y[i])) {
      pen_down = false;
      continue;
    }
    path += (pen_down ? "L" : "M") + frame.place(curve.x[i], curve.y[i]);
    if (!pen_down) path += "h.01";  // a lone point is seen, too
    pen_down = true;
  }
  return path;
}

}  // namespace

std::string curve_plot(const std::string& title, const Axes& axes, const std::vector<Curve>& curves) {
  Range x, y;
  const std::size_t drawn = std::min(curves.size(), kMostCurves);
  for (std::size_t c = 0; c < drawn; ++c)
    for (std::size_t i = 0; i < curves[c].x.size(); ++i)
      if (std::isfinite(curves[c].y[i])) {
        x.add(curves[c].x[i]);
        y.add(curves[c].y[i]);
      }
  Frame frame(axes, x, y);
  std::size_t most_stride = 1;
  std::string legend;
  for (std::size_t c = 0; c < drawn; ++c) {
    const std::size_t stride = (curves[c].x.size() + kMostPoints - 1) / kMostPoints;
    most_stride = std::max(most_stride, stride);
    const std::string colour = kColours[c % std::size(kColours)];
    const std::string path = path_of(frame, curves[c], std::max<std::size_t>(1, stride));
    if (!path.empty())
      frame.add(cat("<path d=\"", path, "\" fill=\"none\" stroke-linecap=\"round\" stroke-width=\"1.5\" stroke=\"",
                    colour, "\"/>"));
    legend.append("<br><span style=\"color:")
        .append(colour)
        .append("\">&#9632;</span> ")
        .append(escape(curves[c].label));
  }
  std::string note;
  if (most_stride > 1) note += cat(" (at most ", kMostPoints, " points of a curve, evenly taken)");
  if (drawn < curves.size()) note += cat(" (the first ", drawn, " of ", curves.size(), " runs)");
  return frame.finish(title, note + legend);
}

std::vector<std::size_t> pareto_front(const std::vector<Point>& points, Better x, Better y) {
  if (x == Better::kUnknown || y == Better::kUnknown) return {};
  const double sign_x = x == Better::kLower ? 1 : -1, sign_y = y == Better::kLower ? 1 : -1;
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool beaten = std::any_of(points.begin(), points.end(), [&](const Point& other) {
      const double dx = sign_x * (other.x - points[i].x), dy = sign_y * (other.y - points[i].y);
      return dx <= 0 && dy <= 0 && (dx < 0 || dy < 0);
    });
    if (!beaten) front.push_back(i);
  }
  std::stable_sort(front.begin(), front.end(), [&](std::size_t a, std::size_t b) { return points[a].x < points[b].x; });
  return front;
}

std::string pareto_plot(const std::string& title, const Axes& axes, const std::vector<Point>& points, Better x,
                        Better y) {
  Range across, up;
  for (const Point& point : points) {
    across.add(point.x);
    up.add(point.y);
  }
  Frame frame(axes, across, up);
  const auto front = pareto_front(points, x, y);
  std::string path;
  for (const std::size_t i : front) path += (path.empty() ? "M" : "L") + frame.place(points[i].x, points[i].y);
  if (front.size() > 1)
    frame.add("<path d=\"" + path + "\" fill=\"none\" stroke=\"#d62728\" stroke-dasharray=\"4 3\"/>");
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool on_front = std::find(front.begin(), front.end(), i) != front.end();
    frame.add("<circle cx=\"" + number(frame.place_x(points[i].x), "%.2f") + "\" cy=\"" +
              number(frame.place_y(points[i].y), "%.2f") + "\" r=\"4\" fill=\"" + (on_front ? "#d62728" : "#1f77b4") +
              "\"><title>" + escape(points[i].label) + "</title></circle>");
    if (on_front) frame.text(frame.place_x(points[i].x) + 6, frame.place_y(points[i].y) - 5, "start", points[i].label);
  }
  const bool known = x != Better::kUnknown && y != Better::kUnknown;
  return frame.finish(
      title, known ? ": no run beats the red ones in both" : ": no front, a metric does not say which way is better");
}

}  // namespace frugal::report
