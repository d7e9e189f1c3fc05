// One tensor into several, and several into one.
#include <algorithm>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

Result<ArgList> cat(Lowering& l, const Call& call) {
  FASTC_TRY(auto parts, call.tensors("tensors"));
  if (parts.empty()) return input_error("nothing to join");
  // An empty tensor of one axis joins with anything (aten keeps this for old models).
  std::erase_if(parts, [&](const TensorArg& t) { return l.shape(t) == Shape{Dim(0)}; });
  if (parts.size() == 1) return ArgList{Arg{parts[0]}};
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(parts[0])));
  Operands operands(parts.begin(), parts.end());
  return one(l.emit("concat", std::move(operands), {{"axis", axis}}));
}

Result<ArgList> stack(Lowering& l, const Call& call) {
  FASTC_TRY(auto parts, call.tensors("tensors"));
  if (parts.empty()) return input_error("nothing to join");
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(parts[0]) + 1));
  Operands operands;
  for (const TensorArg& t : parts) {
    Shape to = l.shape(t);
    to.insert(to.begin() + axis, Dim(1));
    FASTC_TRY(auto wide, l.reshape(t, std::move(to)));
    operands.push_back(wide);
  }
  return one(l.emit("concat", std::move(operands), {{"axis", axis}}));
}

Result<ArgList> pieces(Lowering& l, const TensorArg& x, int64_t axis, const Shape& sizes) {
  ArgList out;
  Dim at(0);
  for (const Dim& size : sizes) {
    FASTC_TRY(auto part, l.slice(x, axis, at, at + size));
    out.push_back(Arg{part});
    at = at + size;
  }
  return ArgList{Arg{std::move(out)}};
}

Result<int64_t> fixed_size(Lowering& l, const TensorArg& x, int64_t axis) {
  const Dim& size = l.shape(x)[static_cast<size_t>(axis)];
  if (!size.is_constant()) return input_error("cannot split an axis of length {}: how many parts there are is not known", size.text());
  return size.constant();
}

Shape parts_of(int64_t size, int64_t part) {
  Shape sizes;
  for (int64_t at = 0; at < size; at += part) sizes.push_back(Dim(std::min(part, size - at)));
  if (sizes.empty()) sizes.push_back(Dim(0));
  return sizes;
}

Result<ArgList> split(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(x)));
  for (std::string_view name : {"split_sizes", "split_size"})
    if (call.arg(name).list()) {
      FASTC_TRY(Shape sizes, call.dims(name));
      return pieces(l, x, axis, sizes);
    }
  FASTC_TRY(int64_t part, call.integer("split_size"));
  FASTC_TRY(int64_t size, fixed_size(l, x, axis));
  if (part < 1) return input_error("split_size must be positive, found {}", part);
  return pieces(l, x, axis, parts_of(size, part));
}

Result<ArgList> chunk(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(x)));
  FASTC_TRY(int64_t chunks, call.integer("chunks"));
  FASTC_TRY(int64_t size, fixed_size(l, x, axis));
  if (chunks < 1) return input_error("chunks must be positive, found {}", chunks);
  return pieces(l, x, axis, parts_of(size, std::max<int64_t>(1, (size + chunks - 1) / chunks)));
}

Result<ArgList> unbind(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", 0), l.rank(x)));
  FASTC_TRY(int64_t size, fixed_size(l, x, axis));
  Shape to = l.shape(x);
  to.erase(to.begin() + axis);
  ArgList out;
  for (int64_t i = 0; i < size; ++i) {
    FASTC_TRY(auto part, l.slice(x, axis, Dim(i), Dim(i + 1)));
    FASTC_TRY(auto row, l.reshape(part, to));
    out.push_back(Arg{row});
  }
  return ArgList{Arg{std::move(out)}};
}

// x[:half] * sigmoid(x[half:])
Result<ArgList> glu(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", -1), l.rank(x)));
  FASTC_TRY(int64_t size, fixed_size(l, x, axis));
  if (size % 2 != 0) return input_error("glu needs an even axis, found {}", size);
  FASTC_TRY(auto a, l.slice(x, axis, Dim(0), Dim(size / 2)));
  FASTC_TRY(auto b, l.slice(x, axis, Dim(size / 2), Dim(size)));
  FASTC_TRY(auto gate, l.emit("sigmoid", {b}));
  return one(l.emit("mul", {a, gate}));
}

// y[i] = x[i+1] - x[i], after joining prepend, x and append.
Result<ArgList> diff(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  if (call.integer_or("n", 1) != 1) return input_error("differences of order {} are not supported", call.integer_or("n", 1));
  FASTC_TRY(int64_t axis, l.axis(call.integer_or("dim", -1), l.rank(x)));
  if (l.type(x).dtype == DType::kBool) return input_error("differences of bools are not supported");
  Operands parts;
  if (call.has("prepend")) parts.push_back(operand(call.optional_tensor("prepend")));
  parts.push_back(x);
  if (call.has("append")) parts.push_back(operand(call.optional_tensor("append")));
  if (parts.size() > 1) {
    FASTC_TRY(x, l.emit("concat", std::move(parts), {{"axis", axis}}));
  }
  const Dim size = l.shape(x)[static_cast<size_t>(axis)];
  FASTC_TRY(auto later, l.slice(x, axis, Dim(1), size));
  FASTC_TRY(auto earlier, l.slice(x, axis, Dim(0), size - Dim(1)));
  return one(l.emit("sub", {later, earlier}));
}

constexpr RuleEntry kRules[] = {
    {"cat", cat}, {"concat", cat}, {"stack", stack}, {"split", split}, {"split_with_sizes", split}, {"chunk", chunk}, {"unsafe_chunk", chunk}, {"unsafe_split", split}, {"unsafe_split_with_sizes", split}, {"unbind", unbind}, {"glu", glu}, {"diff", diff},
};

}  // namespace

std::span<const RuleEntry> join_rules() { return kRules; }

}  // namespace fastc::aten
