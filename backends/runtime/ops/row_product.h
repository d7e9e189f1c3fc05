// y[rows, out] = x[rows, in]·Wᵀ + bias on the kernels of linear layers, for ops that are made of several such products: an op prepares one for
// each of its weights, and runs them with as many rows as it has.
#pragma once

#include "op.h"
#include "ops/dynamic_range.h"

namespace fastc::rt {

// kPlain: f32 [out, in], perhaps computed by the program. kPanels: kPanel16. kDynamic: s8 in kPanel16x4, scale:f32[out], Σw:i32[out]; each row of x is
// quantized with its own range (dynamic_range.h).
enum class WeightForm : uint8_t { kPlain, kPanels, kDynamic };

class RowProduct {
 public:
  static size_t operands(WeightForm form) { return form == WeightForm::kDynamic ? 3 : 1; }

  // `rows`: the most that run() is called with; at least one.
  bool prepare(WeightForm form, std::span<Tensor* const> w, const Tensor* bias, int64_t rows, int64_t in, int64_t out, PrepareContext& c);
  uint64_t scratch(int64_t rows) const;
  void run(int64_t rows, const float* x, float* y, void* scratch) const;
  const char* isa() const { return form_ == WeightForm::kDynamic ? s8_.isa : f32_.isa; }

 private:
  bool prepare_dynamic(std::span<Tensor* const> w, const ConvShape& s, PrepareContext& c);
  void run_plain(int64_t rows, const float* x, float* y) const;
  void run_dynamic(int64_t rows, const float* x, float* y, void* scratch) const;

  WeightForm form_ = WeightForm::kPlain;
  int64_t in_ = 0, out_ = 0;
  const float *w_ = nullptr, *bias_ = nullptr, *scale_ = nullptr;
  Chosen<ConvF32> f32_;
  Chosen<ConvS8> s8_;
  DynamicRows row_kernels_;
  DynamicChannels channels_;
};

}  // namespace fastc::rt
