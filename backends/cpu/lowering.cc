#include "backends/cpu/lowering.h"

#include <algorithm>
#include <cmath>

#include "backends/cpu/lower.h"

namespace fastc {
namespace lowering {

tl::unexpected<Error> unsupported(const Node& node, std::string_view why) {
  return input_error("{}: the CPU runtime cannot run {} here: {}", node.name, node.op->name, why);
}

bool spatial_rank(int64_t rank) { return rank >= 3 && rank <= 5; }

int64_t stored_axis(int64_t axis, int64_t rank, rt::Layout layout) {
  if (layout == rt::Layout::kPlain || axis == 0) return axis;
  return axis == 1 ? rank - 1 : axis - 1;
}

int64_t logical_axis(int64_t position, int64_t rank, rt::Layout layout) {
  if (layout == rt::Layout::kPlain || position == 0) return position;
  return position == rank - 1 ? 1 : position + 1;
}

Result<rt::Activation> activation_named(const Node& node, std::string_view name) {
  static const std::map<std::string_view, rt::Activation> names = {
      {"none", rt::Activation::kIdentity},   {"relu", rt::Activation::kRelu},       {"clip", rt::Activation::kClip},
      {"sigmoid", rt::Activation::kSigmoid}, {"tanh", rt::Activation::kTanh},       {"gelu", rt::Activation::kGelu},
      {"gelu_tanh", rt::Activation::kGeluTanh}, {"silu", rt::Activation::kSilu},    {"hard_swish", rt::Activation::kHardSwish},
      {"hard_sigmoid", rt::Activation::kHardSigmoid}, {"exp", rt::Activation::kExp}, {"log", rt::Activation::kLog},
      {"sqrt", rt::Activation::kSqrt},       {"rsqrt", rt::Activation::kRsqrt},     {"neg", rt::Activation::kNeg},
      {"abs", rt::Activation::kAbs},         {"erf", rt::Activation::kErf},         {"sin", rt::Activation::kSin},
      {"cos", rt::Activation::kCos},         {"reciprocal", rt::Activation::kReciprocal}, {"logical_not", rt::Activation::kNot},
      {"floor", rt::Activation::kFloor},     {"leaky_relu", rt::Activation::kLeakyRelu}, {"elu", rt::Activation::kElu},
      {"softplus", rt::Activation::kSoftplus}};
  const auto found = names.find(name);
  if (found == names.end()) return unsupported(node, fmt::format("activation '{}' has no kernel", name));
  return found->second;
}

Result<IntegerBounds> integer_bounds(const Node& node, std::string_view activation, double lo, double hi, const Quant& quant) {
  const auto quantized = [&](double x) {
    return static_cast<int32_t>(std::clamp(quant.zero_point + std::nearbyint(static_cast<float>(x) / quant.scale), static_cast<float>(quant.low()), static_cast<float>(quant.high())));
  };
  if (activation == "none") return IntegerBounds{quant.low(), quant.high()};
  if (activation == "relu") return IntegerBounds{quant.zero_point, quant.high()};
  if (activation == "clip") return IntegerBounds{quantized(lo), quantized(hi)};
  return unsupported(node, fmt::format("activation '{}' cannot be fused into an integer op", activation));
}

rt::Layout Lowering::layout_of(ValueId id) const {
  const auto found = forms_.find(id);
  if (found == forms_.end()) return rt::Layout::kPlain;
  return found->second.by_layout[1] != rt::kNone ? rt::Layout::kChannelsLast : rt::Layout::kPlain;
}

Result<uint32_t> Lowering::weight_constant(ValueId id) {
  const Weight& weight = module_.weight(id);
  if (weight.encoding.kind != Encoding::Kind::kDense)
    return input_error("weight {}: kept as int{}, but used by an op that reads plain numbers", module_.value(id).name, weight.encoding.bits);
  Tensor data = weight.data.to_contiguous();
  const auto dtype = static_cast<rt::DType>(data.dtype());
  const std::span bytes(static_cast<const std::byte*>(data.raw()), data.bytes());
  const Code code = shortest_code(weight.encoding, rt::Packing::kPlain, dtype, 0, bytes);
  return builder_.add_constant(module_.value(id).name, dtype, data.shape(), rt::Packing::kPlain, bytes, code);
}

Result<uint32_t> Lowering::use(ValueId id, rt::Layout layout) {
  if (id == kNoId) return rt::kNone;
  Forms& forms = forms_[id];
  uint32_t& wanted = forms.by_layout[static_cast<int>(layout)];
  if (wanted != rt::kNone) return wanted;
  uint32_t& other = forms.by_layout[1 - static_cast<int>(layout)];
  if (module_.is_weight(id)) {  // stored plain
    uint32_t& plain = layout == rt::Layout::kPlain ? wanted : other;
    if (plain == rt::kNone) {
      FASTC_TRY(plain, weight_constant(id));
    }
    if (layout == rt::Layout::kPlain) return plain;
  }
  if (other == rt::kNone) return internal_error("value {} is used before it is lowered", module_.value(id).name);
  FASTC_TRY(wanted, convert(id, other, layout));
  return wanted;
}

// NCHW ↔ NHWC. When every spatial size is 1 both arrays hold the same bytes and a reshape (which may cost nothing) is enough.
Result<uint32_t> Lowering::convert(ValueId id, uint32_t from, rt::Layout to) {
  const Value& value = module_.value(id);
  const int64_t rank = value.type.rank();
  const std::string name = value.name + (to == rt::Layout::kPlain ? "@plain" : "@channels_last");
  FASTC_TRY(const uint32_t converted, builder_.add_value(name, value.type, to));
  const bool no_space = std::all_of(value.type.shape.begin() + 2, value.type.shape.end(), [](const Dim& d) { return d == Dim(1); });
  if (no_space || value.type.shape[1] == Dim(1)) {
    builder_.add_op(rt::Kernel::kReshape, name, std::span(&from, 1), std::span(&converted, 1), {});
    return converted;
  }
  rt::PermuteAttrs attrs{};
  const rt::Layout source = to == rt::Layout::kPlain ? rt::Layout::kChannelsLast : rt::Layout::kPlain;
  for (int64_t i = 0; i < rank; ++i) attrs.perm[i] = static_cast<int32_t>(stored_axis(logical_axis(i, rank, to), rank, source));
  builder_.add_op(rt::Kernel::kTranspose, name, std::span(&from, 1), std::span(&converted, 1), std::as_bytes(std::span(&attrs, 1)));
  return converted;
}

Result<uint32_t> Lowering::result(ValueId id, rt::Layout layout) {
  const Value& value = module_.value(id);
  FASTC_TRY(const uint32_t added, builder_.add_value(value.name, value.type, layout));
  forms_[id].by_layout[static_cast<int>(layout)] = added;
  return added;
}

Status Lowering::bind_symbols() {
  for (const Symbol& symbol : module_.symbols) {
    bool bound = false;
    for (size_t i = 0; i < module_.inputs.size() && !bound; ++i) {
      const Shape& shape = type(module_.inputs[i]).shape;
      const auto axis = std::find(shape.begin(), shape.end(), Dim::symbol(symbol.name));
      if (axis == shape.end()) continue;
      builder_.add_symbol(symbol, static_cast<uint32_t>(i), static_cast<uint32_t>(axis - shape.begin()));
      bound = true;
    }
  }
  return {};
}

Status Lowering::bind_outputs() {
  for (const ValueId id : module_.outputs) {
    FASTC_TRY(const uint32_t value, plain(id));
    builder_.add_output(value);
  }
  return {};
}

Status Lowering::run(const Rules& rules) {
  FASTC_CHECK(bind_symbols());
  for (const ValueId id : module_.inputs) {
    FASTC_TRY(const uint32_t value, result(id, rt::Layout::kPlain));
    builder_.add_input(value);
  }
  for (const NodeId id : module_.order()) {
    const Node& node = module_.node(id);
    const auto rule = rules.find(node.op->name);
    if (rule == rules.end()) return unsupported(node, "it has no kernel yet");
    FASTC_CHECK(rule->second(*this, node));
  }
  FASTC_CHECK(bind_outputs());
  assign_buffers(builder_);
  return {};
}

}  // namespace lowering

Result<ArtifactBytes> lower(const Module& module, const LowerOptions& options) {
  static const lowering::Rules rules = [] {
    lowering::Rules all;
    lowering::add_conv_rules(all);
    lowering::add_elementwise_rules(all);
    lowering::add_pool_rules(all);
    lowering::add_shape_rules(all);
    lowering::add_norm_rules(all);
    lowering::add_recurrent_rules(all);
    return all;
  }();
  lowering::Lowering state(module);
  FASTC_CHECK(state.run(rules));
  state.builder().add_metadata("model", module.name);
  for (const auto& [key, value] : options.metadata) state.builder().add_metadata(key, value);
  return state.builder().finish();
}

}  // namespace fastc
