// What importances that look at data share: which samples, and where in the program a channel is seen.
#pragma once

#include <vector>

#include "passes/prune/importance/importance.h"

namespace fastc::prune {

// `samples` of the data, drawn with the seed (data sorted by class would else rank by the first classes only), in batches.
// An empty data set is an error.
Result<std::vector<std::vector<int64_t>>> drawn_batches(const Dataset& data, int64_t samples, int64_t batch_size, uint64_t seed);

// A value through which a set's channels act on the rest, and the axis they lie along: what each reader takes in; where nothing
// reads (a channel's last weight is its norm's), what the writers give out. Zero there is what removing the channel means.
struct Place {
  ValueId value = kNoId;
  int64_t axis = 0;
};
std::vector<Place> places_of(const Module& module, const Coupling& coupling, const ChannelSet& set);

// Indices of one group at a place.
const std::vector<int64_t>& indices_at(const Group& group, const Place& place);

}  // namespace fastc::prune
