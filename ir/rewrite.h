// Helpers for passes that look for patterns and change them.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/api.h"
#include "ir/module.h"

namespace fastc {

// Who uses each value, kept for the length of one walk over a module that is not changed meanwhile.
class FASTC_API Uses {
 public:
  explicit Uses(const Module& module);
  // How often a value is used: operands counted one by one (add(%x, %x) is two), an output of the module as one more.
  int count(ValueId id) const { return counts_[static_cast<size_t>(id)]; }
  std::span<const NodeId> users(ValueId id) const { return users_[static_cast<size_t>(id)]; }
  // The one node that uses the value, once, and nothing else does (not even the module's outputs); kNoId otherwise.
  NodeId single_user(ValueId id) const;

 private:
  std::vector<int> counts_;
  std::vector<std::vector<NodeId>> users_;
};

FASTC_API bool is_op(const Node& node, std::string_view op);
// The node that makes `id`, when it is this op; null otherwise.
FASTC_API const Node* producer_of(const Module& module, ValueId id, std::string_view op);
// Position of each node in order(), indexed by NodeId; -1 for erased ones.
FASTC_API std::vector<int> positions(const Module& module);

// A weight of f32 data with one element, as the scalars of models arrive.
FASTC_API std::optional<double> scalar_weight(const Module& module, ValueId id);

// Gives a node, and the first result that is called as it, another name; the name must be new.
FASTC_API void rename_node(Module& module, NodeId id, std::string_view name);

// Replaces the weight of one operand: in place when this is its only use, else under a fresh name, so that other users keep theirs.
FASTC_API void set_weight(Module& module, NodeId node, size_t operand, Weight weight);

// Sets an operand, filling skipped optional ones with kNoId.
FASTC_API void set_operand(Node& node, size_t operand, ValueId value);

// Patterns of a recipe: globs on node names, or `op:conv`. Of the candidates those that match any of `include` and none of
// `exclude`. A pattern that matches no candidate is a kUsage error that names some of them: nothing is ever silently left out.
// `what` says what the candidates are ("a conv or linear node").
FASTC_API Result<std::vector<NodeId>> select_nodes(const Module& module, std::span<const NodeId> candidates, std::span<const std::string> include,
                                                   std::span<const std::string> exclude, std::string_view what);

}  // namespace fastc
