// Which channels of a network live and die together. Each op says how channels couple across it (OpDef::couple); here these
// ties are joined into connected components of elements (value, axis, index).
//
// A Group is the smallest thing that can be removed: in `conv → batch_norm → relu → conv`, one filter of the first, one number of
// each of the norm's four weights, and one input slice of the second. Groups of the same structure (the same members, another
// index) form a ChannelSet, which is what ratios and rounding apply to. A residual stream is one set; where the shortcut pads
// channels with zeros it splits into sets that reach back to different stages.
//
// Where a reshape lets either one part of an axis or another lose elements (Coupler::choose), the first is taken unless it leaves the axis
// pinned and another does not: channel shuffle loses the same places of every group, packed q, k and v lose heads.
//
// Idea: DepGraph (Fang et al., CVPR 2023), with elements in place of layers, so that slices, pads, concats and reshapes need no
// special handling.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/api.h"
#include "base/result.h"
#include "ir/module.h"

namespace fastc {

struct Member {
  ValueId value = kNoId;
  int64_t axis = 0;
  std::vector<int64_t> indices;  // ascending
  bool operator==(const Member&) const = default;
};

struct WeightAxis {
  ValueId weight = kNoId;
  int64_t axis = 0;
};

struct Group {
  std::vector<Member> members;  // by value, then axis
};

struct ChannelSet {
  std::vector<size_t> groups;    // into Coupling::groups, in the order of their first member's indices
  std::vector<NodeId> writers;   // nodes whose output channels these are: conv, linear, embedding …
  std::vector<NodeId> readers;   // nodes whose input channels these are
  // The weight of each writer and reader, and the axis of it that these channels are; behind them the other weights of recurrent layers.
  std::vector<WeightAxis> written, read;
  std::vector<NodeId> through;   // nodes with weights per channel that neither begin nor end it: norms, depthwise convolutions
  bool inner = true;             // false: some addition of two activations joins it (a residual stream)
  int64_t channels_per_group = 1;  // on the first writer's output axis; a head of an attention layer counts all its features
  std::string why_pinned;        // not empty: must stay; a sentence
};

struct Coupling {
  std::vector<Group> groups;
  std::vector<ChannelSet> sets;  // in the order of their first member; pinned ones behind
};

// Sets without a weight are left out. An op whose rule contradicts its types is an internal error.
FASTC_API Result<Coupling> find_coupling(const Module& module);

// Physically removes the groups: rows and columns of every weight (and of their scales), attributes that hold channel counts or
// positions, types; then verifies. On an error the module is as before. kUsage: a pinned group, or the last channel of an axis.
FASTC_API Status remove_groups(Module& module, const Coupling& coupling, std::span<const size_t> groups);

// In words, for `fastc inspect --groups`: one paragraph a set.
FASTC_API std::string coupling_text(const Module& module, const Coupling& coupling);

}  // namespace fastc
