// lstm: PyTorch's LSTM, gates in the order i, f, g, o. x is [L,N,I], or [N,L,I] with batch_first; h0 and c0 [layers·dirs,N,hidden].
//
//   i,f,o = sigmoid(W x_t + b + U h + b'), g = tanh(…);  c = f·c + i·g;  h = o·tanh(c)
//
// Weights for each layer, and in it for each direction: w_ih [4·hidden,in], w_hh [4·hidden,hidden], and with has_bias b_ih, b_hh
// [4·hidden]. Results: y (like x, dirs·hidden features), hn, cn. Floats only. Not pruned: every axis is pinned.
#include "ir/ops/common.h"

namespace fastc::ops {
namespace {

int64_t directions(const OpView& view) { return view.node.flag("bidirectional") ? 2 : 1; }

Status check_weights(const OpView& view, const Dim& features) {
  const int64_t hidden = view.node.integer("hidden"), layers = view.node.integer("layers");
  const bool bias = view.node.flag("has_bias");
  const size_t each = bias ? 4 : 2, expected = 3 + static_cast<size_t>(layers * directions(view)) * each;
  if (view.node.inputs.size() != expected) {
    return input_error("expected {} operands (x, h0, c0 and {} weights for each of {} layers and {} directions), found {}", expected, each,
                       layers, directions(view), view.node.inputs.size());
  }
  for (size_t i = 3; i < expected; ++i) {
    if (!view.has(i)) return wrong_operand(view, i, "a weight");
    FASTC_CHECK(expect_same_dtype(view, {0, i}));
    const bool first_layer = i - 3 < static_cast<size_t>(directions(view)) * each;
    const Dim in = first_layer ? features : Dim(hidden * directions(view));
    const size_t which = (i - 3) % each;
    const Shape shape = which >= 2 ? Shape{4 * hidden} : Shape{4 * hidden, which == 0 ? in : Dim(hidden)};
    FASTC_CHECK(expect_shape(view, i, shape, "gates in the order i, f, g, o"));
  }
  return {};
}

Types infer(const OpView& view, const DeclaredQuant& quant) {
  FASTC_CHECK(expect_unquantized(view, quant));
  const Type& x = view.in(0);
  if (x.rank() != 3) return wrong_operand(view, 0, "rank 3 [L,N,I], or [N,L,I] with batch_first");
  FASTC_CHECK(expect_float(view, 0));
  for (const char* name : {"hidden", "layers"}) {
    const int64_t value = view.node.integer(name);
    if (value < 1 || value > (1 << 20)) return wrong_attribute(name, "1 to 2^20", fmt::format("{}", value));
  }
  const int64_t hidden = view.node.integer("hidden"), dirs = directions(view);
  const Dim batch = x.shape[view.node.flag("batch_first") ? 0 : 1];
  const Shape state{view.node.integer("layers") * dirs, batch, hidden};
  for (const size_t i : {1, 2}) {
    FASTC_CHECK(expect_same_dtype(view, {0, i}));
    FASTC_CHECK(expect_shape(view, i, state, "layers·directions, batch, hidden"));
  }
  if (view.node.input(1) == kNoId ? view.node.input(2) != kNoId : view.node.input(2) == kNoId) return input_error("expected h0 and c0 both or neither");
  FASTC_CHECK(check_weights(view, x.shape[2]));
  Type y{x.dtype, {x.shape[0], x.shape[1], hidden * dirs}};
  return std::vector<Type>{std::move(y), {x.dtype, state}, {x.dtype, state}};
}

Cost cost(const OpView& view) {
  const int64_t hidden = view.node.integer("hidden"), layers = view.node.integer("layers"), dirs = directions(view);
  const Dim steps = view.in(0).shape[0] * view.in(0).shape[1];
  const Dim first = (view.in(0).shape[2] + hidden) * (4 * hidden * dirs);
  const Dim later = Dim(4 * hidden * dirs * (hidden * dirs + hidden) * (layers - 1));
  return mac_cost(steps * (first + later));
}

const RegisterOp lstm{{
    .name = "lstm",
    .summary = "long short-term memory, several layers, one or two directions",
    .operands = operands("x, h0?, c0?, weights..."),
    .attributes = {integer("hidden", "features of the state"), integer("layers", 1, "stacked layers"),
                   flag("bidirectional", false, "a second pass from the end"), flag("batch_first", false, "x is [N,L,I]"),
                   flag("has_bias", true, "each cell has b_ih and b_hh")},
    .infer = infer,
    .cost = cost,
    .result_count = 3,
    .trainable = true,
}};

}  // namespace
}  // namespace fastc::ops
