// Attention: aten's fused forms → the IR's attention.
#include <cmath>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

// Heads first: [B, H, L, D]. Inputs of three axes get one head.
Result<TensorArg> four_axes(Lowering& l, const TensorArg& t) {
  Shape s = l.shape(t);
  if (s.size() == 4) return t;
  if (s.size() != 3) return input_error("expected 3 or 4 axes, found [{}]", shape_text(s));
  s.insert(s.begin() + 1, Dim(1));
  return l.reshape(t, std::move(s));
}

Result<double> scale_of(Lowering& l, const Call& call, const TensorArg& q) {
  if (call.has("scale")) return call.number("scale");
  const Dim& d = l.shape(q).back();
  if (!d.is_constant() || d.constant() < 1) return input_error("the heads' width {} is not fixed", d.text());
  return 1.0 / std::sqrt(static_cast<double>(d.constant()));
}

Result<ArgList> attention(Lowering& l, const Call& call) {
  if (call.number_or("dropout_p", 0) > 0) return input_error("the model was saved in training mode (attention dropout); call model.eval() before exporting");
  FASTC_TRY(auto query, call.tensor("query"));
  FASTC_TRY(auto key, call.tensor("key"));
  FASTC_TRY(auto value, call.tensor("value"));
  FASTC_TRY(auto q, four_axes(l, query));
  FASTC_TRY(auto k, four_axes(l, key));
  FASTC_TRY(auto v, four_axes(l, value));
  FASTC_TRY(double scale, scale_of(l, call, q));
  bool causal = call.flag_or("is_causal", false);
  // aten counts queries from the first key, the IR from the last: the same only for equal lengths.
  if (causal && !(l.shape(q)[2] == l.shape(k)[2]))
    return input_error("causal attention over {} queries and {} keys; pass a mask instead", l.shape(q)[2].text(), l.shape(k)[2].text());
  auto mask = call.optional_tensor("attn_mask");
  if (mask && l.rank(query) == 3 && l.rank(*mask) == 3) {
    FASTC_TRY(mask, four_axes(l, *mask));
  }
  FASTC_TRY(auto y, l.emit("attention", {q, k, v, operand(mask)}, {{"causal", causal}, {"scale", scale}}));
  if (l.rank(query) == 4) return ArgList{Arg{y}};
  Shape to = l.shape(y);
  to.erase(to.begin() + 1);
  return one(l.reshape(y, std::move(to)));
}

constexpr RuleEntry kRules[] = {
    {"scaled_dot_product_attention", attention},
};

}  // namespace

std::span<const RuleEntry> attention_rules() { return kRules; }

}  // namespace fastc::aten
