// Changes of type, and numbers made from nothing.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "half.h"
#include "ops/make.h"

namespace fastc::rt {
namespace {

using Operands = std::span<Tensor* const>;

// Round half to even; too large becomes infinity, too small becomes a subnormal or zero.
uint16_t float_to_half(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {  // subnormal: let the FPU round, by adding 0.5 whose last bit is 2⁻²⁴
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

uint16_t float_to_bfloat(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

bool is_float(DType t) { return t == DType::kF32 || t == DType::kF64 || t == DType::kF16 || t == DType::kBF16; }

double load_real(const uint8_t* p, DType t) {
  uint16_t bits = 0;
  switch (t) {
    case DType::kF32: return *reinterpret_cast<const float*>(p);
    case DType::kF64: return *reinterpret_cast<const double*>(p);
    case DType::kF16: std::memcpy(&bits, p, 2); return half_to_float(bits);
    default: std::memcpy(&bits, p, 2); return bfloat_to_float(bits);
  }
}

int64_t load_integer(const uint8_t* p, DType t) {
  switch (t) {
    case DType::kI64: return *reinterpret_cast<const int64_t*>(p);
    case DType::kI32: return *reinterpret_cast<const int32_t*>(p);
    case DType::kS8: return static_cast<int8_t>(*p);
    default: return *p;
  }
}

void store_real(uint8_t* p, DType t, double v) {
  uint16_t bits = 0;
  switch (t) {
    case DType::kF32: *reinterpret_cast<float*>(p) = static_cast<float>(v); return;
    case DType::kF64: *reinterpret_cast<double*>(p) = v; return;
    case DType::kF16: bits = float_to_half(static_cast<float>(v)); break;
    default: bits = float_to_bfloat(static_cast<float>(v)); break;
  }
  std::memcpy(p, &bits, 2);
}

void store_integer(uint8_t* p, DType t, int64_t v) {
  switch (t) {
    case DType::kI64: *reinterpret_cast<int64_t*>(p) = v; return;
    case DType::kI32: *reinterpret_cast<int32_t*>(p) = static_cast<int32_t>(v); return;
    default: *p = static_cast<uint8_t>(v); return;
  }
}

// Toward zero, as C does; what does not fit (where C leaves it open) becomes the smallest integer, as x86 does.
int64_t to_integer(double v) { return v > -9.3e18 && v < 9.22e18 ? static_cast<int64_t>(v) : INT64_MIN; }

// Numbers of one type as another: reals to integers toward zero, integers wrap around, anything but zero is true. Quantized
// values count as their integers.
class Cast final : public Op {
 public:
  bool prepare(Operands in, Operands out, const void*, PrepareContext& c) override {
    begin();
    x_ = in[0], y_ = out[0];
    if (!same_stored_shape(*x_, *y_) || x_->channels_last() != y_->channels_last()) return misfit(c, "its input and output differ in shape or layout");
    add(run, this, chunks(y_->elements));
    return true;
  }

 private:
  static void run(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const Cast*>(self);
    const DType from = op.x_->dtype, to = op.y_->dtype;
    const size_t x_size = dtype_bytes(from), y_size = dtype_bytes(to);
    for (int64_t i = begin * kChunk; i < std::min(end * kChunk, op.y_->elements); ++i) {
      const uint8_t* x = op.x_->data + i * static_cast<int64_t>(x_size);
      uint8_t* y = op.y_->data + i * static_cast<int64_t>(y_size);
      if (is_float(from)) {
        const double v = load_real(x, from);
        if (to == DType::kBool) *y = v != 0;
        else if (is_float(to)) store_real(y, to, v);
        else store_integer(y, to, to_integer(v));
      } else {
        const int64_t v = load_integer(x, from);
        if (to == DType::kBool) *y = v != 0;
        else if (is_float(to)) store_real(y, to, static_cast<double>(v));
        else store_integer(y, to, v);
      }
    }
  }

  const Tensor *x_ = nullptr, *y_ = nullptr;
};

// start, start + step, …
class Iota final : public Op {
 public:
  bool prepare(Operands, Operands out, const void* attributes, PrepareContext& c) override {
    begin();
    a_ = *static_cast<const IotaAttrs*>(attributes);
    y_ = out[0];
    if (y_->rank > 1) return misfit(c, "its output has %d axes, not one", y_->rank);
    add(run, this, y_->elements == 0 ? 0 : 1);
    return true;
  }

 private:
  static void run(const void* self, int64_t, int64_t, void*) {
    const auto& op = *static_cast<const Iota*>(self);
    for (int64_t i = 0; i < op.y_->elements; ++i) {
      const double v = op.a_.start + static_cast<double>(i) * op.a_.step;
      if (op.y_->dtype == DType::kI64) op.y_->as<int64_t>()[i] = to_integer(v);
      else op.y_->as<float>()[i] = static_cast<float>(v);
    }
  }

  IotaAttrs a_{};
  const Tensor* y_ = nullptr;
};

}  // namespace

std::unique_ptr<Op> make_cast() { return std::make_unique<Cast>(); }
std::unique_ptr<Op> make_iota() { return std::make_unique<Iota>(); }

}  // namespace fastc::rt
