#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tasks/metrics/metrics.h"

namespace fastc {
namespace {

// Pearson's r; 0 where one side is constant.
double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.empty()) return 0;
  const double n = static_cast<double>(x.size());
  const double mx = std::accumulate(x.begin(), x.end(), 0.0) / n, my = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
  }
  return xx > 0 && yy > 0 ? std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0) : 0;
}

// 1 for the least; equals share the mean of their places.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (size_t i = first; i < last; ++i) out[order[i]] = (static_cast<double>(first) + static_cast<double>(last) + 1) / 2;
  }
  return out;
}

class Regression final : public Metric {
 public:
  Status add(const Batch& batch, std::span<const Tensor> outputs, std::span<const Tensor>) override {
    if (!batch.labels.defined() || batch.labels.dtype() != DType::kF32) return input_error("expected data with numbers as labels, found none");
    if (outputs.empty()) return internal_error("a network without outputs was scored");
    const Tensor found = outputs[0].to_contiguous();
    if (found.dtype() != DType::kF32 || found.elements() != batch.size)
      return input_error("expected the network's first output to be one f32 for each of {} samples, found {} of {}", batch.size, found.elements(), name_of(found.dtype()));
    for (const float value : found.values<float>()) {
      non_finite_ += !std::isfinite(value);
      predicted_.push_back(std::isfinite(value) ? value : 0);
    }
    for (const float value : batch.labels.values<float>()) right_.push_back(value);
    return {};
  }

  std::map<std::string, double> values() const override {
    double squares = 0, distances = 0;
    for (size_t i = 0; i < right_.size(); ++i) {
      const double error = predicted_[i] - right_[i];
      squares += error * error, distances += std::fabs(error);
    }
    const double n = static_cast<double>(std::max<size_t>(1, right_.size()));
    return {{"mse", squares / n},
            {"mae", distances / n},
            {"pearson", correlation(predicted_, right_)},
            {"spearman", correlation(ranks(predicted_), ranks(right_))},
            {"total", static_cast<double>(right_.size())},
            {"non_finite", static_cast<double>(non_finite_)}};
  }

 private:
  std::vector<double> predicted_, right_;  // ranks need them all: sixteen bytes a sample
  int64_t non_finite_ = 0;
};

}  // namespace

std::unique_ptr<Metric> regression_metric() { return std::make_unique<Regression>(); }

}  // namespace fastc
