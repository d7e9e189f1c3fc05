// Ops that replace a part of a tensor, and the whole of it: what an op in place means for its operand, as a new value.
#include <algorithm>
#include <numeric>

#include "frontends/aten/lowering.h"
#include "ir/op.h"

namespace fastc::aten {

Result<TensorArg> Lowering::part_of(const TensorArg& t, int64_t axis, const Dim& start, const Dim& end, int64_t step) {
  const Node* node = module_.producer(t.id);
  const std::string_view op = node ? node->op->name : "";
  if ((op != "slice" && op != "concat") || node->integer("axis") != axis) return slice(t, axis, start, end, step);
  if (op == "slice") {
    if (node->integer("step") != 1) return slice(t, axis, start, end, step);
    const Dim first = std::get<Dim>(node->attrs.at("start"));
    return part_of({node->inputs[0], {}}, axis, first + start, first + end, step);
  }
  Dim begin(0);
  for (const ValueId part : node->inputs) {
    const Dim next = begin + shape({part, {}})[static_cast<size_t>(axis)];
    if (always_le(begin, start) && always_le(end, next)) return part_of({part, {}}, axis, start - begin, end - begin, step);
    begin = next;
  }
  return slice(t, axis, start, end, step);
}

Result<TensorArg> Lowering::put_slice(const TensorArg& whole, int64_t axis, const Dim& start, const Dim& end, int64_t step, const TensorArg& part) {
  const Dim size = shape(whole)[static_cast<size_t>(axis)];
  if (start == end) return whole;
  if (step == 1) {
    Operands parts;
    if (!(start == Dim(0))) {
      FASTC_TRY(auto before, part_of(whole, axis, Dim(0), start));
      parts.push_back(before);
    }
    parts.push_back(part);
    if (!(end == size)) {
      FASTC_TRY(auto behind, part_of(whole, axis, end, size));
      parts.push_back(behind);
    }
    if (parts.size() == 1) return part;
    return emit("concat", std::move(parts), {{"axis", axis}});
  }
  // Both behind one another, read in the order of the result.
  if (!size.is_constant() || !start.is_constant() || !end.is_constant()) return input_error("cannot write every {}th element of an axis of length {}; fix the size", step, size.text());
  std::vector<int64_t> from(static_cast<size_t>(size.constant()));
  std::iota(from.begin(), from.end(), 0);
  for (int64_t i = start.constant(), n = size.constant(); i < end.constant(); i += step) from[static_cast<size_t>(i)] = n++;
  FASTC_TRY(auto both, emit("concat", {whole, part}, {{"axis", axis}}));
  return emit("index_select", {both, Tensor::of<int64_t>({size.constant()}, from)}, {{"axis", axis}});
}

namespace {

// A number or a tensor with the type and the shape of another.
Result<TensorArg> spread(Lowering& l, const Arg& value, const TensorArg& like) {
  const DType dtype = l.type(like).dtype;
  const Shape shape = l.shape(like);
  if (value.scalar() && !(value.dim() && !value.dim()->is_constant())) {
    const Call number{.op = {}, .overload = {}, .args = {{"value", value}}};
    FASTC_TRY(const double v, number.number("value"));
    return l.full(shape, v, dtype);
  }
  FASTC_TRY(auto t, l.materialize(value, dtype));
  FASTC_TRY(t, l.cast(t, dtype));
  return l.expand(t, shape);
}

Result<ArgList> fill(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  const Arg zero{0.0};
  return one(spread(l, call.op == "zero" ? zero : call.arg("value"), x));
}

Result<ArgList> copy(Lowering& l, const Call& call) {
  if (call.arg("self").list()) return ArgList{call.arg("self")};  // of a list
  FASTC_TRY(auto x, call.tensor("self"));
  return one(spread(l, call.arg("src"), x));
}

Result<ArgList> slice_scatter(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto part, call.tensor("src"));
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(x)));
  FASTC_TRY(const Dim start, call.dim_or("start", 0));
  FASTC_TRY(const Dim end, call.dim_or("end", INT64_MAX));
  const int64_t step = call.integer_or("step", 1);
  if (step < 1) return input_error("a slice's step must be positive, found {}", step);
  FASTC_TRY(const auto range, l.bounds(l.shape(x)[static_cast<size_t>(axis)], start, end));
  FASTC_TRY(part, l.cast(part, l.type(x).dtype));
  return one(l.put_slice(x, axis, range.first, range.second, step, part));
}

