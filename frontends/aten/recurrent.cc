// Recurrent layers.
#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

struct Cells {
  std::vector<TensorArg> weights;
  Attrs attrs;
};

// The weights and attributes that all three share.
Result<Cells> cells_of(Lowering& l, const Call& call) {
  if (call.has("data") || call.has("batch_sizes")) return input_error("packed sequences are not supported; pass padded ones");
  if (call.flag_or("train", false) && call.number_or("dropout", 0) > 0)
    return input_error("the model was saved in training mode; call model.eval() before exporting");
  Cells cells;
  FASTC_TRY(cells.weights, call.tensors("params"));
  FASTC_TRY(int64_t layers, call.integer("num_layers"));
  bool bidirectional = call.flag_or("bidirectional", false), bias = call.flag_or("has_biases", true);
  auto expected = static_cast<size_t>(layers * (bidirectional ? 2 : 1) * (bias ? 4 : 2));
  if (cells.weights.empty() || cells.weights.size() != expected)
    return input_error("expected {} weights, found {}: projections (proj_size) are not supported", expected, cells.weights.size());
  const Shape& hh = l.shape(cells.weights[1]);
  if (hh.size() != 2 || !hh[1].is_constant()) return input_error("the recurrent weight [{}] is not a fixed matrix", shape_text(hh));
  cells.attrs = {{"hidden", hh[1].constant()}, {"layers", layers}, {"bidirectional", bidirectional}, {"batch_first", call.flag_or("batch_first", false)}, {"has_bias", bias}};
  return cells;
}

Result<ArgList> emit_cells(Lowering& l, const Call& call, const std::vector<TensorArg>& states, Cells cells, std::string_view op) {
  FASTC_TRY(auto x, call.tensor("input"));
  Operands operands{x};
  operands.insert(operands.end(), states.begin(), states.end());
  operands.insert(operands.end(), cells.weights.begin(), cells.weights.end());
  FASTC_TRY(auto results, l.emit_all(op, std::move(operands), std::move(cells.attrs), cells.weights[0].path));
  ArgList out;
  for (auto& r : results) out.push_back(Arg{r});
  return out;
}

Result<ArgList> lstm(Lowering& l, const Call& call) {
  FASTC_TRY(Cells cells, cells_of(l, call));
  FASTC_TRY(auto states, call.tensors("hx"));
  if (states.size() != 2) return input_error("expected two states, found {}", states.size());
  return emit_cells(l, call, states, std::move(cells), "lstm");
}

Result<ArgList> gru_or_rnn(Lowering& l, const Call& call) {
  FASTC_TRY(Cells cells, cells_of(l, call));
  FASTC_TRY(auto state, call.tensor("hx"));
  if (call.op != "gru") cells.attrs.emplace("activation", std::string(call.op == "rnn_relu" ? "relu" : "tanh"));
  return emit_cells(l, call, {state}, std::move(cells), call.op == "gru" ? "gru" : "rnn");
}

// --- one step of a cell, as the ops that a trace of it holds

struct Step {
  TensorArg from_input, from_state;  // [N, gates·H]
  int64_t hidden = 0;
};

Result<Step> step_of(Lowering& l, const Call& call, const TensorArg& state) {
  FASTC_TRY(auto x, call.tensor("input"));
  FASTC_TRY(auto w_ih, call.tensor("w_ih"));
  FASTC_TRY(auto w_hh, call.tensor("w_hh"));
  const Shape& hh = l.shape(w_hh);
  if (hh.size() != 2 || !hh[1].is_constant()) return input_error("the recurrent weight [{}] is not a fixed matrix", shape_text(hh));
  Step step{{}, {}, hh[1].constant()};
  FASTC_TRY(step.from_input, l.emit("linear", {x, w_ih, operand(call.optional_tensor("b_ih"))}, {}, w_ih.path));
  FASTC_TRY(step.from_state, l.emit("linear", {state, w_hh, operand(call.optional_tensor("b_hh"))}, {}, w_hh.path));
  return step;
}

