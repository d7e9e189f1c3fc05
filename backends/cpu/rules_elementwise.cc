// Elementwise ops compute in whatever layout their operands have: channels-last when any of them already is.
#include <algorithm>

#include "backends/cpu/lowering.h"

namespace fastc::lowering {
namespace {

bool single_element(const Type& type) {
  return std::all_of(type.shape.begin(), type.shape.end(), [](const Dim& d) { return d == Dim(1); });
}

// The layout all operands can be brought to without copying constants: channels-last needs every operand to be of the
// result's rank, or a single element.
rt::Layout common_layout(Lowering& l, const Node& node) {
  const int64_t rank = l.type(node.output()).rank();
  bool any = false;
  for (const ValueId id : node.inputs) {
    if (id == kNoId) continue;
    const bool fits = spatial_rank(rank) && l.type(id).rank() == rank && !l.module().is_weight(id);
    if (!fits && !single_element(l.type(id))) return rt::Layout::kPlain;
    any = any || (fits && l.layout_of(id) == rt::Layout::kChannelsLast);
  }
  return any ? rt::Layout::kChannelsLast : rt::Layout::kPlain;
}

Result<std::vector<uint32_t>> operands_in(Lowering& l, const Node& node, rt::Layout layout) {
  const int64_t rank = l.type(node.output()).rank();
  std::vector<uint32_t> operands;
  for (const ValueId id : node.inputs) {
    const bool as_is = id == kNoId || l.module().is_weight(id) || l.type(id).rank() != rank;
    FASTC_TRY(const uint32_t operand, l.use(id, as_is ? rt::Layout::kPlain : layout));
    operands.push_back(operand);
  }
  return operands;
}

template <typename Attributes>
Status emit_elementwise(Lowering& l, const Node& node, rt::Kernel kernel, const Attributes& attrs) {
  const rt::Layout layout = common_layout(l, node);
  FASTC_TRY(const std::vector<uint32_t> inputs, operands_in(l, node, layout));
  FASTC_TRY(const uint32_t y, l.result(node.output(), layout));
  l.emit(kernel, node, inputs, std::span(&y, 1), attrs);
  return {};
}

double attr_or(const Node& node, std::string_view name, double fallback) {
  const auto found = node.attrs.find(name);
  return found == node.attrs.end() ? fallback : std::get<double>(found->second);
}

// lo holds the one parameter of leaky_relu and elu.
Status lower_unary(Lowering& l, const Node& node) {
  FASTC_TRY(const rt::Activation code, activation_named(node, node.op->name));
  rt::UnaryAttrs attrs{static_cast<uint32_t>(code), static_cast<float>(attr_or(node, "lo", 0)), static_cast<float>(attr_or(node, "hi", 0)), 0, 255};
  if (code == rt::Activation::kLeakyRelu) attrs.lo = static_cast<float>(node.number("slope"));
  if (code == rt::Activation::kElu) attrs.lo = static_cast<float>(node.number("alpha"));
  if (const auto& quant = l.type(node.input(0)).quant) {
    FASTC_TRY(const IntegerBounds bounds, integer_bounds(node, node.op->name, attrs.lo, attrs.hi, *quant));
    attrs.qlo = bounds.low, attrs.qhi = bounds.high;
  }
  return emit_elementwise(l, node, rt::Kernel::kUnary, attrs);
}

Status lower_binary(Lowering& l, const Node& node) {
  static const std::map<std::string_view, rt::Binary> codes = {
      {"add", rt::Binary::kAdd}, {"sub", rt::Binary::kSub}, {"mul", rt::Binary::kMul}, {"div", rt::Binary::kDiv}, {"pow", rt::Binary::kPow},
      {"minimum", rt::Binary::kMin}, {"maximum", rt::Binary::kMax}, {"eq", rt::Binary::kEq}, {"ne", rt::Binary::kNe}, {"lt", rt::Binary::kLt},
      {"le", rt::Binary::kLe}, {"gt", rt::Binary::kGt}, {"ge", rt::Binary::kGe}, {"logical_and", rt::Binary::kAnd}, {"logical_or", rt::Binary::kOr}};
  const bool has_epilogue = node.attrs.contains("activation");
  const std::string activation = has_epilogue ? node.string("activation") : "none";
  FASTC_TRY(const rt::Activation code, activation_named(node, activation));
  const auto lo = static_cast<float>(attr_or(node, "lo", 0)), hi = static_cast<float>(attr_or(node, "hi", 0));
  if (const auto& quant = l.type(node.output()).quant) {
    if (node.op->name != "add") return unsupported(node, "of the binary ops only add computes on integers");
    FASTC_TRY(const IntegerBounds bounds, integer_bounds(node, activation, lo, hi, *quant));
    if (l.type(node.input(0)).shape != l.type(node.input(1)).shape) return unsupported(node, "an integer add does not broadcast");
    return emit_elementwise(l, node, quant->bits == 16 ? rt::Kernel::kAddS16 : rt::Kernel::kAddS8, rt::ClampAttrs{bounds.low, bounds.high});
  }
  const rt::BinaryAttrs attrs{static_cast<uint32_t>(codes.at(node.op->name)), static_cast<uint32_t>(code), lo, hi};
  return emit_elementwise(l, node, rt::Kernel::kBinary, attrs);
}

template <rt::Kernel kernel>
Status lower_bare(Lowering& l, const Node& node) {
  const rt::Layout layout = common_layout(l, node);
  FASTC_TRY(const std::vector<uint32_t> inputs, operands_in(l, node, layout));
  FASTC_TRY(const uint32_t y, l.result(node.output(), layout));
  l.emit(kernel, node, inputs, std::span(&y, 1));
  return {};
}

// quantize goes straight to channels-last where integers live; dequantize comes back only when somebody asks for plain.
Status lower_quantize(Lowering& l, const Node& node) {
  const bool spatial = spatial_rank(l.type(node.output()).rank());
  FASTC_TRY(const uint32_t x, l.use(node.input(0), l.layout_of(node.input(0))));
  FASTC_TRY(const uint32_t y, l.result(node.output(), spatial ? rt::Layout::kChannelsLast : rt::Layout::kPlain));
  l.emit(rt::Kernel::kQuantize, node, std::span(&x, 1), std::span(&y, 1));
  return {};
}

}  // namespace

void add_elementwise_rules(Rules& rules) {
  for (const char* name : {"relu", "clip", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "hard_swish", "hard_sigmoid", "exp", "log", "sqrt", "rsqrt", "neg", "abs",
                           "erf", "sin", "cos", "reciprocal", "logical_not", "floor", "softplus", "leaky_relu", "elu"})
    rules[name] = lower_unary;
  for (const char* name : {"add", "sub", "mul", "div", "pow", "minimum", "maximum", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or"})
    rules[name] = lower_binary;
  rules["where"] = lower_bare<rt::Kernel::kWhere>;
  rules["cast"] = lower_bare<rt::Kernel::kCast>;
  rules["quantize"] = lower_quantize;
  rules["dequantize"] = lower_bare<rt::Kernel::kDequantize>;
}

}  // namespace fastc::lowering
