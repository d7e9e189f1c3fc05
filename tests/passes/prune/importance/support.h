// An importance asked about the channels that a node writes.
#pragma once

#include "passes/prune/importance/importance.h"
#include "tests/passes/prune/context.h"

namespace fastc::test {

struct Asked {
  Module module;
  Coupling coupling;
  size_t set = 0;
};

// The free set that `writer` writes.
inline Asked ask(const std::string& text, const std::string& writer = "a") {
  Asked asked{read(text), {}, 0};
  auto coupling = find_coupling(asked.module);
  REQUIRE(coupling);
  asked.coupling = std::move(*coupling);
  for (size_t i = 0; i < asked.coupling.sets.size(); ++i) {
    const ChannelSet& set = asked.coupling.sets[i];
    if (!set.why_pinned.empty()) continue;
    for (const NodeId id : set.writers) {
      if (asked.module.node(id).name == writer) asked.set = i;
    }
  }
  return asked;
}

inline Result<prune::Worth> measure(const Asked& asked, std::string_view importance, const Dataset* data = nullptr, int64_t permutations = 4, uint64_t seed = 7) {
  const prune::Importance* found = prune::find_importance(importance);
  REQUIRE(found != nullptr);
  REQUIRE((data != nullptr || !found->needs_data));
  return found->measure({asked.module, asked.coupling, {asked.set}, data, 512, 32, permutations, seed});
}

// One number a channel, in order.
inline std::vector<double> worth(const Asked& asked, std::string_view importance, const Dataset* data = nullptr, int64_t permutations = 4, uint64_t seed = 7) {
  const auto found = measure(asked, importance, data, permutations, seed);
  INFO((found ? "" : found.error().message));
  REQUIRE(found);
  std::vector<double> out;
  for (const size_t group : asked.coupling.sets[asked.set].groups) out.push_back(found->values[group]);
  return out;
}

inline std::string refused(const Asked& asked, std::string_view importance, const Dataset* data = nullptr) {
  const auto found = measure(asked, importance, data);
  REQUIRE_FALSE(found);
  return found.error().message;
}

// Filters [3, -1], [0, 0], [1, 1], and two more that are alike.
inline const char* const kFilters = R"(module m (%x : f32[N,2]) -> (%y) symbols N in [1, 8] {
  @a.w : f32[5,2] = [[3, -1], [0, 0], [1, 1], [2, 0], [2, 0]]
  @y.w : f32[2,5] = [[1, 1, 1, 0, 1], [0, 1, -1, 0, 1]]
  %a = linear(%x, @a.w)
  %y = linear(%a, @y.w)
})";

// A residual stream that two filters write: s writes [1] and [2], b writes [1 2] and [3 4].
inline const char* const kStream = R"(module m (%x : f32[N,1]) -> (%y) symbols N in [1, 8] {
  @s.w : f32[2,1] = [[1], [2]]
  @b.w : f32[2,2] = [[1, 2], [3, 4]]
  @y.w : f32[1,2] = [[1, 1]]
  %a = linear(%x, @s.w)
  %b = linear(%a, @b.w)
  %sum = add(%b, %a)
  %y = linear(%sum, @y.w)
})";

}  // namespace fastc::test
