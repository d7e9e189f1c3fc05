// linear and conv whose activations are quantized at run time, row by row or with one range for the whole tensor (dynamic_range.h):
//   y = act((acc − (z − 128)·Σw) · s·scale[o] + bias[o])
#include <algorithm>
#include <vector>

#include "kernels/scalar.h"
#include "ops/dynamic_range.h"
#include "ops/geometry.h"
#include "ops/make.h"

namespace fastc::rt {
namespace {

constexpr int64_t kRangeTiles = 64;

class Dynamic final : public FramedOp {
 public:
  explicit Dynamic(bool conv) : conv_(conv) {}

  bool prepare(std::span<Tensor* const> in, std::span<Tensor* const> out, const void* attributes, PrepareContext& c) override {
    begin();
    const Tensor &x = *in[0], &w = *in[1], &y = *out[0];
    ConvS8& p = chosen_.args;
    if (!shape(x, y, attributes, p.s, c) || !check_packed(w, p.s, c) || !check_vector(in[2], p.s.oc, "scale", c) ||
        !check_vector(in[3], p.s.oc, "sum of weights", c) || !check_vector(in.size() > 4 ? in[4] : nullptr, p.s.oc, "bias", c)) {
      return false;
    }
    if (!in[3]->constant) return misfit(c, "its sum of weights is not a constant");
    if (p.s.kh * p.s.kw * (p.s.c / p.s.groups) * 255 * 127 > INT32_MAX / 2) return misfit(c, "its sums may leave 32 bits");
    x_ = x.as<const float>(), y_ = y.as<float>();
    weight_scale_ = in[2]->as<const float>();
    bias_ = in.size() > 4 && in[4] != nullptr ? in[4]->as<const float>() : nullptr;
    if (c.opening) channels_.fill(in[3]->as<const int32_t>(), p.s.oc);
    rows_ = per_row_ ? p.s.n : 1;
    row_elements_ = rows_ == 0 ? 0 : x.elements / rows_;
    carve_workspace(x, c);
    p.w = w.as<const int8_t>();
    p.bias = channels_.offset.data(), p.m = channels_.ones.data();
    p.residual = nullptr;
    p.y = y.data, p.y_f32 = true;
    p.activation = Activation::kIdentity;
    if (y.elements == 0) return true;
    if (!choose(chosen_, &KernelTable::conv_s8, c)) return false;
    isa_ = chosen_.isa;
    row_kernels_ = DynamicRows::of(c.kernels);
    unary_ = first_row_kernel(c.kernels, &KernelTable::unary_f32);
    if (unary_ == nullptr) unary_ = unary_scalar;
    scratch_ = chosen_.scratch();
    if (per_row_) {
      add(quantize_rows, this, rows_);
    } else {
      add(measure, this, range_tiles_ = std::min(kRangeTiles, chunks(x.elements)));
      add(quantize_all, this, chunks(x.elements));
    }
    frames_.from = quantized_, frames_.element = 1;
    p.x = frames_.needed() ? framed(x, c) : quantized_;
    add(Chosen<ConvS8>::run, &chosen_, chosen_.tiles());
    out_rows_ = y.elements / p.s.oc;
    add(finish, this, out_rows_);
    return fits(c);
  }

 private:
  bool shape(const Tensor& x, const Tensor& y, const void* attributes, ConvShape& s, PrepareContext& c) {
    if (conv_) {
      const auto& a = *static_cast<const ConvAttrs*>(attributes);
      activation_ = static_cast<Activation>(a.activation), lo_ = a.lo, hi_ = a.hi, per_row_ = false;
      return conv_shape(x, y, a, depth_of(a, x), s, frames_, c);
    }
    const auto& a = *static_cast<const DynamicAttrs*>(attributes);
    activation_ = static_cast<Activation>(a.activation), lo_ = a.lo, hi_ = a.hi, per_row_ = a.per_row != 0;
    return linear_shape(x, y, s, c);
  }

  void carve_workspace(const Tensor& x, PrepareContext& c) {
    const uint64_t scales = align64(rows_ * sizeof(DynamicScale)), ranges = align64(kRangeTiles * sizeof(DynamicRange));
    workspace_ = scales + ranges + align64(x.elements);
    scales_ = reinterpret_cast<DynamicScale*>(c.workspace);
    ranges_ = reinterpret_cast<DynamicRange*>(c.workspace + scales);
    quantized_ = c.workspace + scales + ranges;
  }

  static void quantize_rows(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const Dynamic*>(self);
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * op.row_elements_;
      op.scales_[row] = op.row_kernels_.quantize_row(op.x_ + at, op.quantized_ + at, op.row_elements_);
    }
  }

  static void measure(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const Dynamic*>(self);
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t first = op.row_elements_ * tile / op.range_tiles_, last = op.row_elements_ * (tile + 1) / op.range_tiles_;
      op.row_kernels_.range(op.x_ + first, last - first, &op.ranges_[tile].low, &op.ranges_[tile].high);
    }
  }

  static void quantize_all(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const Dynamic*>(self);
    DynamicRange whole;
    for (int64_t tile = 0; tile < op.range_tiles_; ++tile) {
      whole.low = std::min(whole.low, op.ranges_[tile].low);
      whole.high = std::max(whole.high, op.ranges_[tile].high);
    }
    const DynamicScale scale = scale_of(whole);
    if (begin == 0) {  // the thread that has the first tile tells the next steps
      op.scales_[0] = scale;
      op.chosen_.args.x_zero_point = op.frames_.fill = scale.zero_point;
    }
    const int64_t first = begin * kChunk, last = std::min(end * kChunk, op.row_elements_);
    op.row_kernels_.quantize(op.x_ + first, op.quantized_ + first, last - first, scale.inverse, scale.zero_point);
  }

  static void finish(const void* self, int64_t begin, int64_t end, void*) {
    const auto& op = *static_cast<const Dynamic*>(self);
    const int64_t channels = op.chosen_.args.s.oc;
    for (int64_t row = begin; row < end; ++row) {
      float* y = op.y_ + row * channels;
      const DynamicScale& s = op.scales_[op.per_row_ ? row : 0];
      op.row_kernels_.finish(y, channels, s.shift(), s.scale, op.channels_.sums.data(), op.weight_scale_, op.bias_);
      if (op.activation_ != Activation::kIdentity) op.unary_(op.activation_, y, y, channels, op.lo_, op.hi_);
    }
  }

  const bool conv_;
  bool per_row_ = false;
  Activation activation_ = Activation::kIdentity;
  float lo_ = 0, hi_ = 0;
  const float *x_ = nullptr, *weight_scale_ = nullptr, *bias_ = nullptr;
  float* y_ = nullptr;
  int64_t rows_ = 0, row_elements_ = 0, range_tiles_ = 0, out_rows_ = 0;
  DynamicScale* scales_ = nullptr;
  DynamicRange* ranges_ = nullptr;
  uint8_t* quantized_ = nullptr;
  DynamicRows row_kernels_;
  decltype(KernelTable::unary_f32) unary_ = nullptr;
  DynamicChannels channels_;
  mutable Chosen<ConvS8> chosen_;  // x_zero_point is known only at run time
};

}  // namespace

std::unique_ptr<Op> make_linear_dynamic() { return std::make_unique<Dynamic>(false); }
std::unique_ptr<Op> make_conv_dynamic() { return std::make_unique<Dynamic>(true); }

}  // namespace fastc::rt
