// A data set small enough to train on in a test, and a network for it.
#pragma once

#include <algorithm>

#include "base/interrupt.h"
#include "base/random.h"
#include "engine/train.h"
#include "tasks/task.h"
#include "tests/engine/support.h"

namespace fastc::test {

// Images 1x4x4 of noise; class 1 is brighter in the upper half, class 0 in the lower.
class ToyData final : public Dataset {
 public:
  explicit ToyData(int64_t size, bool augment = false, bool labels = true, bool draws = false, int64_t stop_at_batch = -1)
      : size_(size), augment_(augment), labels_(labels), draws_(draws), stop_at_batch_(stop_at_batch) {}
  int64_t size() const override { return size_; }
  std::vector<std::string> input_names() const override { return {"x"}; }
  std::vector<Type> input_types() const override { return {Type{DType::kF32, {Dim::symbol("N"), 1, 4, 4}, {}}}; }
  bool has_labels() const override { return labels_; }

  Result<Batch> batch(std::span<const int64_t> indices, Random* augment) const override {
    if (stop_at_batch_ >= 0 && ++batches_ == stop_at_batch_) set_interrupted(true);
    Batch b;
    b.size = static_cast<int64_t>(indices.size());
    Tensor x = Tensor::zeros(DType::kF32, {b.size, 1, 4, 4}), labels = Tensor::zeros(DType::kI64, {b.size});
    auto values = x.mutable_values<float>();
    for (int64_t i = 0; i < b.size; ++i) {
      Random random(seed_for(99, static_cast<uint64_t>(indices[i])));
      const bool bright_above = random.flip();
      for (int64_t p = 0; p < 16; ++p) values[i * 16 + p] = static_cast<float>(random.uniform(-1, 1) + ((p < 8) == bright_above ? 0.7 : -0.7));
      labels.mutable_values<int64_t>()[i] = bright_above ? 1 : 0;
      if (augment != nullptr && draws_) augment->bits();
      if (augment != nullptr && augment_ && augment->flip())
        for (int64_t row = 0; row < 4; ++row) std::reverse(&values[i * 16 + row * 4], &values[i * 16 + row * 4] + 4);
    }
    b.inputs = {x};
    if (labels_) b.labels = labels;
    return b;
  }

 private:
  int64_t size_;
  bool augment_, labels_, draws_;
  int64_t stop_at_batch_;
  mutable int64_t batches_ = 0;
};

// Rows of numbers with labels.
class TableData final : public Dataset {
 public:
  TableData(std::vector<std::vector<float>> rows, std::vector<int64_t> labels) : rows_(std::move(rows)), labels_(std::move(labels)) {}
  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  std::vector<std::string> input_names() const override { return {"x"}; }
  std::vector<Type> input_types() const override { return {Type{DType::kF32, {Dim::symbol("N"), static_cast<int64_t>(rows_[0].size())}, {}}}; }
  bool has_labels() const override { return true; }
  Result<Batch> batch(std::span<const int64_t> indices, Random*) const override {
    Batch b;
    b.size = static_cast<int64_t>(indices.size());
    std::vector<float> x;
    std::vector<int64_t> y;
    for (const int64_t i : indices) x.insert(x.end(), rows_[i].begin(), rows_[i].end()), y.push_back(labels_[i]);
    b.inputs = {Tensor::of<float>({b.size, static_cast<int64_t>(rows_[0].size())}, std::span<const float>(x))};
    b.labels = Tensor::of<int64_t>({b.size}, std::span<const int64_t>(y));
    return b;
  }

 private:
  std::vector<std::vector<float>> rows_;
  std::vector<int64_t> labels_;
};

// Adam at a rate at which the toy network learns within some epochs.
inline TrainOptions quick(int64_t epochs) {
  TrainOptions o;
  o.epochs = epochs;
  o.batch_size = 16;
  o.optimizer.lr = 0.02;
  return o;
}

inline Module toy_network() {
  return module_of(R"(module toy (%x : f32[N,1,4,4]) -> (%scores) symbols N in [1, 4096] {
    @w1 : f32[4,1,3,3] = random(1)
    @gamma : f32[4] = ones
    @beta : f32[4] = zeros
    @mean : f32[4] buffer = zeros
    @var : f32[4] buffer = ones
    @w2 : f32[2,64] = random(2)
    @b2 : f32[2] = zeros
    %c = conv(%x, @w1) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}
    %n = batch_norm(%c, @gamma, @beta, @mean, @var) {eps=0.00001}
    %r = relu(%n)
    %f = reshape(%r) {shape=[N, 64]}
    %scores = linear(%f, @w2, @b2)
  })");
}

}  // namespace fastc::test
