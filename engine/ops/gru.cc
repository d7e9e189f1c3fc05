#include <ATen/ops/gru.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rnn_relu.h>
#include <ATen/ops/rnn_tanh.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>

#include "engine/ops/dynamic.h"
#include "engine/ops/recurrent.h"

namespace fastc::engine {
namespace {

// x, h0?, then for each layer and direction w_ih, w_hh[, b_ih, b_hh] → y, hn. `Cell`: the function of ATen.
template <typename Cell>
Evaluate recurrent(const Site& site, Cell cell) {
  const int64_t hidden = site.node.integer("hidden"), layers = site.node.integer("layers");
  const bool both = site.node.flag("bidirectional"), batch_first = site.node.flag("batch_first"), has_bias = site.node.flag("has_bias");
  const bool training = site.mode != Mode::kInfer;
  return [=](Call& call) {
    const at::Tensor& x = call.in(0);
    at::Tensor state = call.maybe(1);
    if (!state.defined()) state = at::zeros({layers * (both ? 2 : 1), x.size(batch_first ? 0 : 1), hidden}, x.options());
    std::vector<at::Tensor> weights;
    for (size_t i = 2; i < call.count(); ++i) weights.push_back(call.in(i));
    const auto [y, hn] = cell(x, state, weights, has_bias, layers, 0.0, training, both, batch_first);
    call.set(0, y), call.set(1, hn);
  };
}

void gru_step(const at::Tensor& input, const at::Tensor& hidden, std::vector<at::Tensor>& state) {
  const auto x = input.chunk(3, 1), h = hidden.chunk(3, 1);  // r, z, n
  const at::Tensor z = x[1].add(h[1]).sigmoid();
  const at::Tensor fresh = x[2].add(x[0].add(h[0]).sigmoid().mul(h[2])).tanh();
  state[0] = fresh.add(z.mul(state[0].sub(fresh)));
}

CellStep rnn_step(bool relu) {
  return [relu](const at::Tensor& input, const at::Tensor& hidden, std::vector<at::Tensor>& state) {
    const at::Tensor gate = input.add(hidden);
    state[0] = relu ? gate.relu() : gate.tanh();
  };
}

#define FASTC_CELL(function) [](const auto&... arguments) { return function(arguments...); }

Result<Evaluate> gru(const Site& site) {
  if (is_dynamic(site)) return dynamic_recurrent(site, 1, gru_step);
  return recurrent(site, FASTC_CELL(at::gru));
}
Result<Evaluate> rnn(const Site& site) {
  const bool relu = site.node.string("activation") == "relu";
  if (is_dynamic(site)) return dynamic_recurrent(site, 1, rnn_step(relu));
  return relu ? recurrent(site, FASTC_CELL(at::rnn_relu)) : recurrent(site, FASTC_CELL(at::rnn_tanh));
}

const RegisterEval registered_gru{"gru", gru}, registered_rnn{"rnn", rnn};

}  // namespace
}  // namespace fastc::engine
