// fpgm: distance to the geometric median (He et al. 2019, "Filter Pruning via Geometric Median", eq. 4 and 5):
//
//   worth(i) = Σ_j ‖w_i − w_j‖₂  over the filters of the set
//
// A filter near the median of its layer can be replaced by the others, however large it is. Filters of several writers
// (a residual stream) are put one behind the other into one vector.
#include <cmath>

#include "passes/prune/importance/filters.h"

namespace fastc::prune {
namespace {

// Row g: all weights that write group g, so that rows of one set have equal length and order.
std::vector<std::vector<float>> rows_of(const Tensor& weight, const Coupling& coupling, const ChannelSet& set, const WeightAxis& place) {
  size_t outer = 1, inner = 1;
  const auto& shape = weight.shape();
  for (int64_t i = 0; i < weight.rank(); ++i) (i < place.axis ? outer : inner) *= i == place.axis ? 1 : static_cast<size_t>(shape[i]);
  const size_t size = static_cast<size_t>(shape[place.axis]);
  const float* w = weight.data<float>();
  std::vector<std::vector<float>> rows(set.groups.size());
  for (size_t g = 0; g < rows.size(); ++g) {
    for (const Member& member : coupling.groups[set.groups[g]].members) {
      if (member.value != place.weight || member.axis != place.axis) continue;
      for (const int64_t index : member.indices) {
        for (size_t o = 0; o < outer; ++o) {
          const float* first = w + (o * size + static_cast<size_t>(index)) * inner;
          rows[g].insert(rows[g].end(), first, first + inner);
        }
      }
    }
  }
  return rows;
}

double squared_distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (double(a[i]) - double(b[i])) * (double(a[i]) - double(b[i]));
  return sum;
}

Result<Worth> fpgm(const Request& request) {
  Worth worth{std::vector<double>(request.coupling.groups.size()), {}};
  for (const size_t index : request.sets) {
    const ChannelSet& set = request.coupling.sets[index];
    const size_t count = set.groups.size();
    std::vector<double> squared(count * count);
    for (const WeightAxis& place : set.written) {
      FASTC_TRY(const Tensor weight, finite_weight(request.module, place.weight));
      const auto rows = rows_of(weight, request.coupling, set, place);
      for (size_t i = 0; i < count; ++i) {
        for (size_t j = i + 1; j < count; ++j) squared[i * count + j] += squared_distance(rows[i], rows[j]);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = i + 1; j < count; ++j) {
        const double distance = std::sqrt(squared[i * count + j]);
        worth.values[set.groups[i]] += distance;
        worth.values[set.groups[j]] += distance;
      }
    }
  }
  return worth;
}

const RegisterImportance registered{{.name = "fpgm", .summary = "distance of the filter to all others of its layer: near the geometric median it is replaceable (He 2019)", .measure = fpgm}};

}  // namespace
}  // namespace fastc::prune
