// quantize.dynamic: int8 weights; the range of the input is taken anew at every run, so no data is needed.
//
//   before   %y = linear(%x, @w, @b)                  after   @w : s8[…] int8(axis 0, scales […])
//                                                             %y = linear(%x, @w, @b) {dynamic="row"}
//
// Formula, per row of x (or per tensor): sx = (max − min)/255 over a range that holds 0, qx = clamp(zx + rne(x/sx)),
// y = sx·sw·Σ (qx − zx)·qw + b. Weights: one symmetric scale per output channel.
//
// Legal when the weight is a dense f32 constant. A fused residual becomes an addition of its own again: the dynamic
// kernels add none. Effect: weights 4x smaller and integer products; rows of a transformer have very different ranges,
// which suits "row". Convolutions take one range for the tensor.
#include <algorithm>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"
#include "passes/quantize/observers.h"
#include "passes/quantize/plan.h"

namespace fastc {
namespace {

struct Options {
  std::string range = "row";
  std::string weights = "max";
  std::vector<std::string> include{"op:linear"};
  std::vector<std::string> exclude;
};

const OptionSet<Options>& options() {
  static const auto set =
      OptionSet<Options>(
          "Quantizes weights to int8; activations are quantized at run time, with the range they have there")
          .choice("range", &Options::range, {"row", "tensor"},
                  "range of a linear layer's input: of each row, or of the whole tensor")
          .choice("weights", &Options::weights, {"max", "mse"},
                  "scale of a weight's channel: from its largest magnitude, or with the smallest squared error")
          .texts("include", &Options::include, "which conv and linear nodes: globs on names, or op:linear")
          .texts("exclude", &Options::exclude, "which of them stay float");
  return set;
}

// layer(…, residual) {activation} → add(layer(…), residual) {activation}; the addition takes the layer's place and
// uses.
Status split_residual(Module& module, NodeId id) {
  const Node layer = module.node(id);
  Attrs epilogue;
  for (const char* name : {"activation", "lo", "hi"}) epilogue[name] = layer.attrs.find(name)->second;
  const auto& order = module.order();
  const auto here = std::find(order.begin(), order.end(), id);
  const NodeId next = here + 1 == order.end() ? kNoId : *(here + 1);
  FASTC_TRY(const NodeId sum, module.add_node("add", module.fresh_name(layer.name + ".add"),
                                              {layer.output(), layer.input(3)}, std::move(epilogue), {}, next));
  const ValueId result = module.node(sum).output();
  module.replace_uses(layer.output(), result);
  module.node(sum).inputs[0] = layer.output();
  set_operand(module.node(id), 3, kNoId);
  module.node(id).attrs["activation"] = std::string("none");
  if (module.is_output(result)) {  // outputs keep their names
    rename_node(module, id, module.fresh_name(layer.name + ".product"));
    rename_node(module, sum, layer.name);
  }
  return {};
}

Status make_dynamic(Module& module, NodeId id, const Options& options) {
  if (module.node(id).input(3) != kNoId) FASTC_CHECK(split_residual(module, id));
  const Node& node = module.node(id);
  set_weight(module, id, 1, quantize::quantize_weight(module.weight(node.inputs[1]), {options.weights}));
  module.node(id).attrs["dynamic"] = is_op(node, "conv") ? std::string("tensor") : options.range;
  return {};
}

Result<PassReport> run(Module& module, const Options& options, PassContext&) {
  const auto candidates = quantize::weighted_nodes(module);
  FASTC_TRY(const auto selected,
            select_nodes(module, candidates, options.include, options.exclude, "a conv or linear node"));
  PassReport report;
  int layers = 0;
  for (const NodeId id : selected) {
    const std::string why = quantize::refusal(module, module.node(id));
    if (!why.empty()) {
      report.notes.push_back(fmt::format("{} stays float: {}.", module.node(id).name, why));
      continue;
    }
    FASTC_CHECK(make_dynamic(module, id, options));
    ++layers;
  }
  FASTC_CHECK(module.infer_types());
  report.changed = layers > 0;
  report.numbers = {{"layers_quantized", layers},
                    {"layers_left_float", static_cast<double>(candidates.size()) - layers}};
  return report;
}

FASTC_REGISTER_PASS(quantize_dynamic, Options,
                    ({.name = "quantize.dynamic",
                      .summary = "int8 weights; ranges of activations taken at run time",
                      .needs = ProgramState::kFloat,
                      .leaves = ProgramState::kQuantized,
                      .needs_folded = true}),
                    options, run);

}  // namespace
}  // namespace fastc
