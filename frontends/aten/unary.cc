// Elementwise ops of one tensor, and what is the identity when a trained model runs.
#include <algorithm>
#include <cmath>

#include "frontends/aten/lowering.h"
#include "frontends/aten/scalar.h"

namespace fastc::aten {
namespace {

bool is_float(DType t) { return t == DType::kF32 || t == DType::kF64 || t == DType::kF16 || t == DType::kBF16; }

// The operand as a float: aten computes sqrt and its like of integers in float32.
Result<TensorArg> float_operand(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  if (is_float(l.type(x).dtype)) return x;
  return l.cast(x, DType::kF32);
}

// Of a number that is known; the scripted model computes sizes and scales so.
std::optional<double> of_number(std::string_view op, double x) {
  if (op == "log") return std::log(x);
  if (op == "exp") return std::exp(x);
  if (op == "sqrt") return std::sqrt(x);
  if (op == "rsqrt") return 1 / std::sqrt(x);
  if (op == "reciprocal") return 1 / x;
  return std::nullopt;
}

// Ops called alike here and there.
Result<ArgList> same(Lowering& l, const Call& call) {
  const std::string_view name = call.has("self") ? "self" : "a";
  if (const auto known = call.number(name); known && call.arg(name).scalar())
    if (const auto folded = of_number(call.op, *known)) return ArgList{Arg{*folded}};
  FASTC_TRY(auto x, float_operand(l, call));
  return one(l.emit(call.op, {x}));
}

Result<ArgList> keeps_type(Lowering& l, const Call& call) {  // neg, abs, relu of integers stay integers
  if (const Arg& a = call.has("self") ? call.arg("self") : call.arg("a"); a.scalar() && call.op == "neg") {
    FASTC_TRY(Arg folded, fold_binary("sub", Arg{Dim(0)}, a));
    return ArgList{folded};
  }
  FASTC_TRY(auto x, call.tensor("self"));
  return one(l.emit(call.op, {x}));
}

Result<ArgList> identity(Lowering&, const Call& call) {
  if (call.flag_or("train", false) && call.number_or("p", 0) > 0)
    return input_error("the model was saved in training mode; call model.eval() before exporting");
  const Arg& self = call.has("self") ? call.arg("self") : call.arg("input");
  return ArgList{self};
}

Result<ArgList> native_dropout(Lowering& l, const Call& call) {
  FASTC_TRY(auto list, identity(l, call));
  list.resize(2);
  return list;
}

Result<ArgList> gelu(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, float_operand(l, call));
  const std::string* approximate = call.arg("approximate").text();
  return one(l.emit(approximate && *approximate == "tanh" ? "gelu_tanh" : "gelu", {x}));
}

Result<ArgList> hardtanh(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  bool relu6 = call.op == "relu6";
  double lo = relu6 ? 0 : call.number_or("min_val", -1), hi = relu6 ? 6 : call.number_or("max_val", 1);
  return one(l.emit("clip", {x}, {{"lo", lo}, {"hi", hi}}));
}

Result<ArgList> clamp(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  bool tensors = call.arg("min").tensor() || call.arg("max").tensor();
  bool has_lo = call.has("min"), has_hi = call.has("max");
  DType dtype = l.type(x).dtype;
  if (has_lo && has_hi && !tensors && dtype == DType::kF32)
    return one(l.emit("clip", {x}, {{"lo", call.number_or("min", 0)}, {"hi", call.number_or("max", 0)}}));
  auto bound = [&](std::string_view name) -> Result<Operand> {
    if (auto t = call.optional_tensor(name)) return Operand{*t};
    FASTC_TRY(double v, call.number(name));
    return Operand{scalar_tensor(v, dtype)};
  };
  TensorArg y = x;
  if (has_lo) {
    FASTC_TRY(Operand lo, bound("min"));
    FASTC_TRY(y, l.emit("maximum", {y, lo}));
  }
  if (has_hi) {
    FASTC_TRY(Operand hi, bound("max"));
    FASTC_TRY(y, l.emit("minimum", {y, hi}));
  }
  return ArgList{Arg{y}};
}

Result<ArgList> leaky_relu(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  return one(l.emit("leaky_relu", {x}, {{"slope", call.number_or("negative_slope", 0.01)}}));
}

Result<TensorArg> times(Lowering& l, const TensorArg& x, double factor) {
  if (factor == 1) return x;
  return l.emit("mul", {x, scalar_tensor(factor, l.type(x).dtype)});
}

// floor and ceil, of tensors and of numbers that are known; an IR op for floor alone: ⌈x⌉ = −⌊−x⌋.
Result<ArgList> rounded(Lowering& l, const Call& call) {
  const Arg& a = call.has("self") ? call.arg("self") : call.arg("a");
  const bool up = call.op == "ceil";
  if (const double* d = a.number()) {
    const double whole = up ? std::ceil(*d) : std::floor(*d);
    return ArgList{call.has("self") ? Arg{whole} : Arg{Dim(static_cast<int64_t>(whole))}};  // of a Python number it is an int
  }
  if (a.scalar()) return ArgList{a};
  FASTC_TRY(auto x, float_operand(l, call));
  if (!up) return one(l.emit("floor", {x}));
  FASTC_TRY(auto negative, l.emit("neg", {x}));
  FASTC_TRY(auto below, l.emit("floor", {negative}));
  return one(l.emit("neg", {below}));
}

// (x > 0) − (x < 0)
Result<ArgList> sign(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  const DType dtype = l.type(x).dtype;
  if (dtype == DType::kBool) return ArgList{Arg{x}};
  std::vector<TensorArg> sides;
  for (const char* op : {"gt", "lt"}) {
    FASTC_TRY(auto beyond, l.emit(op, {x, scalar_tensor(0, dtype)}));
    FASTC_TRY(auto counted, l.cast(beyond, dtype));
    sides.push_back(counted);
  }
  return one(l.emit("sub", {sides[0], sides[1]}));
}

// scale·x, or scale·alpha·(exp(input_scale·x) − 1) where x < 0. Where alpha·input_scale is 1 both are scale·alpha·elu₁(input_scale·x).
Result<TensorArg> scaled_elu(Lowering& l, const TensorArg& x, double alpha, double scale, double input_scale) {
  const bool inside = input_scale != 1;
  if (inside && std::abs(alpha * input_scale - 1) > 1e-6) return input_error("elu with alpha {} and input_scale {} is not supported", alpha, input_scale);
  FASTC_TRY(auto narrow, times(l, x, input_scale));
  FASTC_TRY(auto y, l.emit("elu", {narrow}, {{"alpha", inside ? 1.0 : alpha}}));
  return times(l, y, inside ? scale * alpha : scale);
}

Result<ArgList> elu(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  if (call.op == "selu") return one(scaled_elu(l, x, 1.6732632423543772, 1.0507009873554805, 1));  // Klambauer et al. 2017, equation 14
  const double alpha = call.number_or("alpha", 1);
  if (call.op == "celu") return one(scaled_elu(l, x, alpha, 1, 1 / alpha));
  return one(scaled_elu(l, x, alpha, call.number_or("scale", 1), call.number_or("input_scale", 1)));
}

// x, or weight·x where x < 0; one weight, or one a channel (axis 1): relu(x) − weight·relu(−x)
Result<ArgList> prelu(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto weight, call.tensor("weight"));
  Shape column(static_cast<size_t>(std::max<int64_t>(l.rank(x), 1)), Dim(1));
  column[column.size() > 1 ? 1 : 0] = product(l.shape(weight));
  FASTC_TRY(auto slope, l.reshape(weight, std::move(column)));
  FASTC_TRY(auto above, l.emit("relu", {x}));
  FASTC_TRY(auto negative, l.emit("neg", {x}));
  FASTC_TRY(auto below, l.emit("relu", {negative}));
  FASTC_TRY(auto scaled, l.emit("mul", {below, slope}));
  return one(l.emit("sub", {above, scaled}));
}

