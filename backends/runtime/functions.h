// Elementwise functions on one float, as PyTorch defines them; the meaning of Activation and Binary.
#pragma once

#include <algorithm>
#include <cmath>

#include "format.h"

namespace fastc::rt {

// lo, hi: clip's bounds; lo alone is leaky_relu's slope and elu's alpha.
inline float activate(Activation op, float x, float lo, float hi) {
  switch (op) {
    case Activation::kIdentity: return x;
    case Activation::kRelu: return x > 0 ? x : (x == x ? 0.0f : x);  // keeps NaN, as torch does
    case Activation::kClip: return x < lo ? lo : (x > hi ? hi : x);
    case Activation::kSigmoid: return 1.0f / (1.0f + std::exp(-x));
    case Activation::kTanh: return std::tanh(x);
    case Activation::kGelu: return 0.5f * x * (1.0f + std::erf(x * 0.70710678118654752440f));
    case Activation::kGeluTanh: return 0.5f * x * (1.0f + std::tanh(0.79788456080286535588f * (x + 0.044715f * x * x * x)));
    case Activation::kSilu: return x / (1.0f + std::exp(-x));
    case Activation::kHardSwish: return x * std::min(std::max(x + 3.0f, 0.0f), 6.0f) / 6.0f;
    case Activation::kHardSigmoid: return std::min(std::max(x + 3.0f, 0.0f), 6.0f) / 6.0f;
    case Activation::kExp: return std::exp(x);
    case Activation::kLog: return std::log(x);
    case Activation::kSqrt: return std::sqrt(x);
    case Activation::kRsqrt: return 1.0f / std::sqrt(x);
    case Activation::kNeg: return -x;
    case Activation::kAbs: return std::fabs(x);
    case Activation::kErf: return std::erf(x);
    case Activation::kSin: return std::sin(x);
    case Activation::kCos: return std::cos(x);
    case Activation::kReciprocal: return 1.0f / x;
    case Activation::kNot: return x == 0 ? 1.0f : 0.0f;
    case Activation::kFloor: return std::floor(x);
    case Activation::kLeakyRelu: return x > 0 ? x : x * lo;
    case Activation::kElu: return x > 0 ? x : lo * std::expm1(x);
    case Activation::kSoftplus: return x > 20.0f ? x : std::log1p(std::exp(x));  // torch's default threshold
  }
  return x;
}

}  // namespace fastc::rt
