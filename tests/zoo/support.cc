#include "tests/zoo/support.h"

#include <fmt/format.h>

#include "frontends/aten/lowering.h"
#include "ir/op.h"

namespace fastc::test {
namespace {

constexpr const char* kHead = R"(# What is supported

Made by `tests/zoo` from what its tests saw on the models of `tests/data`; the test fails when this page no longer says it, and leaves the new page
beside the build (`build/support.md`).

Columns: **.pt**, **.pt2**: the op came out of a TorchScript file, of a torch.export archive. **runtime**: engine and runtime agreed on it. **int8**:
it ran on integers after `quantize.static`, or with ranges taken at run time (*dynamic*) after `quantize.dynamic`. **int4**: its weight was kept in
4 bits by `quantize.weight_only`. **prune**: channels were removed
across it by `prune.channel`; *by rule*: it can lose them, no model of the tests did; *keeps all*: it pins them. A dash: not seen.

| op | what it does | .pt | .pt2 | runtime | int8 | int4 | prune |
|---|---|---|---|---|---|---|---|
)";

const Node* node_called(const Module& module, const std::string& name) {
  const NodeId id = module.find_node(name);
  return id == kNoId ? nullptr : &module.node(id);
}

bool quantized(const Module& module, const Node& node) {
  const auto is = [&](ValueId id) { return id != kNoId && module.value(id).type.quant.has_value(); };
  return std::any_of(node.inputs.begin(), node.inputs.end(), is) || std::any_of(node.outputs.begin(), node.outputs.end(), is);
}

bool keeps_4_bits(const Module& module, const Node& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id != kNoId && module.is_weight(id) && module.weight(id).encoding.kind == Encoding::Kind::kInt && module.weight(id).encoding.bits == 4;
  });
}

// An operand or result has another shape than before.
bool shrunk(const Module& before, const Node& old, const Module& after, const Node& fresh) {
  const auto differ = [&](const std::vector<ValueId>& a, const std::vector<ValueId>& b) {
    for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
      if (a[i] != kNoId && b[i] != kNoId && before.value(a[i]).type.shape != after.value(b[i]).type.shape) return true;
    }
    return false;
  };
  return differ(old.inputs, fresh.inputs) || differ(old.outputs, fresh.outputs);
}

}  // namespace

void Support::imported(const std::string& format, const Module& module) {
  for (const NodeId id : module.order()) seen_[format].emplace(module.node(id).op->name);
}

void Support::ran(const Module& module) {
  for (const NodeId id : module.order()) seen_["runtime"].emplace(module.node(id).op->name);
}

void Support::changed(const std::string& pass, const Module& before, const Module& after) {
  for (const NodeId id : after.order()) {
    const Node& node = after.node(id);
    if (pass == "quantize.static" && quantized(after, node)) seen_["int8"].emplace(node.op->name);
    if (pass == "quantize.dynamic" && node.attrs.contains("dynamic") && !node.string("dynamic").empty()) seen_["dynamic"].emplace(node.op->name);
    if (pass == "quantize.weight_only" && keeps_4_bits(after, node)) seen_["int4"].emplace(node.op->name);
    const Node* old = node_called(before, node.name);
    if (pass == "prune.channel" && old && shrunk(before, *old, after, node)) seen_["prune"].emplace(node.op->name);
  }
}

std::string Support::markdown() const {
  const auto has = [&](std::string_view what, std::string_view op) {
    const auto found = seen_.find(what);
    return found != seen_.end() && found->second.contains(op);
  };
  const auto mark = [&](std::string_view what, std::string_view op) { return has(what, op) ? "yes" : "–"; };
  std::string out = kHead;
  for (const OpDef* op : all_ops()) {
    const std::string int8 = fmt::format("{}{}{}", has("int8", op->name) ? "yes" : "", has("int8", op->name) && has("dynamic", op->name) ? ", " : "", has("dynamic", op->name) ? "dynamic" : "");
    const char* prune = has("prune", op->name) ? "yes" : op->couple == nullptr ? "keeps all" : "by rule";
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} | {} |\n", op->name, op->summary, mark(".pt", op->name), mark(".pt2", op->name), mark("runtime", op->name),
                       int8.empty() ? "–" : int8, mark("int4", op->name), prune);
  }
  out += "\n## ATen ops that are read\n\nFrom both formats, also as in-place variants:\n\n";
  std::string line;
  for (const std::string_view op : aten::rule_names()) line += fmt::format("{}`{}`", line.empty() ? "" : ", ", op);
  return out + line + ".\n\nAny other op is refused by name, with the node and the line of the model it stands in.\n";
}

}  // namespace fastc::test