Result<ArgList> hard(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  return one(l.emit(call.op == "hardswish" ? "hard_swish" : "hard_sigmoid", {x}));
}

Result<ArgList> softplus(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, float_operand(l, call));
  if (call.number_or("beta", 1) != 1) return input_error("softplus with beta {} is not supported", call.number_or("beta", 1));
  return one(l.emit("softplus", {x}));
}

Result<ArgList> mish(Lowering& l, const Call& call) {  // x * tanh(softplus(x))
  FASTC_TRY(auto x, float_operand(l, call));
  FASTC_TRY(auto s, l.emit("softplus", {x}));
  FASTC_TRY(auto t, l.emit("tanh", {s}));
  return one(l.emit("mul", {x, t}));
}

Result<ArgList> log_sigmoid(Lowering& l, const Call& call) {  // -softplus(-x)
  FASTC_TRY(auto x, float_operand(l, call));
  FASTC_TRY(auto n, l.emit("neg", {x}));
  FASTC_TRY(auto s, l.emit("softplus", {n}));
  return one(l.emit("neg", {s}));
}

Result<ArgList> square(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  return one(l.emit("mul", {x, x}));
}

Result<ArgList> logical_not(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  if (call.op == "bitwise_not" && l.type(x).dtype != DType::kBool) return input_error("bitwise_not of integers is not supported");
  FASTC_TRY(auto b, l.cast(x, DType::kBool));
  return one(l.emit("logical_not", {b}));
}

