#include "core/config/numbers.h"

#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdlib>

#include "core/config/errors.h"

namespace frugal::config {

namespace {

constexpr std::size_t kMaxValues = 1'000'000;

std::int64_t as_integer(const Node& number) {
  if (number.big) fail("eval_error", cat("the number ", number.text, " is too large here"));
  return number.kind == NodeKind::kBool ? std::int64_t{number.boolean} : number.integer;
}

// Value = digits * 10^exponent, exact for every double; sums are rounded as Python's default decimal context does it.
class Decimal {
 public:
  using Integer = boost::multiprecision::cpp_int;
  static constexpr int kPrecision = 28;

  explicit Decimal(const Node& number) {
    if (number.kind != NodeKind::kFloat) {
      digits_ = as_integer(number);
      return;
    }
    if (!std::isfinite(number.real)) fail("eval_error", "a range needs finite numbers");
    int binary_exponent = 0;
    const double mantissa = std::frexp(number.real, &binary_exponent);
    digits_ = static_cast<std::int64_t>(std::ldexp(mantissa, 53));
    binary_exponent -= 53;
    if (binary_exponent >= 0) {
      digits_ <<= static_cast<unsigned>(binary_exponent);
    } else {
      // m / 2^k = m * 5^k / 10^k
      digits_ *= boost::multiprecision::pow(Integer(5), static_cast<unsigned>(-binary_exponent));
      exponent_ = binary_exponent;
    }
  }

  int sign() const { return digits_.sign(); }

  Decimal& operator+=(Decimal other) {
    align(*this, other);
    digits_ += other.digits_;
    round();
    return *this;
  }

  friend bool operator<(Decimal a, Decimal b) {
    align(a, b);
    return a.digits_ < b.digits_;
  }

  double to_double() const { return std::strtod((digits_.str() + "e" + std::to_string(exponent_)).c_str(), nullptr); }

 private:
  static void align(Decimal& a, Decimal& b) {
    auto& coarse = a.exponent_ > b.exponent_ ? a : b;
    const int target = std::min(a.exponent_, b.exponent_);
    coarse.digits_ *= boost::multiprecision::pow(Integer(10), static_cast<unsigned>(coarse.exponent_ - target));
    coarse.exponent_ = target;
  }

  // Half to even.
  void round() {
    const auto length = static_cast<int>(Integer(abs(digits_)).str().size());
    if (length <= kPrecision) return;
    const Integer unit = boost::multiprecision::pow(Integer(10), static_cast<unsigned>(length - kPrecision));
    const Integer magnitude = abs(digits_);
    Integer quotient = magnitude / unit;
    const Integer twice = (magnitude % unit) * 2;
    if (twice > unit || (twice == unit && quotient % 2 == 1)) ++quotient;
    digits_ = digits_ < 0 ? Integer(-quotient) : quotient;
    exponent_ += length - kPrecision;
  }

  Integer digits_;
  int exponent_ = 0;
};

std::vector<NodePtr> integer_range(std::int64_t start, std::int64_t stop, std::int64_t step) {
  std::vector<NodePtr> out;
  while (step > 0 ? start < stop : start > stop) {
    if (out.size() >= kMaxValues) fail("eval_error", cat("a range of more than ", kMaxValues, " values"));
    out.push_back(Node::of(start));
    if (__builtin_add_overflow(start, step, &start)) break;
  }
  return out;
}

}  // namespace

bool is_number(const Node& node) {
  return is_integral(node) || node.kind == NodeKind::kFloat;
}

bool is_integral(const Node& node) {
  return node.kind == NodeKind::kBool || node.kind == NodeKind::kInt;
}

double as_double(const Node& number) {
  if (number.kind == NodeKind::kFloat) return number.real;
  return number.big ? std::strtod(number.text.c_str(), nullptr) : static_cast<double>(as_integer(number));
}

NodePtr add(const Node& a, const Node& b) {
  if (!is_integral(a) || !is_integral(b)) return Node::of(as_double(a) + as_double(b));
  std::int64_t sum = 0;
  if (__builtin_add_overflow(as_integer(a), as_integer(b), &sum)) fail("eval_error", "the sum is too large");
  return Node::of(sum);
}

NodePtr negated(const Node& number) {
  return is_integral(number) ? Node::of(-as_integer(number)) : Node::of(-number.real);
}

NodePtr absolute(const Node& number) {
  return as_double(number) < 0 ? negated(number) : number.copy();
}

bool less(const Node& a, const Node& b) {
  if (is_integral(a) && is_integral(b) && !a.big && !b.big) return as_integer(a) < as_integer(b);
  return as_double(a) < as_double(b);
}

std::vector<NodePtr> range_values(const Node& start, const Node& stop, const Node& step) {
  if (as_double(step) == 0) fail("eval_error", "the step of a range must not be zero");
  if (is_integral(start) && is_integral(stop) && is_integral(step))
    return integer_range(as_integer(start), as_integer(stop), as_integer(step));
  Decimal at(start);
  const Decimal end(stop);
  const Decimal stride(step);
  std::vector<NodePtr> out;
  while (stride.sign() > 0 ? at < end : end < at) {
    if (out.size() >= kMaxValues) fail("eval_error", cat("a range of more than ", kMaxValues, " values"));
    out.push_back(Node::of(at.to_double()));
    at += stride;
  }
  return out;
}

}  // namespace frugal::config
