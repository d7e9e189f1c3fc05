// Ops that only move or rename elements: reshape, permute, slice, expand, pad.
#include <algorithm>
#include <cstdint>
#include <numeric>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

Result<ArgList> view(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  if (auto other = call.optional_tensor("other")) return one(l.reshape(x, l.shape(*other)));
  if (call.has("dtype")) return input_error("reading a tensor's bits as another type is not supported");
  FASTC_TRY(Shape size, call.dims(call.has("shape") ? "shape" : "size"));
  return one(l.reshape(x, std::move(size)));
}

Result<ArgList> flatten(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  const Shape& from = l.shape(x);
  FASTC_TRY(int64_t start, l.axis(call.integer_or("start_dim", 0), l.rank(x)));
  FASTC_TRY(int64_t end, l.axis(call.integer_or("end_dim", -1), l.rank(x)));
  if (end < start) return input_error("start_dim {} lies behind end_dim {}", start, end);
  Shape to(from.begin(), from.begin() + start);
  to.push_back(product(Shape(from.begin() + start, from.empty() ? from.end() : from.begin() + end + 1)));
  if (!from.empty()) to.insert(to.end(), from.begin() + end + 1, from.end());
  return one(l.reshape(x, std::move(to)));
}

Result<ArgList> unflatten(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  FASTC_TRY(Shape sizes, call.dims("sizes"));
  const Shape& from = l.shape(x);
  Shape to(from.begin(), from.begin() + axis);
  to.insert(to.end(), sizes.begin(), sizes.end());
  to.insert(to.end(), from.begin() + axis + 1, from.end());
  return one(l.reshape(x, std::move(to)));
}

Result<ArgList> squeeze(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  const Shape& from = l.shape(x);
  std::vector<bool> drop(from.size(), !call.has("dim"));
  if (call.has("dim")) {
    FASTC_TRY(auto dims, call.integers("dim"));
    for (int64_t d : dims) {
      FASTC_TRY(int64_t axis, l.axis(d, l.rank(x)));
      if (!from.empty()) drop[static_cast<size_t>(axis)] = true;
    }
  }
  Shape to;
  for (size_t i = 0; i < from.size(); ++i)
    if (!drop[i] || !(from[i] == Dim(1))) to.push_back(from[i]);
  return one(l.reshape(x, std::move(to)));
}

Result<ArgList> unsqueeze(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x) + 1));
  Shape to = l.shape(x);
  to.insert(to.begin() + axis, Dim(1));
  return one(l.reshape(x, std::move(to)));
}

std::vector<int64_t> identity_perm(int64_t rank) {
  std::vector<int64_t> perm(static_cast<size_t>(rank));
  std::iota(perm.begin(), perm.end(), 0);
  return perm;
}

Result<ArgList> permute(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto dims, call.integers("dims"));
  std::vector<int64_t> perm;
  for (int64_t d : dims) {
    FASTC_TRY(int64_t axis, l.axis(d, l.rank(x)));
    perm.push_back(axis);
  }
  return one(l.permute(x, std::move(perm)));
}

Result<ArgList> transpose(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  int64_t rank = l.rank(x);
  if (rank < 2) return ArgList{Arg{x}};
  bool last = call.op == "t" || call.op == "numpy_T" || call.op == "mT";
  const bool axes = call.op == "swapaxes";
  FASTC_TRY(int64_t a, l.axis(last ? rank - 2 : call.integer_or(axes ? "axis0" : "dim0", 0), rank));
  FASTC_TRY(int64_t b, l.axis(last ? rank - 1 : call.integer_or(axes ? "axis1" : "dim1", 1), rank));
  auto perm = identity_perm(rank);
  if (call.op == "numpy_T") {
    std::ranges::reverse(perm);
  } else {
    std::swap(perm[static_cast<size_t>(a)], perm[static_cast<size_t>(b)]);
  }
  return one(l.permute(x, std::move(perm)));
}

Result<ArgList> movedim(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(auto from, call.integers("source"));
  FASTC_TRY(auto to, call.integers("destination"));
  if (from.size() != 1 || to.size() != 1) return input_error("movedim of several axes is not supported; use permute");
  FASTC_TRY(int64_t source, l.axis(from[0], l.rank(x)));
  FASTC_TRY(int64_t target, l.axis(to[0], l.rank(x)));
  auto perm = identity_perm(l.rank(x));
  perm.erase(perm.begin() + source);
  perm.insert(perm.begin() + target, source);
  return one(l.permute(x, std::move(perm)));
}

