// Reductions.
#include <algorithm>

#include "frontends/aten/lowering.h"
#include "frontends/aten/scalar.h"

namespace fastc::aten {
namespace {

// The axes to reduce: all when `dim` is absent or empty.
Result<std::vector<int64_t>> axes_of(Lowering& l, const Call& call, const TensorArg& x) {
  std::vector<int64_t> axes;
  if (call.has("dim")) {
    FASTC_TRY(auto dims, call.integers("dim"));
    for (int64_t d : dims) {
      FASTC_TRY(int64_t axis, l.axis(d, l.rank(x)));
      if (std::ranges::find(axes, axis) != axes.end()) return input_error("axis {} is listed twice", axis);
      axes.push_back(axis);
    }
  }
  if (axes.empty())
    for (int64_t i = 0; i < l.rank(x); ++i) axes.push_back(i);
  std::ranges::sort(axes);
  return axes;
}

bool is_float(DType t) { return t == DType::kF32 || t == DType::kF64 || t == DType::kF16 || t == DType::kBF16; }

Result<TensorArg> reduce_over(Lowering& l, std::string_view op, const TensorArg& x, std::vector<int64_t> axes, bool keep) {
  return l.emit(op, {x}, {{"axes", std::move(axes)}, {"keep_dims", keep}});
}

// Of numbers that are known: a list of sizes, or of what was asked of several tensors.
Result<ArgList> fold_list(const ArgList& list, std::string_view op, Arg all) {
  for (const Arg& item : list) {
    FASTC_TRY(all, fold_binary(op, all, item));
  }
  return ArgList{std::move(all)};
}

Result<ArgList> reduce(Lowering& l, const Call& call) {
  if (const ArgList* list = call.arg("self").list(); list && call.op == "sum") return fold_list(*list, "add", Arg{Dim(0)});
  FASTC_TRY(auto x, call.tensor("self"));
  bool mean = call.op == "mean", sum = call.op == "sum";
  DType own = l.type(x).dtype;
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", sum && !is_float(own) ? DType::kI64 : own));  // aten adds integers up as int64
  FASTC_TRY(x, l.cast(x, dtype));
  FASTC_TRY(auto axes, axes_of(l, call, x));
  return one(reduce_over(l, mean ? "reduce_mean" : sum ? "reduce_sum" : call.op == "amax" ? "reduce_max" : "reduce_min", x, axes, call.flag_or("keepdim", false)));
}

// max and min: of everything, along an axis (values and indices), or of two tensors.
Result<ArgList> extreme(Lowering& l, const Call& call) {
  if (call.has("other") || call.has("a") || call.has("b")) return find_rule(call.op == "max" ? "maximum" : "minimum")(l, call);
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto axes, axes_of(l, call, x));
  FASTC_TRY(auto y, reduce_over(l, call.op == "max" ? "reduce_max" : "reduce_min", x, axes, call.flag_or("keepdim", false)));
  return ArgList{Arg{y}, Arg{}};
}

// The first index of the extreme: min over i of (x[i] == extreme ? i : n).
Result<ArgList> arg_extreme(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  const bool all = !call.has("dim");
  if (all) {
    FASTC_TRY(x, l.reshape(x, {product(l.shape(x))}));
  }
  FASTC_TRY(int64_t axis, l.axis(all ? 0 : call.integer_or("dim", 0), l.rank(x)));
  const Dim size = l.shape(x)[static_cast<size_t>(axis)];
  FASTC_TRY(auto extreme, reduce_over(l, call.op == "argmax" ? "reduce_max" : "reduce_min", x, {axis}, true));
  FASTC_TRY(auto there, l.emit("eq", {x, extreme}));
  FASTC_TRY(auto numbers, l.emit("iota", {}, {{"length", size}, {"start", 0.0}, {"step", 1.0}, {"dtype", std::string("i64")}}));
  Shape along(static_cast<size_t>(l.rank(x) - axis), Dim(1));
  along[0] = size;
  FASTC_TRY(auto index, l.reshape(numbers, std::move(along)));
  FASTC_TRY(auto beyond, l.materialize(Arg{size}, DType::kI64));
  FASTC_TRY(auto found, l.emit("where", {there, index, beyond}));
  return one(reduce_over(l, "reduce_min", found, {axis}, !all && call.flag_or("keepdim", false)));
}

// any and all as the largest and the smallest of 0 and 1.
Result<ArgList> any_all(Lowering& l, const Call& call) {
  if (const ArgList* list = call.arg("self").list()) return fold_list(*list, call.op == "any" ? "__or__" : "__and__", Arg{call.op == "all"});
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto axes, axes_of(l, call, x));
  FASTC_TRY(auto truth, l.cast(x, DType::kBool));
  FASTC_TRY(auto number, l.cast(truth, DType::kI64));
  FASTC_TRY(auto y, reduce_over(l, call.op == "any" ? "reduce_max" : "reduce_min", number, axes, call.flag_or("keepdim", false)));
  return one(l.cast(y, DType::kBool));
}

