// From a quantized program that was trained as floats (engine/fake_quantize.h) back to integers.
#pragma once

#include <map>
#include <string>

#include "engine/autograd.h"

namespace fastc::engine {

// `trained`: what training changed, by name (Trainee::changing). Scales become those of the plan's roundings, weights are rounded to them, integer
// biases follow their layer's scales. On an error the module is unchanged.
Status requantize(Module& module, const Plan& plan, const std::map<std::string, at::Tensor>& trained);

// A trained f32 weight in the float type that it is kept in.
Result<Tensor> as_stored(const at::Tensor& trained, DType stored);

}  // namespace fastc::engine
