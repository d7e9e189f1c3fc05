// Matrix products. A product with a weight of two axes is a linear, however the model spells it.
#include <algorithm>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

Result<ArgList> linear(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("input"));
  FASTC_TRY(auto weight, call.tensor("weight"));
  return one(l.emit("linear", {x, weight, operand(call.optional_tensor("bias"))}, {}, weight.path));
}

// x @ b
Result<TensorArg> product_of(Lowering& l, const TensorArg& a, const TensorArg& b, std::optional<TensorArg> bias = {}) {
  if (l.is_weight(b) && l.rank(b) == 2 && l.rank(a) >= 2) {
    FASTC_TRY(auto weight, l.permute(b, {1, 0}));
    weight.path = b.path;
    return l.emit("linear", {a, weight, operand(bias)}, {}, b.path);
  }
  // Vectors: a row in front of, or a column behind the matrix, taken out again afterwards.
  Shape sa = l.shape(a), sb = l.shape(b);
  TensorArg x = a, y = b;
  if (sa.size() == 1) {
    FASTC_TRY(x, l.reshape(a, {Dim(1), sa[0]}));
  }
  if (sb.size() == 1) {
    FASTC_TRY(y, l.reshape(b, {sb[0], Dim(1)}));
  }
  FASTC_TRY(auto z, l.emit("matmul", {x, y}));
  Shape to = l.shape(z);
  if (sb.size() == 1) to.pop_back();
  if (sa.size() == 1) to.erase(to.end() - (sb.size() == 1 ? 1 : 2));
  FASTC_TRY(z, l.reshape(z, std::move(to)));
  if (!bias) return z;
  return l.emit("add", {z, *bias});
}

Result<ArgList> matmul(Lowering& l, const Call& call) {
  FASTC_TRY(auto a, call.tensor("self"));
  FASTC_TRY(auto b, call.tensor(call.has("mat2") ? "mat2" : "other"));
  return one(product_of(l, a, b));
}

// beta·bias + alpha·(a @ b)
Result<ArgList> addmm(Lowering& l, const Call& call) {
  FASTC_TRY(auto bias, call.tensor("self"));
  bool batched = call.op == "baddbmm";
  FASTC_TRY(auto a, call.tensor(batched ? "batch1" : "mat1"));
  FASTC_TRY(auto b, call.tensor(batched ? "batch2" : "mat2"));
  double alpha = call.number_or("alpha", 1), beta = call.number_or("beta", 1);
  if (alpha == 1 && beta == 1 && l.rank(bias) == 1) return one(product_of(l, a, b, bias));
  FASTC_TRY(auto z, product_of(l, a, b));
  if (alpha != 1) {
    FASTC_TRY(z, l.emit("mul", {z, scalar_tensor(alpha, l.type(z).dtype)}));
  }
  if (beta == 0) return ArgList{Arg{z}};
  if (beta != 1) {
    FASTC_TRY(bias, l.emit("mul", {bias, scalar_tensor(beta, l.type(bias).dtype)}));
  }
  return one(l.emit("add", {bias, z}));
}

constexpr RuleEntry kRules[] = {
    {"linear", linear}, {"matmul", matmul}, {"mm", matmul}, {"bmm", matmul}, {"addmm", addmm}, {"baddbmm", addmm},
};

}  // namespace

std::span<const RuleEntry> matmul_rules() { return kRules; }

}  // namespace fastc::aten
