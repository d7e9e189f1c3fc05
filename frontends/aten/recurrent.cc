// Recurrent cells.
#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

Result<ArgList> lstm(Lowering& l, const Call& call) {
  if (call.has("data") || call.has("batch_sizes")) return input_error("packed sequences are not supported; pass padded ones");
  if (call.flag_or("train", false) && call.number_or("dropout", 0) > 0)
    return input_error("the model was saved in training mode; call model.eval() before exporting");
  FASTC_TRY(auto x, call.tensor("input"));
  FASTC_TRY(auto state, call.tensors("hx"));
  FASTC_TRY(auto weights, call.tensors("params"));
  FASTC_TRY(int64_t layers, call.integer("num_layers"));
  if (state.size() != 2 || weights.empty()) return input_error("expected two states and the weights, found {} and {}", state.size(), weights.size());
  bool bidirectional = call.flag_or("bidirectional", false), bias = call.flag_or("has_biases", true);
  auto expected = static_cast<size_t>(layers * (bidirectional ? 2 : 1) * (bias ? 4 : 2));
  if (weights.size() != expected) return input_error("expected {} weights, found {}: projections (proj_size) are not supported", expected, weights.size());
  const Shape& hh = l.shape(weights[1]);
  if (hh.size() != 2 || !hh[1].is_constant()) return input_error("the recurrent weight [{}] is not a fixed matrix", shape_text(hh));
  Operands operands{x, state[0], state[1]};
  operands.insert(operands.end(), weights.begin(), weights.end());
  FASTC_TRY(auto results, l.emit_all("lstm", std::move(operands),
                                     {{"hidden", hh[1].constant()},
                                      {"layers", layers},
                                      {"bidirectional", bidirectional},
                                      {"batch_first", call.flag_or("batch_first", false)},
                                      {"has_bias", bias}},
                                     weights[0].path));
  ArgList out;
  for (auto& r : results) out.push_back(Arg{r});
  return out;
}

constexpr RuleEntry kRules[] = {{"lstm", lstm}};

}  // namespace

std::span<const RuleEntry> recurrent_rules() { return kRules; }

}  // namespace fastc::aten
