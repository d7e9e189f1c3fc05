// lstm, gru and rnn with int8 weights and states quantized at run time (dynamic.h), step by step. LibTorch has no such cells.
#pragma once

#include <functional>
#include <vector>

#include "engine/eval.h"

namespace fastc::engine {

// Advances `state` (h, and of an lstm c) by one step. `input`, `hidden`: W·x_t + b_ih and U·h + b_hh, [N, gates·hidden].
using CellStep = std::function<void(const at::Tensor& input, const at::Tensor& hidden, std::vector<at::Tensor>& state)>;

// A node of ir/ops/recurrent.h with `states` states and the attribute dynamic.
Result<Evaluate> dynamic_recurrent(const Site& site, size_t states, CellStep step);

}  // namespace fastc::engine
