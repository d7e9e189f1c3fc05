#include "passes/quantize/observers.h"

#include "passes/quantize/two_levels.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace fastc::quantize {
namespace {

constexpr double kMomentum = 0.9;  // what moving_average keeps of itself at each batch

double largest_integer(const WeightOptions& options) { return (1 << (options.bits - 1)) - 1; }

// P: what was counted, with what lies outside put into the end bins. Q: each level's share of the counts inside, spread
// over those of its bins where something was (Migacz 2017, "8-bit inference with TensorRT"). Σ P·ln(P/Q).
double divergence(std::span<const int64_t> bins, size_t first, size_t last) {
  constexpr size_t kLevels = 255;
  std::vector<double> p(bins.begin() + static_cast<std::ptrdiff_t>(first), bins.begin() + static_cast<std::ptrdiff_t>(last));
  std::vector<double> q(p.size());
  for (size_t level = 0; level < kLevels; ++level) {
    const size_t begin = level * p.size() / kLevels, end = (level + 1) * p.size() / kLevels;
    double sum = 0, there = 0;
    for (size_t i = begin; i < end; ++i) sum += p[i], there += p[i] > 0;
    for (size_t i = begin; i < end; ++i) q[i] = p[i] > 0 ? sum / there : 0;
  }
  const double inside = std::accumulate(p.begin(), p.end(), 0.0);
  p.front() += std::accumulate(bins.begin(), bins.begin() + static_cast<std::ptrdiff_t>(first), 0.0);
  p.back() += std::accumulate(bins.begin() + static_cast<std::ptrdiff_t>(last), bins.end(), 0.0);
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) continue;
    if (q[i] == 0) q[i] = 1;  // an end bin that held nothing before the outliers came
    sum += p[i] / total * std::log(p[i] / total / (q[i] / inside));
  }
  return sum;
}

// f32 [channels]. `data`: contiguous.
Tensor scales_by_channel(const Tensor& data, const WeightOptions& options, std::span<const double> least_scales) {
  const int64_t channels = data.shape()[0], inner = channels > 0 ? data.elements() / channels : 0;
  Tensor scales = Tensor::zeros(DType::kF32, {channels});
  const auto from = data.values<float>();
  const auto s = scales.mutable_values<float>();
  const double shared = options.per_tensor ? weight_scale(from, options) : 0;
  for (int64_t c = 0; c < channels; ++c) {
    double scale = options.per_tensor ? shared : weight_scale(from.subspan(static_cast<size_t>(c * inner), static_cast<size_t>(inner)), options);
    if (!least_scales.empty()) scale = std::max(scale, least_scales[static_cast<size_t>(c)]);
    s[c] = static_cast<float>(scale);
    if (!(s[c] > 1e-30F)) s[c] = 1;  // a channel of zeros: every scale is right, and 1 keeps its bias in range
  }
  return scales;
}

}  // namespace

double rounding_error(std::span<const float> values, double scale, double most) {
  double sum = 0;
  for (const float v : values) {
    const double q = std::clamp(std::nearbyint(v / scale), -most, most);
    sum += (v - q * scale) * (v - q * scale);
  }
  return sum;
}

double weight_scale(std::span<const float> values, const WeightOptions& options) {
  double most = 0;
  for (const float v : values) most = std::max(most, static_cast<double>(std::fabs(v)));
  if (most == 0) return 0;
  const double levels = largest_integer(options), full = most / levels;
  if (options.observer != "mse") return full;
  double best = full, least = rounding_error(values, full, levels);
  for (int step = 1; step < 80; ++step) {  // two bits cut off most of a bell's range; nothing cuts off more than this
    const double scale = full * (1 - 0.01 * step);
    if (const double e = rounding_error(values, scale, levels); e < least) {
      least = e;
      best = scale;
    }
  }
  return best;
}

bool needs_counts(const RangeOptions& options) {
  return options.observer != "min_max" && options.observer != "moving_average";
}

void Observed::widen(std::span<const float> values) {
  if (values.empty()) return;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const float v : values) {
    if (std::isnan(v)) nan_ = true;
    low = std::min(low, static_cast<double>(v));
    high = std::max(high, static_cast<double>(v));
  }
  average_low_ = empty() ? low : kMomentum * average_low_ + (1 - kMomentum) * low;
  average_high_ = empty() ? high : kMomentum * average_high_ + (1 - kMomentum) * high;
  low_ = empty() ? low : std::min(low_, low);
  high_ = empty() ? high : std::max(high_, high);
}

bool Observed::finite() const { return !nan_ && std::isfinite(low_) && std::isfinite(high_); }

void Observed::count(std::span<const float> values) {
  bins_.resize(kBins);
  const double width = high_ - low_;
  const double per = width > 0 ? kBins / width : 0;
  for (const float v : values) {
    const auto bin = static_cast<int64_t>((v - low_) * per);
    ++bins_[static_cast<size_t>(std::clamp<int64_t>(bin, 0, kBins - 1))];
  }
}

double Observed::center(size_t bin) const { return low_ + (static_cast<double>(bin) + 0.5) * (high_ - low_) / kBins; }

std::pair<double, double> Observed::percentile_range(double percent) const {
  int64_t total = 0;
  for (const int64_t n : bins_) total += n;
  // Half of what may lie outside on each side; a side that ends at 0 (relu) gives its half to the other.
  double outside = (1 - percent / 100) * static_cast<double>(total);
  const bool both = low_ < 0 && high_ > 0;
  if (both) outside /= 2;
  const double bin_width = (high_ - low_) / kBins;
  size_t first = 0, last = kBins;
  int64_t below = 0, above = 0;
  if (low_ < 0)
    while (first + 1 < kBins && static_cast<double>(below + bins_[first]) <= outside) below += bins_[first++];
  if (high_ > 0)
    while (last > first + 1 && static_cast<double>(above + bins_[last - 1]) <= outside) above += bins_[--last];
  return {low_ + static_cast<double>(first) * bin_width, low_ + static_cast<double>(last) * bin_width};
}

