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

// torch.nn.MultiheadAttention's fast path: one op with packed q, k, v.
Result<ArgList> multi_head(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("query"));
  FASTC_TRY(auto key, call.tensor("key"));
  FASTC_TRY(auto value, call.tensor("value"));
  if (key.id != x.id || value.id != x.id) return input_error("only self-attention is supported in this form; set torch.backends.mha.set_fastpath_enabled(False) and export again");
  if (call.has("mask")) return input_error("masks are not supported in this form; set torch.backends.mha.set_fastpath_enabled(False) and export again");
  FASTC_TRY(int64_t width, call.integer("embed_dim"));
  FASTC_TRY(int64_t heads, call.integer("num_head"));
  FASTC_TRY(auto qkv_weight, call.tensor("qkv_weight"));
  FASTC_TRY(auto qkv_bias, call.tensor("qkv_bias"));
  FASTC_TRY(auto proj_weight, call.tensor("proj_weight"));
  FASTC_TRY(auto proj_bias, call.tensor("proj_bias"));
  if (heads < 1 || width % heads != 0) return input_error("{} channels do not divide into {} heads", width, heads);
  Shape s = l.shape(x);
  if (s.size() != 3) return input_error("expected an input of 3 axes, found [{}]", shape_text(s));
  FASTC_TRY(auto qkv, l.emit("linear", {x, qkv_weight, qkv_bias}, {}, qkv_weight.path));
  std::vector<TensorArg> parts;
  for (int64_t i = 0; i < 3; ++i) {
    FASTC_TRY(auto part, l.slice(qkv, 2, Dim(i * width), Dim((i + 1) * width)));
    FASTC_TRY(auto split, l.reshape(part, {s[0], s[1], Dim(heads), Dim(width / heads)}));
    FASTC_TRY(auto head_first, l.permute(split, {0, 2, 1, 3}));
    parts.push_back(head_first);
  }
  double scale = 1.0 / std::sqrt(static_cast<double>(width / heads));
  FASTC_TRY(auto y, l.emit("attention", {parts[0], parts[1], parts[2]}, {{"causal", false}, {"scale", scale}}));
  FASTC_TRY(auto back, l.permute(y, {0, 2, 1, 3}));
  FASTC_TRY(auto flat, l.reshape(back, {s[0], s[1], Dim(width)}));
  FASTC_TRY(auto out, l.emit("linear", {flat, proj_weight, proj_bias}, {}, proj_weight.path));
  return ArgList{Arg{out}, Arg{}};
}

constexpr RuleEntry kRules[] = {
    {"scaled_dot_product_attention", attention},
    {"_native_multi_head_attention", multi_head},
};

}  // namespace

std::span<const RuleEntry> attention_rules() { return kRules; }

}  // namespace fastc::aten
