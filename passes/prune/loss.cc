#include "passes/prune/loss.h"

#include <algorithm>
#include <cmath>

namespace fastc::prune {
namespace {

// −log softmax(row)[label], with the largest score taken off so that nothing overflows.
double surprise(const double* row, int64_t classes, int64_t label) {
  const double most = *std::max_element(row, row + classes);
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) sum += std::exp(row[c] - most);
  return std::log(sum) + most - row[label];
}

Result<double> cross_entropy_of(const Tensor& output, const Tensor& labels) {
  if (output.rank() < 2) return stage_error("expected class scores [N,classes] as output 0 to compare with labels, found one of {} axes", output.rank());
  const int64_t classes = output.shape().back(), rows = classes > 0 ? output.elements() / classes : 0;
  const Tensor truth = labels.to_contiguous();
  if (truth.dtype() != DType::kI64 || truth.elements() != rows) return stage_error("expected {} labels (i64), one for each row of scores, found {}", rows, truth.elements());
  const std::vector<double> scores = to_doubles(output);
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t label = truth.values<int64_t>()[static_cast<size_t>(row)];
    if (label < 0 || label >= classes) return stage_error("expected labels from 0 to {}, found {}", classes - 1, label);
    sum += surprise(scores.data() + row * classes, classes, label);
  }
  return sum / static_cast<double>(std::max<int64_t>(rows, 1));
}

}  // namespace

Result<double> relative_change(const Tensor& output, const Tensor& reference) {
  const auto y = to_doubles(output), y0 = to_doubles(reference);
  if (y.size() != y0.size()) return stage_error("expected {} numbers in output 0, as the unpruned network gives, found {}", y0.size(), y.size());
  double difference = 0, size = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    difference += (y[i] - y0[i]) * (y[i] - y0[i]);
    size += y0[i] * y0[i];
  }
  const double change = std::sqrt(difference / std::max(size, 1e-30));
  if (!std::isfinite(change)) return stage_error("expected finite outputs to measure what is cut out by, found NaN or infinity");
  return change;
}

Result<double> loss_of(const Tensor& output, const Tensor& labels, const Tensor& reference) {
  if (!labels.defined()) {
    FASTC_TRY(const double change, relative_change(output, reference));
    return change * change;
  }
  FASTC_TRY(const double loss, cross_entropy_of(output, labels));
  if (!std::isfinite(loss)) return stage_error("expected finite outputs to measure what is cut out by, found NaN or infinity");
  return loss;
}

}  // namespace fastc::prune
