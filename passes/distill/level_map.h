// Which hidden values of a student are compared with which of its teacher's.
#pragma once

#include <string_view>
#include <vector>

#include "engine/train.h"
#include "ir/module.h"

namespace fastc {

// Values through which everything later flows: no other large value is alive beside them. After each residual block there is one, inside there is none; so
// they are where two networks of different depth mean the same thing. In order.
std::vector<ValueId> narrow_places(const Module& module);

// `count` pairs (fewer where there are not so many), by position and shape: narrow places are grouped by their shape without the channels (a stage of a
// ResNet, all of a transformer); of every group that both networks have, the last place of each makes a pair, and where that is not enough, places at the same
// share of the group before it. Empty where nothing fits.
std::vector<Level> propose_levels(const Module& student, const Module& teacher, int64_t count);

// Fills in the channels, and checks that this loss can compare each pair; kStage names the pair that does not fit and why.
Result<std::vector<Level>> checked_levels(const Module& student, const Module& teacher, std::vector<Level> levels, std::string_view loss);

}  // namespace fastc