// sqrt(sum(x²)); other orders are not there.
Result<ArgList> vector_norm(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  double order = call.has("ord") ? call.number_or("ord", 2) : call.number_or("p", 2);
  if (order != 2) return input_error("a norm of order {} is not supported; write it out", order);
  FASTC_TRY(auto axes, axes_of(l, call, x));
  FASTC_TRY(auto squares, l.emit("mul", {x, x}));
  FASTC_TRY(auto sum, reduce_over(l, "reduce_sum", squares, axes, call.flag_or("keepdim", false)));
  return one(l.emit("sqrt", {sum}));
}

// Σ x₁x₂ / (max(‖x₁‖, ε)·max(‖x₂‖, ε))
Result<ArgList> cosine_similarity(Lowering& l, const Call& call) {
  std::vector<TensorArg> sides;
  FASTC_TRY(auto first, call.tensor("x1"));
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 1), l.rank(first)));
  for (std::string_view name : {"x1", "x2"}) {
    FASTC_TRY(auto x, call.tensor(name));
    if (l.rank(x) != l.rank(first)) return input_error("expected two tensors of {} axes, found [{}]", l.rank(first), shape_text(l.shape(x)));
    FASTC_TRY(auto squares, l.emit("mul", {x, x}));
    FASTC_TRY(auto sum, reduce_over(l, "reduce_sum", squares, {axis}, true));
    FASTC_TRY(auto length, l.emit("sqrt", {sum}));
    FASTC_TRY(auto bounded, l.emit("maximum", {length, scalar_tensor(call.number_or("eps", 1e-8), l.type(x).dtype)}));
    FASTC_TRY(auto unit, l.emit("div", {x, bounded}));
    sides.push_back(unit);
  }
  FASTC_TRY(auto products, l.emit("mul", {sides[0], sides[1]}));
  return one(reduce_over(l, "reduce_sum", products, {axis}, false));
}

// mean((x - mean x)²), times n / (n - correction).
Result<TensorArg> variance(Lowering& l, const Call& call, const TensorArg& x, TensorArg& mean, bool keep) {
  FASTC_TRY(auto axes, axes_of(l, call, x));
  Dim count(1);
  for (int64_t a : axes) count = count * l.shape(x)[static_cast<size_t>(a)];
  double correction = call.has("correction") ? call.number_or("correction", 1) : call.flag_or("unbiased", true) ? 1 : 0;
  if (correction != 0 && !count.is_constant()) return input_error("the unbiased variance over an axis that is not fixed is not supported");
  FASTC_TRY(auto centre, reduce_over(l, "reduce_mean", x, axes, true));
  FASTC_TRY(auto centred, l.emit("sub", {x, centre}));
  FASTC_TRY(auto squares, l.emit("mul", {centred, centred}));
  FASTC_TRY(auto var, reduce_over(l, "reduce_mean", squares, axes, keep));
  mean = centre;
  if (!keep) {
    FASTC_TRY(mean, l.reshape(centre, l.shape(var)));
  }
  if (correction == 0) return var;
  double n = static_cast<double>(count.constant());
  return l.emit("mul", {var, scalar_tensor(n / (n - correction), l.type(x).dtype)});
}

Result<ArgList> var(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  TensorArg mean;
  FASTC_TRY(auto v, variance(l, call, x, mean, call.flag_or("keepdim", false)));
  if (call.op == "var") return ArgList{Arg{v}};
  if (call.op == "std") return one(l.emit("sqrt", {v}));
  return ArgList{Arg{v}, Arg{mean}};
}

constexpr RuleEntry kRules[] = {
    {"mean", reduce}, {"sum", reduce}, {"amax", reduce}, {"amin", reduce}, {"max", extreme}, {"min", extreme},
    {"argmax", arg_extreme}, {"argmin", arg_extreme}, {"cosine_similarity", cosine_similarity}, {"any", any_all}, {"all", any_all},
    {"linalg_vector_norm", vector_norm}, {"norm", vector_norm}, {"var", var}, {"std", var}, {"var_mean", var},
};

}  // namespace

std::span<const RuleEntry> reduce_rules() { return kRules; }

}  // namespace fastc::aten
