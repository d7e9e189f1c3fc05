// random: a draw. What every other importance must beat; in trained-again networks it is a surprisingly strong baseline (Mittal et
// al. 2018, "Recovering from Random Pruning").
#include "passes/prune/importance/importance.h"

namespace fastc::prune {
namespace {

Result<Worth> random_draw(const Request& request) {
  Random random(request.seed);
  Worth worth{std::vector<double>(request.coupling.groups.size()), {}};
  for (const size_t set : request.sets) {
    for (const size_t group : request.coupling.sets[set].groups) worth.values[group] = random.uniform();
  }
  return worth;
}

const RegisterImportance registered{{.name = "random", .summary = "a draw: the baseline", .normalize = Normalize::kNone, .measure = random_draw}};

}  // namespace
}  // namespace fastc::prune
