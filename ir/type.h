// Types of values, and encodings of weights: what a pass decided about numbers is visible here and in the text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/dim.h"
#include "ir/tensor.h"

namespace fastc {

// Affine, per tensor: real = scale * (q - zero_point). Activations of 8 bits are u8 with a zero point in [0, 255]; those of 16 bits are
// s16 in [-32767, 32767] with zero point 0.
struct Quant {
  float scale = 1;
  int32_t zero_point = 0;
  int32_t bits = 8;
  constexpr int32_t low() const { return bits == 16 ? -32767 : 0; }
  constexpr int32_t high() const { return bits == 16 ? 32767 : 255; }
  constexpr DType dtype() const { return bits == 16 ? DType::kS16 : DType::kU8; }
  bool operator==(const Quant&) const = default;
};

// Text: f32[N,3,32,32], u8[N,16,32,32] q(0.0235, 128), s16[N,16,32,32] q(0.0001, 0, 16), i64[N,L]
struct Type {
  DType dtype = DType::kF32;
  Shape shape;
  std::optional<Quant> quant;  // set exactly for quantized (u8 or s16) activations
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  bool operator==(const Type&) const = default;
};
FASTC_API FASTC_API std::string type_text(const Type& type);
FASTC_API std::string quant_text(const Quant& quant);  // "q(0.0235, 128)", "q(0.0001, 0, 16)"; the scale is the shortest text that reads back exactly

// How a weight's numbers are kept. The tensor beside it holds the stored integers (up to 8 bits as s8, 16 bits as s16).
struct Encoding {
  enum class Kind : uint8_t { kDense, kInt };  // kInt: real = scale[channel] * q; symmetric, zero point 0
  Kind kind = Kind::kDense;
  int bits = 8;             // 2 to 8, or 16: q in ±(2^(bits-1) - 1); 8: [-127, 127], 4: [-7, 7]
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
