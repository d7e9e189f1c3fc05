// lstm: PyTorch's LSTM, gates in the order i, f, g, o. x is [L,N,I], or [N,L,I] with batch_first; h0 and c0 [layers·dirs,N,hidden].
//
//   i,f,o = sigmoid(W x_t + b + U h + b'), g = tanh(…);  c = f·c + i·g;  h = o·tanh(c)
//
// Results: y (like x, dirs·hidden features), hn, cn. Floats only; weights f32, or int8 with "dynamic". Weights and pruning: recurrent.h.
#include "ir/ops/recurrent.h"

namespace fastc::ops {
namespace {

constexpr RecurrentCell kCell{4, 2, "gates in the order i, f, g, o"};

Types infer(const OpView& view, const DeclaredQuant& quant) { return infer_recurrent(view, quant, kCell); }
Cost cost(const OpView& view) { return recurrent_cost(view, kCell); }
void couple(const OpView& view, Coupler& coupler) { couple_recurrent(view, coupler, kCell); }
Status shrink(Module&, Node& node, const Kept& kept) { return shrink_recurrent(node, kept, kCell); }

const RegisterOp lstm{{
    .name = "lstm",
    .summary = "long short-term memory, several layers, one or two directions",
    .operands = operands("x, h0?, c0?, weights..."),
    .attributes = recurrent_attributes(),
    .infer = infer,
    .cost = cost,
    .couple = couple,
    .shrink = shrink,
    .result_count = 3,
    .trainable = true,
}};

}  // namespace
}  // namespace fastc::ops
