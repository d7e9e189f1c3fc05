// What lstm, gru and rnn share: operands x, `states` initial states, then for each layer and in it for each direction w_ih [gates·hidden,in],
// w_hh [gates·hidden,hidden] and, with has_bias, b_ih and b_hh [gates·hidden]. Results: y, then the last states [layers·dirs,N,hidden].
//
// dynamic = "row": w_ih and w_hh are s8 (int8 encoding, axis 0). Each row of x, and at every step each row of h, is quantized with its own range, as in
// linear (weighted.h): W·v becomes float(Σ (q − z)·w)·(s·sw). Gates, biases and states stay f32.
#pragma once

#include "ir/ops/common.h"

namespace fastc::ops {

struct RecurrentCell {
  int64_t gates = 1, states = 1;
  std::string_view order;  // of the gates, for messages
};

std::vector<AttrDef> recurrent_attributes();
Result<std::vector<Type>> infer_recurrent(const OpView& view, const DeclaredQuant& quant, const RecurrentCell& cell);
Cost recurrent_cost(const OpView& view, const RecurrentCell& cell);
// There is one `hidden` for all cells, so that a hidden unit goes from every layer and direction at once.
void couple_recurrent(const OpView& view, Coupler& coupler, const RecurrentCell& cell);
Status shrink_recurrent(Node& node, const Kept& kept, const RecurrentCell& cell);

}  // namespace fastc::ops
