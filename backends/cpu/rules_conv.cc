// conv, conv_transpose, linear and matmul. Integer forms follow the contract in backends/runtime/format.h: the multipliers
// m = float32(sx·sw/sy) and the zero point's share of the bias (−zx·Σw) are computed here, once, and stored.
#include <cmath>
#include <limits>

#include "backends/cpu/conv_geometry.h"
#include "backends/cpu/lowering.h"
#include "backends/cpu/pack.h"
#include "backends/cpu/sparse.h"
#include "backends/cpu/stored.h"
#include "ir/multiples.h"

namespace fastc::lowering {
namespace {

// A conv or linear seen alike: weight as [O, C/g, kh, kw], one over three axes as one over images (conv_geometry.h).
struct Product {
  const Node& node;
  Tensor weight;
  int64_t groups = 1, out = 0, k = 0, positions = 1;
  bool depthwise = false;
  bool wide = false;  // x has 16 bits
  const Weight* stored = nullptr;  // as encoded
  Tensor scales;                   // of integers: one a channel
  std::string weight_name;
  // As the artifact states it: [O, K] for linear, [O, C/g, kh, kw] for convolutions (1-D ones with kh = 1), [O, C/g, kt, kh, kw] for those over three axes.
  std::vector<int64_t> stated_shape() const { return stored->data.rank() == 3 ? weight.shape() : stored->data.shape(); }
};

Result<Product> product_of(Lowering& l, const Node& node, int64_t groups, const Depth& depth = {}) {
  const ValueId id = node.input(1);
  if (!l.module().is_weight(id)) return unsupported(node, "its weight is computed by the network; matmul can do that, this op cannot");
  Product p{node, {}, groups};
  p.stored = &l.module().weight(id);
  p.weight_name = l.module().value(id).name;
  FASTC_TRY(const Weight read, by_channel(*p.stored));
  p.weight = image_weight(read.data, depth), p.scales = read.encoding.scales;
  const auto& shape = p.weight.shape();
  p.out = shape[0], p.positions = shape[2] * shape[3], p.k = shape[1] * p.positions;
  p.wide = l.type(node.input(0)).quant && l.type(node.input(0)).quant->bits == 16;
  p.depthwise = groups > 1 && shape[1] == 1 && groups == p.out;
  return p;
}

// [O][K] with K = (kh, kw, input channel of the group).
template <typename T>
std::vector<T> rows_of(const Tensor& weight) {
  const auto& shape = weight.shape();
  const int64_t channels = shape[1], taps = shape[2] * shape[3];
  const Tensor dense = weight.to_contiguous();
  std::vector<T> rows(static_cast<size_t>(dense.elements()));
  for (int64_t i = 0; i < dense.elements(); ++i) {
    const int64_t o = i / (channels * taps), c = i / taps % channels, tap = i % taps;
    rows[(o * taps + tap) * channels + c] = dense.data<T>()[i];
  }
  return rows;
}

// Under 16 bits the stated shape is that of the rows.
uint32_t wide_weight(Lowering& l, const Product& p) {
  const int64_t shape[] = {p.out, p.k};
  const auto add = [&](rt::DType dtype, auto values) {
    const auto bytes = std::as_bytes(std::span(values));
    return l.builder().add_constant(p.weight_name, dtype, shape, rt::Packing::kPlain, bytes, shortest_code(p.stored->encoding, rt::Packing::kPlain, dtype, p.k, bytes, p.positions));
  };
  return p.weight.dtype() == DType::kS16 ? add(rt::DType::kS16, rows_of<int16_t>(p.weight)) : add(rt::DType::kS8, rows_of<int8_t>(p.weight));
}

uint32_t packed_weight(Lowering& l, const Product& p) {
  if (p.wide) return wide_weight(l, p);
  const auto add = [&](rt::DType dtype, rt::Packing packing, auto values) {
    const auto bytes = std::as_bytes(std::span(values));
    return l.builder().add_constant(p.weight_name, dtype, p.stated_shape(), packing, bytes, shortest_code(p.stored->encoding, packing, dtype, p.k, bytes, p.positions));
  };
  if (p.weight.dtype() == DType::kS8)
    return p.depthwise ? add(rt::DType::kS8, rt::Packing::kDepthwise16, pack_depthwise_s8(p.weight))
                       : add(rt::DType::kS8, rt::Packing::kPanel16x4, pack_panels_s8(p.weight, p.groups));
  return p.depthwise ? add(rt::DType::kF32, rt::Packing::kDepthwise16, pack_depthwise(p.weight))
                     : add(rt::DType::kF32, rt::Packing::kPanel16, pack_panels(p.weight, p.groups));
}

Result<std::vector<float>> channel_scales(const Product& p) {
  const Encoding& e = p.stored->encoding;
  if (e.kind != Encoding::Kind::kInt || e.axis != 0 || p.scales.elements() != p.out || (p.weight.dtype() != DType::kS8 && !p.wide))
    return unsupported(p.node, "its integer weight is not int8 with one scale per output channel");
  const Tensor scales = p.scales.to_contiguous();
  return std::vector<float>(scales.data<float>(), scales.data<float>() + p.out);
}

// Stored bias: the IR's, less the zero point's share. Proves that no sum leaves int32.
Result<std::vector<int32_t>> integer_bias(Lowering& l, const Product& p, int32_t x_zero_point) {
  std::vector<int32_t> bias(static_cast<size_t>(p.out), 0);
  Tensor given;
  if (p.node.input(2) != kNoId) {
    if (!l.module().is_weight(p.node.input(2)) || l.module().weight(p.node.input(2)).data.dtype() != DType::kI32)
      return unsupported(p.node, "an integer op needs its bias as an i32 weight");
    given = l.module().weight(p.node.input(2)).data.to_contiguous();
  }
  if (p.wide) {  // no zero point to fold in; the engine computes such sums in float64
    if (p.k >= int64_t{1} << 22) return unsupported(p.node, fmt::format("the sum over {} inputs may leave 53 bits", p.k));
    for (int64_t o = 0; o < p.out && given.defined(); ++o) bias[o] = given.data<int32_t>()[o];
    return bias;
  }
  const std::vector<int64_t> sums = channel_sums(p.weight);
  for (int64_t o = 0; o < p.out; ++o) {
    const int64_t own = given.defined() ? given.data<int32_t>()[o] : 0;
    const int64_t stored = own - x_zero_point * sums[o];
    if (p.k * 255 * 127 + std::max(std::llabs(own), std::llabs(stored)) > std::numeric_limits<int32_t>::max())
      return unsupported(p.node, fmt::format("the sum over {} inputs may leave 32 bits", p.k));
    bias[o] = static_cast<int32_t>(stored);
  }
  return bias;
}

// Epilogue fields that conv and linear share.
template <typename Attributes>
Status fill_epilogue(Lowering& l, const Node& node, bool integer, Attributes& attrs) {
  const std::string& activation = node.string("activation");
  FASTC_TRY(const rt::Activation code, activation_named(node, activation));
  attrs.activation = static_cast<uint32_t>(code);
  attrs.lo = static_cast<float>(node.number("lo")), attrs.hi = static_cast<float>(node.number("hi"));
  attrs.qlo = 0, attrs.qhi = 255;
  const Type& y = l.type(node.output());
  if (!integer) return {};
  if (y.quant) {
    FASTC_TRY(const IntegerBounds bounds, integer_bounds(node, activation, attrs.lo, attrs.hi, *y.quant));
    attrs.qlo = bounds.low, attrs.qhi = bounds.high;
  }
  if (node.input(3) != kNoId) {
    const Type& residual = l.type(node.input(3));
    if (!residual.quant || !y.quant) return unsupported(node, "an integer op with a residual needs both quantized");
    attrs.residual_m = static_cast<float>(static_cast<double>(residual.quant->scale) / y.quant->scale);
    attrs.residual_zero_point = residual.quant->zero_point;
  }
  return {};
}

struct IntegerOperands {
  std::vector<int32_t> bias;
  std::vector<float> multipliers;
};

Result<IntegerOperands> integer_operands(Lowering& l, const Product& p) {
  const Type& x = l.type(p.node.input(0));
  const Type& y = l.type(p.node.output());
  IntegerOperands operands;
  FASTC_TRY(operands.multipliers, channel_scales(p));
  FASTC_TRY(operands.bias, integer_bias(l, p, x.quant->zero_point));
  for (float& m : operands.multipliers) {
    const double product = static_cast<double>(x.quant->scale) * m;
    m = static_cast<float>(y.quant ? product / y.quant->scale : product);
  }
  return operands;
}

// The operands of every product kernel, in the kernel's order: x, w, [bias, m,] residual.
Result<std::vector<uint32_t>> product_inputs(Lowering& l, const Product& p, uint32_t x, uint32_t residual) {
  const Node& node = p.node;
  if (l.type(node.input(0)).quant) {
    FASTC_TRY(const IntegerOperands o, integer_operands(l, p));
    return std::vector<uint32_t>{x, packed_weight(l, p), l.constant<int32_t>(node.name + ".bias_i32", o.bias), l.constant<float>(node.name + ".multiplier", o.multipliers), residual};
  }
  FASTC_TRY(const uint32_t bias, l.plain(node.input(2)));
  return std::vector<uint32_t>{x, packed_weight(l, p), bias, residual};
}

// x, w, scale[O], Σw[O], bias?
Result<std::vector<uint32_t>> dynamic_inputs(Lowering& l, const Product& p, uint32_t x) {
  FASTC_TRY(const std::vector<float> scales, channel_scales(p));
  const std::vector<int64_t> sums64 = channel_sums(p.weight);
  const std::vector<int32_t> sums(sums64.begin(), sums64.end());
  FASTC_TRY(const uint32_t bias, l.plain(p.node.input(2)));
  return std::vector<uint32_t>{x, packed_weight(l, p), l.constant<float>(p.weight_name + ".scale", scales), l.constant<int32_t>(p.weight_name + ".sum", sums), bias};
}

// Numbers all of them (ir/ops/conv.cc).
std::vector<int64_t> shape_of_weight(const Lowering& l, const Node& node) {
  std::vector<int64_t> shape;
  for (const Dim& dim : l.type(node.input(1)).shape) shape.push_back(dim.constant());
  return shape;
}

Status lower_conv(Lowering& l, const Node& node) {
  if (is_stored(l, node)) return lower_stored_conv(l, node);
  if (is_sparse(l, node)) return lower_sparse_conv(l, node);
  ConvGeometry g = conv_geometry(node, shape_of_weight(l, node));
  FASTC_TRY(const Product p, product_of(l, node, node.integer("groups"), g.depth));
  const bool integer = l.type(node.input(0)).quant.has_value(), dynamic = !node.string("dynamic").empty();
  FASTC_CHECK(fill_epilogue(l, node, integer, g.window));
  FASTC_TRY(const uint32_t x, l.channels_last(node.input(0)));
  FASTC_TRY(const uint32_t residual, l.channels_last(node.input(3)));
  if (dynamic && residual != rt::kNone) return unsupported(node, "a residual cannot be fused into a dynamically quantized op");
  FASTC_TRY(const std::vector<uint32_t> inputs, dynamic ? dynamic_inputs(l, p, x) : product_inputs(l, p, x, residual));
  FASTC_TRY(const uint32_t y, l.result(node.output(), rt::Layout::kChannelsLast));
  emit_spatial(l, dynamic ? rt::Kernel::kConvDynamic : p.wide ? rt::Kernel::kConvS16 : integer ? rt::Kernel::kConvS8 : rt::Kernel::kConvF32, node, inputs, y, g.window, g.depth);
  return {};
}

Status lower_linear(Lowering& l, const Node& node) {
  if (is_stored(l, node)) return lower_stored_linear(l, node);
  if (is_sparse(l, node)) return lower_sparse_linear(l, node);
  FASTC_TRY(const Product p, product_of(l, node, 1));
  const bool integer = l.type(node.input(0)).quant.has_value();
  rt::LinearAttrs attrs{};
  FASTC_CHECK(fill_epilogue(l, node, integer, attrs));
  FASTC_TRY(const uint32_t x, l.plain(node.input(0)));
  FASTC_TRY(const uint32_t residual, l.plain(node.input(3)));
  const std::string& dynamic = node.string("dynamic");
  if (!dynamic.empty() && residual != rt::kNone) return unsupported(node, "a residual cannot be fused into a dynamically quantized op");
  FASTC_TRY(const std::vector<uint32_t> inputs, dynamic.empty() ? product_inputs(l, p, x, residual) : dynamic_inputs(l, p, x));
  FASTC_TRY(const uint32_t y, l.result(node.output(), rt::Layout::kPlain));
  if (dynamic.empty()) {
    l.emit(p.wide ? rt::Kernel::kLinearS16 : integer ? rt::Kernel::kLinearS8 : rt::Kernel::kLinearF32, node, inputs, std::span(&y, 1), attrs);
  } else {
    const rt::DynamicAttrs ranges{attrs.activation, attrs.lo, attrs.hi, dynamic == "row" ? 1u : 0u};
    l.emit(rt::Kernel::kLinearDynamic, node, inputs, std::span(&y, 1), ranges);
  }
  return {};
}

Status lower_conv_transpose(Lowering& l, const Node& node) {
  const int64_t spatial = l.type(node.input(0)).rank() - 2;
  if (!l.module().is_weight(node.input(1))) return unsupported(node, "its weight is computed by the network");
  rt::ConvAttrs attrs = conv_geometry(node, shape_of_weight(l, node)).window;
  const auto& output_padding = node.integers("output_padding");
  for (int64_t i = 0; i < spatial; ++i) attrs.output_pad[2 - spatial + i] = static_cast<int32_t>(output_padding[i]);
  attrs.qhi = 255;
  FASTC_TRY(const uint32_t x, l.channels_last(node.input(0)));
  FASTC_TRY(const uint32_t w, l.plain(node.input(1)));
  FASTC_TRY(const uint32_t bias, l.plain(node.input(2)));
  FASTC_TRY(const uint32_t y, l.result(node.output(), rt::Layout::kChannelsLast));
  const uint32_t inputs[] = {x, w, bias};
  l.emit(rt::Kernel::kConvTransposeF32, node, inputs, std::span(&y, 1), attrs);
  return {};
}

Status lower_matmul(Lowering& l, const Node& node) {
  FASTC_TRY(const uint32_t a, l.plain(node.input(0)));
  FASTC_TRY(const uint32_t b, l.plain(node.input(1)));
  FASTC_TRY(const uint32_t y, l.result(node.output(), rt::Layout::kPlain));
  const uint32_t inputs[] = {a, b};
  const rt::MatmulAttrs attrs{0, node.flag("transpose_b") ? 1u : 0u};
  l.emit(rt::Kernel::kMatmulF32, node, inputs, std::span(&y, 1), attrs);
  return {};
}

}  // namespace

Result<ConvGeometry> float_conv_geometry(Lowering& l, const Node& node) {
  ConvGeometry g = conv_geometry(node, shape_of_weight(l, node));
  FASTC_CHECK(fill_epilogue(l, node, false, g.window));
  return g;
}

Result<rt::LinearAttrs> float_linear_attributes(Lowering& l, const Node& node) {
  rt::LinearAttrs attrs{};
  FASTC_CHECK(fill_epilogue(l, node, false, attrs));
  return attrs;
}

void add_conv_rules(Rules& rules) {
  rules["conv"] = lower_conv;
  rules["conv_transpose"] = lower_conv_transpose;
  rules["linear"] = lower_linear;
  rules["matmul"] = lower_matmul;
}

}  // namespace fastc::lowering
