#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ir/op.h"
#include "ir/sidecar.h"
#include "ir/text.h"
#include "ir/text_tensor.h"

namespace fastc {
namespace {

bool plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view("._$#/").find(char(c)) != std::string_view::npos;
  });
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 32 || c == 127) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string name_text(const Value& value) {
  return fmt::format("{}{}", value.kind == Value::Kind::kWeight ? '@' : '%',
                     plain_name(value.name) ? value.name : in_quotes(value.name));
}

struct AttrText {
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(int64_t v) const { return std::to_string(v); }
  std::string operator()(double v) const { return fmt::format("{}", v); }
  std::string operator()(const std::string& v) const { return in_quotes(v); }
  std::string operator()(const std::vector<int64_t>& v) const { return fmt::format("[{}]", fmt::join(v, ",")); }
  std::string operator()(const Dim& v) const { return v.text(); }
  std::string operator()(const std::vector<Dim>& v) const { return fmt::format("[{}]", shape_text(v)); }
};

class Printer {
 public:
  Printer(const Module& module, const PrintOptions& options) : module_(module), options_(options) {}

  std::string run(bool header_details) {
    header(header_details);
    for (const NodeId id : module_.order()) {
      const Node& node = module_.node(id);
      for (const ValueId input : node.inputs)
        if (module_.is_weight(input) && printed_.insert(input).second) weight(module_.value(input));
      this->node(node);
    }
    for (size_t i = 0; i < module_.value_count(); ++i) {
      const Value& value = module_.value(static_cast<ValueId>(i));
      if (value.kind == Value::Kind::kWeight && !value.name.empty() && !printed_.contains(static_cast<ValueId>(i)))
        weight(value);
    }
    return out_ + "}\n";
  }

 private:
  void header(bool details) {
    out_ = "module ";
    if (details) out_ += plain_name(module_.name) ? module_.name + " " : in_quotes(module_.name) + " ";
    out_ += "(";
    for (const ValueId id : module_.inputs)
      out_ += fmt::format("{}{} : {}", id == module_.inputs.front() ? "" : ", ", name_text(module_.value(id)),
                          type_text(module_.value(id).type));
    out_ += ") -> (";
    for (size_t i = 0; i < module_.outputs.size(); ++i)
      out_ += (i ? ", " : "") + name_text(module_.value(module_.outputs[i]));
    out_ += ")";
    for (size_t i = 0; details && i < module_.symbols.size(); ++i)
      out_ += fmt::format("{} {} in [{}, {}]", i ? "," : " symbols", module_.symbols[i].name, module_.symbols[i].min,
                          module_.symbols[i].max);
    out_ += " {\n";
  }

  std::string numbers(const Tensor& tensor) {
    if (tensor.elements() <= options_.literal_elements) return text::literal(tensor);
    return "sha256:" + (options_.hashes ? tensor_hash(tensor) : "…");
  }

  void weight(const Value& value) {
    const Weight& weight = module_.weights.find(value.name)->second;
    out_ += fmt::format("  {} : {}", name_text(value), type_text(value.type));
    const Encoding& e = weight.encoding;
    if (e.kind == Encoding::Kind::kInt) {
      out_ += fmt::format(" int{}(axis {}", e.bits, e.axis);
      if (e.group_size > 0) out_ += fmt::format(", group {}", e.group_size);
      if (e.scales.elements() <= options_.literal_elements) {
        out_ += fmt::format(", scales {})", text::literal(e.scales));
      } else {
        out_ += fmt::format(", scales {})", numbers(e.scales));
      }
    }
    if (e.sparsity == Encoding::Sparsity::kUnstructured) out_ += " sparse(unstructured)";
    if (e.sparsity == Encoding::Sparsity::kNofM) out_ += fmt::format(" sparse({}:{})", e.n, e.m);
    if (e.sparsity == Encoding::Sparsity::kBlock) out_ += fmt::format(" sparse(block {}x{})", e.n, e.m);
    if (!weight.trainable) out_ += " buffer";
    out_ += " = " + numbers(weight.data) + "\n";
  }

  void node(const Node& node) {
    out_ += "  ";
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value& value = module_.value(node.outputs[i]);
      out_ += (i ? ", " : "") + name_text(value);
      if (options_.types) {
        out_ += " : " + type_text(value.type);
      } else if (value.type.quant) {
        out_ += " : " + quant_text(*value.type.quant);
      }
    }
    out_ += fmt::format(" = {}(", node.op->name);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      out_ += (i ? ", " : "") + (node.inputs[i] == kNoId ? "_" : name_text(module_.value(node.inputs[i])));
    out_ += ")";
    std::string attributes;
    for (const AttrDef& def : node.op->attributes) {
      const Attr& value = node.attrs.find(def.name)->second;
      if (def.fallback && *def.fallback == value) continue;
      attributes += fmt::format("{}{}={}", attributes.empty() ? "" : ", ", def.name, std::visit(AttrText(), value));
    }
    out_ += attributes.empty() ? "\n" : fmt::format(" {{{}}}\n", attributes);
  }

  const Module& module_;
  const PrintOptions& options_;
  std::set<ValueId> printed_;  // weights
  std::string out_;
};

// Every dimension of types and attributes, with symbols renamed.
void rename_symbols(Module& m, const std::vector<std::pair<std::string, std::string>>& names) {
  const auto renamed = [&](Dim dim) {
    for (const auto& [from, to] : names) dim = dim.substitute(from, Dim::symbol(to));
    return dim;
  };
  for (size_t i = 0; i < m.value_count(); ++i)
    for (Dim& dim : m.value(static_cast<ValueId>(i)).type.shape) dim = renamed(dim);
  for (const NodeId id : m.order())
    for (auto& [name, attr] : m.node(id).attrs) {
      if (auto* dim = std::get_if<Dim>(&attr)) *dim = renamed(*dim);
      if (auto* dims = std::get_if<std::vector<Dim>>(&attr))
        for (Dim& dim : *dims) dim = renamed(dim);
    }
}

}  // namespace

std::string print(const Module& module, const PrintOptions& options) { return Printer(module, options).run(true); }

std::string canonical_text(const Module& module) {
  Module copy = module;
  std::vector<std::pair<std::string, std::string>> hidden,
      shown;  // in two steps, since a symbol may already be called s0
  for (const ValueId id : copy.inputs)
    for (const Dim& dim : copy.value(id).type.shape)
      for (const std::string& symbol : dim.symbols()) {
        if (std::any_of(hidden.begin(), hidden.end(), [&](const auto& pair) { return pair.first == symbol; })) continue;
        const std::string number = std::to_string(hidden.size());
        hidden.emplace_back(symbol, "." + number);
        shown.emplace_back("." + number, "s" + number);
      }
  rename_symbols(copy, hidden);
  rename_symbols(copy, shown);
  return Printer(copy, {}).run(false);
}

}  // namespace fastc
