#include "passes/prune/importance/filters.h"

#include <algorithm>
#include <cmath>

namespace fastc::prune {

Result<Tensor> finite_weight(const Module& module, ValueId weight) {
  const Tensor& data = module.weight(weight).data;
  const std::string& name = module.value(weight).name;
  if (data.dtype() != DType::kF32) return stage_error("{}: expected an f32 weight to rank channels by, found {}", name, name_of(data.dtype()));
  Tensor dense = data.to_contiguous();
  const auto values = dense.values<float>();
  if (std::all_of(values.begin(), values.end(), [](float w) { return std::isfinite(w); })) return dense;
  return stage_error("{}: expected finite weights to rank channels by, found NaN or infinity", name);
}

std::vector<double> sums_along(const std::vector<int64_t>& shape, int64_t axis, const std::function<double(size_t)>& f) {
  size_t inner = 1, outer = 1;
  for (size_t i = 0; i < shape.size(); ++i) (i < static_cast<size_t>(axis) ? outer : inner) *= i == static_cast<size_t>(axis) ? 1 : static_cast<size_t>(shape[i]);
  const size_t size = static_cast<size_t>(shape[axis]);
  std::vector<double> sums(size);
  size_t at = 0;
  for (size_t o = 0; o < outer; ++o) {
    for (size_t i = 0; i < size; ++i) {
      for (size_t k = 0; k < inner; ++k) sums[i] += f(at++);
    }
  }
  return sums;
}

void add_to_groups(const Coupling& coupling, const ChannelSet& set, const WeightAxis& place, std::span<const double> sums, std::vector<double>& out) {
  for (const size_t group : set.groups) {
    for (const Member& member : coupling.groups[group].members) {
      if (member.value != place.weight || member.axis != place.axis) continue;
      for (const int64_t index : member.indices) out[group] += sums[static_cast<size_t>(index)];
    }
  }
}

Result<std::vector<double>> written_sums(const Request& request, double (*f)(double)) {
  std::vector<double> out(request.coupling.groups.size());
  for (const size_t index : request.sets) {
    const ChannelSet& set = request.coupling.sets[index];
    for (const WeightAxis& place : set.written) {
      FASTC_TRY(const Tensor weight, finite_weight(request.module, place.weight));
      const float* w = weight.data<float>();
      add_to_groups(request.coupling, set, place, sums_along(weight.shape(), place.axis, [&](size_t i) { return f(w[i]); }), out);
    }
  }
  return out;
}

}  // namespace fastc::prune
