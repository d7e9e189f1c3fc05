// Where lstm, gru and rnn have their weights among their operands (ir/ops/recurrent.h): x, the initial states, then for each layer and in it for each direction
// w_ih, w_hh and, with has_bias, b_ih and b_hh.
#pragma once

#include <vector>

#include "base/api.h"
#include "ir/module.h"

namespace fastc {

FASTC_API bool is_recurrent(const Node& node);
FASTC_API size_t states_of(const Node& node);               // of a recurrent node: h, and of an lstm c
FASTC_API std::vector<size_t> matrices_of(const Node& node);  // of each cell w_ih, then w_hh
FASTC_API bool is_matrix(const Node& node, size_t operand);  // w_ih or w_hh of a cell

}  // namespace fastc
