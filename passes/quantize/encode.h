// A weight in 8 or 4 bits, with one scale for each output channel or each group of its inputs: formulas in weight_only.cc.
#pragma once

#include <cstdint>

#include "ir/type.h"

namespace fastc::quantize {

struct Form {
  int64_t bits = 8, group = 0;  // group 0: a scale for each channel
  bool mse = false;
  double limit() const { return bits == 4 ? 7 : 127; }
};

struct Encoded {
  Weight weight;
  double error = 0, size = 0;  // Σ(w − s·q)², Σw²
};

// Of a dense f32 weight with at least one element, along axis 0.
Encoded encode(const Weight& dense, const Form& form);

}  // namespace fastc::quantize
