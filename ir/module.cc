#include "ir/module.h"

#include <algorithm>
#include <cassert>
#include <unordered_set>

#include "base/text.h"
#include "ir/op.h"

namespace fastc {
namespace {

Status check_arity(const OpDef& op, const std::vector<ValueId>& inputs) {
  const bool variadic = !op.operands.empty() && op.operands.back().kind == OperandDef::Kind::kVariadic;
  if (!variadic && inputs.size() > op.operands.size())
    return input_error("{}: expected at most {} operands, found {}", op.name, op.operands.size(), inputs.size());
  for (size_t i = 0; i < op.operands.size(); ++i)
    if (op.operands[i].kind == OperandDef::Kind::kRequired && (i >= inputs.size() || inputs[i] == kNoId))
      return input_error("{}: expected the operand \"{}\", found none", op.name, op.operands[i].name);
  for (size_t i = op.operands.size(); variadic && i < inputs.size(); ++i)
    if (inputs[i] == kNoId) return input_error("{}: expected a value as operand {}, found none", op.name, i);
  return {};
}

std::string unknown_op(std::string_view name) {
  std::vector<std::string> known;
  for (const OpDef* op : all_ops()) known.emplace_back(op->name);
  const std::string guess = nearest(name, known);
  return fmt::format("expected a known op, found \"{}\"{}", name,
                     guess.empty() ? "" : fmt::format("; did you mean \"{}\"?", guess));
}

}  // namespace

NodeId Module::find_node(std::string_view name) const {
  for (const NodeId id : order_)
    if (nodes_[id].name == name) return id;
  return kNoId;
}

ValueId Module::find_value(std::string_view name) const {
  if (name.empty()) return kNoId;
  for (size_t i = 0; i < values_.size(); ++i)
    if (values_[i].name == name) return static_cast<ValueId>(i);
  return kNoId;
}

std::vector<std::vector<NodeId>> Module::uses() const {
  std::vector<std::vector<NodeId>> out(values_.size());
  for (const NodeId id : order_)
    for (const ValueId input : nodes_[id].inputs)
      if (input != kNoId && (out[input].empty() || out[input].back() != id)) out[input].push_back(id);
  return out;
}

bool Module::is_output(ValueId id) const { return std::find(outputs.begin(), outputs.end(), id) != outputs.end(); }

ValueId Module::add_input(std::string name, Type type) {
  assert(find_value(name) == kNoId);
  values_.push_back({std::move(name), Value::Kind::kInput, std::move(type), kNoId});
  inputs.push_back(static_cast<ValueId>(values_.size() - 1));
  return inputs.back();
}

ValueId Module::add_weight(std::string name, Weight weight) {
  assert(find_value(name) == kNoId);
  values_.push_back({name, Value::Kind::kWeight, type_of(weight), kNoId});
  weights.insert_or_assign(std::move(name), std::move(weight));
  return static_cast<ValueId>(values_.size() - 1);
}

Result<NodeId> Module::add_node(std::string_view op, std::string name, std::vector<ValueId> inputs, Attrs attrs,
                                std::optional<Quant> quant, NodeId before) {
  const OpDef* def = find_op(op);
  if (def == nullptr) return input_error("node {}: {}", name, unknown_op(op));
  if (name.empty() || find_value(name) != kNoId)
    return internal_error("node {}: expected a new name, found one that is taken", name);
  if (auto arity = check_arity(*def, inputs); !arity) return at("node " + name, arity.error());
  assert(std::all_of(inputs.begin(), inputs.end(),
                     [&](ValueId v) { return v >= kNoId && v < static_cast<ValueId>(values_.size()); }));
  auto complete = complete_attributes(*def, std::move(attrs));
  if (!complete) return at("node " + name, complete.error());
  while (!inputs.empty() && inputs.back() == kNoId) inputs.pop_back();

  Node node{std::move(name), def, std::move(inputs), {}, std::move(*complete), {}};
  auto types = def->infer({*this, node}, quant);
  if (!types) return at(fmt::format("node {} ({})", node.name, def->name), types.error());
  const auto id = static_cast<NodeId>(nodes_.size());
  for (size_t i = 0; i < types->size(); ++i) {
    node.outputs.push_back(static_cast<ValueId>(values_.size()));
    values_.push_back(
        {i == 0 ? node.name : fmt::format("{}#{}", node.name, i), Value::Kind::kResult, std::move((*types)[i]), id});
  }
  nodes_.push_back(std::move(node));
  order_.insert(before == kNoId ? order_.end() : std::find(order_.begin(), order_.end(), before), id);
  return id;
}

std::string Module::fresh_name(std::string_view base) const {
  std::unordered_set<std::string_view> taken;
  for (const Value& value : values_) taken.insert(value.name);
  std::string name(base);
  for (int i = 1; taken.contains(name); ++i) name = fmt::format("{}_{}", base, i);
  return name;
}

void Module::replace_uses(ValueId from, ValueId to) {
  for (const NodeId id : order_) std::replace(nodes_[id].inputs.begin(), nodes_[id].inputs.end(), from, to);
  std::replace(outputs.begin(), outputs.end(), from, to);
}

void Module::erase_node(NodeId id) {
  for (const ValueId output : nodes_[id].outputs) {
    assert(!is_output(output));
    values_[output].name.clear();
    values_[output].producer = kNoId;
  }
  nodes_[id] = {};
  order_.erase(std::find(order_.begin(), order_.end(), id));
}

size_t Module::erase_dead() {
  std::vector<bool> needed(values_.size(), false);
  for (const ValueId output : outputs) needed[output] = true;
  std::vector<NodeId> dead;
  for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
    const Node& node = nodes_[*it];
    if (std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) { return needed[v]; })) {
      for (const ValueId input : node.inputs)
        if (input != kNoId) needed[input] = true;
    } else {
      dead.push_back(*it);
    }
  }
  for (const NodeId id : dead) erase_node(id);
  size_t gone = dead.size();
  for (size_t i = 0; i < values_.size(); ++i) {
    Value& value = values_[i];
    if (value.kind != Value::Kind::kWeight || value.name.empty() || needed[i]) continue;
    weights.erase(value.name);
    value.name.clear();
    ++gone;
  }
  return gone;
}

