#include "frontends/aten/scalar.h"

#include <cmath>

#include "frontends/aten/lowering.h"

namespace fastc::aten {
namespace {

std::optional<double> to_double(const Arg& a) {
  if (const double* d = a.number()) return *d;
  if (const bool* f = a.flag()) return *f ? 1.0 : 0.0;
  if (const Dim* d = a.dim(); d && d->is_constant()) return static_cast<double>(d->constant());
  return std::nullopt;
}

std::optional<Dim> to_dim(const Arg& a) {
  if (const Dim* d = a.dim()) return *d;
  if (const bool* f = a.flag()) return Dim(*f ? 1 : 0);
  return std::nullopt;
}

// A size times 2.0 is a size, too.
std::optional<Dim> whole(const Arg& a) {
  if (const double* d = a.number()) return std::abs(*d) < 9e15 && *d == std::floor(*d) ? std::optional(Dim(static_cast<int64_t>(*d))) : std::nullopt;
  return to_dim(a);
}

tl::unexpected<Error> unknown(std::string_view op, const Dim& a, const Dim& b) {
  return input_error("cannot tell {} of {} and {} for every size; fix the size with the input's shape", op, a.text(), b.text());
}

std::optional<bool> compare(std::string_view op, double a, double b) {
  if (op == "eq") return a == b;
  if (op == "ne") return a != b;
  if (op == "lt") return a < b;
  if (op == "le") return a <= b;
  if (op == "gt") return a > b;
  if (op == "ge") return a >= b;
  return std::nullopt;
}

Result<Dim> fold_div(std::string_view op, const Dim& a, const Dim& b) {
  if (b.is_constant() && b.constant() > 0) return floor_div(a, b.constant());
  if (auto exact = Dim::exact_div(a, b)) return exact;
  return unknown(op, a, b);
}

Result<Arg> fold_dims(std::string_view op, const Dim& a, const Dim& b) {
  if (op == "add") return Arg{a + b};
  if (op == "sub") return Arg{a - b};
  if (op == "mul") return Arg{a * b};
  if (op == "floor_divide" || op == "floordiv") {
    FASTC_TRY(Dim q, fold_div(op, a, b));
    return Arg{q};
  }
  if (op == "remainder" || op == "mod") {
    FASTC_TRY(Dim q, fold_div(op, a, b));
    return Arg{a - q * b};
  }
  if (op == "eq" && a == b) return Arg{true};
  if (op == "ne" && a == b) return Arg{false};
  Dim d = a - b;
  if (d.is_constant())
    if (auto answer = compare(op, static_cast<double>(d.constant()), 0)) return Arg{*answer};
  if ((op == "minimum" || op == "min" || op == "maximum" || op == "max") && d.is_constant()) {
    bool first = op.starts_with("min") ? d.constant() <= 0 : d.constant() >= 0;
    return Arg{first ? a : b};
  }
  if (op == "pow" && a.is_constant() && b.is_constant() && b.constant() >= 0 && b.constant() < 63) {
    Dim p(1);
    for (int64_t i = 0; i < b.constant(); ++i) p = p * a;
    return Arg{p};
  }
  return unknown(op, a, b);
}

Result<Arg> fold_doubles(std::string_view op, double a, double b) {
  if (auto answer = compare(op, a, b)) return Arg{*answer};
  if (op == "add") return Arg{a + b};
  if (op == "sub") return Arg{a - b};
  if (op == "mul") return Arg{a * b};
  if (op == "div" || op == "true_divide") return Arg{a / b};
  if (op == "floor_divide" || op == "floordiv") return Arg{std::floor(a / b)};
  if (op == "remainder") return Arg{a - std::floor(a / b) * b};
  if (op == "pow") return Arg{std::pow(a, b)};
  if (op == "minimum" || op == "min") return Arg{std::min(a, b)};
  if (op == "maximum" || op == "max") return Arg{std::max(a, b)};
  return input_error("{} of two numbers is not supported", op);
}

}  // namespace

bool comparable(const Arg& a, const Arg& b) { return (a.scalar() && b.scalar()) || (a.text() && b.text()) || (a.list() && b.list()); }

namespace {

// eq and ne of texts, and of lists of numbers.
Result<Arg> fold_equality(std::string_view op, const Arg& a, const Arg& b) {
  if (op != "eq" && op != "ne") return input_error("{} of texts or lists is not supported", op);
  bool same = a.text() ? *a.text() == *b.text() : a.list()->size() == b.list()->size();
  for (size_t i = 0; same && a.list() && i < a.list()->size(); ++i) {
    if (!comparable((*a.list())[i], (*b.list())[i])) return input_error("{}: expected lists of numbers or texts", op);
    FASTC_TRY(Arg equal, fold_binary("eq", (*a.list())[i], (*b.list())[i]));
    same = equal.flag() && *equal.flag();
  }
  return Arg{same == (op == "eq")};
}

}  // namespace

Result<Arg> fold_binary(std::string_view op, const Arg& a, const Arg& b) {
  if ((a.text() && b.text()) || (a.list() && b.list())) return fold_equality(op, a, b);
  bool integral = !a.number() && !b.number();
  if (integral && (op == "__and__" || op == "logical_and" || op == "__or__" || op == "logical_or") && a.flag() && b.flag())
    return Arg{op.find("and") != std::string_view::npos ? (*a.flag() && *b.flag()) : (*a.flag() || *b.flag())};
  if (integral && op != "div" && op != "true_divide") {
    auto x = to_dim(a), y = to_dim(b);
    if (!x || !y) return input_error("{}: expected two numbers", op);
    return fold_dims(op, *x, *y);
  }
  const bool unfixed = (a.dim() && !a.dim()->is_constant()) || (b.dim() && !b.dim()->is_constant());
  if (auto x = whole(a), y = whole(b); unfixed && x && y && (op == "mul" || op == "add" || op == "sub")) return fold_dims(op, *x, *y);
  auto x = to_double(a), y = to_double(b);
  if (!x || !y) return input_error("{}: a size that is not fixed cannot be turned into a float; fix the size with the input's shape", op);
  return fold_doubles(op, *x, *y);
}

namespace {

// --- sizes and conversions between numbers

Result<ArgList> size(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  if (!call.has("dim")) {
    ArgList sizes;
    for (const Dim& d : l.shape(x)) sizes.push_back(Arg{d});
    return ArgList{Arg{std::move(sizes)}};
  }
  FASTC_TRY(int64_t dim, call.integer("dim"));
  FASTC_TRY(int64_t axis, l.axis(dim, l.rank(x)));
  if (l.rank(x) == 0) return input_error("a tensor without axes has no size");
  return ArgList{Arg{l.shape(x)[static_cast<size_t>(axis)]}};
}

Result<ArgList> dim(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  return ArgList{Arg{Dim(l.rank(x))}};
}

Result<ArgList> numel(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  return ArgList{Arg{product(l.shape(x))}};
}

const Arg& only(const Call& call) {
  static const Arg none;
  for (std::string_view name : {"a", "self", "num", "t"})
    if (call.has(name)) return call.arg(name);
  return none;
}

// Int, ScalarImplicit, NumToTensor …: a number stays what it is. A tensor computed from data has no value yet.
Result<ArgList> number(Lowering& l, const Call& call) {
  const Arg& a = only(call);
  if (const TensorArg* t = a.tensor()) {
    if (l.is_weight(*t) && l.rank(*t) == 0) {
      double v = to_doubles(l.module().weight(t->id).data)[0];
      DType dtype = l.type(*t).dtype;
      if (dtype == DType::kI64 || dtype == DType::kI32) return ArgList{Arg{Dim(static_cast<int64_t>(v))}};
      return ArgList{Arg{v}};
    }
    return input_error("the model uses a tensor's value as a number; that depends on the data and cannot be compiled");
  }
  if (!a.scalar()) return input_error("expected a number");
  if (call.op == "Int" || call.op == "IntImplicit") {
    if (const double* d = a.number()) return ArgList{Arg{Dim(static_cast<int64_t>(*d))}};
  }
  if (call.op == "Float" || call.op == "FloatImplicit") {
    auto d = to_double(a);
    if (d) return ArgList{Arg{*d}};
  }
  if (call.op == "Bool") {
    auto d = to_double(a);
    if (d) return ArgList{Arg{*d != 0}};
  }
  return ArgList{a};
}

// A number as a tensor without axes, whose type matters.
Result<ArgList> scalar_tensor_of(Lowering& l, const Call& call) {
  FASTC_TRY(DType dtype, dtype_argument(call, "dtype", DType::kF32));
  return one(l.materialize(call.arg("s"), dtype));
}

Result<ArgList> getitem(Lowering&, const Call& call) {
  const ArgList* list = call.has("list") ? call.arg("list").list() : call.arg("self").list();
  FASTC_TRY(int64_t index, call.integer("idx"));
  if (!list) return input_error("expected a list");
  auto n = static_cast<int64_t>(list->size());
  if (index < -n || index >= n) return input_error("index {} is out of range for a list of {}", index, n);
  return ArgList{(*list)[static_cast<size_t>(index < 0 ? index + n : index)]};
}

// item in list, of numbers or texts that are known.
Result<ArgList> contains(Lowering&, const Call& call) {
  const ArgList* list = call.arg("l").list();
  if (!list) return input_error("expected a list");
  for (const Arg& entry : *list) {
    FASTC_TRY(Arg same, fold_binary("eq", entry, call.arg("item")));
    if (same.flag() && *same.flag()) return ArgList{Arg{true}};
  }
  return ArgList{Arg{false}};
}

Result<ArgList> length(Lowering& l, const Call& call) {
  const Arg& a = call.has("a") ? call.arg("a") : call.has("s") ? call.arg("s") : call.arg("t");
  if (const std::string* text = a.text()) return ArgList{Arg{Dim(static_cast<int64_t>(text->size()))}};
  if (const ArgList* list = a.list()) return ArgList{Arg{Dim(static_cast<int64_t>(list->size()))}};
  if (const TensorArg* t = a.tensor(); t && l.rank(*t) > 0) return ArgList{Arg{l.shape(*t)[0]}};
  return input_error("expected a list");
}

Result<ArgList> nothing(Lowering&, const Call&) { return ArgList{}; }

// Whether gradients are kept, or types chosen for the model: not where it only runs.
Result<ArgList> no(Lowering&, const Call&) { return ArgList{Arg{false}}; }

// Words of an error that is not raised.
Result<ArgList> words(Lowering&, const Call&) { return ArgList{Arg{std::string()}}; }

Result<ArgList> is_floating_point(Lowering& l, const Call& call) {
  FASTC_TRY(auto x, call.tensor("self"));
  DType t = l.type(x).dtype;
  return ArgList{Arg{t == DType::kF32 || t == DType::kF64 || t == DType::kF16 || t == DType::kBF16}};
}

constexpr RuleEntry kRules[] = {
    {"size", size}, {"sym_size", size}, {"dim", dim}, {"numel", numel}, {"sym_numel", numel}, {"Int", number}, {"IntImplicit", number}, {"Float", number},
    {"FloatImplicit", number}, {"Bool", number}, {"ScalarImplicit", number}, {"NumToTensor", number}, {"item", number}, {"scalar_tensor", scalar_tensor_of},
    {"__getitem__", getitem}, {"len", length}, {"__contains__", contains}, {"_assert_tensor_metadata", nothing}, {"_assert_scalar", nothing}, {"sym_constrain_range_for_size", nothing},
    {"_assert_async", nothing}, {"warn", nothing}, {"format", words}, {"is_floating_point", is_floating_point}, {"is_grad_enabled", no}, {"is_autocast_enabled", no},
};

}  // namespace

std::span<const RuleEntry> scalar_rules() { return kRules; }

}  // namespace fastc::aten