// list[start:end:step]
Result<ArgList> slice_list(const ArgList& list, const Call& call) {
  const auto n = static_cast<int64_t>(list.size());
  const auto number = [&](std::string_view name, int64_t fallback) { return call.has(name) ? call.integer(name) : Result<int64_t>(fallback); };
  const auto inside = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + n : at, 0, n); };
  FASTC_TRY(const int64_t start, number("start", 0));
  FASTC_TRY(const int64_t end, number("end", n));
  FASTC_TRY(const int64_t step, number("step", 1));
  if (step < 1) return input_error("a slice's step must be positive, found {}", step);
  ArgList part;
  for (int64_t i = inside(start); i < inside(end); i += step) part.push_back(list[static_cast<size_t>(i)]);
  return ArgList{Arg{std::move(part)}};
}

Result<ArgList> slice(Lowering& l, const Call& call) {
  if (const ArgList* list = call.arg("l").list()) return slice_list(*list, call);
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(x)));
  FASTC_TRY(const Dim start, call.dim_or("start", 0));
  FASTC_TRY(const Dim end, call.dim_or("end", INT64_MAX));
  return one(l.slice(x, axis, start, end, call.integer_or("step", 1)));
}

Result<ArgList> select(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  FASTC_TRY(Dim index, call.dim("index"));
  Shape shape = l.shape(x);
  const Dim size = shape[static_cast<size_t>(axis)];
  if (index.is_constant() && index.constant() < 0) index = index + size;
  FASTC_TRY(auto part, l.slice(x, axis, index, index + 1));
  shape.erase(shape.begin() + axis);
  return one(l.reshape(part, std::move(shape)));
}

Result<ArgList> narrow(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  FASTC_TRY(Dim start, call.dim("start"));
  FASTC_TRY(Dim length, call.dim("length"));
  return one(l.slice(x, axis, start, start + length));
}

Result<ArgList> expand(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  if (auto other = call.optional_tensor("other")) return one(l.expand(x, l.shape(*other)));
  FASTC_TRY(Shape size, call.dims("size"));
  return one(l.expand(x, std::move(size)));
}

// repeat(r): each axis r times. Axes of length 1 expand; others go through a new axis in front of them.
Result<ArgList> repeat(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(Shape times, call.dims("repeats"));
  Shape from = l.shape(x);
  if (times.size() < from.size()) return input_error("expected at least {} repeats, found {}", from.size(), times.size());
  from.insert(from.begin(), times.size() - from.size(), Dim(1));
  Shape split, wide, to;
  for (size_t i = 0; i < from.size(); ++i) {
    if (!(times[i] == Dim(1)) && !(from[i] == Dim(1))) {
      split.push_back(Dim(1));
      wide.push_back(times[i]);
      split.push_back(from[i]);
      wide.push_back(from[i]);
    } else {
      split.push_back(from[i]);
      wide.push_back(from[i] * times[i]);
    }
    to.push_back(from[i] * times[i]);
  }
  FASTC_TRY(auto a, l.reshape(x, std::move(split)));
  FASTC_TRY(auto b, l.expand(a, std::move(wide)));
  return one(l.reshape(b, std::move(to)));
}

// Where element i of a padded axis of length n comes from: mirrored without the edge, the edge repeated, or from the other end.
int64_t padded_from(std::string_view mode, int64_t i, int64_t n) {
  if (mode == "replicate") return std::clamp<int64_t>(i, 0, n - 1);
  if (mode == "circular") return (i % n + n) % n;
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

// Padding with the tensor's own elements: reads each padded axis by a constant list.
Result<ArgList> pad_with_own(Lowering& l, const Call& call, std::string_view mode) {
  FASTC_TRY(auto y, call.tensor("self"));
  FASTC_TRY(auto pads, call.integers(call.has("pad") ? "pad" : "padding"));
  if (mode != "reflect" && mode != "replicate" && mode != "circular") return input_error("padding mode \"{}\" is not supported; use constant, reflect, replicate or circular", mode);
  const int64_t rank = l.rank(y);
  if (pads.size() % 2 != 0 || static_cast<int64_t>(pads.size()) > 2 * rank) return input_error("expected at most {} pads, in pairs, found {}", 2 * rank, pads.size());
  for (size_t k = 0; k < pads.size() / 2; ++k) {
    const int64_t axis = rank - 1 - static_cast<int64_t>(k), begin = pads[2 * k], end = pads[2 * k + 1];
    const Dim size = l.shape(y)[static_cast<size_t>(axis)];
    if (begin == 0 && end == 0) continue;
    if (!size.is_constant()) return input_error("cannot pad an axis of length {} in the mode {}; fix the size", size.text(), mode);
    const int64_t n = size.constant(), most = mode == "reflect" ? n - 1 : mode == "circular" ? n : INT64_MAX;
    if (n < 1 || begin > most || end > most || begin + n + end < 0) return input_error("pads {} and {} do not fit an axis of length {} in the mode {}", begin, end, n, mode);
    std::vector<int64_t> from;
    for (int64_t i = -begin; i < n + end; ++i) from.push_back(padded_from(mode, i, n));
    const auto length = static_cast<int64_t>(from.size());
    FASTC_TRY(y, l.emit("index_select", {y, Tensor::of<int64_t>({length}, from)}, {{"axis", axis}}));
  }
  return ArgList{Arg{y}};
}

// reflection_pad1d and its like.
Result<ArgList> named_pad(Lowering& l, const Call& call) { return pad_with_own(l, call, call.op.starts_with("reflection") ? "reflect" : "replicate"); }

// Each element `repeats` times in its place; without an axis of the flattened tensor.
Result<ArgList> repeat_interleave(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  if (call.arg("repeats").tensor()) return input_error("how often each element is repeated depends on the data; pass a number");
  FASTC_TRY(int64_t times, call.integer("repeats"));
  if (times < 1) return input_error("expected a positive number of repeats, found {}", times);
  if (!call.has("dim")) {
    FASTC_TRY(x, l.reshape(x, {product(l.shape(x))}));
  }
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(x)));
  Shape column = l.shape(x), to = column;
  column.insert(column.begin() + axis + 1, Dim(1));
  Shape wide = column;
  wide[static_cast<size_t>(axis) + 1] = Dim(times);
  to[static_cast<size_t>(axis)] = to[static_cast<size_t>(axis)] * Dim(times);
  FASTC_TRY(auto behind, l.reshape(x, std::move(column)));
  FASTC_TRY(auto repeated, l.expand(behind, std::move(wide)));
  return one(l.reshape(repeated, std::move(to)));
}

