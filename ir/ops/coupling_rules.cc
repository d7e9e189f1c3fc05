#include <algorithm>

#include "ir/ops/common.h"

namespace fastc::ops {

void tie_axis(Coupler& coupler, ValueId a, int64_t axis_a, ValueId b, int64_t axis_b) {
  if (a == kNoId || b == kNoId) return;
  coupler.tie({.value = a, .axis = axis_a}, {.value = b, .axis = axis_b});
}

void pin_axis(Coupler& coupler, ValueId value, int64_t axis) {
  if (value != kNoId) coupler.pin({.value = value, .axis = axis});
}

void pin_all(const OpView& view, Coupler& coupler) {
  for (const auto* list : {&view.node.inputs, &view.node.outputs}) {
    for (const ValueId value : *list) {
      if (value == kNoId) continue;
      for (int64_t axis = 0; axis < view.module.value(value).type.rank(); ++axis) pin_axis(coupler, value, axis);
    }
  }
}

void tie_broadcast(const OpView& view, Coupler& coupler, size_t operand) {
  if (!view.has(operand)) return;
  const Type& in = view.in(operand);
  const Type& out = view.out();
  const int64_t shift = out.rank() - in.rank();
  for (int64_t axis = 0; axis < in.rank(); ++axis) {
    if (in.shape[axis] == out.shape[axis + shift]) {
      tie_axis(coupler, view.node.inputs[operand], axis, view.node.output(), axis + shift);
    }
  }
}

void couple_elementwise(const OpView& view, Coupler& coupler) {
  for (size_t i = 0; i < view.node.inputs.size(); ++i) tie_broadcast(view, coupler, i);
}

void couple_except(const OpView& view, Coupler& coupler, std::initializer_list<int64_t> mixed) {
  for (int64_t axis = 0; axis < view.in(0).rank(); ++axis) {
    if (std::find(mixed.begin(), mixed.end(), axis) != mixed.end()) {
      pin_axis(coupler, view.node.inputs[0], axis);
      pin_axis(coupler, view.node.output(), axis);
    } else {
      tie_axis(coupler, view.node.inputs[0], axis, view.node.output(), axis);
    }
  }
}

bool is_depthwise(const Module& module, const Node& node) {
  const Dim groups(node.integer("groups"));
  const Shape& weight = module.value(node.inputs[1]).type.shape;  // [O, C/groups, …], transposed [C, O/groups, …]
  return node.integer("groups") > 1 && (node.op->name == "conv" ? weight[1] == Dim(1) : weight[0] == groups);
}

void tie_groups(Coupler& coupler, ValueId value, int64_t per, int64_t groups, ValueId to) {
  for (int64_t i = 0; i < per; ++i) {
    coupler.tie({.value = value, .axis = 1, .first = i, .step = per, .count = groups}, {.value = to, .axis = 1, .first = i, .count = 1, .repeat = groups});
  }
}

void shrink_groups(const Module& module, Node& node, const Kept& kept) {
  const auto channels = kept.of(node.inputs[0], 1);
  if (is_depthwise(module, node) && channels) node.attrs.find("groups")->second = static_cast<int64_t>(channels->size());
}

}  // namespace fastc::ops
