// Direction without length, position by position: L = mean(1 − s·t / (‖s‖ ‖t‖)), over channels (Sanh et al., "DistilBERT", 2019, section 2).
#include <ATen/ops/cosine_similarity.h>

#include "engine/training/losses/hidden.h"

namespace fastc::losses {

at::Tensor hidden_cosine(const at::Tensor& student, const at::Tensor& teacher) {
  return at::cosine_similarity(student, teacher, channel_axis(student.dim()), 1e-8).mul(-1).add(1).mean();
}

}  // namespace fastc::losses
