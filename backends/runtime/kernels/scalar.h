// The functions that no instruction set has a vector form for, one element at a time, as functions.h defines them. Compiled
// for every machine: instruction sets' files may not include functions.h, or the linker could keep their copies of its inlines.
#pragma once

#include "../format.h"

namespace fastc::rt {

void unary_scalar(Activation op, const float* x, float* y, int64_t n, float lo, float hi);
void binary_scalar(Binary op, const float* a, const float* b, float* y, int64_t n);

}  // namespace fastc::rt
