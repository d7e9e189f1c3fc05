#include "ops/row_product.h"

#include <algorithm>

#include "ops/geometry.h"

namespace fastc::rt {
namespace {

ConvShape linear_of(int64_t rows, int64_t in, int64_t out) { return {rows, 1, 1, in, 1, 1, out, 1, 1, 1, 1, 0, 0, 1, 1, 1}; }

// Packs are kept for an op and a kernel, not for each of an op's weights. No kernel packs a matrix again.
template <typename Args>
bool choose_unpacked(Chosen<Args>& chosen, TiledKernel<Args> (KernelTable::*list)[kMaxCandidates], PrepareContext& c) {
  if (!choose(chosen, list, c)) return false;
  return chosen.packed == nullptr || misfit(c, "the kernel %s wants its weights packed again", chosen.kernel->name);
}

template <typename Args>
uint64_t kernel_scratch(const Chosen<Args>& chosen, int64_t rows) {
  if (chosen.kernel == nullptr || chosen.kernel->scratch == nullptr) return 0;
  Args args = chosen.args;
  args.s.n = rows;
  return align64(chosen.kernel->scratch(args));
}

template <typename Args>
void run_all(const Chosen<Args>& chosen, const Args& args, void* scratch) {
  chosen.kernel->run(args, nullptr, 0, chosen.kernel->tiles(args), scratch);
}

}  // namespace

bool RowProduct::prepare(WeightForm form, std::span<Tensor* const> w, const Tensor* bias, int64_t rows, int64_t in, int64_t out, PrepareContext& c) {
  form_ = form, in_ = in, out_ = out;
  for (size_t i = 0; i < operands(form); ++i) {
    if (w[i] == nullptr) return misfit(c, "a weight is missing");
  }
  if (!check_vector(bias, out, "bias", c)) return false;
  if (bias != nullptr && bias->dtype != DType::kF32) return misfit(c, "its bias \"%s\" is not f32", bias->name);
  bias_ = bias == nullptr ? nullptr : bias->as<const float>();
  const Tensor& weight = *w[0];
  const ConvShape s = linear_of(rows, in, out);
  if (weight.dtype != (form == WeightForm::kDynamic ? DType::kS8 : DType::kF32)) return misfit(c, "its weight \"%s\" is not %s", weight.name, form == WeightForm::kDynamic ? "s8" : "f32");
  if (form == WeightForm::kPlain) {
    w_ = weight.as<const float>();
    return check_vector(&weight, saturating_product({out, in}), "weight", c);
  }
  if (in == 0) return misfit(c, "its input has no features");
  if (!check_packed(weight, s, c)) return false;
  if (form == WeightForm::kDynamic) return prepare_dynamic(w, s, c);
  f32_.args = {s, nullptr, weight.as<const float>(), bias_, nullptr, nullptr, Activation::kIdentity, 0, 0};
  return choose_unpacked(f32_, &KernelTable::conv_f32, c);
}

bool RowProduct::prepare_dynamic(std::span<Tensor* const> w, const ConvShape& s, PrepareContext& c) {
  if (w[1]->dtype != DType::kF32 || w[2]->dtype != DType::kI32 || !w[2]->constant) return misfit(c, "\"%s\" and \"%s\" are not scales in f32 and constant sums in i32", w[1]->name, w[2]->name);
  if (!check_vector(w[1], out_, "scale", c) || !check_vector(w[2], out_, "sum of weights", c)) return false;
  if (in_ * 255 * 127 > INT32_MAX / 2) return misfit(c, "its sums may leave 32 bits");
  scale_ = w[1]->as<const float>();
  if (c.opening) channels_.fill(w[2]->as<const int32_t>(), out_);
  row_kernels_ = DynamicRows::of(c.kernels);
  s8_.args = {};
  s8_.args.s = s, s8_.args.w = w[0]->as<const int8_t>(), s8_.args.bias = channels_.offset.data(), s8_.args.m = channels_.ones.data(), s8_.args.y_f32 = true;
  s8_.args.activation = Activation::kIdentity;
  return choose_unpacked(s8_, &KernelTable::conv_s8, c);
}

uint64_t RowProduct::scratch(int64_t rows) const {
  if (form_ == WeightForm::kPlain) return 0;
  if (form_ == WeightForm::kPanels) return kernel_scratch(f32_, rows);
  return kernel_scratch(s8_, rows) + align64(static_cast<uint64_t>(rows) * sizeof(DynamicScale)) + align64(static_cast<uint64_t>(saturating_product({rows, in_})));
}

void RowProduct::run(int64_t rows, const float* x, float* y, void* scratch) const {
  if (form_ == WeightForm::kPlain) return run_plain(rows, x, y);
  if (form_ == WeightForm::kDynamic) return run_dynamic(rows, x, y, scratch);
  ConvF32 args = f32_.args;
  args.s.n = rows, args.x = x, args.y = y;
  run_all(f32_, args, scratch);
}

void RowProduct::run_plain(int64_t rows, const float* x, float* y) const {
  for (int64_t row = 0; row < rows; ++row, x += in_, y += out_) {
    for (int64_t o = 0; o < out_; ++o) {
      float sum = bias_ == nullptr ? 0.0f : bias_[o];
      for (int64_t i = 0; i < in_; ++i) sum += w_[o * in_ + i] * x[i];
      y[o] = sum;
    }
  }
}

void RowProduct::run_dynamic(int64_t rows, const float* x, float* y, void* scratch) const {
  uint8_t* at = static_cast<uint8_t*>(scratch) + kernel_scratch(s8_, rows);
  auto* scales = reinterpret_cast<DynamicScale*>(at);
  uint8_t* q = at + align64(static_cast<uint64_t>(rows) * sizeof(DynamicScale));
  for (int64_t row = 0; row < rows; ++row) scales[row] = row_kernels_.quantize_row(x + row * in_, q + row * in_, in_);
  ConvS8 args = s8_.args;
  args.s.n = rows, args.x = q, args.y = y;
  run_all(s8_, args, scratch);
  for (int64_t row = 0; row < rows; ++row) {
    row_kernels_.finish(y + row * out_, out_, scales[row].shift(), scales[row].scale, channels_.sums.data(), scale_, bias_);
  }
}

}  // namespace fastc::rt
