// How a student's hidden values are compared with a teacher's: one function, one file each. Both have the samples on axis 0; channels lie on axis 1
// of images [N,C,H,W], videos [N,C,T,H,W] and vectors [N,C], and on the last axis of sequences [N,T,C]. Scalars; zero where both are the same.
#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>

namespace fastc::losses {

int64_t channel_axis(int64_t rank);

// Same shape needed: what is narrower goes through a projection first.
at::Tensor hidden_mse(const at::Tensor& student, const at::Tensor& teacher);
at::Tensor hidden_cosine(const at::Tensor& student, const at::Tensor& teacher);
// Any number of channels.
at::Tensor attention_map(const at::Tensor& student, const at::Tensor& teacher);
// Any shape, the same samples.
at::Tensor similarity(const at::Tensor& student, const at::Tensor& teacher);

struct HiddenLoss {
  std::string_view name;
  at::Tensor (*compare)(const at::Tensor& student, const at::Tensor& teacher);
  bool same_channels, same_positions;  // what it needs
};
const HiddenLoss& find_hidden_loss(std::string_view name);  // "mse" for a name that there is not

}  // namespace fastc::losses
