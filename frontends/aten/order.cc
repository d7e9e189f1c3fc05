// Ops that ask which elements are the largest, and the routing of tokens to experts that is built on them.
//
// Experts. Tokens are sorted by the expert that they go to; _grouped_mm multiplies each run of rows by its expert's matrix. Here every
// expert is a linear layer on all rows, and each row takes the result of its own: what quantizes, prunes and trains linear layers works
// on experts, at the price of the products that no row takes. (Shazeer et al. 2017, "Outrageously Large Neural Networks", equation 1,
// without leaving out the terms whose gate is 0.)
#include <numeric>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

struct Order {
  TensorArg values, places;
};

// The first `count` of the axis in order; everything without a count.
Result<Order> ordered(Lowering& l, TensorArg x, int64_t dim, bool descending, std::optional<Dim> count) {
  if (l.rank(x) == 0) return input_error("expected at least one axis");
  FASTC_TRY(const int64_t axis, l.axis(dim, l.rank(x)));
  const int64_t last = l.rank(x) - 1;
  std::vector<int64_t> swapped(static_cast<size_t>(l.rank(x)));
  std::iota(swapped.begin(), swapped.end(), 0);
  std::swap(swapped[static_cast<size_t>(axis)], swapped.back());
  FASTC_TRY(x, l.permute(x, swapped));
  FASTC_TRY(auto places, l.emit("argsort", {x}, {{"descending", descending}}));
  if (count) {
    FASTC_TRY(places, l.slice(places, last, Dim(0), *count));
  }
  FASTC_TRY(auto values, l.emit("gather", {x, places}, {{"axis", last}}));
  FASTC_TRY(values, l.permute(values, swapped));
  FASTC_TRY(places, l.permute(places, swapped));
  return Order{values, places};
}

Result<ArgList> topk(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(const int64_t k, call.integer("k"));
  FASTC_TRY(const int64_t axis, l.axis(call.integer_or("dim", -1), l.rank(x)));
  if (l.rank(x) == 0 || k < 0 || !l.always_le(Dim(k), l.shape(x)[static_cast<size_t>(axis)])) return input_error("cannot take the first {} of an axis of [{}]", k, shape_text(l.shape(x)));
  FASTC_TRY(const Order order, ordered(l, x, axis, call.flag_or("largest", true), Dim(k)));
  return ArgList{Arg{order.values}, Arg{order.places}};
}

Result<ArgList> sort(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(const Order order, ordered(l, x, call.integer_or("dim", -1), call.flag_or("descending", false), std::nullopt));
  if (call.op == "argsort") return ArgList{Arg{order.places}};
  return ArgList{Arg{order.values}, Arg{order.places}};
}

Result<TensorArg> counted(Lowering& l, const Dim& length) {
  return l.emit("iota", {}, {{"length", length}, {"start", 0.0}, {"step", 1.0}, {"dtype", std::string("i64")}});
}

// How many numbers fall into each of `bins` parts of [min, max]; of whole numbers, where each has a part of its own.
Result<ArgList> histc(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(const int64_t bins, call.integer("bins"));
  FASTC_TRY(const double min, call.number("min"));
  FASTC_TRY(const double max, call.number("max"));
  const Node* cast = l.module().producer(x.id);
  const bool whole = cast && !cast->inputs.empty() && l.module().value(cast->input(0)).type.dtype == DType::kI64 && l.module().value(cast->input(0)).type.shape == l.shape(x);
  if (!whole || min != 0 || max != static_cast<double>(bins - 1)) return input_error("histc is supported for whole numbers from 0 to bins - 1");
  const DType dtype = l.type(x).dtype;
  FASTC_TRY(auto column, l.reshape(TensorArg{cast->input(0), {}}, {product(l.shape(x)), Dim(1)}));
  FASTC_TRY(auto kinds, counted(l, Dim(bins)));
  FASTC_TRY(auto row, l.reshape(kinds, {Dim(1), Dim(bins)}));
  FASTC_TRY(auto same, l.emit("eq", {column, row}));
  FASTC_TRY(auto ones, l.cast(same, dtype));
  return one(l.emit("reduce_sum", {ones}, {{"axes", std::vector<int64_t>{0}}, {"keep_dims", false}}));
}

// x [S,K], weight [E,K,N], offs [E], where the rows of each expert end.
Result<ArgList> grouped_mm(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor(call.has("self") ? "self" : "input"));
  FASTC_TRY(auto weight, call.tensor(call.has("mat2") ? "mat2" : "weight"));
  FASTC_TRY(auto ends, call.tensor("offs"));
  const Shape s = l.shape(x), w = l.shape(weight);
  if (s.size() != 2 || w.size() != 3 || !w[0].is_constant()) return input_error("expected rows [S,K] and matrices [E,K,N], found [{}] and [{}]", shape_text(s), shape_text(w));
  if (call.has("bias") || call.has("out_dtype")) return input_error("a bias or another type is not supported");
  FASTC_TRY(ends, l.cast(ends, DType::kI64));
  FASTC_TRY(auto number, counted(l, s[0]));
  FASTC_TRY(auto row, l.reshape(number, {s[0], Dim(1)}));
  std::optional<TensorArg> y;
  for (int64_t e = 0; e < w[0].constant(); ++e) {
    FASTC_TRY(auto matrix, l.slice(weight, 0, Dim(e), Dim(e + 1)));
    FASTC_TRY(matrix, l.reshape(matrix, {w[1], w[2]}));
    FASTC_TRY(matrix, l.permute(matrix, {1, 0}));
    FASTC_TRY(auto own, l.emit("linear", {x, matrix}));
    if (y) {
      FASTC_TRY(auto begin, l.slice(ends, 0, Dim(e - 1), Dim(e)));
      FASTC_TRY(auto behind, l.emit("ge", {row, begin}));
      FASTC_TRY(own, l.emit("where", {behind, own, *y}));
    }
    y = own;
  }
  if (!y) return input_error("no experts");
  return ArgList{Arg{*y}};
}

constexpr RuleEntry kRules[] = {{"topk", topk}, {"sort", sort}, {"argsort", sort}, {"histc", histc}, {"_grouped_mm", grouped_mm}};

}  // namespace

std::span<const RuleEntry> order_rules() { return kRules; }

}  // namespace fastc::aten
