// expand: numpy broadcasting of the operand to a given shape.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Types infer(const OpView& view, const DeclaredQuant& quant) {
  Shape shape = dims_of(view.node, "shape");
  const Result<Shape> together = broadcast(view.in(0).shape, shape);
  if (!together || *together != shape) return wrong_attribute("shape", fmt::format("a shape that [{}] broadcasts to", shape_text(view.in(0).shape)), fmt::format("[{}]", shape_text(shape)));
  return keeps(view, quant, {view.in(0).dtype, std::move(shape)});
}

Status shrink(Module&, Node& node, const Kept& kept) {
  Shape shape = dims_of(node, "shape");
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (const auto left = kept.of(node.output(), static_cast<int64_t>(axis))) shape[axis] = static_cast<int64_t>(left->size());
  }
  node.attrs.find("shape")->second = std::move(shape);
  return {};
}

const RegisterOp expand{{
    .name = "expand",
    .summary = "broadcasts to a shape",
    .operands = operands("x"),
    .attributes = {dims("shape", "of the result")},
    .infer = infer,
    .cost = no_cost,
    .couple = couple_elementwise,
    .shrink = shrink,
    .integer = IntegerRule::kKeeps,
    .sixteen_bits = true,
}};

}  // namespace
}  // namespace fastc::ops