double Observed::error(const Quant& q) const {
  double sum = 0;
  for (size_t bin = 0; bin < kBins; ++bin) {
    if (bins_[bin] == 0) continue;
    const double v = center(bin);
    const double level = std::clamp(std::nearbyint(v / q.scale) + q.zero_point, static_cast<double>(q.low()), static_cast<double>(q.high()));
    const double e = v - (level - q.zero_point) * q.scale;
    sum += e * e * static_cast<double>(bins_[bin]);
  }
  return sum;
}

// Both ends are drawn in alike: a search over one number, as OMSE does it (Choukroun et al. 2019).
std::pair<double, double> Observed::smallest_error_range(const RangeOptions& options) const {
  const auto error_of = [&](double keep) { return error(quant_of_range(low_ * keep, high_ * keep, options.bits, options.symmetric)); };
  std::pair<double, double> best{low_, high_};
  double least = error_of(1);
  for (int step = 1; step < 80; ++step) {
    const double keep = 1 - 0.01 * step;
    if (const double e = error_of(keep); e < least) {
      least = e;
      best = {low_ * keep, high_ * keep};
    }
  }
  return best;
}

// Zero is exact under any range, so a spike of zeros (relu) says nothing about the levels: its bin counts as much as the next one. Without this
// the spike asks for ever finer levels, and the range shrinks to almost nothing (NVIDIA's pytorch-quantization evens it out as well).
std::vector<int64_t> Observed::counts_without_zeros() const {
  std::vector<int64_t> counts = bins_;
  if (low_ > 0 || high_ < 0) return counts;
  const auto zero = static_cast<size_t>(std::clamp(-low_ / (high_ - low_) * kBins, 0.0, kBins - 1.0));
  counts[zero] = counts[zero + 1 < kBins ? zero + 1 : zero - 1];
  return counts;
}

std::pair<double, double> Observed::closest_distribution_range() const {
  const double width = high_ - low_, left = std::clamp(-low_ / width, 0.0, 1.0);  // the share of bins below 0
  size_t best_first = 0, best_last = kBins;
  const std::vector<int64_t> counts = counts_without_zeros();
  double least = divergence(counts, 0, kBins);
  for (size_t kept = kBins - 16; kept >= 256; kept -= 16) {
    const auto first = static_cast<size_t>(std::nearbyint(static_cast<double>(kBins - kept) * left));
    if (const double d = divergence(counts, first, first + kept); d < least) least = d, best_first = first, best_last = first + kept;
  }
  return {low_ + static_cast<double>(best_first) * width / kBins, low_ + static_cast<double>(best_last) * width / kBins};
}

Quant Observed::quant(const RangeOptions& options) const {
  if (empty()) return {};
  std::pair<double, double> range{low_, high_};
  if (options.observer == "moving_average") range = {average_low_, average_high_};
  if (high_ > low_ && !bins_.empty()) {
    if (options.observer == "percentile") range = percentile_range(options.percentile);
    if (options.observer == "mse") range = smallest_error_range(options);
    if (options.observer == "entropy" && options.bits == 8) range = closest_distribution_range();
  }
  return quant_of_range(range.first, range.second, options.bits, options.symmetric);
}

Quant quant_of_range(double low, double high, int bits, bool symmetric) {
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  const double most = std::max(-low, high);
  const bool middle = symmetric && low < 0;
  // A value that is always 0, or too small for a float scale, is exact with any scale.
  const auto scale = static_cast<float>(bits == 16 ? most / 32767 : middle ? most / 127 : (high - low) / 255);
  if (!(scale > 1e-30F)) return {1, 0, bits};
  if (bits == 16) return {scale, 0, 16};
  if (middle) return {scale, 128};
  const double zero = std::nearbyint(-low / scale);
  return {scale, static_cast<int32_t>(std::clamp(zero, 0.0, 255.0))};
}

Weight quantize_weight(const Weight& dense, const WeightOptions& options, std::span<const double> least_scales) {
  const Tensor data = dense.data.to_contiguous();
  assert(data.dtype() == DType::kF32 && data.rank() >= 1);
  const int64_t channels = data.shape()[0];
  const int64_t inner = channels > 0 ? data.elements() / channels : 0;
  const bool grouped = options.group > 0 && options.group < inner;
  const Tensor scales = grouped ? group_scales(data, options, least_scales) : scales_by_channel(data, options, least_scales);
  const int64_t groups = channels > 0 ? scales.elements() / channels : 0, size = grouped ? options.group : inner;
  std::vector<double> q(static_cast<size_t>(data.elements()));
  const double most = largest_integer(options);
  for (int64_t i = 0; i < data.elements(); ++i) {
    const float scale = scales.values<float>()[i / inner * groups + i % inner / size];
    q[i] = std::clamp(std::nearbyint(static_cast<double>(data.values<float>()[i]) / scale), -most, most);
  }
  Weight out{from_doubles(options.bits == 16 ? DType::kS16 : DType::kS8, data.shape(), q), dense.encoding, dense.trainable};  // keeps the sparsity pattern: 0 stays 0
  out.encoding.kind = Encoding::Kind::kInt;
  out.encoding.bits = options.bits;
  out.encoding.axis = 0;
  out.encoding.group_size = grouped ? options.group : 0;
  out.encoding.scales = scales;
  return out;
}

}  // namespace fastc::quantize
