// lstm, gru and rnn: on the kernels of linear layers, float or int8, where the module holds their matrices; plain where the program computes them.
#include <limits>

#include "backends/cpu/lowering.h"
#include "backends/cpu/pack.h"
#include "ir/recurrent.h"

namespace fastc::lowering {
namespace {

struct Kind {
  rt::RecurrentCell cell;
  rt::Kernel plain;
};

Kind kind_of(const Node& node) {
  if (node.op->name == "lstm") return {rt::RecurrentCell::kLstm, rt::Kernel::kLstm};
  if (node.op->name == "gru") return {rt::RecurrentCell::kGru, rt::Kernel::kGru};
  return node.string("activation") == "relu" ? Kind{rt::RecurrentCell::kRnnRelu, rt::Kernel::kRnnRelu} : Kind{rt::RecurrentCell::kRnnTanh, rt::Kernel::kRnnTanh};
}

bool fits_panels(const Lowering& l, const Node& node) {
  for (const size_t i : matrices_of(node)) {
    if (!l.module().is_weight(node.inputs[i])) return false;
    const DType dtype = l.module().weight(node.inputs[i]).data.dtype();
    if (dtype != DType::kF32 && dtype != DType::kS8) return false;
  }
  return true;
}

// w in panels; of int8 also scale[O] and Σw[O].
Status append_matrix(Lowering& l, const Node& node, ValueId id, std::vector<uint32_t>& inputs) {
  const Weight& weight = l.module().weight(id);
  const std::string& name = l.module().value(id).name;
  const int64_t out = weight.data.shape()[0], in = weight.data.shape()[1];
  const Tensor matrix = weight.data.to_contiguous().reshaped({out, in, 1, 1});
  const auto add = [&](rt::DType dtype, rt::Packing packing, const auto& values) {
    inputs.push_back(l.builder().add_constant(name, dtype, weight.data.shape(), packing, std::as_bytes(std::span(values))));
  };
  if (weight.data.dtype() == DType::kF32) {
    add(rt::DType::kF32, rt::Packing::kPanel16, pack_panels(matrix, 1));
    return {};
  }
  if (in * 255 * 127 > std::numeric_limits<int32_t>::max() / 2) return unsupported(node, fmt::format("the sum over {} inputs may leave 32 bits", in));
  add(rt::DType::kS8, rt::Packing::kPanel16x4, pack_panels_s8(matrix, 1));
  const Tensor scales = weight.encoding.scales.to_contiguous();
  const std::vector<int64_t> sums = channel_sums(matrix);
  inputs.push_back(l.constant<float>(name + ".scale", std::span(scales.data<float>(), static_cast<size_t>(out))));
  inputs.push_back(l.constant<int32_t>(name + ".sum", std::vector<int32_t>(sums.begin(), sums.end())));
  return {};
}

// The IR has the initial states after x; the kernels want them last.
Status lower_recurrent(Lowering& l, const Node& node) {
  const Kind kind = kind_of(node);
  const size_t first = 1 + states_of(node);
  const bool panels = fits_panels(l, node), dynamic = !node.string("dynamic").empty();
  std::vector<uint32_t> inputs, outputs;
  const auto append = [&](ValueId id) -> Status {
    FASTC_TRY(const uint32_t operand, l.plain(id));
    inputs.push_back(operand);
    return {};
  };
  FASTC_CHECK(append(node.input(0)));
  for (size_t i = first; i < node.inputs.size(); ++i) {
    if (panels && is_matrix(node, i)) {
      FASTC_CHECK(append_matrix(l, node, node.inputs[i], inputs));
    } else {
      FASTC_CHECK(append(node.input(i)));
    }
  }
  for (size_t i = 1; i < first; ++i) FASTC_CHECK(append(node.input(i)));
  for (const ValueId id : node.outputs) {
    FASTC_TRY(const uint32_t y, l.result(id, rt::Layout::kPlain));
    outputs.push_back(y);
  }
  const rt::RecurrentAttrs layers{static_cast<int32_t>(node.integer("hidden")), static_cast<int32_t>(node.integer("layers")), node.flag("bidirectional"),
                                  node.flag("batch_first"), node.flag("has_bias")};
  if (panels) {
    l.emit(dynamic ? rt::Kernel::kRecurrentDynamic : rt::Kernel::kRecurrentF32, node, inputs, outputs, rt::RecurrentProductAttrs{layers, static_cast<uint32_t>(kind.cell)});
  } else {
    l.emit(kind.plain, node, inputs, outputs, layers);
  }
  return {};
}

}  // namespace

void add_recurrent_rules(Rules& rules) {
  for (const char* op : {"lstm", "gru", "rnn"}) rules[op] = lower_recurrent;
}

}  // namespace fastc::lowering
