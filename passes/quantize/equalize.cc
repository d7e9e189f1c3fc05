// quantize.equalize: makes the channels between two layers alike in range, without changing what the network computes.
//
//   before   @w1 : f32[2,2] = [[4, 0], [0, 1]]        @w2 : f32[1,2] = [[1, 16]]
//            %h = linear(%x, @w1) {activation="relu"}
//            %y = linear(%h, @w2)
//   after    @w1 : f32[2,2] = [[2, 0], [0, 4]]        @w2 : f32[1,2] = [[2, 4]]
//
// Cross-layer equalization (Nagel et al. 2019, eq. 11): relu(s·x) = s·relu(x) for s > 0, so that channel i of the first layer
// can be divided by s_i where the second layer's weights of that input are multiplied by it. With
//   s_i = √(r1_i·r2_i) / r2_i,   r: largest magnitude of the channel's weights,
// both sides reach the same range √(r1_i·r2_i). Pairs in a row are gone through again until nothing moves.
//
// Legal between two conv or two linear layers in floats, when the first one's result has no other use, no residual is
// added to it, and its activation is none or relu (clip would clip elsewhere). Effect: one scale then suits a whole tensor:
// needed with "scales": "tensor", and of use to the activations between. Size and speed stay.
#include <algorithm>
#include <cmath>

#include "ir/op.h"
#include "ir/rewrite.h"
#include "passes/pass.h"

namespace fastc {
namespace {

struct Options {
  int64_t iterations = 20;
};

const OptionSet<Options>& options() {
  static const auto set = OptionSet<Options>("Equalizes the ranges of channels between neighbouring layers")
                              .integer("iterations", &Options::iterations,
                                       "how often all pairs are gone through, at most; it ends when no channel moves by a "
                                       "thousandth",
                                       at_least(1));
  return set;
}

struct Pair { NodeId first, second; };

bool is_float_layer(const Module& m, const Node& node) {
  if (!is_op(node, "conv") && !is_op(node, "linear")) return false;
  const auto dense = [&](ValueId id) {
    return m.is_weight(id) && m.weight(id).encoding.kind == Encoding::Kind::kDense && m.weight(id).data.dtype() == DType::kF32;
  };
  return dense(node.input(1)) && (node.input(2) == kNoId || dense(node.input(2)));
}

std::vector<Pair> pairs_of(const Module& m) {
  const Uses uses(m);
  std::vector<Pair> pairs;
  for (const NodeId id : m.order()) {
    const Node& second = m.node(id);
    const Node* first = second.inputs.empty() ? nullptr : m.producer(second.inputs[0]);
    if (first == nullptr || first->op != second.op || !is_float_layer(m, *first) || !is_float_layer(m, second)) continue;
    const std::string& activation = first->string("activation");
    if ((activation != "none" && activation != "relu") || first->input(3) != kNoId) continue;
    if (uses.single_user(second.inputs[0]) == id) pairs.push_back({m.value(second.inputs[0]).producer, id});
  }
  return pairs;
}

// The channel of x that element i of the second layer's weight [O, C/groups, taps…] multiplies.
struct InputChannels {
  int64_t per_output, per_input, outputs_per_group, inputs_per_group;

  InputChannels(const Node& node, const Tensor& weight) {
    const auto& shape = weight.shape();
    const int64_t groups = is_op(node, "conv") ? node.integer("groups") : 1;
    per_output = weight.elements() / shape[0];
    per_input = per_output / shape[1];
    outputs_per_group = shape[0] / groups;
    inputs_per_group = shape[1];
  }
  size_t of(int64_t i) const {
    const int64_t group = i / per_output / outputs_per_group;
    return static_cast<size_t>(group * inputs_per_group + i % per_output / per_input);
  }
};

// The largest factor by which a channel moved, as a distance from 1.
double equalize(Module& m, const Pair& pair) {
  const Node first = m.node(pair.first), second = m.node(pair.second);
  Weight w1 = m.weight(first.inputs[1]), w2 = m.weight(second.inputs[1]);
  const auto a = w1.data.mutable_values<float>(), b = w2.data.mutable_values<float>();
  const auto channels = static_cast<size_t>(w1.data.shape()[0]);
  const size_t row = a.size() / channels;
  const InputChannels input(second, w2.data);
  std::vector<double> r1(channels), r2(channels), s(channels, 1);
  for (size_t i = 0; i < a.size(); ++i) r1[i / row] = std::max(r1[i / row], static_cast<double>(std::fabs(a[i])));
  for (size_t i = 0; i < b.size(); ++i) {
    double& r = r2[input.of(static_cast<int64_t>(i))];
    r = std::max(r, static_cast<double>(std::fabs(b[i])));
  }
  double moved = 0;
  for (size_t c = 0; c < channels; ++c) {
    if (!(r1[c] > 0 && r2[c] > 0)) continue;  // a dead channel has no range to give
    s[c] = std::sqrt(r1[c] * r2[c]) / r2[c];
    moved = std::max(moved, std::fabs(s[c] - 1));
  }
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(a[i] / s[i / row]);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(b[i] * s[input.of(static_cast<int64_t>(i))]);
  if (first.input(2) != kNoId) {
    Weight bias = m.weight(first.inputs[2]);
    const auto values = bias.data.mutable_values<float>();
    for (size_t c = 0; c < channels; ++c) values[c] = static_cast<float>(values[c] / s[c]);
    set_weight(m, pair.first, 2, std::move(bias));
  }
  set_weight(m, pair.first, 1, std::move(w1));
  set_weight(m, pair.second, 1, std::move(w2));
  return moved;
}

Result<PassReport> run(Module& module, const Options& options, PassContext&) {
  const std::vector<Pair> pairs = pairs_of(module);
  PassReport report;
  double moved = 1, rounds = 0;
  for (; rounds < static_cast<double>(options.iterations) && moved > 1e-3 && !pairs.empty(); ++rounds) {
    moved = 0;
    for (const Pair& pair : pairs) moved = std::max(moved, equalize(module, pair));
    if (moved > 1e-3) report.changed = true;
  }
  report.numbers = {{"pairs", static_cast<double>(pairs.size())}, {"rounds", rounds}};
  if (pairs.empty()) report.notes.push_back("No two layers follow each other with nothing but relu between them.");
  return report;
}

FASTC_REGISTER_PASS(quantize_equalize, Options,
                    ({.name = "quantize.equalize",
                      .summary = "equalizes the ranges of channels between neighbouring layers",
                      .needs = ProgramState::kFloat,
                      .leaves = ProgramState::kFloat,
                      .needs_folded = true,
                      .lossy = false}),
                    options, run);

}  // namespace
}  // namespace fastc
