// Tensors made from numbers.
#include <algorithm>
#include <cmath>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

// arange(end), arange(start, end), arange(start, end, step)
Result<ArgList> arange(Lowering& l, const Call& call) {
  bool floats = call.arg("start").number() || call.arg("end").number() || call.arg("step").number();
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", floats ? DType::kF32 : DType::kI64));
  double start = 0, step = call.number_or("step", 1);
  if (call.has("start")) {
    auto s = call.number("start");
    if (!s) return input_error("arange from a size that is not fixed ({}) is not supported", call.arg("start").dim() ? call.arg("start").dim()->text() : "?");
    start = *s;
  }
  if (step == 0) return input_error("arange with step 0");
  Dim length(0);
  if (auto end = call.number("end")) {
    double n = std::ceil((*end - start) / step);
    if (!(n < 1e9)) return input_error("arange of {} numbers", n);
    length = Dim(n > 0 ? static_cast<int64_t>(n) : 0);
  } else {
    FASTC_TRY(Dim symbolic, call.dim("end"));
    if (start != std::floor(start) || step != std::floor(step) || step < 1) return input_error("arange to {} needs a whole start and a positive whole step", symbolic.text());
    auto s = static_cast<int64_t>(step);
    length = floor_div(symbolic - Dim(static_cast<int64_t>(start)) + Dim(s - 1), s);
  }
  DType counted = dtype == DType::kI64 || dtype == DType::kI32 || dtype == DType::kF32 ? dtype : floats ? DType::kF32 : DType::kI64;
  FASTC_TRY(auto y, l.emit("iota", {}, {{"length", length}, {"start", start}, {"step", step}, {"dtype", std::string(name_of(counted))}}));
  return one(l.cast(y, dtype));
}

// zeros, ones, full and their kin: the shape from `size` or like `self`.
Result<ArgList> filled(Lowering& l, const Call& call) {
  Shape shape;
  DType fallback = DType::kF32;
  auto self = call.optional_tensor("self");
  if (call.has("size")) {
    FASTC_TRY(shape, call.dims("size"));
  } else if (self) {
    shape = l.shape(*self);
  } else {
    return input_error("expected a size");
  }
  if (self) fallback = l.type(*self).dtype;
  double value = call.op.find("ones") != std::string::npos ? 1 : 0;
  if (call.op.find("full") != std::string::npos) {
    FASTC_TRY(value, call.number("fill_value"));
    if (!self) fallback = call.arg("fill_value").number() ? DType::kF32 : call.arg("fill_value").flag() ? DType::kBool : DType::kI64;
  }
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", fallback));
  return one(l.full(std::move(shape), value, dtype));
}

Result<TensorArg> numbers(Lowering& l, const Dim& length, double start) {
  return l.emit("iota", {}, {{"length", length}, {"start", start}, {"step", 1.0}, {"dtype", std::string("i64")}});
}

Result<ArgList> eye(Lowering& l, const Call& call) {
  FASTC_TRY(Dim rows, call.dim("n"));
  Dim columns = rows;
  if (call.has("m")) {
    FASTC_TRY(columns, call.dim("m"));
  }
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", DType::kF32));
  FASTC_TRY(auto row, numbers(l, rows, 0));
  FASTC_TRY(auto row_column, l.reshape(row, {rows, Dim(1)}));
  FASTC_TRY(auto column, numbers(l, columns, 0));
  FASTC_TRY(auto diagonal, l.emit("eq", {column, row_column}));
  return one(l.cast(diagonal, dtype));
}

// The triangle as a comparison of row and column numbers: keep where column - row <= diagonal (tril), >= (triu).
Result<ArgList> triangle(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  int64_t diagonal = call.integer_or("diagonal", 0);
  const Shape s = l.shape(x);
  if (s.size() < 2) return input_error("expected at least 2 axes, found [{}]", shape_text(s));
  const Dim rows = s[s.size() - 2], columns = s.back();
  FASTC_TRY(auto row, numbers(l, rows, static_cast<double>(diagonal)));
  FASTC_TRY(auto row_column, l.reshape(row, {rows, Dim(1)}));
  FASTC_TRY(auto column, numbers(l, columns, 0));
  FASTC_TRY(auto keep, l.emit(call.op == "tril" ? "le" : "ge", {column, row_column}));
  if (l.type(x).dtype == DType::kBool) return one(l.emit("logical_and", {x, keep}));
  return one(l.emit("where", {keep, x, scalar_tensor(0, l.type(x).dtype)}));
}

// Rows and columns of the elements below (tril) or above (triu) a diagonal, [2, count].
Result<ArgList> triangle_indices(Lowering& l, const Call& call) {
  FASTC_TRY(int64_t rows, call.integer("row"));
  FASTC_TRY(int64_t columns, call.integer("col"));
  if (rows < 0 || columns < 0 || rows > 4096 || columns > 4096) return input_error("expected a matrix of at most 4096 rows and columns, found {} and {}", rows, columns);
  const int64_t offset = call.integer_or("offset", 0);
  const bool lower = call.op == "tril_indices";
  std::vector<int64_t> numbers, second;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      if (lower ? c - r <= offset : c - r >= offset) {
        numbers.push_back(r);
        second.push_back(c);
      }
  const auto count = static_cast<int64_t>(second.size());
  numbers.insert(numbers.end(), second.begin(), second.end());
  return one(Result<TensorArg>(l.constant(Tensor::of<int64_t>({2, count}, numbers))));
}

// The numbers of nested lists in order, and how long the lists are.
Status flatten_numbers(const Arg& data, size_t depth, std::vector<double>& values, std::vector<int64_t>& shape, DType& kind) {
  if (const ArgList* list = data.list()) {
    const auto length = static_cast<int64_t>(list->size());
    if (depth == shape.size()) shape.push_back(length);
    if (shape[depth] != length) return input_error("expected lists of one length, found {} and {}", shape[depth], length);
    for (const Arg& item : *list) FASTC_CHECK(flatten_numbers(item, depth + 1, values, shape, kind));
    return {};
  }
  const Call number{.op = {}, .overload = {}, .args = {{"data", data}}};
  FASTC_TRY(const double value, number.number("data"));
  values.push_back(value);
  if (data.number()) kind = DType::kF32;
  if (data.dim() && kind == DType::kBool) kind = DType::kI64;
  return {};
}

// torch.tensor of one number, or of lists of them.
Result<ArgList> tensor_of_numbers(Lowering& l, const Call& call) {
  DType kind = DType::kBool;
  std::vector<double> values;
  std::vector<int64_t> shape;
  FASTC_CHECK(flatten_numbers(call.has("t") ? call.arg("t") : call.arg("data"), 0, values, shape, kind));
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", kind));
  if (dtype == DType::kI64 || dtype == DType::kI32) std::ranges::transform(values, values.begin(), [](double v) { return std::trunc(v); });
  return one(Result<TensorArg>(l.constant(from_doubles(dtype, shape, values))));
}

constexpr RuleEntry kRules[] = {
    {"arange", arange},    {"zeros", filled},     {"ones", filled},     {"full", filled},      {"new_zeros", filled}, {"new_ones", filled}, {"new_full", filled},
    {"zeros_like", filled}, {"ones_like", filled}, {"full_like", filled}, {"empty", filled}, {"new_empty", filled}, {"empty_like", filled}, {"tril", triangle},   {"triu", triangle}, {"eye", eye}, {"tensor", tensor_of_numbers}, {"tril_indices", triangle_indices}, {"triu_indices", triangle_indices},
};

}  // namespace

std::span<const RuleEntry> factory_rules() { return kRules; }

}  // namespace fastc::aten