Result<ArgList> select_scatter(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto part, call.tensor("src"));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  FASTC_TRY(Dim index, call.dim("index"));
  if (index.is_constant() && index.constant() < 0) index = index + l.shape(x)[static_cast<size_t>(axis)];
  Shape row = l.shape(part);
  row.insert(row.begin() + axis, Dim(1));
  FASTC_TRY(part, l.cast(part, l.type(x).dtype));
  FASTC_TRY(part, l.reshape(part, std::move(row)));
  return one(l.put_slice(x, axis, index, index + Dim(1), 1, part));
}

// x[mask] = v: the mask stands for the axes from `first` on.
Result<TensorArg> put_where(Lowering& l, const TensorArg& x, const TensorArg& mask, int64_t first, const Arg& values) {
  const TensorArg* v = values.tensor();
  if (v && !(product(l.shape(*v)) == Dim(1))) return input_error("writing several numbers where a mask holds depends on the data; use torch.where");
  Shape wide = l.shape(mask);
  wide.insert(wide.begin(), static_cast<size_t>(first), Dim(1));
  wide.resize(static_cast<size_t>(l.rank(x)), Dim(1));
  FASTC_TRY(auto condition, l.reshape(mask, std::move(wide)));
  FASTC_TRY(auto number, l.materialize(values, l.type(x).dtype));
  FASTC_TRY(number, l.cast(number, l.type(x).dtype));
  FASTC_TRY(number, l.reshape(number, {}));
  return l.emit("where", {condition, number, x});
}

// The rows of a joint axis that index tensors of one shape name; a negative number counts from the end.
struct Rows {
  std::vector<int64_t> at;
  Shape shape;
  int64_t size = 1;  // of the joint axis
};

Result<Rows> rows_of(Lowering& l, const TensorArg& x, const std::vector<TensorArg>& indices, int64_t first) {
  Rows rows{{}, l.shape(indices[0])};
  for (size_t k = 0; k < indices.size(); ++k) {
    const Dim size = l.shape(x)[static_cast<size_t>(first) + k];
    if (!size.is_constant()) return input_error("cannot write to rows of an axis of length {} by their numbers; fix the size", size.text());
    if (l.shape(indices[k]) != rows.shape) return input_error("writing by indices of different shapes is not supported; expand them first");
    const auto numbers = l.known_numbers(indices[k].id);
    if (!numbers) return input_error("writing to rows that the data names is not supported; their numbers must be known at import");
    rows.at.resize(numbers->size(), 0);
    for (size_t i = 0; i < numbers->size(); ++i) {
      const int64_t n = size.constant(), given = static_cast<int64_t>((*numbers)[i]), row = given + (given < 0 ? n : 0);
      if (row < 0 || row >= n) return input_error("index {} is out of range for an axis of length {}", given, n);
      rows.at[i] = rows.at[i] * n + row;
    }
    rows.size *= size.constant();
  }
  return rows;
}

