// l1: Σ |w| over the filters that write the channel (Li et al. 2017, "Pruning Filters for Efficient ConvNets", section 3.1).
#include <cmath>

#include "passes/prune/importance/filters.h"

namespace fastc::prune {
namespace {

Result<Worth> l1(const Request& request) {
  FASTC_TRY(std::vector<double> sums, written_sums(request, [](double w) { return std::abs(w); }));
  return Worth{std::move(sums), {}};
}

const RegisterImportance registered{{.name = "l1", .summary = "sum of |w| over the filters that write the channel (Li 2017)", .measure = l1}};

}  // namespace
}  // namespace fastc::prune
