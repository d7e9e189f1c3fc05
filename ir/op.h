// What the compiler must know of an op stands once, in the op's file under ir/ops/: operands, attributes, shape rule, integer
// rule, cost, how channels couple across it (for pruning), and which operands quantize. A new op is one such file,
// one evaluation in engine/, one generic kernel in backends/runtime, one test; a test lists what is missing.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/module.h"

namespace fastc {

struct OperandDef {
  enum class Kind : uint8_t { kRequired, kOptional, kVariadic };
  std::string_view name;
  Kind kind = Kind::kRequired;
};

enum class AttrType : uint8_t { kBool, kInt, kFloat, kString, kInts, kDim, kDims };
struct AttrDef {
  std::string_view name;
  AttrType type;
  std::optional<Attr> fallback;  // absent: the attribute is required
  std::string_view help;
};

// One node seen from its op: types of operands and results.
struct OpView {
  const Module& module;
  const Node& node;
  bool has(size_t i) const { return node.input(i) != kNoId; }
  const Type& in(size_t i) const { return module.value(node.inputs[i]).type; }
  const Type& out(size_t i = 0) const { return module.value(node.outputs[i]).type; }
};

struct Cost {  // per sample when the batch symbol is set to 1
  Dim macs = 0;   // of conv, linear, matmul, attention, recurrent cells
  Dim flops = 0;  // 2 x MACs there, plus 1 per element elsewhere
};

// How quantized operands pass through an op.
enum class IntegerRule : uint8_t {
  kNone,        // f32 only
  kKeeps,       // u8 → u8 (or s16 → s16) with the operand's parameters (relu, max_pool, reshape, slice, pad …)
  kRequantizes, // u8 → u8 with parameters declared for the result (conv, linear, add, concat, average pooling …)
};

// Coupling of channels. Elements are (value or weight, axis, index); tie() says that two runs of elements live or die
// together; pin() that they cannot go. Built for all ops into connected components by ir/coupling.h.
class Coupler {
 public:
  virtual ~Coupler() = default;
  struct Run {  // elements first, first+step, … (count of them), each repeated `repeat` times in a row (flatten: repeat = H*W)
    ValueId value;
    int64_t axis;
    int64_t first = 0, step = 1, count = -1;  // -1: the whole axis
    int64_t repeat = 1;
  };
  virtual void tie(const Run& a, const Run& b) = 0;
  virtual void pin(const Run& a) = 0;
  // Where a rule has several legal couplings of `whole` (reshape [6] → [2,3] can lose a half or a third of it): which to declare, below
  // `alternatives`. The first, unless it leaves `whole` pinned and another frees more.
  virtual size_t choose(const Run& whole, size_t alternatives) { return (void)whole, (void)alternatives, size_t{0}; }
};

// After channels were removed: kept indices by (value, axis); absent means all kept.
class Kept {
 public:
  virtual ~Kept() = default;
  virtual std::optional<std::span<const int64_t>> of(ValueId value, int64_t axis) const = 0;
};

struct OpDef {
  std::string_view name;
  std::string_view summary;
  std::vector<OperandDef> operands;
  std::vector<AttrDef> attributes;
  // Types of the results. `quant`: parameters declared for a quantized result, when there are any.
  Result<std::vector<Type>> (*infer)(const OpView& view, const std::optional<Quant>& quant) = nullptr;
  Cost (*cost)(const OpView& view) = nullptr;                       // null: 1 flop per element of the first result
  void (*couple)(const OpView& view, Coupler& coupler) = nullptr;   // null: every axis of every operand is pinned
  Status (*shrink)(Module& module, Node& node, const Kept& kept) = nullptr;  // attributes that hold channel counts or indices; null: none do
  IntegerRule integer = IntegerRule::kNone;
  bool sixteen_bits = false;  // the integer form takes s16 as well as u8
  int result_count = 1;
  bool elementwise = false;   // result shape = broadcast of operands; no mixing between elements
  bool trainable = false;     // has learned weights (conv, linear, norms, embedding, recurrent)
};

FASTC_API FASTC_API const OpDef* find_op(std::string_view name);       // null when unknown
FASTC_API FASTC_API std::vector<const OpDef*> all_ops();               // sorted by name
// Attributes as the op declares them: defaults filled in, 1 taken for 1.0, integers for dimensions. An unknown, missing or
// wrongly typed attribute is an error that names it.
FASTC_API Result<Attrs> complete_attributes(const OpDef& op, Attrs given);
FASTC_API std::string_view type_name(AttrType type);  // "a list of integers"
FASTC_API bool has_type(const Attr& value, AttrType type);
struct FASTC_API RegisterOp { explicit RegisterOp(OpDef def); };  // one `static const RegisterOp conv{{…}};` per op

}  // namespace fastc