// Vectors spread over a grid, one axis each; with indexing "xy" the first two axes are swapped.
Result<ArgList> meshgrid(Lowering& l, const Call& call) {
  FASTC_TRY(auto vectors, call.tensors("tensors"));
  const std::string* indexing = call.arg("indexing").text();
  const bool swapped = indexing && *indexing == "xy" && vectors.size() > 1;
  if (swapped) std::swap(vectors[0], vectors[1]);
  Shape grid;
  for (const auto& v : vectors) {
    if (l.rank(v) > 1) return input_error("expected vectors, found [{}]", shape_text(l.shape(v)));
    grid.push_back(product(l.shape(v)));
  }
  ArgList out;
  for (size_t i = 0; i < vectors.size(); ++i) {
    Shape column(grid.size(), Dim(1));
    column[i] = grid[i];
    FASTC_TRY(auto along, l.reshape(vectors[i], std::move(column)));
    FASTC_TRY(auto spread, l.expand(along, grid));
    out.push_back(Arg{spread});
  }
  if (swapped) std::swap(out[0], out[1]);
  return ArgList{Arg{std::move(out)}};
}

// aten lists pads from the last axis backwards: (last begin, last end, before last begin, …).
Result<ArgList> pad(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  const std::string* mode = call.arg("mode").text();
  if (mode && *mode != "constant") return pad_with_own(l, call, *mode);
  FASTC_TRY(auto pads, call.integers("pad"));
  auto rank = static_cast<size_t>(l.rank(x));
  if (pads.size() % 2 != 0 || pads.size() > 2 * rank) return input_error("expected at most {} pads, in pairs, found {}", 2 * rank, pads.size());
  std::vector<int64_t> padding(2 * rank, 0);
  TensorArg y = x;
  for (size_t i = 0; i < pads.size() / 2; ++i) {
    size_t axis = rank - 1 - i;
    int64_t begin = pads[2 * i], end = pads[2 * i + 1];
    if (begin < 0 || end < 0) {  // negative pads cut
      const Dim size = l.shape(y)[axis];
      FASTC_TRY(y, l.slice(y, static_cast<int64_t>(axis), Dim(std::max<int64_t>(0, -begin)), size - Dim(std::max<int64_t>(0, -end))));
    }
    padding[axis] = std::max<int64_t>(0, begin);
    padding[rank + axis] = std::max<int64_t>(0, end);
  }
  if (std::ranges::all_of(padding, [](int64_t p) { return p == 0; })) return ArgList{Arg{y}};
  return one(l.emit("pad", {y}, {{"padding", padding}, {"value", call.number_or("value", 0)}}));
}

// [N, C·r², H, W] → [N, C, H·r, W·r]
Result<ArgList> pixel_shuffle(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t r, call.integer("upscale_factor"));
  Shape s = l.shape(x);
  if (s.size() != 4 || r < 1) return input_error("expected an input of 4 axes, found [{}]", shape_text(s));
  FASTC_TRY(Dim c, Dim::exact_div(s[1], Dim(r * r)));
  FASTC_TRY(auto split, l.reshape(x, {s[0], c, Dim(r), Dim(r), s[2], s[3]}));
  FASTC_TRY(auto moved, l.permute(split, {0, 1, 4, 2, 5, 3}));
  return one(l.reshape(moved, {s[0], c, s[2] * Dim(r), s[3] * Dim(r)}));
}

