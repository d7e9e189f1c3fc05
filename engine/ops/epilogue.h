// What conv, linear and add do after their sum: a residual is added, then an activation.
#pragma once

#include "engine/eval.h"

namespace fastc::engine {

enum class Activation : uint8_t { kNone, kRelu, kClip, kSigmoid, kTanh, kGelu, kGeluTanh, kSilu, kHardSwish };

struct Epilogue {
  Activation activation = Activation::kNone;
  double lo = 0, hi = 0;  // kClip
  // `y` must be this node's own result: it is overwritten when no gradient is recorded.
  at::Tensor apply(at::Tensor y, const at::Tensor& residual = {}) const;
};

Result<Activation> activation_of(std::string_view name);
Result<Epilogue> epilogue_of(const Node& node);  // reads "activation", "lo", "hi"
// Overwrites y where `in_place`; else y stays as it is.
at::Tensor activate(Activation activation, double lo, double hi, at::Tensor y, bool in_place);

}  // namespace fastc::engine
