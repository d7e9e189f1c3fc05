// L = outputs' loss + weight · mean over levels of the hidden values' loss. Where a loss compares channel by channel and the student has fewer (or more)
// of them, its values first go through a projection W [teacher's, student's], a 1×1 convolution, which is trained with the network and
// thrown away (Romero et al. 2015, the regressor r).
#include <cmath>

#include <fmt/format.h>

#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include "base/random.h"
#include "engine/training/losses/hidden.h"
#include "engine/training/losses/scores.h"

namespace fastc {
namespace {

// Kaiming's normal for a linear map without activation: variance 1/inputs keeps the size of what goes through.
at::Tensor random_projection(int64_t outputs, int64_t inputs, uint64_t seed) {
  at::Tensor w = at::empty({outputs, inputs}, at::TensorOptions(at::kFloat));
  Random random(seed);
  const double deviation = 1 / std::sqrt(static_cast<double>(inputs));
  float* values = w.mutable_data_ptr<float>();
  for (int64_t i = 0; i < w.numel(); ++i) values[i] = static_cast<float>(deviation * random.normal());
  return w.set_requires_grad(true);
}

at::Tensor project(const at::Tensor& hidden, const at::Tensor& w) {
  if (hidden.dim() == 4) return at::conv2d(hidden, w.reshape({w.size(0), w.size(1), 1, 1}));
  if (hidden.dim() == 5) return at::conv3d(hidden, w.reshape({w.size(0), w.size(1), 1, 1, 1}));
  return at::linear(hidden, w);
}

class MultiLevel final : public Loss {
 public:
  MultiLevel(std::shared_ptr<const Loss> outputs, LevelLoss levels, uint64_t seed) : outputs_(std::move(outputs)), levels_(std::move(levels)), seed_(seed) {
    const bool channels = losses::find_hidden_loss(levels_.type).same_channels;
    for (size_t i = 0; i < levels_.levels.size(); ++i) {
      const Level& level = levels_.levels[i];
      if (channels && level.student_channels != level.teacher_channels)
        projections_.emplace(i, random_projection(level.teacher_channels, level.student_channels, seed_for(seed, i)));
    }
  }
  bool needs_labels() const override { return outputs_ && outputs_->needs_labels(); }
  bool needs_teacher() const override { return true; }
  std::span<const Level> levels() const override { return levels_.levels; }
  std::string name() const override {
    std::string text = fmt::format("{} + {} {}, seed {}", outputs_ ? outputs_->name() : "", levels_.weight, levels_.type, seed_);
    for (const Level& level : levels_.levels) text += fmt::format("; {} as {}", level.student, level.teacher);
    return text;
  }
  std::map<std::string, at::Tensor> parameters() const override {
    std::map<std::string, at::Tensor> all;
    for (const auto& [i, w] : projections_) all.emplace(fmt::format("projection_{}", i), w);
    return all;
  }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    at::Tensor sum;
    for (size_t i = 0; i < levels_.levels.size(); ++i) {
      FASTC_TRY(const at::Tensor value, level_loss(i, input.hidden[i], input.taught_hidden[i]));
      sum = sum.defined() ? sum.add(value) : value;
    }
    sum = sum.mul(levels_.weight / static_cast<double>(levels_.levels.size()));
    if (!outputs_) return sum;
    FASTC_TRY(const at::Tensor outputs, (*outputs_)(input));
    return outputs.add(sum);
  }

 private:
  Result<at::Tensor> level_loss(size_t i, const at::Tensor& student, const at::Tensor& teacher) const {
    const losses::HiddenLoss& loss = losses::find_hidden_loss(levels_.type);
    const auto found = projections_.find(i);
    const at::Tensor mapped = found == projections_.end() ? student : project(student, found->second);
    const bool fits = !loss.same_positions ? mapped.size(0) == teacher.size(0) : loss.same_channels ? mapped.sizes() == teacher.sizes() : positions(mapped) == positions(teacher);
    if (!fits)
      return stage_error("{} has the shape {} and the teacher's {} the shape {}: {} cannot compare them", levels_.levels[i].student, losses::sizes_text(student),
                         levels_.levels[i].teacher, losses::sizes_text(teacher), loss.name);
    return loss.compare(mapped, teacher);
  }
  static std::vector<int64_t> positions(const at::Tensor& t) {
    std::vector<int64_t> sizes = t.sizes().vec();
    sizes.erase(sizes.begin() + losses::channel_axis(t.dim()));
    return sizes;
  }

  std::shared_ptr<const Loss> outputs_;
  LevelLoss levels_;
  uint64_t seed_;
  std::map<size_t, at::Tensor> projections_;
};

}  // namespace

std::shared_ptr<const Loss> multi_level(std::shared_ptr<const Loss> outputs, LevelLoss levels, uint64_t seed) {
  return std::make_shared<MultiLevel>(std::move(outputs), std::move(levels), seed);
}

bool compares_channels(std::string_view type) { return losses::find_hidden_loss(type).same_channels; }
bool compares_positions(std::string_view type) { return losses::find_hidden_loss(type).same_positions; }

}  // namespace fastc
