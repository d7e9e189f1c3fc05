#include <ATen/ops/gru.h>
#include <ATen/ops/rnn_relu.h>
#include <ATen/ops/rnn_tanh.h>
#include <ATen/ops/zeros.h>

#include "engine/eval.h"

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

#define FASTC_CELL(function) [](const auto&... arguments) { return function(arguments...); }

Result<Evaluate> gru(const Site& site) { return recurrent(site, FASTC_CELL(at::gru)); }
Result<Evaluate> rnn(const Site& site) {
  return site.node.string("activation") == "relu" ? recurrent(site, FASTC_CELL(at::rnn_relu)) : recurrent(site, FASTC_CELL(at::rnn_tanh));
}

const RegisterEval registered_gru{"gru", gru}, registered_rnn{"rnn", rnn};

}  // namespace
}  // namespace fastc::engine
