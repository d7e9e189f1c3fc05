// reshape: the same elements in the same order under another shape. On integers nothing changes but the shape.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  Shape shape = dims_of(view.node, "shape");
  const Dim before = product(view.in(0).shape), after = product(shape);
  if (before != after) {
    return wrong_attribute("shape", fmt::format("{} elements, as \"x\" [{}] has", before.text(), shape_text(view.in(0).shape)),
                           fmt::format("[{}], {} elements", shape_text(shape), after.text()));
  }
  return keeps(view, quant, {view.in(0).dtype, std::move(shape)});
}

// Axes [x_first, x_last) of the operand hold the same elements as [y_first, y_last) of the result.
struct Block { int64_t x_first, x_last, y_first, y_last; };

// The finest split into blocks of equal products. Axes of length 1 join the block before them. Empty when the products of
// symbolic dimensions never meet again: then nothing can be said.
std::vector<Block> blocks(const Shape& x, const Shape& y) {
  std::vector<Block> out;
  size_t i = 0, j = 0;
  while (i < x.size() || j < y.size()) {
    Block block{static_cast<int64_t>(i), 0, static_cast<int64_t>(j), 0};
    Dim left = i < x.size() ? x[i++] : Dim(1), right = j < y.size() ? y[j++] : Dim(1);
    while (left != right) {
      const bool comparable = left.is_constant() && right.is_constant();
      // Symbolic: take from the side with fewer factors left to spend; either order ends at the same products.
      const bool grow_left = comparable ? left.constant() < right.constant() : (i < x.size() && (j >= y.size() || Dim::exact_div(right, left)));
      if (grow_left ? i >= x.size() : j >= y.size()) return {};
      if (grow_left) {
        left = left * x[i++];
      } else {
        right = right * y[j++];
      }
    }
    block.x_last = static_cast<int64_t>(i);
    block.y_last = static_cast<int64_t>(j);
    out.push_back(block);
  }
  return out;
}

std::vector<int64_t> long_axes(const Shape& shape, int64_t first, int64_t last) {
  std::vector<int64_t> out;
  for (int64_t axis = first; axis < last; ++axis) {
    if (shape[axis] != Dim(1)) out.push_back(axis);
  }
  return out;
}

// `whole` is one axis, `parts` several whose product it is. One of the parts can lose elements: the first (heads), unless the coupler
// finds that another frees more (channel shuffle; q, k and v packed before the heads). With n elements in that part and m in those behind it,
// its element j is the runs [(a·n + j)·m, (a·n + j + 1)·m) of the whole, for every a.
void couple_split(Coupler& coupler, ValueId whole, int64_t axis, ValueId split, const Shape& shape, const std::vector<int64_t>& parts) {
  const size_t free = coupler.choose({.value = whole, .axis = axis}, parts.size());
  Dim before = 1, behind = 1;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i != free) pin_axis(coupler, split, parts[i]);
    if (i < free) before = before * shape[parts[i]];
    if (i > free) behind = behind * shape[parts[i]];
  }
  const Dim size = shape[parts[free]] * behind;
  if (!behind.is_constant() || (free > 0 && (!before.is_constant() || !size.is_constant()))) {
    pin_axis(coupler, split, parts[free]);
    return pin_axis(coupler, whole, axis);
  }
  const Coupler::Run part{.value = split, .axis = parts[free], .repeat = behind.constant()};
  if (free == 0) return coupler.tie(part, {.value = whole, .axis = axis});
  for (int64_t a = 0; a < before.constant(); ++a) {
    coupler.tie(part, {.value = whole, .axis = axis, .first = a * size.constant(), .count = size.constant()});
  }
}

void couple(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], y = view.node.output();
  const Shape& xs = view.in(0).shape;
  const Shape& ys = view.out().shape;
  const std::vector<Block> split = blocks(xs, ys);
  if (split.empty()) return pin_all(view, coupler);
  for (const Block& block : split) {
    const auto from = long_axes(xs, block.x_first, block.x_last), to = long_axes(ys, block.y_first, block.y_last);
    if (from.size() == 1 && to.size() == 1) {
      tie_axis(coupler, x, from[0], y, to[0]);
    } else if (from.size() == 1 && to.size() > 1) {
      couple_split(coupler, x, from[0], y, ys, to);
    } else if (to.size() == 1 && from.size() > 1) {
      couple_split(coupler, y, to[0], x, xs, from);
    } else {  // regrouped: [2,6] → [3,4]
      for (const int64_t axis : from) pin_axis(coupler, x, axis);
      for (const int64_t axis : to) pin_axis(coupler, y, axis);
    }
  }
}

Status shrink(Module&, Node& node, const Kept& kept) {
  Shape shape = dims_of(node, "shape");
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (const auto left = kept.of(node.output(), static_cast<int64_t>(axis))) shape[axis] = static_cast<int64_t>(left->size());
  }
  node.attrs.find("shape")->second = std::move(shape);
  return {};
}

const RegisterOp reshape{{
    .name = "reshape",
    .summary = "the same elements under another shape",
    .operands = operands("x"),
    .attributes = {dims("shape", "of the result")},
    .infer = infer,
    .cost = no_cost,
    .couple = couple,
    .shrink = shrink,
    .integer = IntegerRule::kKeeps,
    .sixteen_bits = true,
}};

}  // namespace
}  // namespace fastc::ops
