#include <ATen/ops/lstm.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>

#include "engine/ops/dynamic.h"
#include "engine/ops/recurrent.h"

namespace fastc::engine {
namespace {

void step(const at::Tensor& input, const at::Tensor& hidden, std::vector<at::Tensor>& state) {
  const auto gates = input.add(hidden).chunk(4, 1);  // i, f, g, o
  state[1] = gates[1].sigmoid().mul(state[1]).add(gates[0].sigmoid().mul(gates[2].tanh()));
  state[0] = gates[3].sigmoid().mul(state[1].tanh());
}

// x, h0?, c0?, then for each layer and direction w_ih, w_hh[, b_ih, b_hh] → y, hn, cn.
Result<Evaluate> lstm(const Site& site) {
  if (is_dynamic(site)) return dynamic_recurrent(site, 2, step);
  const int64_t hidden = site.node.integer("hidden"), layers = site.node.integer("layers");
  const bool both = site.node.flag("bidirectional"), batch_first = site.node.flag("batch_first"), has_bias = site.node.flag("has_bias");
  const bool training = site.mode != Mode::kInfer;
  return [=](Call& call) {
    const at::Tensor& x = call.in(0);
    std::vector<at::Tensor> state{call.maybe(1), call.maybe(2)}, weights;
    for (at::Tensor& s : state)
      if (!s.defined()) s = at::zeros({layers * (both ? 2 : 1), x.size(batch_first ? 0 : 1), hidden}, x.options());
    for (size_t i = 3; i < call.count(); ++i) weights.push_back(call.in(i));
    auto [y, hn, cn] = at::lstm(x, state, weights, has_bias, layers, 0.0, training, both, batch_first);
    call.set(0, y), call.set(1, hn), call.set(2, cn);
  };
}

const RegisterEval registered{"lstm", lstm};

}  // namespace
}  // namespace fastc::engine
