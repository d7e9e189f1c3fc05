// gru, rnn: PyTorch's GRU and Elman network. x is [L,N,I], or [N,L,I] with batch_first; h0 [layers·dirs,N,hidden].
//
//   gru   r,z = sigmoid(W x_t + b + U h + b');  n = tanh(W x_t + b + r·(U h + b'));  h = (1 − z)·n + z·h        (Cho et al. 2014)
//   rnn   h = tanh(W x_t + b + U h + b'), or relu of it
//
// Results: y (like x, dirs·hidden features), hn. Floats only; weights f32, or int8 with "dynamic". Weights and pruning: recurrent.h.
#include "ir/ops/recurrent.h"

namespace fastc::ops {
namespace {

constexpr RecurrentCell kGru{3, 1, "gates in the order r, z, n"}, kRnn{1, 1, "one gate"};

template <const RecurrentCell& cell>
void couple(const OpView& view, Coupler& coupler) { couple_recurrent(view, coupler, cell); }
template <const RecurrentCell& cell>
Status shrink(Module&, Node& node, const Kept& kept) { return shrink_recurrent(node, kept, cell); }
template <const RecurrentCell& cell>
Cost cost(const OpView& view) { return recurrent_cost(view, cell); }

Types infer_gru(const OpView& view, const DeclaredQuant& quant) { return infer_recurrent(view, quant, kGru); }
Types infer_rnn(const OpView& view, const DeclaredQuant& quant) {
  const std::string& activation = view.node.string("activation");
  if (activation != "tanh" && activation != "relu") return wrong_attribute("activation", "tanh or relu", activation);
  return infer_recurrent(view, quant, kRnn);
}

std::vector<AttrDef> rnn_attributes() {
  auto attributes = recurrent_attributes();
  attributes.push_back(text("activation", "tanh", "of the new state: tanh, relu"));
  return attributes;
}

const RegisterOp gru{{
    .name = "gru",
    .summary = "gated recurrent unit, several layers, one or two directions",
    .operands = operands("x, h0?, weights..."),
    .attributes = recurrent_attributes(),
    .infer = infer_gru,
    .cost = cost<kGru>,
    .couple = couple<kGru>,
    .shrink = shrink<kGru>,
    .result_count = 2,
    .trainable = true,
}};
const RegisterOp rnn{{
    .name = "rnn",
    .summary = "Elman network, several layers, one or two directions",
    .operands = operands("x, h0?, weights..."),
    .attributes = rnn_attributes(),
    .infer = infer_rnn,
    .cost = cost<kRnn>,
    .couple = couple<kRnn>,
    .shrink = shrink<kRnn>,
    .result_count = 2,
    .trainable = true,
}};

}  // namespace
}  // namespace fastc::ops
