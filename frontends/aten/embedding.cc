// Embedding bags: rows of a table, summed, averaged or maximized per bag → embedding and a reduction.
#include <array>

#include "frontends/aten/lowering.h"
#include "ir/op.h"

namespace fastc::aten {
namespace {

// Where bags begin is data, in general. What torch.nn makes of indices [N,K] is known: bag i begins at i·K.
Result<int64_t> bag_size(Lowering& l, const Call& call, const TensorArg& indices) {
  FASTC_TRY(auto offsets, call.tensor("offsets"));
  const Dim count = l.shape(offsets).at(0), all = product(l.shape(indices));
  const auto size = Dim::exact_div(all, count);
  const Node* made = l.module().producer(offsets.id);
  while (made && made->op->name == "cast") made = l.module().producer(made->inputs[0]);
  const bool regular = size && size->is_constant() && made && made->op->name == "iota" && made->number("start") == 0 && made->number("step") == static_cast<double>(size->constant());
  if (!regular || call.flag_or("include_last_offset", false))
    return input_error("bags of different lengths depend on the data; pass indices of shape [N, K], every bag with K of them");
  return size->constant();
}

Result<ArgList> embedding_bag(Lowering& l, const Call& call) {
  FASTC_TRY(auto table, call.tensor("weight"));
  FASTC_TRY(auto indices, call.tensor("indices"));
  if (call.integer_or("padding_idx", -1) >= 0) return input_error("a padding_idx in an embedding bag is not supported; use per_sample_weights of 0");
  FASTC_TRY(const int64_t size, bag_size(l, call, indices));
  FASTC_TRY(const Dim bags, Dim::exact_div(product(l.shape(indices)), Dim(size)));
  FASTC_TRY(auto bagged, l.reshape(indices, {bags, Dim(size)}));
  FASTC_TRY(auto rows, l.emit("embedding", {table, bagged}, {}, table.path));
  if (auto weights = call.optional_tensor("per_sample_weights")) {
    FASTC_TRY(auto column, l.reshape(*weights, {bags, Dim(size), Dim(1)}));
    FASTC_TRY(rows, l.emit("mul", {rows, column}));
  }
  constexpr std::array<std::string_view, 3> kModes{"reduce_sum", "reduce_mean", "reduce_max"};
  const int64_t mode = call.integer_or("mode", 0);
  if (mode < 0 || mode > 2) return input_error("expected mode 0 (sum), 1 (mean) or 2 (max), found {}", mode);
  FASTC_TRY(auto y, l.emit(kModes[static_cast<size_t>(mode)], {rows}, {{"axes", std::vector<int64_t>{1}}}));
  ArgList out{Arg{y}};
  out.resize(4);  // offset2bag, bag_size, max_indices: of use in training only
  return out;
}

constexpr RuleEntry kRules[] = {{"embedding_bag", embedding_bag}, {"_embedding_bag", embedding_bag}, {"_embedding_bag_forward_only", embedding_bag}};

}  // namespace

std::span<const RuleEntry> embedding_rules() { return kRules; }

}  // namespace fastc::aten
