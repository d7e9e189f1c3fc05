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

constexpr RuleEntry kRules[] = {{"lstm", lstm}, {"gru", gru_or_rnn}, {"rnn_tanh", gru_or_rnn}, {"rnn_relu", gru_or_rnn}};

}  // namespace

std::span<const RuleEntry> recurrent_rules() { return kRules; }

}  // namespace fastc::aten
