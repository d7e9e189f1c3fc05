#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "ir/coupling.h"
#include "ir/op.h"

namespace fastc {
namespace {

class KeptChannels final : public Kept {
 public:
  using Key = std::pair<ValueId, int64_t>;
  std::map<Key, std::vector<int64_t>> lists;
  std::optional<std::span<const int64_t>> of(ValueId value, int64_t axis) const override {
    const auto found = lists.find({value, axis});
    if (found == lists.end()) return {};
    return std::span<const int64_t>(found->second);
  }
};

Status check_chosen(const Coupling& coupling, std::span<const size_t> groups) {
  const std::set<size_t> chosen(groups.begin(), groups.end());
  if (!chosen.empty() && *chosen.rbegin() >= coupling.groups.size()) {
    return internal_error("expected a group below {}, found {}", coupling.groups.size(), *chosen.rbegin());
  }
  for (const ChannelSet& set : coupling.sets) {
    if (set.why_pinned.empty()) continue;
    for (const size_t group : set.groups) {
      if (chosen.count(group)) return usage_error("expected channels that may go, found pinned ones: {}", set.why_pinned);
    }
  }
  return {};
}

Result<KeptChannels> kept_channels(const Module& module, const Coupling& coupling, std::span<const size_t> groups) {
  std::map<KeptChannels::Key, std::set<int64_t>> removed;
  for (const size_t group : groups) {
    for (const Member& member : coupling.groups[group].members) removed[{member.value, member.axis}].insert(member.indices.begin(), member.indices.end());
  }
  KeptChannels kept;
  for (const auto& [key, gone] : removed) {
    const Value& value = module.value(key.first);
    const int64_t size = value.type.shape[key.second].constant();
    auto& list = kept.lists[key];
    for (int64_t i = 0; i < size; ++i) {
      if (!gone.count(i)) list.push_back(i);
    }
    if (list.empty()) return usage_error("expected at least one channel to stay, found all {} of axis {} of {} chosen", size, key.second, value.name);
  }
  return kept;
}

Status shrink_weight(std::string_view name, Weight& weight, int64_t axis, std::span<const int64_t> kept) {
  Encoding& encoding = weight.encoding;
  if (encoding.sparsity == Encoding::Sparsity::kNofM || encoding.sparsity == Encoding::Sparsity::kBlock) {
    return stage_error("{}: expected a weight without a pattern of zeros, found one that removing channels would break; remove channels first", name);
  }
  if (encoding.kind == Encoding::Kind::kInt) {
    if (encoding.group_size > 0 && axis != encoding.axis) return stage_error("{}: expected ungrouped scales, found groups of {} inputs that removing channels would break", name, encoding.group_size);
    if (axis == encoding.axis) encoding.scales = select(encoding.scales, 0, kept);
  }
  weight.data = select(weight.data, axis, kept);
  return {};
}

}  // namespace

Status remove_groups(Module& module, const Coupling& coupling, std::span<const size_t> groups) {
  FASTC_CHECK(check_chosen(coupling, groups));
  FASTC_TRY(const KeptChannels kept, kept_channels(module, coupling, groups));
  Module smaller = module;  // shares every weight that stays whole
  for (const NodeId id : smaller.order()) {
    Node& node = smaller.node(id);
    if (node.op->shrink != nullptr) FASTC_CHECK(node.op->shrink(smaller, node, kept));
  }
  for (const auto& [key, list] : kept.lists) {
    if (!smaller.is_weight(key.first)) continue;
    FASTC_CHECK(shrink_weight(smaller.value(key.first).name, smaller.weight(key.first), key.second, list));
  }
  FASTC_CHECK(smaller.infer_types());
  FASTC_CHECK(verify(smaller));
  module = std::move(smaller);
  return {};
}

}  // namespace fastc