// [N, C, H·r, W·r] → [N, C·r², H, W]
Result<ArgList> pixel_unshuffle(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t r, call.integer("downscale_factor"));
  Shape s = l.shape(x);
  if (s.size() != 4 || r < 1) return input_error("expected an input of 4 axes, found [{}]", shape_text(s));
  FASTC_TRY(Dim h, Dim::exact_div(s[2], Dim(r)));
  FASTC_TRY(Dim w, Dim::exact_div(s[3], Dim(r)));
  FASTC_TRY(auto split, l.reshape(x, {s[0], s[1], h, Dim(r), w, Dim(r)}));
  FASTC_TRY(auto moved, l.permute(split, {0, 1, 3, 5, 2, 4}));
  return one(l.reshape(moved, {s[0], s[1] * Dim(r * r), h, w}));
}

// [N, G·C, …] → [N, C·G, …]: the groups' channels interleaved.
Result<ArgList> channel_shuffle(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t groups, call.integer("groups"));
  const Shape s = l.shape(x);
  if (s.size() < 3 || groups < 1) return input_error("expected an input of at least 3 axes, found [{}]", shape_text(s));
  FASTC_TRY(Dim channels, Dim::exact_div(s[1], Dim(groups)));
  Shape split = s;
  split[1] = Dim(groups);
  split.insert(split.begin() + 2, channels);
  FASTC_TRY(auto grouped, l.reshape(x, std::move(split)));
  auto perm = identity_perm(static_cast<int64_t>(s.size()) + 1);
  std::swap(perm[1], perm[2]);
  FASTC_TRY(auto moved, l.permute(grouped, std::move(perm)));
  return one(l.reshape(moved, s));
}

// What is pushed out at the end of an axis comes in again at its beginning.
Result<ArgList> roll(Lowering& l, const Call& call) {
  FASTC_TRY(auto y, call.tensor("self"));
  FASTC_TRY(auto shifts, call.integers("shifts"));
  FASTC_TRY(auto dims, call.integers("dims"));
  if (dims.size() != shifts.size()) return input_error("expected a shift for each of {} axes, found {}", dims.size(), shifts.size());
  for (size_t i = 0; i < dims.size(); ++i) {
    FASTC_TRY(int64_t axis, l.axis(dims[i], l.rank(y)));
    const Dim size = l.shape(y)[static_cast<size_t>(axis)];
    if (!size.is_constant()) return input_error("cannot roll an axis of length {}; fix the size", size.text());
    const int64_t n = size.constant(), shift = n == 0 ? 0 : ((shifts[i] % n) + n) % n;
    if (shift == 0) continue;
    FASTC_TRY(auto last, l.slice(y, axis, Dim(n - shift), Dim(n)));
    FASTC_TRY(auto first, l.slice(y, axis, Dim(0), Dim(n - shift)));
    FASTC_TRY(y, l.emit("concat", {last, first}, {{"axis", axis}}));
  }
  return ArgList{Arg{y}};
}

constexpr RuleEntry kRules[] = {
    {"view", view}, {"reshape", view}, {"_unsafe_view", view}, {"view_as", view}, {"reshape_as", view}, {"view_copy", view}, {"flatten", flatten},
    {"unflatten", unflatten}, {"squeeze", squeeze}, {"unsqueeze", unsqueeze}, {"permute", permute}, {"transpose", transpose}, {"swapaxes", transpose}, {"swapdims", transpose},
    {"t", transpose}, {"numpy_T", transpose}, {"mT", transpose}, {"movedim", movedim}, {"slice", slice}, {"select", select}, {"narrow", narrow},
    {"expand", expand}, {"expand_as", expand}, {"repeat", repeat}, {"repeat_interleave", repeat_interleave}, {"meshgrid", meshgrid}, {"pad", pad}, {"constant_pad_nd", pad},
    {"reflection_pad1d", named_pad}, {"reflection_pad2d", named_pad}, {"replication_pad1d", named_pad}, {"replication_pad2d", named_pad}, {"pixel_shuffle", pixel_shuffle},
    {"pixel_unshuffle", pixel_unshuffle}, {"channel_shuffle", channel_shuffle}, {"native_channel_shuffle", channel_shuffle}, {"roll", roll},
};

}  // namespace

std::span<const RuleEntry> view_rules() { return kRules; }

}  // namespace fastc::aten
