#include "passes/prune/importance/samples.h"

#include <algorithm>

#include "base/random.h"
#include "tasks/batches.h"

namespace fastc::prune {
namespace {

void add_place(const Module& module, const Group& group, ValueId value, std::vector<Place>& out) {
  for (const Member& member : group.members) {
    if (member.value != value || module.is_weight(value)) continue;
    const bool known = std::any_of(out.begin(), out.end(), [&](const Place& place) { return place.value == value && place.axis == member.axis; });
    if (!known) out.push_back({value, member.axis});
  }
}

}  // namespace

Result<std::vector<std::vector<int64_t>>> drawn_batches(const Dataset& data, int64_t samples, int64_t batch_size, uint64_t seed) {
  if (data.size() < 1) return stage_error("expected samples to rank channels on, found an empty data set");
  std::vector<int64_t> order = shuffled_indices(data.size(), seed, 0);
  order.resize(static_cast<size_t>(std::min(samples, data.size())));
  std::vector<std::vector<int64_t>> batches;
  for (const auto& batch : cut_batches(order, batch_size)) batches.emplace_back(batch.begin(), batch.end());
  return batches;
}

std::vector<Place> places_of(const Module& module, const Coupling& coupling, const ChannelSet& set) {
  const Group& group = coupling.groups[set.groups.front()];
  std::vector<Place> out;
  for (const NodeId reader : set.readers) add_place(module, group, module.node(reader).input(0), out);
  if (!out.empty()) return out;
  for (const NodeId writer : set.writers) add_place(module, group, module.node(writer).output(), out);
  return out;
}

const std::vector<int64_t>& indices_at(const Group& group, const Place& place) {
  static const std::vector<int64_t> none;
  for (const Member& member : group.members) {
    if (member.value == place.value && member.axis == place.axis) return member.indices;
  }
  return none;
}

}  // namespace fastc::prune
