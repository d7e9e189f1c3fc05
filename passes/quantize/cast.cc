// quantize.cast: weights as 16-bit floats; activations and arithmetic stay f32.
//
//   before   @w : f32[2,4] = …                        after   @w : f16[2,4] = …
//            %y = linear(%x, @w, @b)                          %y = linear(%x, @w, @b)
//            %e = embedding(@t, %i)                           %e_half = embedding(@t, %i)  %e = cast(%e_half) {dtype=f32}
//
// Rounding is to nearest, ties to even. f16 keeps 11 bits and sizes from 6e-8 to 65504; bf16 keeps 8 bits and the range of f32 (Kalamkar et al. 2019).
// A weight with a number above 65504 stays f32 under f16.
//
// Legal for f32 weights of conv, linear and embedding that nothing else reads; biases and norms are small and keep f32.
// Effect: weights 2x smaller, hardly any loss. Layers that wait for memory (linear, few rows) become faster; convolutions with a window
// are decoded when the model opens and run at fp32's speed.
#include <algorithm>
#include <cmath>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"
#include "passes/quantize/stored.h"

namespace fastc {
namespace {

struct Options {
  std::string dtype = "f16";
  std::vector<std::string> include{"*"}, exclude;
};

const OptionSet<Options>& options() {
  static const auto set = OptionSet<Options>("Keeps weights as 16-bit floats; activations and arithmetic stay f32")
                              .choice("dtype", &Options::dtype, {"f16", "bf16"}, "f16: more digits; bf16: the range of f32")
                              .texts("include", &Options::include, "which conv, linear and embedding nodes: globs on names, or op:linear")
                              .texts("exclude", &Options::exclude, "which of them stay f32");
  return set;
}

// An embedding gives what its table holds, so what follows gets f32 from a cast of its own, under the old name.
Status widen_result(Module& module, NodeId id) {
  const auto& order = module.order();
  const auto here = std::find(order.begin(), order.end(), id);
  const NodeId next = here + 1 == order.end() ? kNoId : *(here + 1);
  const ValueId half = module.node(id).output();
  const std::string name = module.node(id).name;
  module.value(half).type.dtype = module.value(module.node(id).inputs[0]).type.dtype;
  FASTC_TRY(const NodeId cast, module.add_node("cast", module.fresh_name(name + ".f32"), {half}, {{"dtype", std::string("f32")}}, {}, next));
  module.replace_uses(half, module.node(cast).output());
  module.node(cast).inputs[0] = half;
  if (!module.is_output(module.node(cast).output())) return {};
  rename_node(module, id, module.fresh_name(name + ".half"));  // outputs keep their names
  rename_node(module, cast, name);
  return {};
}

bool fits_half(const Tensor& weight) {
  const Tensor dense = weight.to_contiguous();
  const auto values = dense.values<float>();
  return std::all_of(values.begin(), values.end(), [](float w) { return std::fabs(w) < 65520; });  // rounds to 65504 or less
}

Status cast_weight(Module& module, ValueId id, DType dtype) {
  const std::vector<NodeId> users = module.uses()[static_cast<size_t>(id)];
  Weight weight = module.weight(id);
  weight.data = from_doubles(dtype, weight.data.shape(), to_doubles(weight.data));
  quantize::replace_weight(module, id, std::move(weight));
  for (const NodeId user : users) {
    if (is_op(module.node(user), "embedding")) FASTC_CHECK(widen_result(module, user));
  }
  return {};
}

Result<PassReport> run(Module& module, const Options& options, PassContext&) {
  FASTC_TRY(const quantize::StoredWeights chosen, quantize::weights_to_store(module, options.include, options.exclude));
  FASTC_TRY(const DType dtype, parse_dtype(options.dtype));
  PassReport report;
  report.notes = chosen.notes;
  double before = 0, after = 0, cast = 0;
  Module changed = module;
  for (const ValueId id : chosen.weights) {
    if (dtype == DType::kF16 && !fits_half(module.weight(id).data)) {
      report.notes.push_back(fmt::format("{} stays f32: it has numbers above 65504, the largest of f16; bf16 would hold them", module.value(id).name));
      continue;
    }
    before += static_cast<double>(stored_bytes(changed.weight(id)));
    FASTC_CHECK(cast_weight(changed, id, dtype));
    after += static_cast<double>(stored_bytes(changed.weight(id)));
    ++cast;
  }
  FASTC_CHECK(changed.infer_types());
  module = std::move(changed);
  report.changed = cast > 0;
  if (!report.changed) report.notes.push_back("no weight was cast");
  report.numbers = {{"weights_cast", cast}, {"bytes_before", before}, {"bytes_after", after}};
  return report;
}

FASTC_REGISTER_PASS(quantize_cast, Options,
                    ({.name = "quantize.cast", .summary = "weights as 16-bit floats, activations in f32", .leaves = ProgramState::kQuantized, .needs_folded = true}),
                    options, run);

}  // namespace
}  // namespace fastc
