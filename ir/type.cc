#include "ir/type.h"

#include <fmt/format.h>

#include <cmath>

namespace fastc {
namespace {

// How many scales an encoded weight has: one per channel, or per channel and group of inputs.
Result<std::vector<int64_t>> scales_shape(const Weight& weight) {
  const Encoding& e = weight.encoding;
  const auto& shape = weight.data.shape();
  if (e.axis < 0 || e.axis >= weight.data.rank())
    return input_error("expected a channel axis below the rank {}, found {}", weight.data.rank(), e.axis);
  const int64_t channels = shape[static_cast<size_t>(e.axis)];
  if (e.group_size == 0) return std::vector<int64_t>{channels};
  if (e.group_size < 0 || e.axis != 0)
    return input_error("expected groups of at least 1 input along axis 0, found {} along axis {}", e.group_size,
                       e.axis);
  const int64_t inputs = channels == 0 ? 0 : weight.data.elements() / channels;
  return std::vector<int64_t>{channels, (inputs + e.group_size - 1) / e.group_size};
}

Status check_scales(const Weight& weight) {
  const Tensor& scales = weight.encoding.scales;
  FASTC_TRY(const auto expected, scales_shape(weight));
  if (!scales.defined() || scales.dtype() != DType::kF32 || scales.shape() != expected)
    return input_error(
        "expected f32 scales of shape [{}], found {}", fmt::join(expected, ","),
        scales.defined() ? fmt::format("{}[{}]", name_of(scales.dtype()), fmt::join(scales.shape(), ",")) : "none");
  for (const double scale : to_doubles(scales))
    if (!(scale > 0) || !std::isfinite(scale)) return input_error("expected scales above 0, found {}", scale);
  return {};
}

template <typename T>
Status check_range(std::span<const T> values, int bits) {
  const int limit = (1 << (bits - 1)) - 1;
  for (const int q : values)
    if (q < -limit || q > limit) return input_error("expected int{} numbers from {} to {}, found {}", bits, -limit, limit, q);
  return {};
}

// s[channel, group] · q
template <typename T>
void decode_into(std::span<float> real, std::span<const T> q, std::span<const float> s, const Encoding& e, int64_t channels, int64_t inner) {
  const int64_t groups = e.group_size > 0 ? static_cast<int64_t>(s.size()) / channels : 1;
  for (int64_t i = 0; i < static_cast<int64_t>(real.size()); ++i) {
    const int64_t channel = i / inner % channels, group = e.group_size > 0 ? i % inner / e.group_size : 0;
    real[i] = s[channel * groups + group] * static_cast<float>(q[i]);
  }
}

}  // namespace

std::string quant_text(const Quant& quant) {
  if (quant.bits != 8) return fmt::format("q({}, {}, {})", quant.scale, quant.zero_point, quant.bits);
  return fmt::format("q({}, {})", quant.scale, quant.zero_point);
}

std::string type_text(const Type& type) {
  std::string out = fmt::format("{}[{}]", name_of(type.dtype), shape_text(type.shape));
  if (type.quant) out += " " + quant_text(*type.quant);
  return out;
}

Type type_of(const Weight& weight) {
  return {weight.data.dtype(), Shape(weight.data.shape().begin(), weight.data.shape().end()), {}};
}

size_t stored_bytes(const Weight& weight) {
  const Encoding& e = weight.encoding;
  if (e.kind == Encoding::Kind::kDense) return weight.data.bytes();
  const auto count = static_cast<size_t>(weight.data.elements());
  return (count * static_cast<size_t>(e.bits) + 7) / 8 + e.scales.bytes();
}

Status check_weight(const Weight& weight) {
  const Encoding& e = weight.encoding;
  if (!weight.data.defined()) return input_error("expected data, found none");
  if (e.sparsity == Encoding::Sparsity::kNofM && !(e.n > 0 && e.n < e.m))
    return input_error("expected n:m sparsity with 0 < n < m, found {}:{}", e.n, e.m);
  if (e.sparsity == Encoding::Sparsity::kBlock && !(e.n > 0 && e.m > 0))
    return input_error("expected blocks of at least 1x1, found {}x{}", e.n, e.m);
  if (e.kind == Encoding::Kind::kDense) return {};
  if ((e.bits < 2 || e.bits > 8) && e.bits != 16) return input_error("expected an encoding of 2 to 8 bits, or of 16, found {}", e.bits);
  const DType stored = e.bits == 16 ? DType::kS16 : DType::kS8;
  if (weight.data.dtype() != stored)
    return input_error("expected {} data under int{}, found {}", name_of(stored), e.bits, name_of(weight.data.dtype()));
  FASTC_CHECK(check_scales(weight));
  const Tensor data = weight.data.to_contiguous();
  return e.bits == 16 ? check_range(data.values<int16_t>(), e.bits) : check_range(data.values<int8_t>(), e.bits);
}

Result<Tensor> decode(const Weight& weight) {
  const Encoding& e = weight.encoding;
  if (e.kind == Encoding::Kind::kDense) return weight.data;
  FASTC_CHECK(check_weight(weight));
  const Tensor data = weight.data.to_contiguous(), scales = e.scales.to_contiguous();
  const auto& shape = data.shape();
  int64_t inner = 1;
  for (size_t i = static_cast<size_t>(e.axis) + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t channels = shape[static_cast<size_t>(e.axis)];
  Tensor out = Tensor::zeros(DType::kF32, shape);
  const auto s = scales.values<float>();
  const auto real = out.mutable_values<float>();
  if (e.bits == 16) decode_into(real, data.values<int16_t>(), s, e, channels, inner);
  else decode_into(real, data.values<int8_t>(), s, e, channels, inner);
  return out;
}

}  // namespace fastc