Result<ArgList> softmax(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", is_float(l.type(x).dtype) ? l.type(x).dtype : DType::kF32));
  FASTC_TRY(x, l.cast(x, dtype));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  return one(l.emit(call.op.find("log") == std::string::npos ? "softmax" : "log_softmax", {x}, {{"axis", axis}}));
}

Result<ArgList> cumsum(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  DType own = l.type(x).dtype;
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", is_float(own) ? own : DType::kI64));  // aten adds integers and bools up as int64
  FASTC_TRY(x, l.cast(x, dtype));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  return one(l.emit("cumsum", {x}, {{"axis", axis}}));
}

Result<ArgList> to(Lowering& l, const Call& call) {
  FASTC_TRY(auto list, identity(l, call));
  TensorArg* x = std::get_if<TensorArg>(&list[0].value);
  if (!x) return list;  // a number: its type does not matter
  if (auto other = call.optional_tensor("other")) return one(l.cast(*x, l.type(*other).dtype));
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", l.type(*x).dtype));
  return one(l.cast(*x, dtype));
}

Result<ArgList> to_bool(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  return one(l.cast(x, call.op == "bool" ? DType::kBool : call.op == "long" ? DType::kI64 : DType::kF32));
}

constexpr RuleEntry kRules[] = {
    {"relu", keeps_type}, {"neg", keeps_type}, {"abs", keeps_type},
    {"sigmoid", same}, {"tanh", same}, {"silu", same}, {"exp", same}, {"log", same}, {"sqrt", same}, {"rsqrt", same}, {"erf", same}, {"sin", same},
    {"cos", same}, {"reciprocal", same}, {"floor", rounded}, {"ceil", rounded}, {"sign", sign}, {"sgn", sign},
    {"gelu", gelu}, {"hardtanh", hardtanh}, {"relu6", hardtanh}, {"clamp", clamp}, {"clamp_min", clamp}, {"clamp_max", clamp}, {"clip", clamp},
    {"leaky_relu", leaky_relu}, {"elu", elu}, {"selu", elu}, {"celu", elu}, {"prelu", prelu}, {"_prelu_kernel", prelu}, {"softplus", softplus}, {"mish", mish}, {"log_sigmoid", log_sigmoid}, {"square", square},
    {"hardswish", hard}, {"hardsigmoid", hard},
    {"logical_not", logical_not}, {"bitwise_not", logical_not}, {"softmax", softmax}, {"_softmax", softmax}, {"log_softmax", softmax}, {"_log_softmax", softmax},
    {"cumsum", cumsum}, {"to", to}, {"_to_copy", to}, {"type_as", to}, {"bool", to_bool}, {"long", to_bool}, {"float", to_bool},
    {"dropout", identity}, {"feature_dropout", identity}, {"alpha_dropout", identity}, {"native_dropout", native_dropout},
    {"contiguous", identity}, {"clone", identity}, {"alias", identity}, {"detach", identity}, {"lift_fresh", identity}, {"lift_fresh_copy", identity},
    {"positive", identity}, {"cpu", identity},
};

}  // namespace

std::span<const RuleEntry> unary_rules() { return kRules; }

}  // namespace fastc::aten
