#include "passes/prune/selection.h"

#include <algorithm>
#include <set>

#include "ir/rewrite.h"

namespace fastc::prune {

Result<std::vector<size_t>> chosen_sets(const Module& module, const Coupling& coupling, const Selection& selection) {
  std::set<NodeId> all;
  for (const ChannelSet& set : coupling.sets) {
    if (set.why_pinned.empty()) all.insert(set.writers.begin(), set.writers.end());
  }
  const std::vector<NodeId> candidates(all.begin(), all.end());
  if (candidates.empty()) return std::vector<size_t>{};
  constexpr std::string_view kWhat = "a node whose output channels can be removed";
  FASTC_TRY(const auto included, select_nodes(module, candidates, selection.include, {}, kWhat));
  std::vector<NodeId> excluded;
  if (!selection.exclude.empty()) {
    FASTC_TRY(excluded, select_nodes(module, candidates, selection.exclude, {}, kWhat));
  }
  const auto any_of = [](const std::vector<NodeId>& writers, const std::vector<NodeId>& list) {
    return std::any_of(writers.begin(), writers.end(), [&](NodeId id) { return std::find(list.begin(), list.end(), id) != list.end(); });
  };
  std::vector<size_t> out;
  for (size_t i = 0; i < coupling.sets.size(); ++i) {
    const ChannelSet& set = coupling.sets[i];
    if (!set.why_pinned.empty() || (selection.inner_only && !set.inner)) continue;
    if (any_of(set.writers, included) && !any_of(set.writers, excluded)) out.push_back(i);
  }
  return out;
}

std::map<std::string, size_t> sets_by_name(const Module& module, const Coupling& coupling) {
  std::map<std::string, size_t> out;
  for (size_t i = 0; i < coupling.sets.size(); ++i) {
    const ChannelSet& set = coupling.sets[i];
    if (set.writers.empty()) continue;
    const std::string& writer = module.node(set.writers.front()).name;
    size_t number = 0;
    while (!out.try_emplace(fmt::format("{} {}", writer, number), i).second) ++number;
  }
  return out;
}

}  // namespace fastc::prune
