// embedding, gather, index_select, iota, argsort: reading by index, and making indices.
//
//   embedding     y[…,d] = table[indices[…], d]; an integer table with scales along axis 0 is read as f32
//   gather        y[p] = x[p with p[axis] replaced by indices[p]]            (torch.gather)
//   index_select  y[a…, i…, b…] = x[a…, indices[i…], b…]                     (numpy.take)
//   iota          y[i] = start + i·step
//   argsort       y[…,i] = where the i-th smallest of x[…,:] stands, or the i-th largest; equals in their order, NaN the largest of all
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

Status expect_indices(const OpView& view, size_t i) {
  if (view.in(i).dtype == DType::kI64 || view.in(i).dtype == DType::kI32) return {};
  return wrong_operand(view, i, "i64 or i32");
}

bool is_integer_table(const OpView& view) {
  const ValueId table = view.node.inputs[0];
  if (!view.module.is_weight(table)) return false;
  const Encoding& encoding = view.module.weight(table).encoding;
  return encoding.kind == Encoding::Kind::kInt && encoding.axis == 0;
}

Types infer_embedding(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const bool integers = is_integer_table(view);
  if (!integers) FASTC_CHECK(expect_float(view, 0));
  if (view.in(0).rank() != 2) return wrong_operand(view, 0, "rank 2 [V,D]");
  FASTC_CHECK(expect_indices(view, 1));
  Type result{integers ? DType::kF32 : view.in(0).dtype, view.in(1).shape};
  result.shape.push_back(view.in(0).shape[1]);
  return std::vector<Type>{std::move(result)};
}

void couple_embedding(const OpView& view, Coupler& coupler) {
  const ValueId table = view.node.inputs[0], indices = view.node.inputs[1], y = view.node.output();
  const int64_t rank = view.in(1).rank();
  pin_axis(coupler, table, 0);  // the vocabulary
  tie_axis(coupler, table, 1, y, rank);
  for (int64_t axis = 0; axis < rank; ++axis) tie_axis(coupler, indices, axis, y, axis);
}

Types infer_gather(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const int64_t rank = view.in(0).rank();
  FASTC_CHECK(expect_axis(view.node.integer("axis"), rank));
  FASTC_CHECK(expect_indices(view, 1));
  if (view.in(1).rank() != rank) return wrong_operand(view, 1, fmt::format("rank {} like \"x\"", rank));
  for (int64_t axis = 0; axis < rank; ++axis) {
    const Dim room = view.in(0).shape[axis] - view.in(1).shape[axis];
    if (axis != view.node.integer("axis") && room.is_constant() && room.constant() < 0) {
      return wrong_operand(view, 1, fmt::format("at most {} on axis {}", view.in(0).shape[axis].text(), axis));
    }
  }
  return std::vector<Type>{{view.in(0).dtype, view.in(1).shape}};
}

Types infer_index_select(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const int64_t axis = view.node.integer("axis");
  const Shape& x = view.in(0).shape;
  FASTC_CHECK(expect_axis(axis, view.in(0).rank()));
  FASTC_CHECK(expect_indices(view, 1));
  Shape shape(x.begin(), x.begin() + axis);
  shape.insert(shape.end(), view.in(1).shape.begin(), view.in(1).shape.end());
  shape.insert(shape.end(), x.begin() + axis + 1, x.end());
  return std::vector<Type>{{view.in(0).dtype, std::move(shape)}};
}

void couple_index_select(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], indices = view.node.inputs[1], y = view.node.output();
  const int64_t axis = view.node.integer("axis"), more = view.in(1).rank() - 1;
  pin_axis(coupler, x, axis);
  for (int64_t i = 0; i < view.in(1).rank(); ++i) tie_axis(coupler, indices, i, y, axis + i);
  for (int64_t i = 0; i < view.in(0).rank(); ++i) {
    if (i != axis) tie_axis(coupler, x, i, y, i < axis ? i : i + more);
  }
}

Types infer_iota(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  FASTC_TRY(const DType dtype, parse_dtype(view.node.string("dtype")));
  if (dtype != DType::kI64 && dtype != DType::kI32 && dtype != DType::kF32) return wrong_attribute("dtype", "i64, i32 or f32", view.node.string("dtype"));
  return std::vector<Type>{{dtype, {dim_of(view.node, "length")}}};
}

Types infer_argsort(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const DType dtype = view.in(0).dtype;
  if (dtype != DType::kF32 && dtype != DType::kF64 && dtype != DType::kI64 && dtype != DType::kI32) return wrong_operand(view, 0, "f32, f64, i64 or i32");
  if (view.in(0).rank() < 1) return wrong_operand(view, 0, "at least one axis");
  return std::vector<Type>{{DType::kI64, view.in(0).shape}};
}

void couple_argsort(const OpView& view, Coupler& coupler) {
  const ValueId x = view.node.inputs[0], y = view.node.output();
  const int64_t last = view.in(0).rank() - 1;
  for (int64_t axis = 0; axis < last; ++axis) tie_axis(coupler, x, axis, y, axis);
  pin_axis(coupler, x, last);  // the indices count its elements
  pin_axis(coupler, y, last);
}

const RegisterOp embedding{{
    .name = "embedding",
    .summary = "rows of a table [V,D] by index",
    .operands = operands("table, indices"),
    .infer = infer_embedding,
    .cost = no_cost,
    .couple = couple_embedding,
    .trainable = true,
}};
const RegisterOp gather{{
    .name = "gather",
    .summary = "elements by index along one axis, one index per result element",
    .operands = operands("x, indices"),
    .attributes = {integer("axis", "which axis")},
    .infer = infer_gather,
    .cost = no_cost,
}};
const RegisterOp index_select{{
    .name = "index_select",
    .summary = "whole slices by index along one axis",
    .operands = operands("x, indices"),
    .attributes = {integer("axis", "which axis")},
    .infer = infer_index_select,
    .cost = no_cost,
    .couple = couple_index_select,
}};
const RegisterOp iota{{
    .name = "iota",
    .summary = "start, start + step, …",
    .operands = {},
    .attributes = {dim("length", "how many"), number("start", 0.0, "the first"), number("step", 1.0, "distance"),
                   text("dtype", "i64", "i64, i32 or f32")},
    .infer = infer_iota,
    .cost = no_cost,
}};

const RegisterOp argsort{{
    .name = "argsort",
    .summary = "where the elements of the last axis stand, from the smallest to the largest",
    .operands = operands("x"),
    .attributes = {flag("descending", false, "from the largest to the smallest")},
    .infer = infer_argsort,
    .couple = couple_argsort,
}};

}  // namespace
}  // namespace fastc::ops
