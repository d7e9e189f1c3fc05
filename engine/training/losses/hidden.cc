#include "engine/training/losses/hidden.h"

#include <algorithm>

namespace fastc::losses {

int64_t channel_axis(int64_t rank) { return rank == 3 ? 2 : std::min<int64_t>(1, rank - 1); }

const HiddenLoss& find_hidden_loss(std::string_view name) {
  static constexpr HiddenLoss kAll[] = {{"mse", hidden_mse, true, true},
                                        {"cosine", hidden_cosine, true, true},
                                        {"attention_map", attention_map, false, true},
                                        {"similarity", similarity, false, false}};
  for (const HiddenLoss& loss : kAll)
    if (loss.name == name) return loss;
  return kAll[0];
}

}  // namespace fastc::losses
