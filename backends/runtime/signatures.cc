#include "signatures.h"

#include <cmath>

namespace fastc::rt {
namespace {

template <typename Attrs>
const Attrs& attributes(const Program& program, const OpRecord& op) {
  return *static_cast<const Attrs*>(program.attributes_of(op));
}

bool bad(const Program& program, const OpRecord& op, const char* what, long long found, Error& error) {
  return fail(error, FASTC_RT_BAD_FILE, "op \"%s\" (%s): %s is %lld", program.string(op.name),
              kernel_name(static_cast<Kernel>(op.kernel)), what, found);
}

bool known_activation(uint32_t activation) { return activation <= static_cast<uint32_t>(Activation::kSoftplus); }

// Along one axis. Keeps every computation far from overflow, and a damaged file from looping for hours.
bool check_axis(const Program& program, const OpRecord& op, const DepthAttrs& a, Error& error) {
  constexpr int32_t kMost = 1 << 20, kLargestKernel = 1 << 14;
  if (a.kernel < 1 || a.kernel > kLargestKernel) return bad(program, op, "a window's size", a.kernel, error);
  if (a.stride < 1 || a.stride > kMost) return bad(program, op, "a stride", a.stride, error);
  if (a.dilation < 1 || a.dilation > kMost) return bad(program, op, "a dilation", a.dilation, error);
  if (a.pad_begin < 0 || a.pad_begin > kMost) return bad(program, op, "a padding", a.pad_begin, error);
  return (a.pad_end >= 0 && a.pad_end <= kMost) || bad(program, op, "a padding", a.pad_end, error);
}

// What follows the op's own attributes where there are three axes, or null.
template <typename Attrs>
const DepthAttrs* depth_of(const Program& program, const OpRecord& op) {
  return op.attribute_bytes == sizeof(Attrs) ? nullptr : reinterpret_cast<const DepthAttrs*>(&attributes<Attrs>(program, op) + 1);
}

template <typename Window>
bool check_window(const Program& program, const OpRecord& op, const Window& a, const DepthAttrs* depth, Error& error) {
  for (int i = 0; i < 2; ++i) {
    if (!check_axis(program, op, {a.kernel[i], a.stride[i], a.pad_begin[i], a.pad_end[i], a.dilation[i], 0}, error)) return false;
  }
  if (depth == nullptr) return true;
  if (depth->join < 0 || depth->join > static_cast<int32_t>(FrameJoin::kRows)) return bad(program, op, "its way to join frames", depth->join, error);
  return check_axis(program, op, *depth, error);
}

template <typename Attrs>
bool check_clamp(const Program& program, const OpRecord& op, const Attrs& a, Error& error) {
  const bool wide = program.values[program.inputs_of(op)[0]].dtype == static_cast<uint8_t>(DType::kS16);
  const int32_t lowest = wide ? -32767 : 0, highest = wide ? 32767 : 255;
  if (a.qlo < lowest || a.qlo > a.qhi || a.qhi > highest) return bad(program, op, "a clamp of the integer result (qlo)", a.qlo, error);
  return true;
}

template <typename Attrs>
bool check_requantize(const Program& program, const OpRecord& op, const Attrs& a, Error& error) {
  if (!known_activation(a.activation)) return bad(program, op, "its activation", a.activation, error);
  if (a.residual_zero_point < 0 || a.residual_zero_point > 255) {
    return bad(program, op, "its residual's zero point", a.residual_zero_point, error);
  }
  if (!std::isfinite(a.residual_m)) return bad(program, op, "its residual's multiplier, not finite,", 0, error);
  return check_clamp(program, op, a, error);
}

bool conv(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<ConvAttrs>(program, op);
  if (a.groups < 1) return bad(program, op, "groups", a.groups, error);
  for (int32_t pad : a.output_pad) {
    if (pad < 0 || pad > 1 << 20) return bad(program, op, "an output padding", pad, error);
  }
  return check_window(program, op, a, depth_of<ConvAttrs>(program, op), error) && check_requantize(program, op, a, error);
}
bool linear(const Program& program, const OpRecord& op, Error& error) {
  return check_requantize(program, op, attributes<LinearAttrs>(program, op), error);
}
bool stored_group(const Program& program, const OpRecord& op, int32_t group, Error& error) {
  return (group >= 0 && group % 2 == 0) || bad(program, op, "the number of inputs that share a scale", group, error);
}
bool linear_stored(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<LinearStoredAttrs>(program, op);
  return check_requantize(program, op, a.product, error) && stored_group(program, op, a.group, error);
}
bool conv_stored(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<ConvStoredAttrs>(program, op);
  if (a.product.groups < 1) return bad(program, op, "groups", a.product.groups, error);
  return check_window(program, op, a.product, depth_of<ConvStoredAttrs>(program, op), error) && check_requantize(program, op, a.product, error) && stored_group(program, op, a.group, error);
}
bool embedding_stored(const Program& program, const OpRecord& op, Error& error) {
  return stored_group(program, op, attributes<StoredAttrs>(program, op).group, error);
}
bool dynamic(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<DynamicAttrs>(program, op);
  return known_activation(a.activation) || bad(program, op, "its activation", a.activation, error);
}
bool pool(const Program& program, const OpRecord& op, Error& error) {
  return check_window(program, op, attributes<PoolAttrs>(program, op), depth_of<PoolAttrs>(program, op), error);
}
bool adaptive(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<PoolAttrs>(program, op);
  for (int32_t size : a.kernel) {
    if (size < 1) return bad(program, op, "its output size", size, error);
  }
  const DepthAttrs* depth = depth_of<PoolAttrs>(program, op);
  return depth == nullptr || depth->kernel >= 1 || bad(program, op, "its output size", depth->kernel, error);
}
bool reduce(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<ReduceAttrs>(program, op);
  if (a.op > static_cast<uint32_t>(Reduce::kMin)) return bad(program, op, "its reduction", a.op, error);
  return a.axes_mask < 256 || bad(program, op, "its mask of axes", a.axes_mask, error);
}
bool unary(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<UnaryAttrs>(program, op);
  if (!known_activation(a.activation)) return bad(program, op, "its function", a.activation, error);
  return check_clamp(program, op, a, error);
}
bool binary(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<BinaryAttrs>(program, op);
  if (a.op > static_cast<uint32_t>(Binary::kOr)) return bad(program, op, "its operator", a.op, error);
  return known_activation(a.activation) || bad(program, op, "its activation", a.activation, error);
}
bool clamp(const Program& program, const OpRecord& op, Error& error) {
  return check_clamp(program, op, attributes<ClampAttrs>(program, op), error);
}
bool axis(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<AxisAttrs>(program, op);
  return (a.axis >= 0 && a.axis < static_cast<int32_t>(kMaxRank)) || bad(program, op, "its axis", a.axis, error);
}
bool slice(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<SliceAttrs>(program, op);
  for (uint32_t i = 0; i < kMaxRank; ++i) {
    if (a.start[i] < 0 || a.start[i] > kMaxDim) return bad(program, op, "a start", a.start[i], error);
    if (a.step[i] < 0 || a.step[i] > kMaxDim) return bad(program, op, "a step", a.step[i], error);
  }
  return true;
}
bool norm(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<NormAttrs>(program, op);
  return (a.axes >= 1 && a.axes <= static_cast<int32_t>(kMaxRank)) || bad(program, op, "its number of axes", a.axes, error);
}
bool group_norm(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<GroupNormAttrs>(program, op);
  return a.groups >= 1 || bad(program, op, "its number of groups", a.groups, error);
}
bool recurrent(const Program& program, const OpRecord& op, Error& error) {
  const auto& a = attributes<RecurrentAttrs>(program, op);
  if (a.hidden < 1) return bad(program, op, "its hidden size", a.hidden, error);
  return (a.layers >= 1 && a.layers <= 1024) || bad(program, op, "its number of layers", a.layers, error);
}
bool recurrent_product(const Program& program, const OpRecord& op, Error& error) {
  const uint32_t cell = attributes<RecurrentProductAttrs>(program, op).cell;
  if (cell > static_cast<uint32_t>(RecurrentCell::kRnnRelu)) return bad(program, op, "its cell", cell, error);
  return recurrent(program, op, error);
}

constexpr Signature kSignatures[] = {
    {Kernel::kConvF32, "conv_f32", "f f f? f? > f", sizeof(ConvAttrs), conv, true},
    {Kernel::kConvS8, "conv_s8", "u s i f u? > uf", sizeof(ConvAttrs), conv, true},
    {Kernel::kLinearF32, "linear_f32", "f f f? f? > f", sizeof(LinearAttrs), linear},
    {Kernel::kLinearS8, "linear_s8", "u s i f u? > uf", sizeof(LinearAttrs), linear},
    {Kernel::kLinearDynamic, "linear_dynamic", "f s f i f? > f", sizeof(DynamicAttrs), dynamic},
    {Kernel::kConvDynamic, "conv_dynamic", "f s f i f? > f", sizeof(ConvAttrs), conv, true},
    {Kernel::kConvTransposeF32, "conv_transpose_f32", "f f f? > f", sizeof(ConvAttrs), conv},
    {Kernel::kMatmulF32, "matmul_f32", "f f > f", sizeof(MatmulAttrs), nullptr},
    {Kernel::kBatchNorm, "batch_norm", "f f f > f", sizeof(UnaryAttrs), unary},
    {Kernel::kLayerNorm, "layer_norm", "f f? f? > f", sizeof(NormAttrs), norm},
    {Kernel::kRmsNorm, "rms_norm", "f f? > f", sizeof(NormAttrs), norm},
    {Kernel::kEmbedding, "embedding", "x il > x", 0, nullptr},
    {Kernel::kAttention, "attention", "f f f fb? > f", sizeof(AttentionAttrs), nullptr},
    {Kernel::kLstm, "lstm", "f f* > f f? f?", sizeof(RecurrentAttrs), recurrent},
    {Kernel::kMaxPool, "max_pool", "fuw > fuw", sizeof(PoolAttrs), pool, true},
    {Kernel::kAvgPool, "avg_pool", "fuw > fuw", sizeof(PoolAttrs), pool, true},
    {Kernel::kAdaptiveAvgPool, "adaptive_avg_pool", "fuw > fuw", sizeof(PoolAttrs), adaptive, true},
    {Kernel::kReduce, "reduce", "fuwildb > fuwild", sizeof(ReduceAttrs), reduce},
    {Kernel::kUnary, "unary", "fuwildb > fuwildb", sizeof(UnaryAttrs), unary},
    {Kernel::kBinary, "binary", "fildb fildb > fildb", sizeof(BinaryAttrs), binary},
    {Kernel::kAddS8, "add_s8", "u u > u", sizeof(ClampAttrs), clamp},
    {Kernel::kConcat, "concat", "x* > x", sizeof(AxisAttrs), axis},
    {Kernel::kTranspose, "transpose", "x > x", sizeof(PermuteAttrs), nullptr},
    {Kernel::kReshape, "reshape", "x > x", 0, nullptr},
    {Kernel::kSlice, "slice", "x > x", sizeof(SliceAttrs), slice},
    {Kernel::kPad, "pad", "x > x", sizeof(PadAttrs), nullptr},
    {Kernel::kExpand, "expand", "x > x", 0, nullptr},
    {Kernel::kGather, "gather", "x il > x", sizeof(AxisAttrs), axis},
    {Kernel::kIndexSelect, "index_select", "x il > x", sizeof(AxisAttrs), axis},
    {Kernel::kWhere, "where", "b x x > x", 0, nullptr},
    {Kernel::kCast, "cast", "x > x", 0, nullptr},
    {Kernel::kIota, "iota", "> lf", sizeof(IotaAttrs), nullptr},
    {Kernel::kSoftmax, "softmax", "f > f", sizeof(AxisAttrs), axis},
    {Kernel::kQuantize, "quantize", "f > uw", 0, nullptr},
    {Kernel::kDequantize, "dequantize", "usw > f", 0, nullptr},
    {Kernel::kCumsum, "cumsum", "fild > fild", sizeof(AxisAttrs), axis},
    {Kernel::kResize, "resize", "f > f", sizeof(ResizeAttrs), nullptr},
    {Kernel::kGroupNorm, "group_norm", "f f? f? > f", sizeof(GroupNormAttrs), group_norm},
    {Kernel::kGru, "gru", "f f* > f f?", sizeof(RecurrentAttrs), recurrent},
    {Kernel::kRnnTanh, "rnn_tanh", "f f* > f f?", sizeof(RecurrentAttrs), recurrent},
    {Kernel::kRnnRelu, "rnn_relu", "f f* > f f?", sizeof(RecurrentAttrs), recurrent},
    {Kernel::kArgsort, "argsort", "fild > l", sizeof(AxisAttrs), axis},
    {Kernel::kConvS16, "conv_s16", "w sw i f w? > wf", sizeof(ConvAttrs), conv, true},
    {Kernel::kLinearS16, "linear_s16", "w sw i f w? > wf", sizeof(LinearAttrs), linear},
    {Kernel::kAddS16, "add_s16", "w w > w", sizeof(ClampAttrs), clamp},
    {Kernel::kLinearStored, "linear_stored", "f shg f? f? f? > f", sizeof(LinearStoredAttrs), linear_stored},
    {Kernel::kConvStored, "conv_stored", "f shg f? f? f? > f", sizeof(ConvStoredAttrs), conv_stored, true},
    {Kernel::kLinearSparse, "linear_sparse", "f f i i f? f? > f", sizeof(LinearAttrs), linear},
    {Kernel::kConvSparse, "conv_sparse", "f f i i f? f? > f", sizeof(ConvAttrs), conv, true},
    {Kernel::kRecurrentF32, "recurrent_f32", "f f* > f f? f?", sizeof(RecurrentProductAttrs), recurrent_product},
    {Kernel::kRecurrentDynamic, "recurrent_dynamic", "f sfi* > f f? f?", sizeof(RecurrentProductAttrs), recurrent_product},
    {Kernel::kEmbeddingStored, "embedding_stored", "s f il > f", sizeof(StoredAttrs), embedding_stored},
};

}  // namespace

const Signature* find_signature(uint32_t kernel) {
  for (const Signature& signature : kSignatures) {
    if (static_cast<uint32_t>(signature.kernel) == kernel) return &signature;
  }
  return nullptr;
}

uint32_t attribute_bytes(const Signature& signature, const Program& program, const OpRecord& op) {
  const uint32_t x = op.input_count == 0 ? kNone : program.inputs_of(op)[0];
  const bool depth = signature.depth && x != kNone && program.values[x].rank == 5;
  return signature.attribute_bytes + (depth ? sizeof(DepthAttrs) : 0);
}

const char* kernel_name(Kernel kernel) {
  const Signature* signature = find_signature(static_cast<uint32_t>(kernel));
  return signature == nullptr ? "unknown" : signature->name;
}

}  // namespace fastc::rt
