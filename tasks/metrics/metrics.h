// The metrics of the task types. Sums are kept in double, so the order of batches does not show.
#pragma once

#include <cstdint>
#include <memory>

#include "tasks/task.h"

namespace fastc {

// Output 0 is [batch, classes] (or [batch, classes, 1, 1]); the class with the largest value is the answer, the first one of
// equals. A row with a NaN is wrong. Values: accuracy, correct, total, and top5 where there are more than 5 classes.
FASTC_API std::unique_ptr<Metric> classification_metric();
// The same, and macro_f1: F1 = 2·TP / (2·TP + FP + FN) of each class that occurs, as label or as answer, and their mean.
FASTC_API std::unique_ptr<Metric> text_classification_metric();

// Output 0 is one number a sample. Values: mse, mae, pearson, spearman (equals share the mean of their ranks; both 0 where one side is
// constant), total, non_finite: answers that are NaN or infinite; they count as 0.
FASTC_API std::unique_ptr<Metric> regression_metric();

// Outputs against another network's. Values:
//   cosine          of all numbers of all outputs taken as one vector (1 when both are zero)
//   max_abs_error   largest |output - reference|;  relative_error: that over the largest |reference|
//   mse             mean square of the differences
//   agreement       share of rows of output 0 whose largest value stands at the same class; with one class: the same sign
//   total           rows;  non_finite: numbers that are NaN or infinite in only one of the two; ours count as 0
FASTC_API std::unique_ptr<Metric> fidelity_metric();

}  // namespace fastc
