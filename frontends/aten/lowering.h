// Builds the module from aten calls: names nodes and constants, promotes types, and asks the rule of each op.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "frontends/aten/arg.h"
#include "ir/module.h"

namespace fastc::aten {

// An operand that a rule hands to emit(): a value, nothing, or a constant that becomes a weight called NODE.constant.
using Operand = std::variant<std::monostate, TensorArg, Tensor>;
using Operands = std::vector<Operand>;
Operand operand(const std::optional<TensorArg>& t);  // nothing when absent

class Lowering {
 public:
  explicit Lowering(Module& module) : module_(module) {}

  // Where the next calls stand: the dotted path of the enclosing module, file:line of the user's model, and whether that module is a layer
  // of torch.nn. A layer gives its name to the node even where its weight is tied and known by another module's name.
  void place(std::string scope, std::string source, bool layer) {
    scope_ = std::move(scope);
    source_ = std::move(source);
    layer_ = layer;
  }
  const std::string& scope() const { return scope_; }
  const std::string& source() const { return source_; }

  // Results of the call; an error names op, source and node, and says what to do.
  Result<ArgList> lower(const Call& call);
  std::string where(const Call& call) const;  // "op aten::add.Tensor at model.py:40, node layer1.add"

  // --- for frontends
  // The value of a weight reached by `path`. The same memory under another path gives the same value: tied weights.
  TensorArg weight(const std::string& path, const Tensor& data, bool trainable);

  // --- for rules
  Module& module() { return module_; }
  const Type& type(const TensorArg& t) const { return module_.value(t.id).type; }
  const Shape& shape(const TensorArg& t) const { return type(t).shape; }
  int64_t rank(const TensorArg& t) const { return type(t).rank(); }
  bool is_weight(const TensorArg& t) const { return module_.is_weight(t.id); }

  // A node; `owner` is the weight whose module names it ("" for none: ENCLOSING.OP_NUMBER).
  Result<TensorArg> emit(std::string_view op, Operands operands, Attrs attrs = {}, const std::string& owner_weight = {});
  Result<std::vector<TensorArg>> emit_all(std::string_view op, Operands operands, Attrs attrs = {}, const std::string& owner_weight = {});
  Result<TensorArg> cast(const TensorArg& t, DType to);                // itself when it has the type
  Result<TensorArg> reshape(const TensorArg& t, Shape to);             // itself when it has the shape
  Result<TensorArg> permute(const TensorArg& t, std::vector<int64_t> perm);  // a weight of rank 2 is transposed in place (as a view)
  Result<TensorArg> slice(const TensorArg& t, int64_t axis, Dim start, Dim end, int64_t step = 1);  // start, end as Python has them
  Result<TensorArg> expand(const TensorArg& t, Shape to);
  // A slice's start and end, as Python has them, within [0, size].
  Result<std::pair<Dim, Dim>> bounds(const Dim& size, Dim start, Dim end) const;
  // The same slice of what a write has put together, read from the part where it lies: k is not read behind what q became.
  Result<TensorArg> part_of(const TensorArg& t, int64_t axis, const Dim& start, const Dim& end, int64_t step = 1);
  // `whole` with elements start, start + step, … below end of the axis taken from `part`; 0 <= start <= end <= size.
  Result<TensorArg> put_slice(const TensorArg& whole, int64_t axis, const Dim& start, const Dim& end, int64_t step, const TensorArg& part);
  // Filled with one number.
  Result<TensorArg> full(Shape shape, double value, DType dtype);
  // A tensor known now, as a weight that is not trained.
  TensorArg constant(Tensor data);
  // A tensor operand out of a tensor or a number; numbers must be known, or an iota makes them.
  Result<TensorArg> materialize(const Arg& arg, DType dtype);

  // The numbers of a tensor that is known at import: a constant, numbers counted up, and whole-number arithmetic on them.
  std::optional<std::vector<double>> known_numbers(ValueId id) const;

  // Negative axes count from the end.
  Result<int64_t> axis(int64_t axis, int64_t rank) const;
  // a <= b for every value the symbols can have.
  bool always_le(const Dim& a, const Dim& b) const;

 private:
  std::string node_name(std::string_view op, const std::string& owner_weight);

  Module& module_;
  std::string scope_, source_;
  bool layer_ = false;
  std::map<std::string, int> counters_;  // by ENCLOSING.OP
  std::map<std::string, ValueId> by_path_;
  std::map<ValueId, ValueId> transposed_;  // both ways
};

// A rank-0 constant.
Tensor scalar_tensor(double value, DType dtype);

using Rule = Result<ArgList> (*)(Lowering&, const Call&);
struct RuleEntry {
  std::string_view op;
  Rule rule;
};
// One table a family; lower() looks through all (rules.cc).
std::span<const RuleEntry> convolution_rules();
std::span<const RuleEntry> pooling_rules();
std::span<const RuleEntry> resize_rules();
std::span<const RuleEntry> norm_rules();
std::span<const RuleEntry> unary_rules();
std::span<const RuleEntry> binary_rules();
std::span<const RuleEntry> reduce_rules();
std::span<const RuleEntry> view_rules();
std::span<const RuleEntry> join_rules();
std::span<const RuleEntry> matmul_rules();
std::span<const RuleEntry> attention_rules();
std::span<const RuleEntry> fastpath_rules();
std::span<const RuleEntry> recurrent_rules();
std::span<const RuleEntry> factory_rules();
std::span<const RuleEntry> indexing_rules();
std::span<const RuleEntry> scalar_rules();
std::span<const RuleEntry> embedding_rules();
std::span<const RuleEntry> einsum_rules();
std::span<const RuleEntry> write_rules();
std::span<const RuleEntry> order_rules();
Rule find_rule(std::string_view op);
std::vector<std::string_view> rule_names();  // sorted

// Rules return one tensor mostly.
inline Result<ArgList> one(Result<TensorArg> t) {
  if (!t) return tl::unexpected<Error>(std::move(t).error());
  return ArgList{Arg{std::move(*t)}};
}

// A Python class that is a layer of torch.nn (Linear, Embedding …), not a container: "torch.nn.modules.linear.Linear".
bool is_layer_class(std::string_view name);

// ATen's ScalarType numbers ↔ ours.
Result<DType> dtype_of_scalar_type(int64_t scalar_type);
int64_t scalar_type_of(DType dtype);
// The argument as a type; `fallback` where it is none.
Result<DType> dtype_argument(const Call& call, std::string_view name, DType fallback);

}  // namespace fastc::aten
