#include <algorithm>
#include <cmath>

#include "tasks/metrics/metrics.h"

namespace fastc {
namespace {

class Classification final : public Metric {
 public:
  Classification(const char* task, bool macro_f1) : task_(task), macro_f1_(macro_f1) {}

  Status add(const Batch& batch, std::span<const Tensor> outputs, std::span<const Tensor>) override {
    if (!batch.labels.defined()) return input_error("expected data with labels, found none");
    if (outputs.empty()) return internal_error("a network without outputs was scored");
    const Tensor scores = outputs[0].to_contiguous();
    FASTC_CHECK(check_shape(scores, batch.size));
    const int64_t classes = scores.shape()[1];
    if (classes > 5) many_classes_ = true;
    const auto labels = batch.labels.values<int64_t>();
    const auto values = scores.values<float>();
    for (int64_t row = 0; row < batch.size; ++row) {
      const int64_t label = labels[row];
      if (label < 0 || label >= classes)
        return input_error("expected labels from 0 to {}, as the network has {} classes, found {}", classes - 1, classes, label);
      count(values.subspan(row * classes, classes), label);
    }
    return {};
  }

  std::map<std::string, double> values() const override {
    const double n = static_cast<double>(std::max<int64_t>(total_, 1));
    std::map<std::string, double> out = {{"accuracy", static_cast<double>(correct_) / n},
                                         {"correct", static_cast<double>(correct_)},
                                         {"total", static_cast<double>(total_)}};
    if (many_classes_) out["top5"] = static_cast<double>(in_top5_) / n;
    if (macro_f1_) out["macro_f1"] = macro_f1();
    return out;
  }

 private:
  struct Counts {
    int64_t right = 0, answered = 0, labelled = 0;
  };

  // 2·TP + FP + FN is how often the class was answered plus how often it was right to.
  double macro_f1() const {
    double sum = 0;
    int64_t occurring = 0;
    for (const Counts& counts : classes_) {
      const int64_t all = counts.answered + counts.labelled;
      if (all == 0) continue;
      sum += 2.0 * static_cast<double>(counts.right) / static_cast<double>(all);
      ++occurring;
    }
    return occurring > 0 ? sum / static_cast<double>(occurring) : 0;
  }

  Status check_shape(const Tensor& scores, int64_t batch) const {
    const auto& shape = scores.shape();
    const bool flat = shape.size() >= 2 && std::all_of(shape.begin() + 2, shape.end(), [](int64_t size) { return size == 1; });
    if (!flat || shape[0] != batch || scores.dtype() != DType::kF32) {
      std::string found(name_of(scores.dtype()));
      for (size_t i = 0; i < shape.size(); ++i) found += (i == 0 ? "[" : ",") + std::to_string(shape[i]);
      return input_error("expected the network's first output to be f32[{},classes] for {}, found {}]", batch, task_, found);
    }
    return {};
  }

  void count(std::span<const float> row, int64_t label) {
    ++total_;
    if (classes_.size() < row.size()) classes_.resize(row.size());
    ++classes_[label].labelled;
    const float own = row[label];
    if (std::any_of(row.begin(), row.end(), [](float value) { return std::isnan(value); })) return;
    // The place of the label: those above it, and its equals that come earlier.
    int64_t before = 0;
    for (int64_t c = 0; c < static_cast<int64_t>(row.size()); ++c) before += row[c] > own || (row[c] == own && c < label);
    correct_ += before == 0;
    classes_[label].right += before == 0;
    ++classes_[std::max_element(row.begin(), row.end()) - row.begin()].answered;  // the first of equals
    in_top5_ += before < 5;
  }

  const char* task_;
  bool macro_f1_;
  std::vector<Counts> classes_;
  int64_t total_ = 0, correct_ = 0, in_top5_ = 0;
  bool many_classes_ = false;
};

}  // namespace

std::unique_ptr<Metric> classification_metric() { return std::make_unique<Classification>("image_classification", false); }
std::unique_ptr<Metric> text_classification_metric() { return std::make_unique<Classification>("text_classification", true); }

}  // namespace fastc
