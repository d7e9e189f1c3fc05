#include <algorithm>
#include <cmath>

#include "tasks/metrics/metrics.h"

namespace fastc {
namespace {

// Where the classes of an output lie: the last axis of [batch, classes] and [batch, tokens, classes], axis 1 of images.
struct Rows {
  int64_t outer = 0, classes = 1, inner = 1;
};

Rows rows_of(const Tensor& t) {
  const auto& shape = t.shape();
  if (shape.empty()) return {1, 1, 1};
  const size_t axis = shape.size() == 1 ? 1 : shape.size() >= 4 ? 1 : shape.size() - 1;
  Rows rows{1, axis < shape.size() ? shape[axis] : 1, 1};
  for (size_t i = 0; i < axis && i < shape.size(); ++i) rows.outer *= shape[i];
  for (size_t i = axis + 1; i < shape.size(); ++i) rows.inner *= shape[i];
  return rows;
}

// The class with the largest value, the first of equals; with one class, its sign; -1 when a NaN is among them.
int64_t answer(const std::vector<double>& values, const Rows& rows, int64_t outer, int64_t inner) {
  const auto at = [&](int64_t c) { return values[(outer * rows.classes + c) * rows.inner + inner]; };
  if (rows.classes == 1) return std::isnan(at(0)) ? -1 : at(0) > 0;
  int64_t best = 0;
  for (int64_t c = 0; c < rows.classes; ++c) {
    if (std::isnan(at(c))) return -1;
    if (at(c) > at(best)) best = c;
  }
  return best;
}

class Fidelity final : public Metric {
 public:
  Status add(const Batch&, std::span<const Tensor> outputs, std::span<const Tensor> reference) override {
    if (outputs.size() != reference.size())
      return internal_error("expected {} reference outputs, found {}", outputs.size(), reference.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].shape() != reference[i].shape())
        return internal_error("output {} and its reference have different shapes", i);
      const auto ours = to_doubles(outputs[i].to_contiguous()), theirs = to_doubles(reference[i].to_contiguous());
      compare(ours, theirs);
      if (i == 0) agree(ours, theirs, rows_of(outputs[i]));
    }
    return {};
  }

  std::map<std::string, double> values() const override {
    const double lengths = std::sqrt(squares_) * std::sqrt(reference_squares_);
    const bool both_zero = squares_ == 0 && reference_squares_ == 0;
    return {{"cosine", lengths > 0 ? std::clamp(products_ / lengths, -1.0, 1.0) : both_zero ? 1.0 : 0.0},
            {"max_abs_error", max_error_},
            {"relative_error", max_reference_ > 0 ? max_error_ / max_reference_ : max_error_},
            {"mse", numbers_ > 0 ? errors_ / static_cast<double>(numbers_) : 0},
            {"agreement", rows_ > 0 ? static_cast<double>(agreeing_) / static_cast<double>(rows_) : 0},
            {"total", static_cast<double>(rows_)},
            {"non_finite", static_cast<double>(non_finite_)}};
  }

 private:
  void compare(const std::vector<double>& ours, const std::vector<double>& theirs) {
    for (size_t i = 0; i < ours.size(); ++i) {
      double a = ours[i], b = theirs[i];
      if (!std::isfinite(b)) {  // a mask's -infinity: equal or not, it has no distance
        if (a == b || (std::isnan(a) && std::isnan(b))) continue;
        ++non_finite_;
        continue;
      }
      if (!std::isfinite(a)) ++non_finite_, a = 0;
      const double error = a - b;
      max_error_ = std::max(max_error_, std::fabs(error));
      max_reference_ = std::max(max_reference_, std::fabs(b));
      errors_ += error * error;
      products_ += a * b;
      squares_ += a * a;
      reference_squares_ += b * b;
      ++numbers_;
    }
  }

  void agree(const std::vector<double>& ours, const std::vector<double>& theirs, const Rows& rows) {
    for (int64_t outer = 0; outer < rows.outer; ++outer) {
      for (int64_t inner = 0; inner < rows.inner; ++inner) {
        const int64_t a = answer(ours, rows, outer, inner);
        agreeing_ += a >= 0 && a == answer(theirs, rows, outer, inner);
        ++rows_;
      }
    }
  }

  double products_ = 0, squares_ = 0, reference_squares_ = 0, errors_ = 0, max_error_ = 0, max_reference_ = 0;
  int64_t numbers_ = 0, rows_ = 0, agreeing_ = 0, non_finite_ = 0;
};

}  // namespace

std::unique_ptr<Metric> fidelity_metric() { return std::make_unique<Fidelity>(); }

}  // namespace fastc
