#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/sum.h>

#include "engine/ops/average.h"

namespace fastc::engine {
namespace {

enum class Reduction : uint8_t { kSum, kMean, kMax, kMin };

at::Tensor reduce(Reduction kind, const at::Tensor& x, at::IntArrayRef axes, bool keep) {
  if (axes.empty()) return x;  // LibTorch would take all axes
  switch (kind) {
    case Reduction::kSum: return at::sum(x, axes, keep, x.scalar_type());
    case Reduction::kMean: return at::mean(x, axes, keep);
    case Reduction::kMax: return at::amax(x, axes, keep);
    case Reduction::kMin: return at::amin(x, axes, keep);
  }
  return x;
}

template <Reduction kind>
Result<Evaluate> prepare(const Site& site) {
  const auto axes = site.node.integers("axes");
  const bool keep = site.node.flag("keep_dims");
  if (kind == Reduction::kMean && site.integer()) {
    FASTC_TRY(const IntegerAverage average, integer_average(site));
    return [=](Call& call) {
      const at::Tensor x = average.operand(call.in(0));
      int64_t count = 1;
      for (const int64_t axis : axes) count *= x.size(axis);
      call.set(average.result(reduce(Reduction::kSum, x, axes, keep), count));
    };
  }
  return [=](Call& call) { call.set(reduce(kind, call.in(0), axes, keep)); };
}

const RegisterEval sum{"reduce_sum", prepare<Reduction::kSum>}, mean{"reduce_mean", prepare<Reduction::kMean>},
    max{"reduce_max", prepare<Reduction::kMax>}, min{"reduce_min", prepare<Reduction::kMin>};

}  // namespace
}  // namespace fastc::engine
