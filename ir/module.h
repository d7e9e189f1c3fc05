// The program being compressed: a functional SSA graph of typed ops, with weights by name.
//
// A Module is a plain value. Copying it copies the graph and shares every weight's memory, so `original` and `stage:NAME`
// cost nothing until something is changed. Ids are indices that stay valid until compact() is called; what was erased has
// an empty name.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/type.h"

namespace fastc {

struct OpDef;

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr int32_t kNoId = -1;  // an absent optional operand; no producer

using Attr = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, Dim, std::vector<Dim>>;
using Attrs = std::map<std::string, Attr, std::less<>>;

struct Symbol {
  std::string name;
  int64_t min = 1, max = int64_t{1} << 31;  // inclusive
  bool operator==(const Symbol&) const = default;
};

struct Value {
  enum class Kind : uint8_t { kInput, kWeight, kResult };
  std::string name;  // unique; a weight's key in Module::weights; a node's first result is called as the node
  Kind kind = Kind::kResult;
  Type type;
  NodeId producer = kNoId;
};

struct Node {
  std::string name;  // "layer1.0.conv1", "layer1.0.relu_1"; unique
  const OpDef* op = nullptr;
  std::vector<ValueId> inputs;  // in the op's operand order; kNoId for an absent optional one (trailing ones may be dropped)
  std::vector<ValueId> outputs;
  Attrs attrs;         // complete: defaults are filled in when the node is made
  std::string source;  // file:line in the user's model, where known; for messages only

  ValueId input(size_t i) const { return i < inputs.size() ? inputs[i] : kNoId; }
  ValueId output() const { return outputs.front(); }
  template <typename T> const T& attr(std::string_view name) const { return std::get<T>(attrs.find(name)->second); }
  bool flag(std::string_view name) const { return attr<bool>(name); }
  int64_t integer(std::string_view name) const { return attr<int64_t>(name); }
  double number(std::string_view name) const { return attr<double>(name); }
  const std::string& string(std::string_view name) const { return attr<std::string>(name); }
  const std::vector<int64_t>& integers(std::string_view name) const { return attr<std::vector<int64_t>>(name); }
};

class FASTC_API Module {
 public:
  std::string name = "model";
  std::vector<Symbol> symbols;
  std::vector<ValueId> inputs, outputs;
  std::map<std::string, Weight, std::less<>> weights;

  // --- reading
  const std::vector<NodeId>& order() const { return order_; }  // live nodes; every operand is defined before its use
  const Node& node(NodeId id) const { return nodes_[id]; }
  Node& node(NodeId id) { return nodes_[id]; }
  const Value& value(ValueId id) const { return values_[id]; }
  Value& value(ValueId id) { return values_[id]; }
  size_t value_count() const { return values_.size(); }  // including dead ones
  size_t node_count() const { return nodes_.size(); }
  NodeId find_node(std::string_view name) const;    // kNoId when there is none
  ValueId find_value(std::string_view name) const;
  const Node* producer(ValueId id) const { return id == kNoId || values_[id].producer == kNoId ? nullptr : &nodes_[values_[id].producer]; }
  bool is_weight(ValueId id) const { return id != kNoId && values_[id].kind == Value::Kind::kWeight; }
  const Weight& weight(ValueId id) const { return weights.find(values_[id].name)->second; }
  Weight& weight(ValueId id) { return weights.find(values_[id].name)->second; }
  // Nodes that use each value, indexed by ValueId, in order, each once; an output of the module counts as no node.
  std::vector<std::vector<NodeId>> uses() const;
  bool is_output(ValueId id) const;

  // --- building and rewriting (types of results are inferred; an op that does not fit is an error naming node and operand)
  ValueId add_input(std::string name, Type type);
  ValueId add_weight(std::string name, Weight weight);  // the name must be new
  // Appends (before == kNoId) or inserts before a node. `quant`: declared parameters of quantized results (Op decides if it needs them).
  Result<NodeId> add_node(std::string_view op, std::string name, std::vector<ValueId> inputs, Attrs attrs = {}, std::optional<Quant> quant = {}, NodeId before = kNoId);
  std::string fresh_name(std::string_view base) const;  // base, base_1, base_2 …
  void replace_uses(ValueId from, ValueId to);          // in nodes and in the module's outputs
  void erase_node(NodeId id);                           // its results must be unused
  size_t erase_dead();                                  // nodes whose results nobody needs, weights nobody uses; how many went
  Status infer_types();                                 // all results again, in order, after operands changed shape
  void compact();                                       // drops dead slots; ids change

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<NodeId> order_;
};

// Every invariant, each with a sentence naming the node: operands defined before use, arity, attribute names and types, inferred types equal to the
// stored ones, unique names, weights present with the shape of their value, encodings well formed.
FASTC_API Status verify(const Module& module);

// ir/text.h prints and parses; ir/cost.h counts; ir/rewrite.h has helpers for passes.

}  // namespace fastc
