#include "ir/multiples.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace fastc {
namespace {

// Scales are f32 products, so quotients of up to 127 are off by 2e-5 at most.
constexpr double kTolerance = 1e-4;

bool divides(std::span<const float> row, double scale, std::span<uint8_t> multiples) {
  for (size_t g = 0; g < row.size(); ++g) {
    const double m = std::nearbyint(row[g] / scale);
    if (m < 1 || std::fabs(row[g] / scale - m) > kTolerance) return false;
    multiples[g] = static_cast<uint8_t>(m);
  }
  return true;
}

}  // namespace

Result<Multiples> find_multiples(const Encoding& e) {
  const Tensor grouped = e.scales.to_contiguous();
  const int64_t channels = grouped.shape()[0], groups = channels == 0 ? 0 : grouped.elements() / channels;
  Multiples out{Tensor::zeros(DType::kF32, {channels}), Tensor::zeros(DType::kU8, {channels, groups})};
  const auto scales = out.scales.mutable_values<float>();
  const auto multiples = out.multiples.mutable_values<uint8_t>();
  const int most = 127 / ((1 << (e.bits - 1)) - 1);
  for (int64_t c = 0; c < channels && groups > 0; ++c) {
    const auto at = static_cast<size_t>(c * groups), count = static_cast<size_t>(groups);
    const auto row = grouped.values<float>().subspan(at, count);
    const double largest = *std::max_element(row.begin(), row.end());
    int m = 1;
    while (m <= most && !divides(row, largest / m, multiples.subspan(at, count))) ++m;
    if (m > most)
      return input_error("expected scales of groups that are 1 to {} times one scale of their channel under int{} and integer arithmetic, found others in channel {}", most, e.bits, c);
    scales[c] = static_cast<float>(largest / m);
  }
  return out;
}

Result<Tensor> channel_scales(const Encoding& e) {
  if (e.group_size == 0) return e.scales;
  FASTC_TRY(const Multiples found, find_multiples(e));
  return found.scales;
}

Result<Weight> by_channel(const Weight& weight) {
  const Encoding& e = weight.encoding;
  if (e.kind != Encoding::Kind::kInt || e.group_size == 0) return weight;
  FASTC_TRY(const Multiples found, find_multiples(e));
  const Tensor data = weight.data.to_contiguous();
  const int64_t channels = data.shape()[0], inputs = channels == 0 ? 0 : data.elements() / channels, groups = found.multiples.elements() / std::max<int64_t>(channels, 1);
  Weight out{Tensor::zeros(DType::kS8, data.shape()), e, weight.trainable};
  const auto to = out.data.mutable_values<int8_t>();
  for (int64_t i = 0; i < data.elements(); ++i)
    to[i] = static_cast<int8_t>(found.multiples.values<uint8_t>()[i / inputs * groups + i % inputs / e.group_size] * data.values<int8_t>()[i]);
  out.encoding.bits = 8, out.encoding.group_size = 0, out.encoding.scales = found.scales;
  return out;
}

}  // namespace fastc
