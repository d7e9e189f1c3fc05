#include "ir/ops/weighted.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "ir/multiples.h"

namespace fastc::ops {
namespace {

constexpr std::array kActivations = {"none", "relu",      "clip", "sigmoid",   "tanh",
                                     "gelu", "gelu_tanh", "silu", "hard_swish"};

// At most 8 bits, or 16 under an x of 16 bits.
Status check_encoding(const OpView& view) {
  const ValueId weight = view.node.inputs[1];
  const DType dtype = view.in(1).dtype;
  const bool wide = view.in(0).quant && view.in(0).quant->bits == 16;
  if (dtype != DType::kS8 && !(wide && dtype == DType::kS16)) return wrong_operand(view, 1, wide ? "s8 or s16 under an x of 16 bits" : "s8 under a quantized x");
  if (!view.module.is_weight(weight)) return wrong_operand(view, 1, "a weight of the module (integers come encoded)");
  const Encoding& encoding = view.module.weight(weight).encoding;
  if (encoding.kind != Encoding::Kind::kInt || encoding.axis != 0) return wrong_operand(view, 1, "an integer encoding with scales along the output channels (axis 0)");
  if (encoding.group_size == 0) return {};
  if (!view.node.string("dynamic").empty() || dtype != DType::kS8) return wrong_operand(view, 1, "an integer encoding with one scale per output channel (axis 0)");
  if (const auto multiples = find_multiples(encoding); !multiples) return at("its weight", multiples.error());
  return {};
}

// Integers under a float x that are only a way to keep the weight.
Status check_stored(const OpView& view) {
  if (view.in(0).dtype != DType::kF32) return wrong_operand(view, 0, "f32 under a weight kept in fewer bits");
  const ValueId weight = view.node.inputs[1];
  const bool encoded = view.module.is_weight(weight) && view.module.weight(weight).encoding.kind == Encoding::Kind::kInt;
  if (encoded && view.module.weight(weight).encoding.axis == 0) return {};
  return wrong_operand(view, 1, "an int8 or int4 encoding with scales along axis 0 under a float x");
}

// In the integer arithmetic a residual is quantized like the result; in the float one it has the result's type.
Status check_residual(const OpView& view, const Type& result, Arithmetic arithmetic) {
  if (!view.has(3)) return {};
  if (arithmetic == Arithmetic::kInteger && !result.quant) return wrong_operand(view, 3, "no residual where the result of integers is f32");
  if (view.in(3).dtype != result.dtype) return wrong_operand(view, 3, fmt::format("{} like the result", name_of(result.dtype)));
  if (view.in(3).quant.has_value() != result.quant.has_value()) return wrong_operand(view, 3, "quantized exactly if the result is");
  return expect_shape(view, 3, result.shape, "that of the result");
}

}  // namespace

Result<Arithmetic> arithmetic_of(const OpView& view) {
  const std::string& dynamic = view.node.string("dynamic");
  if (dynamic != "" && dynamic != "tensor" && dynamic != "row") {
    return wrong_attribute("dynamic", R"("", "tensor" or "row")", dynamic);
  }
  const Type& x = view.in(0);
  const Type& weight = view.in(1);
  if (x.quant) {
    if (!dynamic.empty()) return wrong_attribute("dynamic", "\"\" where x is quantized already", dynamic);
    FASTC_CHECK(check_encoding(view));
    return Arithmetic::kInteger;
  }
  FASTC_CHECK(expect_float(view, 0));
  if (weight.dtype == DType::kS8) {
    if (dynamic.empty()) {
      FASTC_CHECK(check_stored(view));
      return Arithmetic::kStored;
    }
    FASTC_CHECK(check_encoding(view));
    return Arithmetic::kDynamic;
  }
  if (!dynamic.empty()) return wrong_operand(view, 1, "s8 where \"dynamic\" is set");
  if (x.dtype == DType::kF32 && (weight.dtype == DType::kF16 || weight.dtype == DType::kBF16)) return Arithmetic::kStored;
  FASTC_CHECK(expect_same_dtype(view, {0, 1}));
  return Arithmetic::kFloat;
}

std::vector<AttrDef> with_epilogue(std::vector<AttrDef> attributes) {
  attributes.push_back(text("activation", "none", "applied last: none, relu, clip, sigmoid, tanh, gelu, gelu_tanh, silu, hard_swish"));
  attributes.push_back(number("lo", 0.0, "lower bound of clip"));
  attributes.push_back(number("hi", 0.0, "upper bound of clip"));
  return attributes;
}

Status check_epilogue(const OpView& view, bool integer_result) {
  const std::string& name = view.node.string("activation");
  if (std::find(kActivations.begin(), kActivations.end(), name) == kActivations.end()) {
    return wrong_attribute("activation", fmt::format("one of {}", fmt::join(kActivations, ", ")), name);
  }
  if (integer_result && name != "none" && name != "relu" && name != "clip") {
    return wrong_attribute("activation", "none, relu or clip on a quantized result", name);
  }
  if (name == "clip" && !(view.node.number("lo") <= view.node.number("hi"))) {
    return wrong_attribute("lo", "lo <= hi", fmt::format("{} and {}", view.node.number("lo"), view.node.number("hi")));
  }
  return {};
}

Dim epilogue_flops(const OpView& view, bool residual) {
  const int64_t each = (residual ? 1 : 0) + (view.node.string("activation") != "none" ? 1 : 0);
  return each * elements(view.out());
}

Types weighted_result(const OpView& view, const DeclaredQuant& quant, Shape shape, const Dim& channels) {
  FASTC_TRY(const Arithmetic arithmetic, arithmetic_of(view));
  if (quant && arithmetic != Arithmetic::kInteger) {
    return input_error("expected no quantization parameters on a float result, found some");
  }
  Type result{arithmetic == Arithmetic::kInteger ? DType::kF32 : view.in(0).dtype, std::move(shape), quant};
  if (quant && quant->bits != view.in(0).quant->bits) return wrong_operand(view, 0, fmt::format("{} bits like the result", quant->bits));
  if (quant) result.dtype = quant->dtype();
  const DType bias = arithmetic == Arithmetic::kInteger ? DType::kI32 : view.in(0).dtype;
  if (view.has(2)) {
    if (view.in(2).dtype != bias) return wrong_operand(view, 2, fmt::format("{}", name_of(bias)));
    FASTC_CHECK(expect_shape(view, 2, {channels}, "one per output channel"));
  }
  FASTC_CHECK(check_residual(view, result, arithmetic));
  FASTC_CHECK(check_epilogue(view, result.quant.has_value()));
  return std::vector<Type>{std::move(result)};
}

}  // namespace fastc::ops
