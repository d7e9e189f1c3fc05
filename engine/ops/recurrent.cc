#include "engine/ops/recurrent.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "engine/ops/dynamic.h"

namespace fastc::engine {
namespace {

using States = std::vector<at::Tensor>;

at::Tensor product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
  return at::linear(x, w, bias.defined() ? std::optional(bias) : std::nullopt);
}

struct Layout {
  size_t states = 1;
  int64_t hidden = 0, layers = 0, directions = 1;
  bool batch_first = false, has_bias = true;

  size_t each() const { return has_bias ? 4 : 2; }
  size_t first(int64_t cell) const { return 1 + states + static_cast<size_t>(cell) * each(); }
};

// One layer in one direction.
struct Cell {
  DynamicProduct from_input, from_state;
  size_t operand = 0;  // w_ih; then w_hh, b_ih, b_hh

  // x [L,N,I] → y [L,N,hidden]; `state` goes from the first to the last one.
  at::Tensor run(const Call& call, const at::Tensor& x, bool has_bias, bool backwards, States& state, const CellStep& step) const {
    const at::Tensor b_ih = has_bias ? call.in(operand + 2) : at::Tensor(), b_hh = has_bias ? call.in(operand + 3) : at::Tensor();
    const at::Tensor inputs = from_input(x, call.in(operand), b_ih, product);
    const int64_t steps = x.size(0);
    std::vector<at::Tensor> y(static_cast<size_t>(steps));
    for (int64_t i = 0; i < steps; ++i) {
      const int64_t t = backwards ? steps - 1 - i : i;
      step(inputs.select(0, t), from_state(state[0], call.in(operand + 1), b_hh, product), state);
      y[static_cast<size_t>(t)] = state[0];
    }
    return at::stack(y);
  }
};

States first_states(const Call& call, const Layout& l, int64_t cell, const at::Tensor& x) {
  States state;
  for (size_t i = 1; i <= l.states; ++i) {
    const at::Tensor given = call.maybe(i);
    state.push_back(given.defined() ? given.select(0, cell) : at::zeros({x.size(1), l.hidden}, x.options()));
  }
  return state;
}

void run_layers(Call& call, const Layout& l, const std::vector<Cell>& cells, const CellStep& step) {
  at::Tensor x = l.batch_first ? call.in(0).transpose(0, 1) : call.in(0);
  std::vector<States> last(l.states);
  for (int64_t layer = 0; layer < l.layers; ++layer) {
    std::vector<at::Tensor> both;
    for (int64_t d = 0; d < l.directions; ++d) {
      const int64_t index = layer * l.directions + d;
      States state = first_states(call, l, index, x);
      both.push_back(cells[static_cast<size_t>(index)].run(call, x.contiguous(), l.has_bias, d == 1, state, step));
      for (size_t i = 0; i < l.states; ++i) last[i].push_back(state[i]);
    }
    x = at::cat(both, 2);
  }
  call.set(0, l.batch_first ? x.transpose(0, 1).contiguous() : x);
  for (size_t i = 0; i < l.states; ++i) call.set(1 + i, at::stack(last[i]));
}

}  // namespace

Result<Evaluate> dynamic_recurrent(const Site& site, size_t states, CellStep step) {
  const Node& n = site.node;
  const Layout l{states, n.integer("hidden"), n.integer("layers"), n.flag("bidirectional") ? 2 : 1, n.flag("batch_first"), n.flag("has_bias")};
  std::vector<Cell> cells;
  for (int64_t i = 0; i < l.layers * l.directions; ++i) {
    FASTC_TRY(const DynamicProduct from_input, dynamic_product(site, 0, l.first(i)));
    FASTC_TRY(const DynamicProduct from_state, dynamic_product(site, 0, l.first(i) + 1));
    cells.push_back({from_input, from_state, l.first(i)});
  }
  return [l, cells, step](Call& call) { run_layers(call, l, cells, step); };
}

}  // namespace fastc::engine