Status Module::infer_types() {
  for (auto& value : values_)
    if (value.kind == Value::Kind::kWeight && !value.name.empty())
      value.type = type_of(weights.find(value.name)->second);
  for (const NodeId id : order_) {
    const Node& node = nodes_[id];
    auto types = node.op->infer({*this, node}, values_[node.output()].type.quant);
    if (!types) return at(fmt::format("node {} ({})", node.name, node.op->name), types.error());
    assert(types->size() == node.outputs.size());
    for (size_t i = 0; i < types->size(); ++i) values_[node.outputs[i]].type = std::move((*types)[i]);
  }
  return {};
}

void Module::compact() {
  std::vector<ValueId> value_of(values_.size(), kNoId);
  std::vector<NodeId> node_of(nodes_.size(), kNoId);
  std::vector<Value> values;
  std::vector<Node> nodes;
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].name.empty()) continue;
    value_of[i] = static_cast<ValueId>(values.size());
    values.push_back(std::move(values_[i]));
  }
  const auto renumber = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) id = id == kNoId ? kNoId : value_of[id];
  };
  for (NodeId& id : order_) {
    node_of[id] = static_cast<NodeId>(nodes.size());
    nodes.push_back(std::move(nodes_[id]));
    renumber(nodes.back().inputs);
    renumber(nodes.back().outputs);
    id = node_of[id];
  }
  for (Value& value : values)
    if (value.producer != kNoId) value.producer = node_of[value.producer];
  renumber(inputs);
  renumber(outputs);
  values_ = std::move(values);
  nodes_ = std::move(nodes);
}

}  // namespace fastc
