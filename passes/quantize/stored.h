// Which weights may be kept in fewer bits while the arithmetic stays that of floats; shared by weight_only and cast.
#pragma once

#include <string>
#include <vector>

#include "ir/module.h"

namespace fastc::quantize {

struct StoredWeights {
  std::vector<ValueId> weights;    // each once, in the order of their first use
  std::vector<std::string> notes;  // one for each chosen node whose weight stays as it is, and why
};

// Weights of the chosen conv, linear and embedding nodes. One that another op reads too, and those of depthwise convolutions, stay f32. An error where
// a pattern matches nothing, or a weight is not finite.
Result<StoredWeights> weights_to_store(const Module& module, const std::vector<std::string>& include, const std::vector<std::string>& exclude);

// Puts the weight in place of the one there and gives its value the new type; Module::infer_types() follows.
void replace_weight(Module& module, ValueId id, Weight weight);

}  // namespace fastc::quantize
