// Types of values, and encodings of weights: what a pass decided about numbers is visible here and in the text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/dim.h"
#include "ir/tensor.h"

namespace fastc {

// Affine, per tensor: real = scale * (q - zero_point). Activations are u8, so zero_point is in [0, 255].
struct Quant {
  float scale = 1;
  int32_t zero_point = 0;
  bool operator==(const Quant&) const = default;
};

// Text: f32[N,3,32,32], u8[N,16,32,32] q(0.0235, 128), i64[N,L]
struct Type {
  DType dtype = DType::kF32;
  Shape shape;
  std::optional<Quant> quant;  // set exactly for quantized (u8) activations
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  bool operator==(const Type&) const = default;
};
FASTC_API FASTC_API std::string type_text(const Type& type);
FASTC_API std::string quant_text(const Quant& quant);  // "q(0.0235, 128)"; the scale is the shortest text that reads back exactly

// How a weight's numbers are kept. The tensor beside it holds the stored integers (int8 and int4 both as s8).
struct Encoding {
  enum class Kind : uint8_t { kDense, kInt };  // kInt: real = scale[channel] * q; symmetric, zero point 0
  Kind kind = Kind::kDense;
  int bits = 8;             // 8: q in [-127, 127]; 4: q in [-7, 7]
  int axis = 0;             // the axis of `scales` (output channels)
  int64_t group_size = 0;   // > 0: one scale per `group_size` inputs of a channel
  Tensor scales;            // f32 [channels] or [channels, groups]
  // A pattern of zeros that training must keep and that a kernel may use. n of every m consecutive inputs are not zero.
  enum class Sparsity : uint8_t { kNone, kUnstructured, kNofM, kBlock };
  Sparsity sparsity = Sparsity::kNone;
  int n = 0, m = 0;
};

struct Weight {
  Tensor data;
  Encoding encoding;
  bool trainable = true;  // false: a buffer (running statistics, constants)
};
FASTC_API Type type_of(const Weight& weight);         // its stored dtype (s8 when encoded) and shape
FASTC_API size_t stored_bytes(const Weight& weight);  // numbers as encoded (int4: half a byte each), with their scales
// Errors say what does not fit: dtype, scales' shape or values, integers out of range, N:M without 0 < n < m.
FASTC_API Status check_weight(const Weight& weight);
FASTC_API Result<Tensor> decode(const Weight& weight);  // dense: the data itself; kInt: f32 scale[channel, group] * q

}  // namespace fastc
