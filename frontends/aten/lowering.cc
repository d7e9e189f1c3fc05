#include "frontends/aten/lowering.h"

#include <algorithm>
#include <cstdint>

namespace fastc::aten {

Operand operand(const std::optional<TensorArg>& t) {
  if (!t) return std::monostate{};
  return *t;
}

bool is_layer_class(std::string_view name) {
  return name.starts_with("torch.nn.modules.") && !name.starts_with("torch.nn.modules.container.");
}

std::string Lowering::node_name(std::string_view op, const std::string& owner_weight) {
  if (size_t dot = owner_weight.rfind('.'); dot != std::string::npos) {
    bool inside = owner_weight.starts_with(scope_ + ".");
    return module_.fresh_name(layer_ && !inside ? scope_ : owner_weight.substr(0, dot));
  }
  std::string base = scope_.empty() ? std::string(op) : fmt::format("{}.{}", scope_, op);
  int number = ++counters_[base];
  return module_.fresh_name(fmt::format("{}_{}", base, number));
}

TensorArg Lowering::weight(const std::string& path, const Tensor& data, bool trainable) {
  if (auto it = by_path_.find(path); it != by_path_.end()) return {it->second, path};
  ValueId id = kNoId;
  for (const auto& [other, other_id] : by_path_)
    if (data.elements() > 1 && module_.weight(other_id).data.same_memory(data)) id = other_id;
  if (id == kNoId) {
    std::string name = module_.fresh_name(path);
    id = module_.add_weight(name, Weight{data, {}, trainable});
  }
  by_path_[path] = id;
  return {id, path};
}

Result<std::vector<TensorArg>> Lowering::emit_all(std::string_view op, Operands operands, Attrs attrs, const std::string& owner_weight) {
  std::string name = node_name(op, owner_weight);
  std::vector<ValueId> inputs;
  for (Operand& o : operands) {
    if (auto* t = std::get_if<TensorArg>(&o)) {
      inputs.push_back(t->id);
    } else if (auto* constant = std::get_if<Tensor>(&o)) {
      inputs.push_back(module_.add_weight(module_.fresh_name(name + ".constant"), Weight{std::move(*constant), {}, false}));
    } else {
      inputs.push_back(kNoId);
    }
  }
  while (!inputs.empty() && inputs.back() == kNoId) inputs.pop_back();
  FASTC_TRY(NodeId id, module_.add_node(op, name, std::move(inputs), std::move(attrs)));
  Node& node = module_.node(id);
  node.source = source_;
  std::vector<TensorArg> results;
  for (ValueId value : node.outputs) results.push_back({value, {}});
  return results;
}

Result<TensorArg> Lowering::emit(std::string_view op, Operands operands, Attrs attrs, const std::string& owner_weight) {
  FASTC_TRY(auto results, emit_all(op, std::move(operands), std::move(attrs), owner_weight));
  return results.front();
}

Result<TensorArg> Lowering::cast(const TensorArg& t, DType to) {
  if (type(t).dtype == to) return t;
  return emit("cast", {t}, {{"dtype", std::string(name_of(to))}});
}

Result<TensorArg> Lowering::reshape(const TensorArg& t, Shape to) {
  const Shape& from = shape(t);
  auto infer = std::ranges::find(to, Dim(-1));
  if (infer != to.end()) {
    *infer = Dim(1);
    auto size = Dim::exact_div(product(from), product(to));
    if (!size) return input_error("cannot view [{}] as [{}, -1 there]: {}", shape_text(from), shape_text(to), size.error().message);
    *infer = std::move(*size);
  }
  if (to == from) return t;
  return emit("reshape", {t}, {{"shape", std::move(to)}});
}

Result<TensorArg> Lowering::permute(const TensorArg& t, std::vector<int64_t> perm) {
  bool identity = true;
  for (size_t i = 0; i < perm.size(); ++i) identity &= perm[i] == static_cast<int64_t>(i);
  if (identity) return t;
  if (!is_weight(t) || perm.size() != 2) return emit("permute", {t}, {{"perm", std::move(perm)}});
  if (auto it = transposed_.find(t.id); it != transposed_.end()) return TensorArg{it->second, t.path};
  const Weight& w = module_.weight(t.id);
  const auto &sizes = w.data.shape(), &strides = w.data.strides();
  Weight flipped = w;
  flipped.data = Tensor::view(w.data.dtype(), {sizes[1], sizes[0]}, {strides[1], strides[0]}, w.data.raw(), w.data.owner());
  ValueId id = module_.add_weight(module_.fresh_name(module_.value(t.id).name + ".transposed"), std::move(flipped));
  transposed_[t.id] = id;
  transposed_[id] = t.id;
  return TensorArg{id, t.path};
}

Result<std::pair<Dim, Dim>> Lowering::bounds(const Dim& size, Dim start, Dim end) const {
  // Into [0, size]; what cannot be told apart for every size is refused, because both readings would be wrong for some input.
  auto clamp = [&](Dim at) -> Result<Dim> {
    if (at.is_constant() && at.constant() == INT64_MAX) return size;
    if (at.is_constant() && at.constant() < 0) at = at + size;
    if (always_le(size, at)) return size;
    if (always_le(at, Dim(0))) return Dim(0);
    if (always_le(Dim(0), at) && always_le(at, size)) return at;
    return input_error("cannot tell whether the slice bound {} lies within the axis of length {} for every size; fix the size, or give its symbol a range",
                       at.text(), size.text());
  };
  FASTC_TRY(Dim first, clamp(std::move(start)));
  FASTC_TRY(Dim last, clamp(std::move(end)));
  if (!always_le(first, last)) {
    if (!always_le(last, first)) return input_error("cannot tell whether the slice from {} to {} is empty", first.text(), last.text());
    last = first;
  }
  return std::pair(std::move(first), std::move(last));
}

Result<TensorArg> Lowering::slice(const TensorArg& t, int64_t axis, Dim start, Dim end, int64_t step) {
  if (step < 1) return input_error("a slice's step must be positive, found {}", step);
  const Dim size = shape(t)[static_cast<size_t>(axis)];
  FASTC_TRY(const auto range, bounds(size, std::move(start), std::move(end)));
  const auto& [first, last] = range;
  if (first == Dim(0) && last == size && step == 1) return t;
  FASTC_TRY(TensorArg part, emit("slice", {t}, {{"axis", axis}, {"start", first}, {"end", last}, {"step", step}}));
  if (is_weight(t)) part.path = t.path;  // the layer that uses a part of a weight is called after it, too
  return part;
}

Result<TensorArg> Lowering::expand(const TensorArg& t, Shape to) {
  const Shape& from = shape(t);
  if (to.size() < from.size()) return input_error("cannot expand [{}] to the shorter [{}]", shape_text(from), shape_text(to));
  size_t lead = to.size() - from.size();
  for (size_t i = 0; i < to.size(); ++i)
    if (to[i] == Dim(-1)) {
      if (i < lead) return input_error("cannot expand [{}] to [{}]: a new axis needs a size", shape_text(from), shape_text(to));
      to[i] = from[i - lead];
    }
  if (to == from) return t;
  return emit("expand", {t}, {{"shape", std::move(to)}});
}

Result<TensorArg> Lowering::full(Shape shape, double value, DType dtype) {
  if (shape.empty()) return materialize(Arg{value}, dtype);
  return emit("expand", {scalar_tensor(value, dtype)}, {{"shape", std::move(shape)}});
}

Result<TensorArg> Lowering::materialize(const Arg& arg, DType dtype) {
  if (const TensorArg* t = arg.tensor()) return *t;
  double value = 0;
  if (const Dim* d = arg.dim()) {
    if (!d->is_constant()) {
      // The only op that turns a size into a value: an iota of length 1 cannot start at a symbol, so the last of `size + 1` numbers is taken.
      FASTC_TRY(TensorArg count, emit("iota", {}, {{"length", *d + 1}, {"start", 0.0}, {"step", 1.0}, {"dtype", std::string("i64")}}));
      FASTC_TRY(TensorArg last, slice(count, 0, *d, *d + 1));
      FASTC_TRY(TensorArg rank0, reshape(last, {}));
      return cast(rank0, dtype);
    }
    value = static_cast<double>(d->constant());
  } else if (const bool* flag = arg.flag()) {
    value = *flag ? 1 : 0;
  } else if (const double* number = arg.number()) {
    value = *number;
  } else {
    return input_error("expected a tensor or a number");
  }
  return constant(scalar_tensor(value, dtype));
}

TensorArg Lowering::constant(Tensor data) {
  std::string name = module_.fresh_name(scope_.empty() ? "constant" : scope_ + ".constant");
  return TensorArg{module_.add_weight(name, Weight{std::move(data), {}, false}), {}};
}

Result<int64_t> Lowering::axis(int64_t axis, int64_t rank) const {
  int64_t limit = std::max<int64_t>(rank, 1);
  if (axis < -limit || axis >= limit) return input_error("axis {} is out of range for {} axes", axis, rank);
  return axis < 0 ? axis + limit : axis;
}

}  // namespace fastc::aten
