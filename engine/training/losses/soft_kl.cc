// Softened Kullback-Leibler divergence: L = T² · mean over rows of KL(p ‖ softmax(y/T)), with p = softmax(teacher/T), of several teachers the mean
// of theirs. (Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015, section 2: the gradient shrinks with 1/T²,
// and T² keeps its share when T changes.)
#include <cmath>

#include <fmt/format.h>

#include <ATen/core/Reduction.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/stack.h>

#include "engine/training/losses/scores.h"

namespace fastc {
namespace {

class SoftKl final : public Loss {
 public:
  explicit SoftKl(double temperature) : temperature_(temperature) {}
  bool needs_labels() const override { return false; }
  bool needs_teacher() const override { return true; }
  std::string name() const override { return fmt::format("soft_kl({})", temperature_); }

  Result<at::Tensor> operator()(const LossInput& input) const override {
    FASTC_TRY(const at::Tensor student, losses::scores(input.outputs[0]));
    std::vector<at::Tensor> taught;  // log probabilities
    for (size_t i = 0; i < 1 + input.more_teachers.size(); ++i) {
      FASTC_TRY(const at::Tensor teacher, losses::scores(i == 0 ? input.teacher[0] : input.more_teachers[i - 1].at(0)));
      if (student.sizes() != teacher.sizes())
        return stage_error("expected teacher and student scores of one shape, found {} and {} classes", teacher.size(1), student.size(1));
      taught.push_back(at::log_softmax(teacher.div(temperature_), 1));
    }
    // log of the mean of exp: stays finite where a probability does not
    const at::Tensor target = taught.size() == 1 ? taught[0] : at::logsumexp(at::stack(taught), 0).sub(std::log(static_cast<double>(taught.size())));
    return at::kl_div(at::log_softmax(student.div(temperature_), 1), target, at::Reduction::Sum, /*log_target=*/true)
        .mul(temperature_ * temperature_ / static_cast<double>(student.size(0)));
  }

 private:
  double temperature_;
};

}  // namespace

std::shared_ptr<const Loss> soft_kl(double temperature) { return std::make_shared<SoftKl>(temperature); }

}  // namespace fastc
