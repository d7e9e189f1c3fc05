// How a range of real numbers becomes a scale and a zero point: observers of activations, and scales of weights.
//
// Activations are affine, u8: real = scale · (q − zero_point), so a range [lo, hi] that holds 0 gives scale = (hi −
// lo)/255 and zero_point = rne(−lo/scale) (Jacob et al. 2018, eq. 1). Symmetric ones (Nagel et al. 2021, eq. 7 and 8) have the zero point 0 where
// nothing is negative, scale = hi/255, else 128 in the middle, scale = max|v|/127; those of 16 bits are s16, scale = max|v|/32767. Weights are symmetric, in [−127, 127] at 8 bits,
// [−3, 3] at 3 bits, with a scale for each output channel or one for the tensor.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace fastc::quantize {

struct RangeOptions {
  std::string observer = "percentile";  // "min_max", "moving_average", "percentile", "mse", "entropy"
  double percentile = 99.99;            // share of the values, in percent, that must lie inside the range
  int bits = 8;                         // 8 or 16
  bool symmetric = false;               // 16 bits always are
};

// Does it look at the data a second time?
bool needs_counts(const RangeOptions& options);

// What was seen of one value, in two passes over the data: first the extremes, then counts between them. 16 KiB each.
class Observed {
 public:
  void widen(std::span<const float> values);  // first pass; one call a batch
  void count(std::span<const float> values);  // second pass
  bool empty() const { return !(low_ <= high_); }
  bool finite() const;
  double low() const { return low_; }
  double high() const { return high_; }

  Quant quant(const RangeOptions& options) const;

 private:
  static constexpr size_t kBins = 2048;
  std::pair<double, double> percentile_range(double percent) const;
  std::pair<double, double> smallest_error_range(const RangeOptions& options) const;
  std::pair<double, double> closest_distribution_range() const;
  double error(const Quant& q) const;                  // squared error of quantizing what was counted
  std::vector<int64_t> counts_without_zeros() const;
  double center(size_t bin) const;

  double low_ = 1, high_ = -1;  // empty
  double average_low_ = 0, average_high_ = 0;  // of the batches' extremes
  bool nan_ = false;
  std::vector<int64_t> bins_;
};

// The affine parameters of a range; it is widened to hold 0, so that padding and relu are exact.
Quant quant_of_range(double low, double high, int bits = 8, bool symmetric = false);

struct WeightOptions {
  std::string observer = "max";  // "max": the largest magnitude is the largest integer; "mse": the scale with the
                                 // smallest squared error
  int bits = 8;                  // 2 … 8, or 16
  bool per_tensor = false;       // one scale for all channels
  int64_t group = 0;             // > 0: inputs of a channel that share a scale, an integer multiple of the channel's (two_levels.h); under bits of at most 6
};

// 0 where all values are.
double weight_scale(std::span<const float> values, const WeightOptions& options);
// Σ(v − scale·q)², q the nearest integer in ±most.
double rounding_error(std::span<const float> values, double scale, double most);

// Rounds each output channel (axis 0) of a dense weight. `least_scales` (one per channel, or empty): lower
// bounds, which a channel whose bias is large beside its weights needs so that the bias fits into the accumulator.
Weight quantize_weight(const Weight& dense, const WeightOptions& options, std::span<const double> least_scales = {});

}  // namespace fastc::quantize
