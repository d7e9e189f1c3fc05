// Every invariant of a module. Passes may rely on them, and a pass that breaks one is named by the runner.
#include <cmath>
#include <unordered_set>

#include "ir/module.h"
#include "ir/op.h"

namespace fastc {
namespace {

class Verifier {
 public:
  explicit Verifier(const Module& module) : module_(module), defined_(module.value_count(), false) {}

  Status run() {
    FASTC_CHECK(symbols());
    FASTC_CHECK(values());
    for (const ValueId id : module_.inputs) {
      if (!alive(id) || module_.value(id).kind != Value::Kind::kInput)
        return internal_error("input {}: expected a value that is an input, found another", id);
      defined_[id] = true;
    }
    for (const NodeId id : module_.order())
      if (auto status = node(id); !status) return at("node " + module_.node(id).name, status.error());
    for (const ValueId id : module_.outputs)
      if (!alive(id) || !defined_[id])
        return internal_error("output {}: expected a value that is defined, found none", id);
    return {};
  }

 private:
  bool alive(ValueId id) const {
    return id >= 0 && static_cast<size_t>(id) < module_.value_count() && !module_.value(id).name.empty();
  }

  Status symbols() {
    for (const Symbol& symbol : module_.symbols) {
      if (!symbols_.insert(symbol.name).second)
        return input_error("symbol {}: expected one declaration, found two", symbol.name);
      if (symbol.min < 0 || symbol.min > symbol.max)
        return input_error("symbol {}: expected a range with 0 <= min <= max, found [{}, {}]", symbol.name, symbol.min,
                           symbol.max);
    }
    return {};
  }

  Status values() {
    std::unordered_set<std::string_view> names;
    size_t weights = 0;
    for (size_t i = 0; i < module_.value_count(); ++i) {
      const Value& value = module_.value(static_cast<ValueId>(i));
      if (value.name.empty()) continue;
      if (!names.insert(value.name).second)
        return internal_error("value {}: expected a unique name, found it twice", value.name);
      if (auto status = type(value.type); !status) return at("value " + value.name, status.error());
      if (value.kind != Value::Kind::kWeight) continue;
      ++weights;
      defined_[i] = true;
      if (auto status = weight(value); !status) return at("weight " + value.name, status.error());
    }
    if (weights != module_.weights.size())
      return internal_error("expected one value for each of {} weights, found {}", module_.weights.size(), weights);
    return {};
  }

  Status type(const Type& type) {
    for (const Dim& dim : type.shape) {
      if (dim.is_constant() && dim.constant() < 0)
        return input_error("expected sizes of at least 0, found {}", type_text(type));
      for (const std::string& symbol : dim.symbols())
        if (!symbols_.contains(symbol))
          return input_error("expected declared symbols, found {} in {}", symbol, type_text(type));
    }
    if (!type.quant) return {};
    const Quant& q = *type.quant;
    if (q.bits != 8 && q.bits != 16) return input_error("expected quantization parameters of 8 or 16 bits, found {}", q.bits);
    if (type.dtype != q.dtype())
      return input_error("expected {} under quantization parameters, found {}", name_of(q.dtype()), type_text(type));
    if (!(q.scale > 0) || !std::isfinite(q.scale))
      return input_error("expected a finite scale above 0, found {}", q.scale);
    const int32_t most = q.bits == 16 ? 0 : 255;
    if (q.zero_point < 0 || q.zero_point > most)
      return input_error("expected a zero point from 0 to {}, found {}", most, q.zero_point);
    return {};
  }

  Status weight(const Value& value) {
    const auto found = module_.weights.find(value.name);
    if (found == module_.weights.end()) return internal_error("expected data under this name, found none");
    const Type actual = type_of(found->second);
    if (!(actual == value.type))
      return internal_error("expected data of type {}, found {}", type_text(value.type), type_text(actual));
    return check_weight(found->second);
  }

  Status operands(const Node& node) {
    const auto& defs = node.op->operands;
    const bool variadic = !defs.empty() && defs.back().kind == OperandDef::Kind::kVariadic;
    if (!variadic && node.inputs.size() > defs.size())
      return internal_error("expected at most {} operands, found {}", defs.size(), node.inputs.size());
    for (size_t i = 0; i < defs.size(); ++i)
      if (defs[i].kind == OperandDef::Kind::kRequired && node.input(i) == kNoId)
        return internal_error("expected the operand \"{}\", found none", defs[i].name);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id == kNoId) continue;
      if (!alive(id)) return internal_error("operand {}: expected a live value, found an erased one", i);
      if (!defined_[id])
        return internal_error("operand {}: expected a value defined before its use, found {}", i,
                              module_.value(id).name);
    }
    return {};
  }

  Status attributes(const Node& node) {
    for (const AttrDef& def : node.op->attributes) {
      const auto found = node.attrs.find(def.name);
      if (found == node.attrs.end()) return internal_error("expected the attribute \"{}\", found none", def.name);
      if (!has_type(found->second, def.type))
        return internal_error("attribute \"{}\": expected {}, found another type", def.name, type_name(def.type));
      if (auto status = attribute_symbols(found->second); !status)
        return at(fmt::format("attribute \"{}\"", def.name), status.error());
    }
    if (node.attrs.size() != node.op->attributes.size())
      return internal_error("expected the {} attributes of {}, found {}", node.op->attributes.size(), node.op->name,
                            node.attrs.size());
    return {};
  }

  Status attribute_symbols(const Attr& value) {
    if (const auto* dim = std::get_if<Dim>(&value)) return declared(*dim);
    if (const auto* dims = std::get_if<std::vector<Dim>>(&value))
      for (const Dim& dim : *dims) FASTC_CHECK(declared(dim));
    return {};
  }

  Status declared(const Dim& dim) {
    for (const std::string& symbol : dim.symbols())
      if (!symbols_.contains(symbol)) return input_error("expected declared symbols, found {}", symbol);
    return {};
  }

  Status node(NodeId id) {
    const Node& node = module_.node(id);
    if (node.op == nullptr) return internal_error("expected an op, found an erased node");
    FASTC_CHECK(operands(node));
    FASTC_CHECK(attributes(node));
    if (node.outputs.empty()) return internal_error("expected at least one result, found none");
    for (const ValueId output : node.outputs) {
      if (!alive(output) || module_.value(output).producer != id || defined_[output])
        return internal_error("expected results of its own, found another node's");
      defined_[output] = true;
    }
    if (module_.value(node.output()).name != node.name)
      return internal_error("expected a first result called as the node, found {}", module_.value(node.output()).name);
    FASTC_TRY(const auto types, node.op->infer({module_, node}, module_.value(node.output()).type.quant));
    if (types.size() != node.outputs.size())
      return internal_error("expected {} results, found {}", types.size(), node.outputs.size());
    for (size_t i = 0; i < types.size(); ++i) {
      const Type& stored = module_.value(node.outputs[i]).type;
      if (!(types[i] == stored))
        return internal_error("result {}: expected the inferred type {}, found {}", i, type_text(types[i]),
                              type_text(stored));
    }
    return {};
  }

  const Module& module_;
  std::vector<bool> defined_;  // by ValueId: weights, inputs, and results of the nodes seen so far
  std::unordered_set<std::string_view> symbols_;
};

}  // namespace

Status verify(const Module& module) { return Verifier(module).run(); }

}  // namespace fastc
