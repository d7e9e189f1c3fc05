// The fast paths of torch.nn's MultiheadAttention and TransformerEncoderLayer, which a model traced without gradients holds: one op for the whole
// block → the ops that it stands for.
#include <cmath>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

// Where attention may look, [B, H, L, L] or broadcast to it. The op's mask is of any type: what is not 0 is hidden.
Result<std::optional<TensorArg>> visible(Lowering& l, const Call& call) {
  const auto mask = call.optional_tensor(call.has("mask") ? "mask" : "src_mask");
  if (!mask) return std::nullopt;
  FASTC_TRY(auto hidden, l.cast(*mask, DType::kBool));
  const Shape s = l.shape(hidden);
  const bool padding = call.integer_or("mask_type", s.size() == 2 ? 0 : 2) == 1;  // else over pairs: [L, L], or [B, H, L, L]
  if (padding && s.size() == 2) {
    FASTC_TRY(hidden, l.reshape(hidden, {s[0], Dim(1), Dim(1), s[1]}));
  }
  FASTC_TRY(auto shown, l.emit("logical_not", {hidden}));
  return std::optional(shown);
}

Result<TensorArg> self_attention(Lowering& l, const Call& call, const TensorArg& x, int64_t heads) {
  FASTC_TRY(int64_t width, call.integer("embed_dim"));
  FASTC_TRY(auto qkv_weight, call.tensor("qkv_weight"));
  FASTC_TRY(auto proj_weight, call.tensor("proj_weight"));
  if (heads < 1 || width % heads != 0) return input_error("{} channels do not divide into {} heads", width, heads);
  const Shape s = l.shape(x);
  if (s.size() != 3) return input_error("expected an input of 3 axes, found [{}]", shape_text(s));
  FASTC_TRY(auto qkv, l.emit("linear", {x, qkv_weight, operand(call.optional_tensor("qkv_bias"))}, {}, qkv_weight.path));
  std::vector<TensorArg> parts;
  for (int64_t i = 0; i < 3; ++i) {
    FASTC_TRY(auto part, l.slice(qkv, 2, Dim(i * width), Dim((i + 1) * width)));
    FASTC_TRY(auto split, l.reshape(part, {s[0], s[1], Dim(heads), Dim(width / heads)}));
    FASTC_TRY(auto head_first, l.permute(split, {0, 2, 1, 3}));
    parts.push_back(head_first);
  }
  FASTC_TRY(const auto mask, visible(l, call));
  const double scale = 1.0 / std::sqrt(static_cast<double>(width / heads));
  FASTC_TRY(auto y, l.emit("attention", {parts[0], parts[1], parts[2], operand(mask)}, {{"causal", false}, {"scale", scale}}));
  FASTC_TRY(auto back, l.permute(y, {0, 2, 1, 3}));
  FASTC_TRY(auto flat, l.reshape(back, {s[0], s[1], Dim(width)}));
  return l.emit("linear", {flat, proj_weight, operand(call.optional_tensor("proj_bias"))}, {}, proj_weight.path);
}

Result<ArgList> multi_head(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("query"));
  FASTC_TRY(auto key, call.tensor("key"));
  FASTC_TRY(auto value, call.tensor("value"));
  if (key.id != x.id || value.id != x.id) return input_error("only self-attention is supported in this form; set torch.backends.mha.set_fastpath_enabled(False) and export again");
  FASTC_TRY(int64_t heads, call.integer("num_head"));
  FASTC_TRY(auto y, self_attention(l, call, x, heads));
  return ArgList{Arg{y}, Arg{}};
}

Result<TensorArg> norm(Lowering& l, const Call& call, const TensorArg& x, int which) {
  FASTC_TRY(auto weight, call.tensor(fmt::format("norm_weight_{}", which)));
  FASTC_TRY(auto bias, call.tensor(fmt::format("norm_bias_{}", which)));
  return l.emit("layer_norm", {x, weight, bias}, {{"axes", int64_t{1}}, {"eps", call.number_or("eps", 1e-5)}}, weight.path);
}

Result<TensorArg> feed_forward(Lowering& l, const Call& call, TensorArg x) {
  for (int which : {1, 2}) {
    FASTC_TRY(auto weight, call.tensor(fmt::format("ffn_weight_{}", which)));
    FASTC_TRY(x, l.emit("linear", {x, weight, operand(call.optional_tensor(fmt::format("ffn_bias_{}", which)))}, {}, weight.path));
    if (which == 1) {
      FASTC_TRY(x, l.emit(call.flag_or("use_gelu", false) ? "gelu" : "relu", {x}));
    }
  }
  return x;
}

// x = norm₁(x + attention(x)), y = norm₂(x + ffn(x)); with norm_first x = x + attention(norm₁(x)), y = x + ffn(norm₂(x)).
Result<ArgList> encoder_layer(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("src"));
  FASTC_TRY(int64_t heads, call.integer("num_heads"));
  const bool first = call.flag_or("norm_first", false);
  for (int half : {1, 2}) {
    TensorArg inner = x;
    if (first) {
      FASTC_TRY(inner, norm(l, call, x, half));
    }
    FASTC_TRY(inner, half == 1 ? self_attention(l, call, inner, heads) : feed_forward(l, call, inner));
    FASTC_TRY(x, l.emit("add", {x, inner}));
    if (!first) {
      FASTC_TRY(x, norm(l, call, x, half));
    }
  }
  return ArgList{Arg{x}};
}

constexpr RuleEntry kRules[] = {{"_native_multi_head_attention", multi_head}, {"_transformer_encoder_layer_fwd", encoder_layer}};

}  // namespace

std::span<const RuleEntry> fastpath_rules() { return kRules; }

}  // namespace fastc::aten
