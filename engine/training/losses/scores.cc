#include "engine/training/losses/scores.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace fastc::losses {

std::string sizes_text(const at::Tensor& t) { return fmt::format("[{}]", fmt::join(t.sizes().begin(), t.sizes().end(), ",")); }

Result<at::Tensor> scores(const at::Tensor& output) {
  if (output.dim() < 2 || !at::isFloatingType(output.scalar_type()))
    return stage_error("the loss needs class scores with two axes or more as output 0, found {}; numbers of any shape are what \"logits_mse\" compares with a teacher's and \"mse\" with labels",
                       sizes_text(output));
  return output.reshape({-1, output.size(-1)});
}

Result<at::Tensor> targets(const LossInput& input) {
  const at::Tensor& output = input.outputs[0];
  if (!input.labels.defined()) return stage_error("the loss needs labels, and the training data has none");
  if (!at::isFloatingType(output.scalar_type())) return stage_error("the loss needs a float output 0");
  const bool fits = input.labels.sizes() == output.sizes() || (output.dim() > 0 && output.size(-1) == 1 && input.labels.sizes() == output.sizes().slice(0, output.dim() - 1));
  if (!fits) return stage_error("expected labels of the output's shape {}, found {}", sizes_text(output), sizes_text(input.labels));
  return input.labels.reshape(output.sizes()).to(output.scalar_type());
}

Result<at::Tensor> mean_of_teachers(const LossInput& input, size_t i) {
  at::Tensor sum;
  for (size_t teacher = 0; teacher < 1 + input.more_teachers.size(); ++teacher) {
    const std::span<const at::Tensor> outputs = teacher == 0 ? input.teacher : std::span<const at::Tensor>(input.more_teachers[teacher - 1]);
    if (i >= outputs.size()) return stage_error("the student has an output {}, and a teacher only {} outputs", i, outputs.size());
    if (outputs[i].sizes() != input.outputs[i].sizes())
      return stage_error("expected output {} of teacher and student of one shape, found {} and {}", i, sizes_text(outputs[i]), sizes_text(input.outputs[i]));
    sum = sum.defined() ? sum.add(outputs[i]) : outputs[i];
  }
  return input.more_teachers.empty() ? sum : sum.div(static_cast<double>(1 + input.more_teachers.size()));
}

}  // namespace fastc::losses
