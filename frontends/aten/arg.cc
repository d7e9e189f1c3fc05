#include "frontends/aten/arg.h"

namespace fastc::aten {
namespace {

tl::unexpected<Error> wrong(std::string_view name, std::string_view expected) {
  return input_error("argument {}: expected {}", name, expected);
}

Result<Dim> to_dim(std::string_view name, const Arg& arg) {
  if (const Dim* dim = arg.dim()) return *dim;
  if (const bool* flag = arg.flag()) return Dim(*flag ? 1 : 0);
  return wrong(name, "an integer that is known when the model is imported");
}

}  // namespace

const Arg& Call::arg(std::string_view name) const {
  static const Arg none;
  auto it = args.find(name);
  return it == args.end() ? none : it->second;
}

Result<TensorArg> Call::tensor(std::string_view name) const {
  if (const TensorArg* t = arg(name).tensor()) return *t;
  return wrong(name, "a tensor");
}

std::optional<TensorArg> Call::optional_tensor(std::string_view name) const {
  const TensorArg* t = arg(name).tensor();
  return t ? std::optional(*t) : std::nullopt;
}

Result<std::vector<TensorArg>> Call::tensors(std::string_view name) const {
  const ArgList* list = arg(name).list();
  if (!list) return wrong(name, "a list of tensors");
  std::vector<TensorArg> out;
  for (const Arg& a : *list) {
    if (!a.tensor()) return wrong(name, "a list of tensors");
    out.push_back(*a.tensor());
  }
  return out;
}

Result<Dim> Call::dim(std::string_view name) const { return to_dim(name, arg(name)); }

Result<Dim> Call::dim_or(std::string_view name, Dim fallback) const { return has(name) ? dim(name) : Result<Dim>(std::move(fallback)); }

Result<int64_t> Call::integer(std::string_view name) const {
  FASTC_TRY(Dim d, to_dim(name, arg(name)));
  if (!d.is_constant()) return input_error("argument {}: expected a fixed number, found {}", name, d.text());
  return d.constant();
}

int64_t Call::integer_or(std::string_view name, int64_t fallback) const {
  auto v = integer(name);
  return v ? *v : fallback;
}

bool Call::flag_or(std::string_view name, bool fallback) const {
  const Arg& a = arg(name);
  if (const bool* flag = a.flag()) return *flag;
  if (const Dim* d = a.dim(); d && d->is_constant()) return d->constant() != 0;
  return fallback;
}

Result<double> Call::number(std::string_view name) const {
  const Arg& a = arg(name);
  if (const double* v = a.number()) return *v;
  if (const bool* flag = a.flag()) return *flag ? 1.0 : 0.0;
  if (const Dim* d = a.dim(); d && d->is_constant()) return static_cast<double>(d->constant());
  return wrong(name, "a number that is known when the model is imported");
}

double Call::number_or(std::string_view name, double fallback) const {
  auto v = number(name);
  return v ? *v : fallback;
}

Result<Shape> Call::dims(std::string_view name) const {
  const Arg& a = arg(name);
  if (!a.list()) {
    FASTC_TRY(Dim one, to_dim(name, a));
    return Shape{one};
  }
  Shape out;
  for (const Arg& item : *a.list()) {
    FASTC_TRY(Dim d, to_dim(name, item));
    out.push_back(std::move(d));
  }
  return out;
}

Result<std::vector<int64_t>> Call::integers(std::string_view name) const {
  FASTC_TRY(Shape shape, dims(name));
  std::vector<int64_t> out;
  for (const Dim& d : shape) {
    if (!d.is_constant()) return input_error("argument {}: expected fixed numbers, found {}", name, d.text());
    out.push_back(d.constant());
  }
  return out;
}

Result<std::vector<int64_t>> Call::spatial(std::string_view name, int64_t rank, std::vector<int64_t> fallback) const {
  if (!has(name)) return fallback;
  FASTC_TRY(auto values, integers(name));
  if (values.empty()) return fallback;
  if (values.size() == 1) values.assign(static_cast<size_t>(rank), values[0]);
  if (static_cast<int64_t>(values.size()) != rank) return input_error("argument {}: expected {} numbers, found {}", name, rank, values.size());
  return values;
}

}  // namespace fastc::aten