// The gate's share of the last axis, through an activation where one is named.
Result<TensorArg> gate(Lowering& l, const TensorArg& gates, int64_t which, int64_t hidden, std::string_view activation = {}) {
  FASTC_TRY(auto part, l.slice(gates, l.rank(gates) - 1, Dim(which * hidden), Dim((which + 1) * hidden)));
  if (activation.empty()) return part;
  return l.emit(activation, {part});
}

Result<ArgList> lstm_cell(Lowering& l, const Call& call) {
  FASTC_TRY(auto states, call.tensors("hx"));
  if (states.size() != 2) return input_error("expected two states, found {}", states.size());
  FASTC_TRY(const Step step, step_of(l, call, states[0]));
  FASTC_TRY(auto gates, l.emit("add", {step.from_input, step.from_state}));
  FASTC_TRY(auto in, gate(l, gates, 0, step.hidden, "sigmoid"));
  FASTC_TRY(auto forget, gate(l, gates, 1, step.hidden, "sigmoid"));
  FASTC_TRY(auto candidate, gate(l, gates, 2, step.hidden, "tanh"));
  FASTC_TRY(auto out, gate(l, gates, 3, step.hidden, "sigmoid"));
  FASTC_TRY(auto kept, l.emit("mul", {forget, states[1]}));
  FASTC_TRY(auto added, l.emit("mul", {in, candidate}));
  FASTC_TRY(auto c, l.emit("add", {kept, added}));
  FASTC_TRY(auto squashed, l.emit("tanh", {c}));
  FASTC_TRY(auto h, l.emit("mul", {out, squashed}));
  return ArgList{Arg{h}, Arg{c}};
}

Result<ArgList> gru_cell(Lowering& l, const Call& call) {
  FASTC_TRY(auto state, call.tensor("hx"));
  FASTC_TRY(const Step step, step_of(l, call, state));
  std::vector<TensorArg> gates;  // reset, update
  for (int64_t which : {0, 1}) {
    FASTC_TRY(auto a, gate(l, step.from_input, which, step.hidden));
    FASTC_TRY(auto b, gate(l, step.from_state, which, step.hidden));
    FASTC_TRY(auto sum, l.emit("add", {a, b}));
    FASTC_TRY(auto g, l.emit("sigmoid", {sum}));
    gates.push_back(g);
  }
  FASTC_TRY(auto input, gate(l, step.from_input, 2, step.hidden));
  FASTC_TRY(auto old, gate(l, step.from_state, 2, step.hidden));
  FASTC_TRY(auto seen, l.emit("mul", {gates[0], old}));
  FASTC_TRY(auto sum, l.emit("add", {input, seen}));
  FASTC_TRY(auto fresh, l.emit("tanh", {sum}));
  FASTC_TRY(auto change, l.emit("sub", {state, fresh}));
  FASTC_TRY(auto kept, l.emit("mul", {change, gates[1]}));
  return one(l.emit("add", {kept, fresh}));
}

Result<ArgList> rnn_cell(Lowering& l, const Call& call) {
  FASTC_TRY(auto state, call.tensor("hx"));
  FASTC_TRY(const Step step, step_of(l, call, state));
  FASTC_TRY(auto sum, l.emit("add", {step.from_input, step.from_state}));
  return one(l.emit(call.op == "rnn_relu_cell" ? "relu" : "tanh", {sum}));
}

constexpr RuleEntry kRules[] = {{"lstm", lstm}, {"gru", gru_or_rnn}, {"rnn_tanh", gru_or_rnn}, {"rnn_relu", gru_or_rnn},
                                {"lstm_cell", lstm_cell}, {"gru_cell", gru_cell}, {"rnn_tanh_cell", rnn_cell}, {"rnn_relu_cell", rnn_cell}};

}  // namespace

std::span<const RuleEntry> recurrent_rules() { return kRules; }

}  // namespace fastc::aten