// x[i, j, …] = v with numbers that are known: old and new rows behind one another, read in the order of the result. Of a row that is named twice the last
// counts, as on LibTorch's CPU.
Result<TensorArg> put_rows(Lowering& l, const TensorArg& x, const std::vector<TensorArg>& indices, int64_t first, const Arg& values) {
  FASTC_TRY(const Rows rows, rows_of(l, x, indices, first));
  const Shape own = l.shape(x);
  const auto begin = own.begin() + first, end = begin + static_cast<int64_t>(indices.size());
  const auto count = static_cast<int64_t>(rows.at.size());
  Shape joint(own.begin(), begin), part = joint, given = joint;
  given.insert(given.end(), rows.shape.begin(), rows.shape.end());
  joint.push_back(Dim(rows.size));
  part.push_back(Dim(count));
  for (Shape* s : {&joint, &part, &given}) s->insert(s->end(), end, own.end());
  const DType dtype = l.type(x).dtype;
  FASTC_TRY(auto v, l.materialize(values, dtype));
  FASTC_TRY(v, l.cast(v, dtype));
  FASTC_TRY(v, l.expand(v, given));
  FASTC_TRY(v, l.reshape(v, part));
  FASTC_TRY(auto flat, l.reshape(x, joint));
  FASTC_TRY(auto both, l.emit("concat", {flat, v}, {{"axis", first}}));
  std::vector<int64_t> from(static_cast<size_t>(rows.size));
  std::iota(from.begin(), from.end(), 0);
  for (int64_t i = 0; i < count; ++i) from[static_cast<size_t>(rows.at[static_cast<size_t>(i)])] = rows.size + i;
  FASTC_TRY(auto mixed, l.emit("index_select", {both, Tensor::of<int64_t>({rows.size}, from)}, {{"axis", first}}));
  return l.reshape(mixed, own);
}

// x[order] = v where the rows are named by an order of all of them: every row is written, and the order of the order tells from where.
bool names_every_row(Lowering& l, const TensorArg& x, const std::vector<TensorArg>& indices, int64_t first) {
  const Node* order = indices.size() == 1 ? l.module().producer(indices[0].id) : nullptr;
  return order && order->op->name == "argsort" && l.shape(indices[0]) == Shape{l.shape(x)[static_cast<size_t>(first)]};
}

Result<TensorArg> put_all_rows(Lowering& l, const TensorArg& x, const TensorArg& order, int64_t first, const Arg& values) {
  FASTC_TRY(auto v, spread(l, values, x));
  FASTC_TRY(auto from, l.emit("argsort", {order}));
  return l.emit("index_select", {v, from}, {{"axis", first}});
}

Result<ArgList> index_put(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  const ArgList* list = call.arg("indices").list();
  if (!list) return input_error("expected a list of indices");
  if (call.flag_or("accumulate", false)) return input_error("adding to rows by index (accumulate=True) is not supported");
  std::vector<TensorArg> indices;
  int64_t first = 0;
  for (size_t i = 0; i < list->size(); ++i) {
    const TensorArg* t = (*list)[i].tensor();
    if (!t && !(*list)[i].none()) return input_error("indices: expected tensors");
    if (!t) continue;
    if (indices.empty()) first = static_cast<int64_t>(i);
    if (static_cast<int64_t>(i) != first + static_cast<int64_t>(indices.size())) return input_error("writing by indices of axes that are not neighbours is not supported; permute first");
    indices.push_back(*t);
  }
  if (indices.empty()) return one(spread(l, call.arg("values"), x));
  const DType dtype = l.type(indices[0]).dtype;
  if (dtype == DType::kBool) {
    if (indices.size() > 1) return input_error("writing by a mask and other indices is not supported; use torch.where");
    return one(put_where(l, x, indices[0], first, call.arg("values")));
  }
  if (dtype != DType::kI64 && dtype != DType::kI32) return input_error("indices: expected i64, i32 or bool, found {}", name_of(dtype));
  if (first + static_cast<int64_t>(indices.size()) > l.rank(x)) return input_error("more indices than axes in [{}]", shape_text(l.shape(x)));
  if (names_every_row(l, x, indices, first)) return one(put_all_rows(l, x, indices[0], first, call.arg("values")));
  return one(put_rows(l, x, indices, first, call.arg("values")));
}

constexpr RuleEntry kRules[] = {{"fill", fill}, {"zero", fill}, {"copy", copy}, {"slice_scatter", slice_scatter}, {"select_scatter", select_scatter}, {"index_put", index_put}};

}  // namespace

std::span<const RuleEntry> write_rules() { return kRules; }

}  // namespace fastc::aten
