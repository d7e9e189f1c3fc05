// l2: sqrt(Σ w²) over the filters that write the channel (He et al. 2018, "Soft Filter Pruning", section 3.2). One large weight
// counts more than many small ones, unlike l1.
#include <cmath>

#include "passes/prune/importance/filters.h"

namespace fastc::prune {
namespace {

Result<Worth> l2(const Request& request) {
  FASTC_TRY(std::vector<double> sums, written_sums(request, [](double w) { return w * w; }));
  for (double& sum : sums) sum = std::sqrt(sum);
  return Worth{std::move(sums), {}};
}

const RegisterImportance registered{{.name = "l2", .summary = "Euclidean norm of the filters that write the channel (He 2018)", .measure = l2}};

}  // namespace
}  // namespace fastc::prune
