#include "driver/measure/compare.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "engine/engine.h"
#include "ir/op.h"
#include "ir/recurrent.h"

namespace fastc {
namespace {

struct Difference {
  double max_error = 0, largest = 0;
};

Difference difference(const Tensor& got, const Tensor& expected) {
  const std::vector<double> a = to_doubles(got), b = to_doubles(expected);
  Difference d;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    // A NaN on one side only is as wrong as can be.
    const double error = std::isnan(a[i]) && std::isnan(b[i]) ? 0 : a[i] == b[i] ? 0 : std::abs(a[i] - b[i]);
    d.max_error = std::max(d.max_error, std::isnan(error) ? HUGE_VAL : error);
    if (std::isfinite(b[i])) d.largest = std::max(d.largest, std::abs(b[i]));
  }
  return d;
}

bool rounds_its_state(const Node& node) { return is_recurrent(node) && !node.string("dynamic").empty(); }

class Comparer {
 public:
  Comparer(const Module& module, ArtifactModel& artifact) : module_(module), artifact_(artifact) {
    const std::vector<RuntimeOp> ops = artifact.ops();
    for (size_t i = 0; i < ops.size(); ++i)
      if (!ops[i].outputs.empty()) by_output_.emplace(ops[i].outputs[0], std::pair(static_cast<int>(i), ops[i]));
  }

  Status visit(NodeId id, std::span<const Tensor> operands, std::span<const Tensor> results) {
    const Node& node = module_.node(id);
    const auto found = by_output_.find(module_.value(node.output()).name);
    if (found == by_output_.end() || !results[0].defined()) return {};  // several nodes became one op, or the node needs no kernel
    const auto& [index, op] = found->second;
    std::map<std::string, Tensor, std::less<>> by_name;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] != kNoId && operands[i].defined()) by_name.emplace(module_.value(node.inputs[i]).name, operands[i]);
    std::vector<Tensor> given;
    for (const std::string& name : op.operands) {
      const auto operand = by_name.find(name.substr(0, name.find('@')));  // NAME@plain, NAME@channels_last are the same value
      if (operand == by_name.end()) return {};
      given.push_back(operand->second);
    }
    Tensor got = Tensor::zeros(results[0].dtype(), results[0].shape());
    FASTC_CHECK(artifact_.run_op(index, given, got));
    record(node, op, got, results[0]);
    return {};
  }

  Comparison take() { return std::move(comparison_); }

 private:
  void record(const Node& node, const RuntimeOp& op, const Tensor& got, const Tensor& expected) {
    const Type& type = module_.value(node.output()).type;
    const Type& source = module_.value(node.inputs.empty() ? node.output() : node.inputs[0]).type;
    const bool integer = source.quant.has_value() && node.op->name != "dequantize" && type.quant.has_value();
    const Difference d = difference(got, expected);
    NodeDifference row{node.name, op.kernel, op.isa, integer, d.max_error};
    // A quantize after a float node may round to the neighbour.
    const double tolerance = rounds_its_state(node) ? kStateStep : kFloatTolerance;
    const double allowed = integer ? 0 : type.quant ? 1 : tolerance * std::max(d.largest, 1e-30);
    if (!integer && !type.quant) row.max_error = d.largest > 0 ? d.max_error / d.largest : d.max_error;
    if (d.max_error > allowed && comparison_.failure.empty())
      comparison_.failure = fmt::format("{} ({} on {}): the runtime's output differs from the engine's by {:.3g}, allowed is {:.3g}", node.name, op.kernel, op.isa, d.max_error, allowed);
    comparison_.nodes.push_back(std::move(row));
  }

  const Module& module_;
  ArtifactModel& artifact_;
  std::map<std::string, std::pair<int, RuntimeOp>, std::less<>> by_output_;
  Comparison comparison_;
};

// Every op between quantize and dequantize is integer, so both sides must agree exactly.
bool integer_throughout(const Module& module) {
  bool any = false;
  for (const NodeId id : module.order()) {
    const Node& node = module.node(id);
    if (node.op->name == "quantize") continue;
    const bool integer = !node.inputs.empty() && module.value(node.inputs[0]).type.quant.has_value();
    any = any || integer;
    if (!integer) return false;
  }
  return any;
}

}  // namespace

Result<Comparison> compare_with_engine(const Module& module, ArtifactModel& artifact, std::span<const Tensor> inputs) {
  FASTC_TRY(const std::vector<Tensor> got, artifact.run(inputs));  // opens the session, too
  FASTC_TRY(const Evaluator evaluator, Evaluator::prepare(module));
  Comparer comparer(module, artifact);
  FASTC_TRY(const std::vector<Tensor> expected,
            evaluator.run(inputs, [&](NodeId id, std::span<const Tensor> operands, std::span<const Tensor> results) { return comparer.visit(id, operands, results); }));
  Comparison comparison = comparer.take();
  comparison.all_integer = integer_throughout(module);
  comparison.samples = inputs.empty() || inputs[0].rank() == 0 ? 0 : inputs[0].shape()[0];
  for (size_t i = 0; i < got.size(); ++i) {
    const Difference d = difference(got[i], expected[i]);
    comparison.network_max_error = std::max(comparison.network_max_error, d.largest > 0 ? d.max_error / d.largest : d.max_error);
  }
  if (comparison.failure.empty() && comparison.all_integer && comparison.network_max_error > 0)
    comparison.failure = fmt::format("the whole network: every op is integer, yet artifact and engine differ by {:.3g} of the largest output", comparison.network_max_error);
  return comparison;
}

}  // namespace fastc
