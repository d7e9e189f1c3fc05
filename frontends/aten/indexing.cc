// Reading elements by index.
#include <algorithm>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

Result<ArgList> embedding(Lowering& l, const Call& call) {
  FASTC_TRY(auto table, call.tensor("weight"));
  FASTC_TRY(auto indices, call.tensor("indices"));
  return one(l.emit("embedding", {table, indices}, {}, table.path));
}

Result<ArgList> gather(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto index, call.tensor("index"));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  return one(l.emit("gather", {x, index}, {{"axis", axis}}));
}

// Slices of one axis by a list of numbers of any shape, which stands in the axis' place.
Result<TensorArg> select_rows(Lowering& l, const TensorArg& x, const TensorArg& index, int64_t axis) {
  return l.emit("index_select", {x, index}, {{"axis", axis}});
}

Result<ArgList> index_select(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto index, call.tensor("index"));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  return one(select_rows(l, x, index, axis));
}

// numpy broadcasting of two shapes whose axes are equal or 1.
Result<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), Dim(1));
  for (size_t i = 0; i < out.size(); ++i) {
    Dim x = i < a.size() ? a[a.size() - 1 - i] : Dim(1), y = i < b.size() ? b[b.size() - 1 - i] : Dim(1);
    if (!(x == y) && !(x == Dim(1)) && !(y == Dim(1))) return input_error("indices of shapes [{}] and [{}] do not fit together", shape_text(a), shape_text(b));
    out[out.size() - 1 - i] = x == Dim(1) ? y : x;
  }
  return out;
}

// x[i, j, …] with index tensors for a run of leading axes: one index into the flattened axes, (i·size_j + j)…
Result<TensorArg> index_run(Lowering& l, const TensorArg& x, const std::vector<TensorArg>& indices, int64_t first) {
  if (indices.size() == 1) return select_rows(l, x, indices[0], first);
  Shape joint = l.shape(indices[0]);
  for (const auto& i : indices) {
    FASTC_TRY(joint, broadcast(joint, l.shape(i)));
  }
  const Shape s = l.shape(x);
  TensorArg flat = indices[0];
  for (size_t i = 1; i < indices.size(); ++i) {
    FASTC_TRY(auto size, l.materialize(Arg{s[static_cast<size_t>(first) + i]}, DType::kI64));
    FASTC_TRY(auto scaled, l.emit("mul", {flat, size}));
    FASTC_TRY(flat, l.emit("add", {scaled, indices[i]}));
  }
  FASTC_TRY(flat, l.expand(flat, joint));
  auto begin = s.begin() + first, end = begin + static_cast<int64_t>(indices.size());
  Shape merged(s.begin(), begin);
  merged.push_back(product(Shape(begin, end)));
  merged.insert(merged.end(), end, s.end());
  FASTC_TRY(auto flattened, l.reshape(x, std::move(merged)));
  return select_rows(l, flattened, flat, first);
}

// Python counts negative indices from the end. Those that are computed from data are taken to count from the beginning: the runtime refuses others.
Result<TensorArg> from_the_beginning(Lowering& l, const TensorArg& index, const Dim& size) {
  if (!l.is_weight(index)) return index;
  const Tensor dense = l.module().weight(index.id).data.to_contiguous();
  const auto given = dense.values<int64_t>();
  if (std::ranges::none_of(given, [](int64_t i) { return i < 0; })) return index;
  if (!size.is_constant()) return input_error("a negative index into an axis of length {} is not supported; fix the size", size.text());
  std::vector<int64_t> counted(given.begin(), given.end());
  for (int64_t& i : counted) i += i < 0 ? size.constant() : 0;
  return l.constant(Tensor::of<int64_t>(dense.shape(), counted));
}

Result<ArgList> index(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  const ArgList* list = call.arg("indices").list();
  if (!list) return input_error("expected a list of indices");
  std::vector<TensorArg> indices;
  int64_t first = -1, last = -1;
  for (size_t i = 0; i < list->size(); ++i) {
    if ((*list)[i].none()) continue;
    const TensorArg* t = (*list)[i].tensor();
    if (!t) return input_error("indices: expected tensors");
    DType dtype = l.type(*t).dtype;
    if (dtype != DType::kI64 && dtype != DType::kI32) return input_error("indexing by {} depends on the data; use where or masked_fill", name_of(dtype));
    if (static_cast<int64_t>(i) >= l.rank(x)) return input_error("more indices than axes in [{}]", shape_text(l.shape(x)));
    FASTC_TRY(auto cast, l.cast(*t, DType::kI64));
    FASTC_TRY(auto wide, from_the_beginning(l, cast, l.shape(x)[i]));
    if (first < 0) first = static_cast<int64_t>(i);
    last = static_cast<int64_t>(i);
    indices.push_back(wide);
  }
  if (indices.empty()) return ArgList{Arg{x}};
  if (last - first + 1 != static_cast<int64_t>(indices.size())) return input_error("indexing axes that are not neighbours is not supported; permute first");
  return one(index_run(l, x, indices, first));
}

constexpr RuleEntry kRules[] = {{"embedding", embedding}, {"gather", gather}, {"index_select", index_select}, {"index", index}};

}  // namespace

std::span<const RuleEntry> indexing_rules() { return kRules; }

}  // namespace fastc::aten
