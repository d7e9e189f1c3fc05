// Elementwise ops of two tensors, or a tensor and a number, with aten's type promotion.
#include <cmath>

#include "frontends/aten/lowering.h"
#include "frontends/aten/scalar.h"

namespace fastc::aten {
namespace {

// bool < integer < float: a number, or a tensor without axes, only changes the type of a tensor of a lower class.
int category(DType t) { return t == DType::kBool ? 0 : t == DType::kF32 || t == DType::kF64 || t == DType::kF16 || t == DType::kBF16 ? 2 : 1; }

int width(DType t) {
  switch (t) {
    case DType::kF64: return 9;
    case DType::kF32: return 8;
    case DType::kBF16: case DType::kF16: return 7;
    case DType::kI64: return 6;
    case DType::kI32: return 5;
    case DType::kBool: return 0;
    default: return 3;
  }
}

struct Kind {
  int category;
  DType dtype;
  bool dimensioned;
};

Kind kind_of(Lowering& l, const Arg& a) {
  if (const TensorArg* t = a.tensor()) return {category(l.type(*t).dtype), l.type(*t).dtype, l.rank(*t) > 0};
  if (a.number()) return {2, DType::kF32, false};
  if (a.flag()) return {0, DType::kBool, false};
  return {1, DType::kI64, false};
}

DType promote(const Kind& a, const Kind& b) {
  if (a.dimensioned == b.dimensioned) {
    if (a.category != b.category) return a.category > b.category ? a.dtype : b.dtype;
    return width(a.dtype) >= width(b.dtype) ? a.dtype : b.dtype;
  }
  const Kind &big = a.dimensioned ? a : b, &small = a.dimensioned ? b : a;
  return small.category > big.category ? small.dtype : big.dtype;
}

// Tensors against Python numbers: the number never decides within a class.
DType promote(Lowering& l, const Arg& a, const Arg& b) {
  Kind x = kind_of(l, a), y = kind_of(l, b);
  if (a.tensor() && !b.tensor()) return y.category > x.category ? y.dtype : x.dtype;
  if (b.tensor() && !a.tensor()) return x.category > y.category ? x.dtype : y.dtype;
  return promote(x, y);
}

Result<Operand> as_operand(Lowering& l, const Arg& a, DType dtype) {
  if (const TensorArg* t = a.tensor()) {
    FASTC_TRY(TensorArg c, l.cast(*t, dtype));
    return Operand{c};
  }
  if (const double* v = a.number()) return Operand{scalar_tensor(*v, dtype)};
  if (const bool* f = a.flag()) return Operand{scalar_tensor(*f ? 1 : 0, dtype)};
  const Dim* d = a.dim();
  if (!d) return input_error("expected a tensor or a number");
  if (d->is_constant() && dtype == DType::kI64) return Operand{Tensor::of<int64_t>({}, {d->constant()})};  // exact past 2^53
  if (d->is_constant()) return Operand{scalar_tensor(static_cast<double>(d->constant()), dtype)};
  FASTC_TRY(TensorArg t, l.materialize(a, dtype));
  return Operand{t};
}

Result<ArgList> emit_binary(Lowering& l, std::string_view op, const Arg& a, const Arg& b, std::optional<DType> force = {}) {
  DType dtype = force.value_or(promote(l, a, b));
  FASTC_TRY(Operand x, as_operand(l, a, dtype));
  FASTC_TRY(Operand y, as_operand(l, b, dtype));
  return one(l.emit(op, {std::move(x), std::move(y)}));
}

const Arg& other_of(const Call& call) { return call.has("other") ? call.arg("other") : call.has("exponent") ? call.arg("exponent") : call.arg("b"); }
const Arg& self_of(const Call& call) { return call.has("self") ? call.arg("self") : call.arg("a"); }

std::string_view ir_name(std::string_view op) {
  if (op == "true_divide") return "div";
  if (op == "multiply") return "mul";
  if (op == "__and__" || op == "bitwise_and") return "logical_and";
  if (op == "__or__" || op == "bitwise_or") return "logical_or";
  if (op == "max") return "maximum";
  if (op == "min") return "minimum";
  if (op == "greater") return "gt";
  if (op == "less") return "lt";
  return op;
}

Result<ArgList> binary(Lowering& l, const Call& call) {
  const Arg &a = self_of(call), &b = other_of(call);
  if (comparable(a, b)) {
    FASTC_TRY(Arg folded, fold_binary(call.op, a, b));
    return ArgList{folded};
  }
  return emit_binary(l, ir_name(call.op), a, b);
}

// a ± alpha·b
Result<ArgList> add_sub(Lowering& l, const Call& call) {
  Arg a = self_of(call), b = other_of(call);
  bool subtract = call.op != "add", reversed = call.op == "rsub";
  if (call.has("alpha") && call.number_or("alpha", 1) != 1) {
    Arg& scaled = reversed ? a : b;
    if (scaled.scalar()) {
      FASTC_TRY(scaled, fold_binary("mul", scaled, call.arg("alpha")));
    } else {
      FASTC_TRY(auto product, emit_binary(l, "mul", scaled, call.arg("alpha")));
      scaled = product[0];
    }
  }
  if (reversed) std::swap(a, b);
  std::string_view op = subtract ? "sub" : "add";
  if (a.scalar() && b.scalar()) {
    FASTC_TRY(Arg folded, fold_binary(op, a, b));
    return ArgList{folded};
  }
  return emit_binary(l, op, a, b);
}

// ⌊a/b⌋ by way of double, which is right below 2^53: cut towards zero, one less where that went up.
Result<ArgList> floor_of_integers(Lowering& l, const Arg& a, const Arg& b, DType dtype) {
  FASTC_TRY(auto list, emit_binary(l, "div", a, b, DType::kF64));
  const TensorArg quotient = *list[0].tensor();
  FASTC_TRY(auto cut, l.cast(quotient, DType::kI64));
  FASTC_TRY(auto cut_as_float, l.cast(cut, DType::kF64));
  FASTC_TRY(auto up, l.emit("lt", {quotient, cut_as_float}));
  FASTC_TRY(auto too_much, l.cast(up, DType::kI64));
  FASTC_TRY(auto below, l.emit("sub", {cut, too_much}));
  return one(l.cast(below, dtype));
}

Result<ArgList> div(Lowering& l, const Call& call) {
  const Arg &a = self_of(call), &b = other_of(call);
  const std::string* mode = call.arg("rounding_mode").text();
  std::string rounding = mode ? *mode : call.op == "floor_divide" || call.op == "floordiv" ? "floor" : "";
  if (a.scalar() && b.scalar()) {
    FASTC_TRY(Arg folded, fold_binary(rounding.empty() ? "div" : "floor_divide", a, b));
    return ArgList{folded};
  }
  DType dtype = promote(l, a, b);
  bool integral = category(dtype) < 2;
  if (rounding.empty()) return emit_binary(l, "div", a, b, integral ? DType::kF32 : dtype);
  if (rounding != "floor") return input_error("division of tensors with rounding_mode \"{}\" is not supported; use \"floor\"", rounding);
  if (integral) return floor_of_integers(l, a, b, dtype);
  FASTC_TRY(auto q, emit_binary(l, "div", a, b));
  return one(l.emit("floor", {*q[0].tensor()}));
}

// What is left of a division, with the sign of the divisor (remainder) or of the dividend (fmod); of tensors only where their numbers are known.
Result<ArgList> remainder(Lowering& l, const Call& call) {
  const Arg &a = self_of(call), &b = other_of(call);
  if (a.scalar() && b.scalar()) return binary(l, call);
  const TensorArg* x = a.tensor();
  const Call divisor{.op = {}, .overload = {}, .args = {{"other", b}}};
  const auto numbers = x ? l.known_numbers(x->id) : std::nullopt;
  const auto by = divisor.number("other");
  const DType dtype = promote(l, a, b);
  if (!numbers || !by || *by == 0 || category(dtype) != 1) return input_error("remainders are supported of integers that are known at import");
  std::vector<double> left;
  for (double n : *numbers) left.push_back(call.op == "fmod" ? std::fmod(n, *by) : n - std::floor(n / *by) * *by);
  std::vector<int64_t> shape;
  for (const Dim& d : l.shape(*x)) shape.push_back(d.constant());
  return one(Result<TensorArg>(l.constant(from_doubles(dtype, shape, left))));
}

Result<ArgList> pow(Lowering& l, const Call& call) {
  const Arg &a = self_of(call), &b = other_of(call);
  if (a.scalar() && b.scalar()) {
    FASTC_TRY(Arg folded, fold_binary("pow", a, b));
    return ArgList{folded};
  }
  if (const TensorArg* x = a.tensor(); x && b.scalar()) {
    auto exponent = call.number("exponent");
    if (exponent && *exponent == 1) return ArgList{a};
    if (exponent && *exponent == 2) return one(l.emit("mul", {*x, *x}));
    if (exponent && *exponent == 0.5 && category(l.type(*x).dtype) == 2) return one(l.emit("sqrt", {*x}));
  }
  return emit_binary(l, "pow", a, b);
}

// The logical ops take any type and give bool; the bitwise ones only mean the same on bools.
Result<ArgList> logical(Lowering& l, const Call& call) {
  const Arg &a = self_of(call), &b = other_of(call);
  if (a.scalar() && b.scalar()) return binary(l, call);
  bool bitwise = !call.op.starts_with("logical");
  if (bitwise && promote(l, a, b) != DType::kBool) return input_error("bitwise ops of integers are not supported; compare first, so that the operands are bool");
  return emit_binary(l, ir_name(call.op), a, b, DType::kBool);
}

Result<ArgList> where(Lowering& l, const Call& call) {
  bool fill = call.op == "masked_fill";
  FASTC_TRY(auto condition, call.tensor(fill ? "mask" : "condition"));
  if (!fill && !call.has("other")) return input_error("where without values depends on the data and cannot be compiled");
  const Arg &a = fill ? call.arg("value") : call.arg("self"), &b = fill ? call.arg("self") : call.arg("other");
  DType dtype = fill && b.tensor() ? l.type(*b.tensor()).dtype : promote(l, a, b);
  FASTC_TRY(condition, l.cast(condition, DType::kBool));
  FASTC_TRY(Operand x, as_operand(l, a, dtype));
  FASTC_TRY(Operand y, as_operand(l, b, dtype));
  return one(l.emit("where", {condition, std::move(x), std::move(y)}));
}

constexpr RuleEntry kRules[] = {
    {"add", add_sub}, {"sub", add_sub}, {"subtract", add_sub}, {"rsub", add_sub}, {"mul", binary}, {"multiply", binary}, {"div", div}, {"true_divide", div},
    {"floor_divide", div}, {"floordiv", div}, {"remainder", remainder}, {"fmod", remainder}, {"pow", pow}, {"minimum", binary}, {"maximum", binary}, {"eq", binary}, {"ne", binary},
    {"lt", binary}, {"le", binary}, {"gt", binary}, {"ge", binary}, {"greater", binary}, {"less", binary}, {"logical_and", logical}, {"logical_or", logical},
    {"__and__", logical}, {"__or__", logical}, {"bitwise_and", logical}, {"bitwise_or", logical}, {"where", where}, {"masked_fill", where},
};

}  // namespace

std::span<const RuleEntry> binary_rules() { return kRules; }

}  // namespace fastc::aten
