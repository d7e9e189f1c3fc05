// What several losses ask of outputs and labels.
#pragma once

#include "engine/training/losses.h"

namespace fastc::losses {

// [N,…,classes] → [rows, classes]
Result<at::Tensor> scores(const at::Tensor& output);
// Labels as floats in the output's shape; where the output has one column they may lack its axis.
Result<at::Tensor> targets(const LossInput& input);
// The teachers' outputs number i, averaged; kStage where one has another shape than the student's.
Result<at::Tensor> mean_of_teachers(const LossInput& input, size_t i);
// "[2,3]"
std::string sizes_text(const at::Tensor& t);

}  // namespace fastc::losses
