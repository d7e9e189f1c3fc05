// The state of one lowering, shared by the rules in rules_*.cc. Each IR value has up to two forms in the artifact, one a
// layout; a rule asks for the form its kernel reads, and a conversion is inserted (once) where it is missing.
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backends/artifact/builder.h"
#include "ir/op.h"

namespace fastc::lowering {

class Lowering;
using Rule = Status (*)(Lowering&, const Node&);
using Rules = std::map<std::string_view, Rule>;

void add_conv_rules(Rules& rules);         // conv, conv_transpose, linear, matmul
void add_elementwise_rules(Rules& rules);  // unary, binary, where, cast, quantize, dequantize
void add_pool_rules(Rules& rules);         // pooling, resize, reductions
void add_shape_rules(Rules& rules);        // reshape, permute, slice, concat, pad, expand, gather …
void add_norm_rules(Rules& rules);         // norms, softmax, attention, embedding
void add_recurrent_rules(Rules& rules);    // lstm, gru, rnn

class Lowering {
 public:
  explicit Lowering(const Module& module) : module_(module) {}
  Status run(const Rules& rules);

  const Module& module() const { return module_; }
  ArtifactBuilder& builder() { return builder_; }
  const Type& type(ValueId id) const { return module_.value(id).type; }

  // --- operands
  // The form in which the value exists already; kChannelsLast wins when both do. Weights count as plain.
  rt::Layout layout_of(ValueId id) const;
  Result<uint32_t> use(ValueId id, rt::Layout layout);  // kNoId → rt::kNone
  Result<uint32_t> plain(ValueId id) { return use(id, rt::Layout::kPlain); }
  Result<uint32_t> channels_last(ValueId id) { return use(id, rt::Layout::kChannelsLast); }
  template <typename T>
  uint32_t constant(std::string_view name, std::span<const T> values) {
    const int64_t shape[] = {static_cast<int64_t>(values.size())};
    return builder_.add_constant(name, static_cast<rt::DType>(dtype_of<T>()), shape, rt::Packing::kPlain, std::as_bytes(values));
  }

  // --- results
  Result<uint32_t> result(ValueId id, rt::Layout layout);
  // An extra value that is no IR value (a conversion's result).
  Result<uint32_t> temporary(std::string_view name, const Type& type, rt::Layout layout) { return builder_.add_value(name, type, layout); }
  template <typename Attributes>
  void emit(rt::Kernel kernel, const Node& node, std::span<const uint32_t> inputs, std::span<const uint32_t> outputs, const Attributes& attributes) {
    builder_.add_op(kernel, node.name, inputs, outputs, std::as_bytes(std::span<const Attributes>(&attributes, 1)));
  }
  void emit(rt::Kernel kernel, const Node& node, std::span<const uint32_t> inputs, std::span<const uint32_t> outputs) {
    builder_.add_op(kernel, node.name, inputs, outputs, {});
  }

 private:
  struct Forms {
    uint32_t by_layout[2] = {rt::kNone, rt::kNone};
  };
  Status bind_symbols();
  Status bind_outputs();
  Result<uint32_t> convert(ValueId id, uint32_t from, rt::Layout to);
  Result<uint32_t> weight_constant(ValueId id);

  const Module& module_;
  ArtifactBuilder builder_;
  std::unordered_map<ValueId, Forms> forms_;
};

// --- small helpers that several rules share
tl::unexpected<Error> unsupported(const Node& node, std::string_view why);
// Position of logical axis `axis` in the stored array of a value of this rank.
int64_t stored_axis(int64_t axis, int64_t rank, rt::Layout layout);
// Logical axis stored at position `position`.
int64_t logical_axis(int64_t position, int64_t rank, rt::Layout layout);
bool spatial_rank(int64_t rank);  // 3 to 5: can be channels-last
Result<rt::Activation> activation_named(const Node& node, std::string_view name);
// Integer bounds of a fused activation on a quantized result: relu and clip are clamps. Error for others.
struct IntegerBounds { int32_t low, high; };
Result<IntegerBounds> integer_bounds(const Node& node, std::string_view activation, double lo, double hi, const Quant& quant);

// Gives every activation a buffer so that values whose lives overlap never share one (backends/cpu/lifetimes.cc).
void assign_buffers(ArtifactBuilder& builder);

}  // namespace fastc::lowering
